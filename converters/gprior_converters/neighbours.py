"""PGGAN generators of other programs: pro_gan_pytorch, pytorch_GAN_zoo, MMGeneration and MMagic.

They are the published network up to where a factor is: every layer scales its weights by gain over the root of its
fan-in when it runs, and gains, fans and what else is scaled differ. Kernels and biases are stored here for the scales
of :class:`gprior_jax.generators.pggan.PGGAN`.

* pro_gan_pytorch (package pro-gan-pth): gain sqrt(2) in the first and the last layer too; no pixel norm between the two
  layers of the first block; ``conf`` beside the tensors says whether they are scaled at all.
* pytorch_GAN_zoo: the bias is multiplied with the scale as well; the first layer has a bias for every unit.
* MMGeneration: ``weight_orig`` is the weight before its scale (with a ``weight_u`` beside it, it is spectral norm's);
  enlarging layers are transposed convolutions, whose fan-in is counted by their outputs; colours are in the order BGR.
"""

import math
import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_converters import gan_zoo
from gprior_converters.ledger import Ledger
from gprior_converters.state import SETTINGS, Note, State
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.typing import Params

PRO_GAN_LICENCE = "Not stated in the file; the program of akanimax/pro_gan_pytorch is under the MIT licence."
GAN_ZOO_LICENCE = (
    "Not stated in the file; the program facebookresearch/pytorch_GAN_zoo is under the BSD 3-Clause licence."
)
MM_LICENCE = "Not stated in the file; MMGeneration and MMagic are under the Apache licence 2.0."

Shapes = dict[str, tuple[int, ...]]

BGR = Note("the program's colours are in the order BGR: they are exchanged, images are RGB")

_GAIN = math.sqrt(2.0)
_MAX_LEVELS = 12


class _Spelling(NamedTuple):
    """Keys of one program.

    Attributes:
        layer: number of a layer to the prefix of its tensors.
        output: level of an output to the same.
        weight: suffix of weights.
        first: key of the first layer's weights.
        first_bias: key of its bias.
    """

    layer: Callable[[int], str]
    output: Callable[[int], str]
    weight: str
    first: str
    first_bias: str


def _pro_gan(old: bool) -> _Spelling:
    def layer(number: int) -> str:
        block = number // 2
        prefix = ("initial_block" if block == 0 else f"layers.{block - 1}") if old else f"layers.{block}"
        return f"{prefix}.conv_{number % 2 + 1}"

    return _Spelling(
        layer, lambda level: f"rgb_converters.{level}", ".weight", f"{layer(0)}.weight", f"{layer(0)}.bias"
    )


_GAN_ZOO = _Spelling(
    lambda number: f"scaleLayers.{number // 2 - 1}.{number % 2}.module" if number > 1 else "groupScale0.0.module",
    lambda level: f"toRGBLayers.{level}.module",
    ".weight",
    "formatLayer.module.weight",
    "formatLayer.module.bias",
)
_MM = _Spelling(
    lambda number: f"conv_blocks.{number - 1}.conv",
    lambda level: f"torgb_layers.{level}.conv",
    ".weight_orig",
    "noise2feat.linear.weight_orig",
    "noise2feat.bias",
)


def is_pro_gan(shapes: Shapes) -> bool:
    """Whether the keys are those of pro_gan_pytorch, of its first version or later."""
    return len(shapes.get(_pro_gan_spelling(shapes).first, ())) == 4 and "rgb_converters.0.weight" in shapes


def _pro_gan_spelling(keys: Container[str]) -> _Spelling:
    return _pro_gan(old="initial_block.conv_1.weight" in keys)


def is_gan_zoo(shapes: Shapes) -> bool:
    """Whether the keys are those of pytorch_GAN_zoo's PGGAN."""
    return {_GAN_ZOO.first, "toRGBLayers.0.module.weight", "groupScale0.0.module.weight"} <= shapes.keys()


def is_mm(shapes: Shapes) -> bool:
    """Whether the keys are those of MMGeneration's PGGAN, whose ``weight_orig`` is no spectral norm's."""
    spectral = any(key.endswith(".weight_u") for key in shapes)
    return {_MM.first, _MM.first_bias, "torgb_layers.0.conv.weight_orig"} <= shapes.keys() and not spectral


class _Network:
    """The tensors of a generator, taken one after the other."""

    def __init__(self, state: State, source: str, spelling: _Spelling, levels: int | None = None):
        self._ledger, self._spelling = Ledger(state, source), spelling
        shapes = {key: value.shape for key, value in state.items()}
        found = [shapes.get(f"{spelling.output(level)}{spelling.weight}") for level in range(_MAX_LEVELS)]
        outputs = [shape for shape in found if shape is not None and len(shape) == 4][:levels]
        if not outputs:
            raise CheckpointError(f"{source} has no outputs of a PGGAN generator; nothing was written.")
        self.channels, self.image_channels = tuple(shape[1] for shape in outputs), outputs[-1][0]

    def take(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """One tensor."""
        return self._ledger.take(key, shape)

    def conv(
        self, prefix: str, inputs: int, features: int, size: int, gain: float = 1.0, bias: float = 1.0
    ) -> dict[str, np.ndarray]:
        """A convolution, its kernel times ``gain``, its bias times ``bias``."""
        kernel = self.take(f"{prefix}{self._spelling.weight}", (features, inputs, size, size)).transpose(2, 3, 1, 0)
        return {"kernel": _stored(gain * kernel), "bias": _stored(bias * self.take(f"{prefix}.bias", (features,)))}

    def close(self, layout: str) -> tuple[str, ...]:
        """End the account; the keys left out."""
        self._ledger.close(layout)
        return self._ledger.left_out

    def leave_out_above(self, state: State, levels: int) -> None:
        """Leave out layers of higher resolutions than are wanted."""
        above = [f"{self._spelling.output(level)}." for level in range(levels, _MAX_LEVELS)]
        above += [f"{self._spelling.layer(number)}." for number in range(2 * levels, 2 * _MAX_LEVELS)]
        self._ledger.leave_out(*(key for key in state if key.startswith(tuple(above))))


def _stored(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32)


def convert_pro_gan(state: State, source: str, options: dict[str, Any]) -> tuple[PGGAN, Params, tuple[str, ...]]:
    """Convert a generator of pro_gan_pytorch.

    Args:
        state: the file's tensors.
        source: names the file in messages. The program names its files after the resolution that it has come to, as
            ``depth_6_epoch_20.bin``; what is not trained yet is left out.
        options: overrides of the module's attributes; ``conf`` of the file under :data:`SETTINGS`.

    Raises:
        CheckpointError: the tensors do not make such a generator.
    """
    options = dict(options)
    scaled = options.pop(SETTINGS, {}).get("use_eql", True)
    spelling = _pro_gan_spelling(state)
    depth = re.search(r"depth_(\d+)_epoch", Path(source).name)
    net = _Network(state, source, spelling, max(1, int(depth[1]) - 1) if depth else None)
    net.leave_out_above(state, len(net.channels))
    z_dim = state[spelling.first].shape[0]

    def gain(inputs: int, ours: float) -> float:
        """Factor of a weight, beside our own gain."""
        return _GAIN / ours if scaled else math.sqrt(inputs) / ours

    first = net.channels[0]
    kernel = net.take(spelling.first, (z_dim, first, 4, 4)).transpose(0, 2, 3, 1)
    params: Params = {
        "layer0": {
            "kernel": _stored(gain(z_dim, _GAIN / 4) * kernel),
            "bias": net.take(spelling.first_bias, (first,)),
        }
    }
    for number in range(1, 2 * len(net.channels)):
        inputs, features = net.channels[(number - 1) // 2], net.channels[number // 2]
        params[f"layer{number}"] = net.conv(spelling.layer(number), inputs, features, 3, gain(9 * inputs, _GAIN))
    for level, inputs in enumerate(net.channels):
        params[f"output{level}"] = net.conv(spelling.output(level), inputs, net.image_channels, 1, gain(inputs, 1.0))
    left_out = net.close("PGGAN generator of pro_gan_pytorch")
    attributes: dict[str, Any] = {"channels": net.channels, "z_dim": z_dim, "image_channels": net.image_channels}
    own: dict[str, Any] = attributes | {"norm_in_first_block": False} | options
    module = PGGAN(**own)
    remark = (Note(f"the file is named after {module.resolution} px: layers above are not trained yet, and left out"),)
    return module, params, (*left_out, *(remark if left_out else ()))


def convert_gan_zoo(state: State, source: str, options: dict[str, Any]) -> tuple[PGGAN, Params, tuple[str, ...]]:
    """Convert a PGGAN generator of pytorch_GAN_zoo.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes; ``config`` of the file under :data:`SETTINGS`.

    Raises:
        CheckpointError: the tensors do not make such a generator, or its settings are of another network.
    """
    options = dict(options)
    settings = options.pop(SETTINGS, {})
    gan_zoo.check(settings, source)
    net = _Network(state, source, _GAN_ZOO)
    z_dim, first = state[_GAN_ZOO.first].shape[-1], net.channels[0]
    kernel = net.take(_GAN_ZOO.first, (16 * first, z_dim)).reshape(first, 4, 4, z_dim).transpose(3, 1, 2, 0)
    bias = net.take(_GAN_ZOO.first_bias, (16 * first,)).reshape(first, 4, 4).transpose(1, 2, 0)
    params: Params = {"layer0": {"kernel": _stored(4.0 * kernel), "bias": _stored(_GAIN / math.sqrt(z_dim) * bias)}}
    for number in range(1, 2 * len(net.channels)):
        inputs, features = net.channels[(number - 1) // 2], net.channels[number // 2]
        scale = _GAIN / math.sqrt(9 * inputs)
        params[f"layer{number}"] = net.conv(_GAN_ZOO.layer(number), inputs, features, 3, bias=scale)
    for level, inputs in enumerate(net.channels):
        scale = _GAIN / math.sqrt(inputs)
        params[f"output{level}"] = net.conv(_GAN_ZOO.output(level), inputs, net.image_channels, 1, _GAIN, scale)
    left_out = net.close("PGGAN generator of pytorch_GAN_zoo")
    attributes = {"channels": net.channels, "z_dim": z_dim, "image_channels": net.image_channels, "unit_bias": True}
    own: dict[str, Any] = attributes | {"final_tanh": gan_zoo.ends_in_tanh(settings)} | options
    return PGGAN(**own), params, (*left_out, *gan_zoo.remarks(settings, z_dim))


def convert_mm(state: State, source: str, options: dict[str, Any]) -> tuple[PGGAN, Params, tuple[str, ...]]:
    """Convert a PGGAN generator of MMGeneration.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes.

    Raises:
        CheckpointError: the tensors do not make such a generator.
    """
    net = _Network(state, source, _MM)
    z_dim, first = state[_MM.first].shape[-1], net.channels[0]
    kernel = net.take(_MM.first, (16 * first, z_dim)).reshape(first, 4, 4, z_dim).transpose(3, 1, 2, 0)
    params: Params = {
        "layer0": {"kernel": _stored(kernel), "bias": net.take(_MM.first_bias, (1, first, 1, 1)).reshape(-1)}
    }
    fused = _is_fused(state, net.channels)
    for number in range(1, 2 * len(net.channels)):
        inputs, features = net.channels[(number - 1) // 2], net.channels[number // 2]
        prefix = _MM.layer(number)
        if number > 1 and number % 2 == 0 and fused:
            kernel = net.take(f"{prefix}.weight_orig", (inputs, features, 3, 3)).transpose(2, 3, 0, 1)[::-1, ::-1]
            gain, bias = math.sqrt(inputs / features), net.take(f"{prefix}.bias", (features,))
            params[f"layer{number}"] = {"kernel": _stored(gain * kernel), "bias": bias}
        else:
            params[f"layer{number}"] = net.conv(prefix, inputs, features, 3)
    for level, inputs in enumerate(net.channels):
        output = net.conv(_MM.output(level), inputs, net.image_channels, 1)
        params[f"output{level}"] = {name: _stored(in_rgb(value)) for name, value in output.items()}
    left_out = net.close("PGGAN generator of MMGeneration")
    attributes: dict[str, Any] = {"channels": net.channels, "z_dim": z_dim, "image_channels": net.image_channels}
    return PGGAN(**(attributes | options)), params, (*left_out, *(() if net.image_channels == 1 else (BGR,)))


def _is_fused(state: State, channels: tuple[int, ...]) -> bool:
    """Whether enlarging layers are transposed convolutions, as by default; only where widths change can one see it."""
    for level in range(1, len(channels)):
        shape = state[key].shape if (key := f"{_MM.layer(2 * level)}.weight_orig") in state else ()
        if channels[level - 1] != channels[level] and shape[:2]:
            return shape[:2] == (channels[level - 1], channels[level])
    return True


def in_rgb(values: np.ndarray) -> np.ndarray:
    """What has BGR on its last axis in the order RGB; gray stays."""
    return values[..., ::-1] if values.shape[-1] == 3 else values
