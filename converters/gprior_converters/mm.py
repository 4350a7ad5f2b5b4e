"""DCGAN and StyleGAN2 of MMGeneration and MMagic: other programs' networks, renamed, with colours in the order BGR.

Its StyleGAN2 is that of rosinality, whose keys are renamed here. Its DCGAN is the published one; the discriminator's
LeakyReLU has PyTorch's own slope, 0.01.
"""

import dataclasses
import re
from typing import Any

import numpy as np

from gprior_converters import dcgan, stylegan2
from gprior_converters.described import Network
from gprior_converters.neighbours import BGR, Shapes, in_rgb
from gprior_converters.state import State
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.typing import Params

_SLOPE = 0.01

_RENAMED = (
    (r"^style_mapping\.(\d+)\.linear\.weight_orig$", r"style.\1.weight"),
    (r"^style_mapping\.(\d+)\.bias$", r"style.\1.bias"),
    (r"^constant_input\.input$", "input.input"),
    (r"\.conv\.weight_orig$", ".conv.weight"),
    (r"\.style_modulation\.linear\.weight_orig$", ".modulation.weight"),
    (r"\.style_modulation\.bias$", ".modulation.bias"),
    (r"\.noise_injector\.weight$", ".noise.weight"),
    (r"^injected_noise_(\d+)$", r"noises.noise_\1"),
)
"""Keys of its StyleGAN2 as rosinality's."""


def is_dcgan_generator(shapes: Shapes) -> bool:
    """Whether the keys are those of its DCGAN generator."""
    return {"noise2feat.conv.weight", "output_layer.conv.weight"} <= shapes.keys() and dcgan.is_generator(shapes)


def is_dcgan_discriminator(shapes: Shapes) -> bool:
    """Whether the keys are those of its DCGAN discriminator."""
    return {"downsamples.0.conv.weight", "output_layer.conv.weight"} <= shapes.keys() and dcgan.is_discriminator(shapes)


def is_stylegan2(shapes: Shapes) -> bool:
    """Whether the keys are those of its StyleGAN2 generator, whose ``weight_orig`` is no spectral norm's."""
    wanted = {"style_mapping.1.linear.weight_orig", "constant_input.input", "conv1.conv.weight_orig"}
    return wanted <= shapes.keys() and not any(key.endswith(".weight_u") for key in shapes)


def convert_dcgan_generator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert its DCGAN generator; ``options`` override attributes.

    Raises:
        CheckpointError: the tensors do not fit.
    """
    module, params, left_out = dcgan.convert_generator(state, source, options)
    last = f"layer{len(module.layers) - 1}"
    params = params | {last: {name: np.ascontiguousarray(in_rgb(value)) for name, value in params[last].items()}}
    return module, params, (*left_out, *(() if module.layers[-1].features == 1 else (BGR,)))


def convert_dcgan_discriminator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert its DCGAN discriminator; ``options`` override attributes.

    Raises:
        CheckpointError: the tensors do not fit.
    """
    module, params, left_out = dcgan.convert_discriminator(state, source, options)
    layers = tuple(dataclasses.replace(layer, slope=_SLOPE) for layer in module.layers)
    first = params["layer0"]
    kernel = in_rgb(first["kernel"].swapaxes(2, 3)).swapaxes(2, 3)
    params = params | {"layer0": first | {"kernel": np.ascontiguousarray(kernel)}}
    return module.clone(layers=layers), params, left_out


def convert_stylegan2(state: State, source: str, options: dict[str, Any]) -> tuple[StyleGAN2, Params, tuple[str, ...]]:
    """Convert its StyleGAN2 generator; ``options`` override attributes.

    Raises:
        CheckpointError: the tensors do not fit.
    """
    module, params, left_out = stylegan2.convert_generator(_renamed(state), source, options)
    for name in [name for name in params if name.startswith("output")]:
        output = params[name]
        exchanged = {part: np.ascontiguousarray(in_rgb(output[part])) for part in ("kernel", "bias")}
        params = params | {name: output | exchanged}
    return module, params, (*left_out, *(() if module.image_channels == 1 else (BGR,)))


def _renamed(state: State) -> State:
    renamed = {}
    for key, value in state.items():
        name = key
        for pattern, ours in _RENAMED:
            name = re.sub(pattern, ours, name)
        renamed[name] = value
    return renamed
