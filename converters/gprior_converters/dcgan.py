"""DCGAN ``.pth`` files like those of pytorch/examples, of any width of every layer and any depth.

Kernels are 4x4 as in the example; the first may have any size, and later ones may be 2x2, or 1x1 at the end, as
versions for images of 28 or 32 pixels have them. Every other stack is converted by an architecture file:
:mod:`gprior_converters.described`.
"""

import itertools
from typing import Any

from gprior_converters import gan_zoo
from gprior_converters.conditional import Labels, classes_remark, convert_conditional
from gprior_converters.described import Network, convert_described
from gprior_converters.ledger import REMEDY
from gprior_converters.state import SETTINGS, Note, State
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.nn.stack import StackLayer, Then
from gprior_jax.typing import Params

LICENCE_NOTE = "Not stated in the file: ask whoever trained it."

Shapes = dict[str, tuple[int, ...]]

_STEPS = {4: (2, 1), 2: (2, 0), 1: (1, 0)}
"""Stride and padding by the size of a kernel, after the first of a generator and before the last of a discriminator."""

_LARGEST = 16
"""Side of the first kernel of a generator, pixels."""


def _convolutions(shapes: Shapes) -> list[tuple[int, ...]]:
    return [shape for shape in shapes.values() if len(shape) == 4]


def _norms(shapes: Shapes) -> int:
    return sum(key.endswith(".running_mean") for key in shapes)


def _is_chain(shapes: Shapes, in_axis: int, sides: list[int]) -> bool:
    """Whether square kernels follow each other, in-features on ``in_axis``, of the known sizes where ``sides`` says."""
    found = _convolutions(shapes)
    if len(found) < 2 or any(len(shape) in (2, 3) for shape in shapes.values()):
        return False
    square = all(height == width for *_, height, width in found)
    follow = all(a[1 - in_axis] == b[in_axis] for a, b in itertools.pairwise(found))
    return square and follow and all(side in _STEPS for side in sides) and 1 not in sides[:-1]


def is_generator(shapes: Shapes) -> bool:
    """Whether the tensors are those of pytorch/examples' generator: a norm after every convolution but the last."""
    found = _convolutions(shapes)
    sides = [shape[-1] for shape in found[1:]]
    chain = _is_chain(shapes, 0, sides) and 1 < found[0][-1] <= _LARGEST
    return chain and _norms(shapes) == len(found) - 1


def is_discriminator(shapes: Shapes) -> bool:
    """Whether the tensors are those of pytorch/examples' discriminator: no norm after the first and last layer."""
    found = _convolutions(shapes)
    chain = _is_chain(shapes, 1, [shape[-1] for shape in found]) and all(shape[-1] == 4 for shape in found)
    return chain and found[-1][0] == 1 and _norms(shapes) == len(found) - 2


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert a generator of any width, depth and latent size.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of attributes; ``num_classes`` are the last inputs of the first layer, after the code. What
            pytorch_GAN_zoo stores beside its tensors is under :data:`gprior_converters.state.SETTINGS`.

    Returns:
        The module, its weights, and what was left out, with remarks.

    Raises:
        CheckpointError: the tensors do not fit.
    """
    named = [(key.removesuffix(".weight"), value.shape) for key, value in state.items() if value.ndim == 4]
    options = dict(options)
    settings = options.pop(SETTINGS, {})
    final: tuple[Then, ...] = ("tanh",) if not settings or gan_zoo.ends_in_tanh(settings) else ()
    count, last = named[0][1][0], len(named) - 1
    layers = []
    for index, (name, shape) in enumerate(named):
        stride, padding = _STEPS[shape[-1]] if index else (1, 0)
        then: tuple[Then, ...] = final if index == last else ("batch_norm", "relu")
        bias = f"{name}.bias" in state
        layers.append(StackLayer("conv_transpose", shape[1], shape[-1], stride, padding, bias=bias, then=then))
    classes = options.get("num_classes", 0)
    module = DCGAN(**({"layers": tuple(layers), "z_dim": count - classes} | options))
    made, params, left_out = convert_conditional(module, Labels(), None, state, source, "DCGAN generator", REMEDY)
    remarks = [] if classes else classes_remark(params["layer0"]["kernel"])
    if layers[-1].kernel == 1:
        side = made.shapes[-1][0]
        remarks.append(
            f"the padding of the last convolution, 1x1, is not in the file: 0 is taken, images are {side} px; with 2, "
            f"as in networks for MNIST, they are {side - 4} px: describe such a network with --architecture"
        )
    return made, params, (*left_out, *map(Note, remarks), *gan_zoo.remarks(settings, made.input_shape[0]))


def convert_discriminator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert pytorch/examples' discriminator at any width and depth; ``options`` override attributes."""
    named = [(key.removesuffix(".weight"), value.shape) for key, value in state.items() if value.ndim == 4]
    layers = []
    for index, (name, shape) in enumerate(named):
        last, bias = index == len(named) - 1, f"{name}.bias" in state
        then: tuple[Then, ...] = () if last else ("batch_norm", "leaky_relu") if index else ("leaky_relu",)
        stride, padding = (1, 0) if last else (2, 1)
        layers.append(StackLayer("conv", shape[0], 4, stride, padding, bias=bias, then=then))
    attributes = {"layers": tuple(layers), "resolution": 2 << len(named), "image_channels": named[0][1][1]}
    module = DCGANDiscriminator(**(attributes | options))
    return convert_described(module, None, state, source, "DCGAN discriminator", REMEDY)
