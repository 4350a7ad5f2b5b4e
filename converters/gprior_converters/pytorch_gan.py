"""Generators of eriklindernoren/PyTorch-GAN, which are copied in many projects, and others of dense layers alone.

Two kinds of generators serve its programs:

* ``gan``, ``cgan``, ``wgan``, ``wgan_gp``, ``wgan_div``, ``bgan``, ``softmax_gan``: dense layers ``model.{i}``,
  LeakyReLU, a batch norm after each but the first and the last; ``cgan`` puts a row of ``label_emb`` before the code;
* ``dcgan``, ``lsgan``, ``dragan``, ``began``, ``relativistic_gan``: a dense layer ``l1.0`` to a map, and
  ``conv_blocks``, 3x3 convolutions of which two come after ``Upsample``.

Their batch norms are written ``BatchNorm2d(128, 0.8)``: 0.8 is the second argument, what is added to the variance.
"""

import itertools
import math
from typing import Any

from gprior_converters.conditional import Labels, convert_conditional
from gprior_converters.described import Network
from gprior_converters.ledger import REMEDY
from gprior_converters.state import Note, State
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.nn.stack import StackLayer, Then
from gprior_jax.typing import Params

LICENCE_NOTE = "Not stated in the file; the program of eriklindernoren/PyTorch-GAN is under the MIT licence."

Shapes = dict[str, tuple[int, ...]]

_TABLE = "label_emb"
_EPSILON = 0.8
_LEAST_SIDE = 8
_CONVOLUTIONS = ("conv_blocks.2", "conv_blocks.6", "conv_blocks.9")
_NORMS = ("conv_blocks.0", "conv_blocks.3", "conv_blocks.7")


def _dense(shapes: Shapes) -> list[tuple[str, tuple[int, ...]]]:
    """Dense layers in the order of the file, by name, without the table of classes."""
    table = f"{_TABLE}.weight"
    return [(key.removesuffix(".weight"), shape) for key, shape in shapes.items() if len(shape) == 2 and key != table]


def _image_of(outputs: int) -> tuple[int, int] | None:
    """Side and channels of an image of so many numbers, gray or RGB."""
    for channels in (1, 3):
        side = math.isqrt(outputs // channels)
        if side >= _LEAST_SIDE and channels * side * side == outputs:
            return side, channels
    return None


def is_dense(shapes: Shapes) -> bool:
    """Whether dense layers alone lead from a code to a square image, with norms after all but two of them or none."""
    layers = _dense(shapes)
    chain = all(a[1][0] == b[1][1] for a, b in itertools.pairwise(layers))
    if len(layers) < 2 or not chain or any(len(shape) > 2 for shape in shapes.values()):
        return False
    norms = sum(key.endswith(".running_mean") for key in shapes)
    grows = layers[0][1][1] < layers[-1][1][0]
    return grows and norms in (0, len(layers) - 2) and _image_of(layers[-1][1][0]) is not None


def is_convolutional(shapes: Shapes) -> bool:
    """Whether the keys are those of its DCGAN."""
    wanted = {"l1.0.weight", *(f"{name}.weight" for name in (*_CONVOLUTIONS, *_NORMS))}
    return wanted <= shapes.keys() and all(len(shapes[f"{name}.weight"]) == 4 for name in _CONVOLUTIONS)


def convert_dense(state: State, source: str, options: dict[str, Any]) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert a generator of dense layers; ``options`` override attributes.

    Raises:
        CheckpointError: the tensors do not fit.
    """
    layers = _dense({key: value.shape for key, value in state.items()})
    has_norms = any(key.endswith(".running_mean") for key in state)
    activation: Then = "leaky_relu" if has_norms or f"{_TABLE}.weight" in state else "relu"
    stack = []
    for index, (name, (outputs, _)) in enumerate(layers[:-1]):
        then: tuple[Then, ...] = ("batch_norm", activation) if has_norms and index else (activation,)
        stack.append(StackLayer("dense", outputs, bias=f"{name}.bias" in state, then=then, epsilon=_EPSILON))
    name, (outputs, _) = layers[-1]
    side, channels = _image_of(outputs) or (0, outputs)
    stack.append(StackLayer("dense", channels, size=side, bias=f"{name}.bias" in state, then=("tanh",)))
    made, params, left_out = _convert(state, source, tuple(stack), layers[0][1][1], options)
    if activation == "relu":
        left_out += (
            Note("activations are not in the file: ReLU and a final tanh are taken, as usual in such networks"),
        )
    return made, params, left_out


def convert_convolutional(
    state: State, source: str, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert its DCGAN; ``options`` override attributes.

    Raises:
        CheckpointError: the tensors do not fit, or the class is multiplied with the code.
    """
    shapes = {key: value.shape for key, value in state.items()}
    outputs, inputs = shapes["l1.0.weight"]
    if f"{_TABLE}.weight" in state:
        raise CheckpointError(
            f"{source} is of acgan.py of PyTorch-GAN, which multiplies the code with a row of label_emb for its class: "
            "no generator here does that; nothing was written."
        )
    widths = [shapes[f"{name}.weight"][0] for name in _CONVOLUTIONS]
    features = shapes["conv_blocks.0.weight"][0]
    size = math.isqrt(outputs // max(features, 1))
    usual: dict[str, Any] = {"kernel": 3, "padding": 1, "bias": True, "epsilon": _EPSILON}
    stack = (
        StackLayer("dense", features, size=size, bias=True, then=("batch_norm",)),
        *(StackLayer("conv", n, upsample=2, then=("batch_norm", "leaky_relu"), **usual) for n in widths[:2]),
        StackLayer("conv", widths[2], then=("tanh",), **usual),
    )
    return _convert(state, source, stack, inputs, options)


def _convert(
    state: State, source: str, layers: tuple[StackLayer, ...], inputs: int, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    table = state.get(f"{_TABLE}.weight")
    labels = Labels(_TABLE, first=True) if table is not None else Labels()
    classes = options.get("num_classes", 0 if table is None else len(table))
    width = classes if table is None else table.shape[-1]
    attributes = {"layers": layers, "z_dim": inputs - width, "num_classes": classes}
    module = DCGAN(**(attributes | options))
    return convert_conditional(module, labels, None, state, source, "generator of PyTorch-GAN", REMEDY)
