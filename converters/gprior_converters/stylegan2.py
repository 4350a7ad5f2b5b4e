"""StyleGAN2 generators as PyTorch state dicts.

Formats of the same network, from the published classes:

* stylegan2-ada-pytorch: ``synthesis.b{r}.conv0.weight`` OIHW, ``mapping.fc{i}.weight``;
* genforce and mGANprior: ``synthesis.layer{k}.weight``, HWIO in mGANprior and OIHW in genforce/genforce, enlarging ones
  spatially flipped as in TensorFlow; one is added to the styles' bias at run time;
* rosinality: ``convs.{k}.conv.weight`` [1, O, I, 3, 3], ``to_rgbs.{i}``, with ``latent_avg`` beside the state dict. pSp
  and e4e keep the same under ``decoder.``, and so does ReStyle.

All but the first scale a 3x3 kernel before they demodulate it, which cancels but for the 1e-8 added to the norm:
kernels are stored without the scale, as in NVIDIA's own conversion from TensorFlow. Enlarging kernels are stored as
``conv_transpose2d`` takes them, which is their order in all formats but genforce's.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.selecting import MEAN
from gprior_converters.state import State
from gprior_converters.stylegan import (
    MAX_LAYERS,
    NO_MEAN,
    NO_NOISE,
    Shapes,
    estimated_mean,
    shape_of,
    take_dense,
    take_filters,
)
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.typing import Params

LICENCE_NOTE = (
    "Not stated in the file. NVIDIA published the networks of Karras et al. 2020 under its source code licence for "
    "non-commercial use; what others made of them has no licence of its own."
)

TAPS = (1, 3, 3, 1)
"""The published resampling filter, along one axis."""


class _Format(NamedTuple):
    """Keys and orders of one format. Functions take the number of a layer, or the level of its resolution (0 is 4x4).

    Attributes:
        dense: prefix of the mapping network's layers.
        const: key of the constant.
        layer: prefix of a layer.
        output: prefix of a level's output.
        shortcut: prefix of a level's shortcut.
        noise: key of a layer's noise map.
        w_avg: key of the mean of w.
        filters: how keys of resampling filters end.
        filter_sum: sum of such a filter's numbers.
        conv: between a layer's or output's prefix and its kernel.
        style: between the same and the map to the style.
        weight: suffix of the weights of dense layers.
        bias: suffix of a layer's bias.
        noise_strength: suffix of the noise's strength.
        style_offset: what is added to the styles' bias at run time.
        hwio: whether kernels are HWIO, else OIHW.
        flipped: whether enlarging kernels are flipped.
        axes: axes of length one before those of the constant, of the noise maps, and of the kernels.
    """

    dense: Callable[[int], str]
    const: str
    layer: Callable[[int], str]
    output: Callable[[int], str]
    shortcut: Callable[[int], str]
    noise: Callable[[int], str]
    w_avg: str
    filters: tuple[str, ...]
    filter_sum: float = 4.0
    conv: str = ""
    style: str = ".style"
    weight: str = ".weight"
    bias: str = ".bias"
    noise_strength: str = ".noise_strength"
    style_offset: float = 0.0
    hwio: bool = False
    flipped: bool = False
    axes: tuple[int, int, int] = (1, 2, 0)


def _side(level: int) -> int:
    return START_RESOLUTION << level


def _level(layer: int) -> int:
    return (layer + 1) // 2


def _ada_layer(layer: int) -> str:
    return f"synthesis.b{_side(_level(layer))}.conv{1 - layer % 2}"


_ADA = _Format(
    dense=lambda i: f"mapping.fc{i}",
    const="synthesis.b4.const",
    layer=_ada_layer,
    output=lambda level: f"synthesis.b{_side(level)}.torgb",
    shortcut=lambda level: f"synthesis.b{_side(level)}.skip",
    noise=lambda layer: f"{_ada_layer(layer)}.noise_const",
    w_avg="mapping.w_avg",
    filters=(".resample_filter",),
    filter_sum=1.0,
    style=".affine",
    axes=(0, 0, 0),
)
_GENFORCE = _Format(
    dense=lambda i: f"mapping.dense{i}",
    const="synthesis.early_layer.const",
    layer=lambda layer: f"synthesis.layer{layer}",
    output=lambda level: f"synthesis.output{level}",
    shortcut=lambda level: f"synthesis.skip_layer{level - 1}",
    noise=lambda layer: f"synthesis.layer{layer}.noise",
    w_avg="truncation.w_avg",
    filters=(".filter.kernel", "synthesis.upsample.kernel"),
    style_offset=1.0,
    flipped=True,
)
_MGANPRIOR = _GENFORCE._replace(weight=".fc.weight", hwio=True)
_ROSINALITY = _Format(
    dense=lambda i: f"style.{i + 1}",
    const="input.input",
    layer=lambda layer: f"convs.{layer - 1}" if layer else "conv1",
    output=lambda level: f"to_rgbs.{level - 1}" if level else "to_rgb1",
    shortcut=lambda level: "",
    noise=lambda layer: f"noises.noise_{layer}",
    w_avg=MEAN,
    filters=(".blur.kernel", ".upsample.kernel"),
    conv=".conv",
    style=".conv.modulation",
    bias=".activate.bias",
    noise_strength=".noise.weight",
    axes=(1, 2, 1),
)


def _format(shapes: Shapes) -> _Format | None:
    """The format of a generator's keys."""
    if _ADA.layer(0) + ".weight" in shapes:
        return _ADA
    if _ROSINALITY.layer(0) + ".conv.weight" in shapes and any(key.startswith("to_rgb") for key in shapes):
        return _ROSINALITY
    if _GENFORCE.layer(0) + ".noise_strength" in shapes:
        return _MGANPRIOR if any(key.endswith(_MGANPRIOR.weight) for key in shapes) else _GENFORCE
    return None


def is_generator(shapes: Shapes) -> bool:
    """Whether the keys are those of a StyleGAN2 generator in any of the formats."""
    return _format(shapes) is not None


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[StyleGAN2, Params, tuple[str, ...]]:
    """Convert a generator.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes; no tensor tells ``clamp`` (256 for networks that were trained
            with float16).

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a StyleGAN2 generator.
    """
    shapes = {key: value.shape for key, value in state.items()}
    form = _format(shapes)
    if form is None:
        raise CheckpointError(f"{source} has no first layer of a StyleGAN2 generator; nothing was written.")
    module = StyleGAN2(**(_attributes(shapes, form, source) | options))
    return _Generator(state, source, form, module).convert()


def _attributes(shapes: Shapes, form: _Format, source: str) -> dict[str, Any]:
    """The module's attributes, from the shapes."""
    numbers = range(MAX_LAYERS)
    dense = [i for i in numbers if f"{form.dense(i)}{form.weight}" in shapes]
    if not dense:
        raise CheckpointError(
            f"{source} has StyleGAN2's synthesis network but not its mapping network; nothing was written: give a "
            "checkpoint of the whole generator."
        )
    last = max((k for k in numbers if f"{form.layer(k)}{form.conv}.weight" in shapes), default=0)
    levels = _level(last) + 1

    def kernel(prefix: str) -> tuple[int, ...]:
        axes = form.axes[2]
        shape = shape_of(shapes, f"{prefix}{form.conv}.weight", axes + 4, source)[axes:]
        return shape[::-1] if form.hwio else shape

    w_dim = shape_of(shapes, f"{form.layer(0)}{form.style}{form.weight}", 2, source)[1]
    z_dim = shape_of(shapes, f"{form.dense(0)}{form.weight}", 2, source)[1]
    embed = "mapping.embed.weight"
    classes = shape_of(shapes, embed, 2, source)[1] if embed in shapes else 0
    if f"{form.shortcut(1)}.weight" in shapes:
        architecture = "residual"
    else:
        architecture = "skip" if levels == 1 or f"{form.output(0)}{form.conv}.weight" in shapes else "plain"
    return {
        "channels": tuple(kernel(form.layer(2 * level))[0] for level in range(levels)),
        "z_dim": z_dim - (w_dim if classes else 0),
        "w_dim": w_dim,
        "mapping_layers": 1 + max(dense),
        "num_classes": classes,
        "architecture": architecture,
        "image_channels": kernel(form.output(levels - 1))[0],
    }


class _Generator:
    """The tensors of a generator of a known format, taken one after the other."""

    def __init__(self, state: State, source: str, form: _Format, module: StyleGAN2):
        self._state, self._source, self._form, self._module = state, source, form, module
        self._ledger, self._notes = Ledger(state, source), []

    def convert(self) -> tuple[StyleGAN2, Params, tuple[str, ...]]:
        """Take every tensor."""
        form, module, ledger = self._form, self._module, self._ledger
        ledger.leave_out("truncation.truncation")
        take_filters(ledger, self._state, form.filters, TAPS, form.filter_sum, self._source)
        shape = (*[1] * form.axes[0], module.channels[0], START_RESOLUTION, START_RESOLUTION)
        const = ledger.take(form.const, shape).reshape(shape[-3:]).transpose(1, 2, 0)
        params: Params = {"mapping": self._mapping(), "const": np.ascontiguousarray(const), "w_avg": self._w_avg()}
        for layer, size in enumerate(module.noise_sizes):
            params[f"layer{layer}"] = self._layer(layer, size)
        last = len(module.channels) - 1
        for level in range(0 if module.architecture == "skip" else last, last + 1):
            params[f"output{level}"] = self._output(level)
        if module.architecture == "residual":
            params |= {f"shortcut{level}": self._shortcut(level) for level in range(1, last + 1)}
        ledger.close("StyleGAN2 generator")
        if NO_MEAN in self._notes:
            params["w_avg"] = estimated_mean(module, params)
        return module, params, (*ledger.left_out, *self._notes)

    def _mapping(self) -> Params:
        form, module = self._form, self._module
        embedded = module.w_dim if module.num_classes else 0
        widths = [module.z_dim + embedded] + [module.w_dim] * module.mapping_layers
        params = {f"dense{i}": self._dense(form.dense(i), *pair) for i, pair in enumerate(itertools.pairwise(widths))}
        return params | ({"embed": self._dense("mapping.embed", module.num_classes, module.w_dim)} if embedded else {})

    def _dense(self, prefix: str, inputs: int, features: int) -> dict[str, np.ndarray]:
        return take_dense(self._ledger, f"{prefix}{self._form.weight}", f"{prefix}.bias", inputs, features)

    def _w_avg(self) -> np.ndarray:
        """The mean of w; encoders store it for every layer."""
        key, width = self._form.w_avg, self._module.w_dim
        value = self._state.get(key)
        if self._form is not _ROSINALITY or (value is not None and value.ndim != 2):
            return self._ledger.take(key, (width,))
        if value is None:
            self._notes.append(NO_MEAN)
            return np.zeros(width, np.float32)  # Until all weights are there.
        rows = self._ledger.take(key, (max(1, len(value)), width))
        if np.ptp(rows, axis=0).any():
            raise CheckpointError(
                f"{self._source}: the rows of {key} differ, but a generator has one mean of w; nothing was written."
            )
        return rows[0]

    def _layer(self, layer: int, size: int) -> Params:
        form, module, ledger = self._form, self._module, self._ledger
        prefix, features = form.layer(layer), module.channels[_level(layer)]
        inputs = module.channels[_level(layer - 1)] if layer else features
        kernel = self._kernel(prefix, inputs, features, 3)
        return {
            "kernel": np.ascontiguousarray(kernel[::-1, ::-1] if form.flipped and layer % 2 else kernel),
            "bias": ledger.take(f"{prefix}{form.bias}", (features,)),
            "affine": self._style(prefix, inputs),
            "noise_strength": ledger.take(f"{prefix}{form.noise_strength}", (1,) * form.axes[2]).reshape(()),
            "noise": self._noise(layer, size),
        }

    def _noise(self, layer: int, size: int) -> np.ndarray:
        if self._form is _ROSINALITY and not any(key.startswith("noises.") for key in self._state):
            self._notes += [] if NO_NOISE in self._notes else [NO_NOISE]
            return np.zeros((size, size), np.float32)
        shape = (*[1] * self._form.axes[1], size, size)
        return self._ledger.take(self._form.noise(layer), shape).reshape(size, size)

    def _style(self, prefix: str, features: int) -> Params:
        affine = self._dense(prefix + self._form.style, self._module.w_dim, features)
        return affine | {"bias": affine["bias"] + np.float32(self._form.style_offset)}

    def _output(self, level: int) -> Params:
        inputs, features = self._module.channels[level], self._module.image_channels
        prefix, shape = self._form.output(level), (1, features, 1, 1) if self._form.axes[2] else (features,)
        return {
            "kernel": np.ascontiguousarray(self._kernel(prefix, inputs, features, 1)[0, 0]),
            "bias": self._ledger.take(f"{prefix}.bias", shape).reshape(-1),
            "affine": self._style(prefix, inputs),
        }

    def _shortcut(self, level: int) -> Params:
        inputs, features = self._module.channels[level - 1 : level + 1]
        return {"kernel": np.ascontiguousarray(self._kernel(self._form.shortcut(level), inputs, features, 1)[0, 0])}

    def _kernel(self, prefix: str, inputs: int, features: int, size: int) -> np.ndarray:
        """Take a kernel as HWIO."""
        key, lead = f"{prefix}{self._form.conv}.weight", (1,) * self._form.axes[2]
        if self._form.hwio:
            return self._ledger.take(key, (*lead, size, size, inputs, features))
        kernel = self._ledger.take(key, (*lead, features, inputs, size, size))
        return kernel.reshape(kernel.shape[len(lead) :]).transpose(2, 3, 1, 0)
