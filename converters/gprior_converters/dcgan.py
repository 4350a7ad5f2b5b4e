"""DCGAN ``.pth`` files like those of pytorch/examples, of any width of every layer and any depth.

Every other stack is converted by an architecture file: :mod:`gprior_converters.described`.
"""

import dataclasses
import itertools
from typing import Any

from gprior_converters.described import Network, convert_described
from gprior_converters.ledger import REMEDY
from gprior_converters.state import State
from gprior_jax.discriminators import dcgan as discriminator
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.generators import dcgan as generator
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.nn.stack import StackLayer
from gprior_jax.typing import Params

LICENCE_NOTE = "Not stated in the file: ask whoever trained it."


def _convolutions(shapes: dict[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [shape for shape in shapes.values() if len(shape) == 4]


def _norms(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(key.endswith(".running_mean") for key in shapes)


def _is_chain(convolutions: list[tuple[int, ...]], in_axis: int) -> bool:
    """Whether 4x4 kernels follow each other, in-features on ``in_axis``."""
    pairs = itertools.pairwise(convolutions)
    square = all(shape[2:] == (4, 4) for shape in convolutions)
    return len(convolutions) >= 2 and square and all(a[1 - in_axis] == b[in_axis] for a, b in pairs)


def is_generator(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the tensors are those of pytorch/examples' generator: a norm after every convolution but the last."""
    convolutions = _convolutions(shapes)
    others = any(len(shape) in (2, 3) for shape in shapes.values())
    return not others and _is_chain(convolutions, in_axis=0) and _norms(shapes) == len(convolutions) - 1


def is_discriminator(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the tensors are those of pytorch/examples' discriminator: no norm after the first and last layer."""
    convolutions = _convolutions(shapes)
    others = any(len(shape) in (2, 3) for shape in shapes.values())
    chain = _is_chain(convolutions, in_axis=1) and convolutions[-1][0] == 1
    return not others and chain and _norms(shapes) == len(convolutions) - 2


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert pytorch/examples' generator at any width, depth and latent size; ``options`` override attributes."""
    convolutions = _convolutions({key: value.shape for key, value in state.items()})
    layers = generator.chain_layers([shape[1] for shape in convolutions])
    module = DCGAN(**({"layers": _with_biases(layers, state), "z_dim": convolutions[0][0]} | options))
    return convert_described(module, None, state, source, "DCGAN generator", REMEDY)


def convert_discriminator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert pytorch/examples' discriminator at any width and depth; ``options`` override attributes."""
    convolutions = _convolutions({key: value.shape for key, value in state.items()})
    layers = _with_biases(discriminator.chain_layers([shape[0] for shape in convolutions[:-1]]), state)
    attributes = {"layers": layers, "resolution": 2 << len(convolutions), "image_channels": convolutions[0][1]}
    module = DCGANDiscriminator(**(attributes | options))
    return convert_described(module, None, state, source, "DCGAN discriminator", REMEDY)


def _with_biases(layers: tuple[StackLayer, ...], state: State) -> tuple[StackLayer, ...]:
    """The layers, with a bias where the file's convolution has one (the example's have none)."""
    names = [key.removesuffix(".weight") for key, value in state.items() if value.ndim == 4]
    return tuple(
        dataclasses.replace(layer, bias=f"{name}.bias" in state) for layer, name in zip(layers, names, strict=True)
    )
