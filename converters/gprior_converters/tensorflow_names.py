"""Names and orders of the variables in NVIDIA's TensorFlow networks, against those of their PyTorch versions.

The facts, and what could not be checked, are told in :mod:`gprior_converters.tensorflow`.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gprior_converters.scanning import shown
from gprior_converters.state import State
from gprior_converters.stylegan import FUSED_SIDE

Settings = dict[str, Any]
_Change = Callable[[np.ndarray], np.ndarray]


def _dims(count: int, change: _Change) -> _Change:
    """A change of tensors with ``count`` axes."""

    def checked(array: np.ndarray) -> np.ndarray:
        if array.ndim != count:
            raise ValueError(f"has {array.ndim} axes instead of {count}")
        return np.array(change(array), order="C")

    return checked


_same = _dims(1, lambda b: b)
_scalar = _dims(0, lambda s: s)
_map = _dims(4, lambda m: m)
_turned = _dims(2, lambda w: w.T)
_oihw = _dims(4, lambda w: w.transpose(3, 2, 0, 1))
_oihw_half_turn = _dims(4, lambda w: w[::-1, ::-1].transpose(3, 2, 0, 1))
_hwoi_to_hwio = _dims(4, lambda w: w.transpose(0, 1, 3, 2))
_plus_one = _dims(1, lambda b: b + 1)
_first = _dims(4, lambda m: m[0])
_only = _dims(4, lambda m: m[0, 0])


def _first_kernel(dense: np.ndarray) -> np.ndarray:
    """PGGAN's dense layer [z, C*4*4] as the 4x4 convolution of a 1x1 map padded by 3."""
    if dense.ndim != 2 or dense.shape[1] % 16:
        raise ValueError(f"has shape {dense.shape}, which makes no 4x4 map")
    return np.ascontiguousarray(dense.reshape(len(dense), -1, 4, 4).transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])


class Names:
    """Names of one network's variables, with what follows from all of them."""

    def __init__(self, variables: State, settings: Settings):
        self.variables, self.settings = variables, settings
        sides = (match[1] for name in variables if (match := re.search(r"(?:^|/)(\d{1,6})x\1/", name)))
        self.last = max((int(side) for side in sides), default=4).bit_length() - 3
        """Level of the full resolution: 0 is 4x4."""

    @staticmethod
    def level(side: str) -> int:
        """Level of a resolution."""
        level = int(side).bit_length() - 3
        if level < 0 or int(side) != 4 << level:
            raise ValueError("is of no resolution that is known")
        return level

    def of_lod(self, lod: str) -> int:
        """Level of an output, whose name counts from the full resolution down."""
        if int(lod) > self.last:
            raise ValueError("is of a level below 4x4")
        return self.last - int(lod)

    def fused(self, level: int) -> bool:
        """Whether StyleGAN's enlarging layer is fused."""
        setting = self.settings.get("fused_scale", "auto")
        return 4 << level >= FUSED_SIDE if setting == "auto" else bool(setting)


_Found = tuple[str, _Change] | None
"""Key and change of a variable; an empty key is knowingly left out, None is unknown."""


def _stylegan2_generator(name: str, names: Names) -> _Found:
    layers = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb"}
    leaves: dict[str, tuple[str, _Change]] = {
        "weight": ("weight", _oihw),
        "bias": ("bias", _same),
        "noise_strength": ("noise_strength", _scalar),
        "mod_weight": ("affine.weight", _turned),
        "mod_bias": ("affine.bias", _plus_one),
    }
    if match := re.fullmatch(r"synthesis/(\d+)x\1/(Conv|Conv0_up|Conv1|ToRGB)/(\w+)", name):
        side, layer, leaf = match.groups()
        key, change = leaves.get(leaf, ("", _same))
        names.level(side)
        up = (layer, leaf) == ("Conv0_up", "weight")
        return (f"synthesis.b{side}.{layers[layer]}.{key}", _oihw_half_turn if up else change) if key else None
    if match := re.fullmatch(r"synthesis/noise(\d+)", name):
        level, odd = divmod(int(match[1]) + 1, 2)
        return f"synthesis.b{4 << level}.conv{odd}.noise_const", _only
    if match := re.fullmatch(r"mapping/Dense(\d+)/(weight|bias)", name):
        return f"mapping.fc{match[1]}.{match[2]}", _turned if match[2] == "weight" else _same
    others = {"synthesis/4x4/Const/const": ("synthesis.b4.const", _first), "dlatent_avg": ("mapping.w_avg", _same)}
    return others.get(name, ("", _scalar) if name == "lod" else None)


def _stylegan2_discriminator(name: str, names: Names) -> _Found:
    layers = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip", "Conv": "conv"}
    if match := re.fullmatch(r"(\d+)x\1/(FromRGB|Conv0|Conv1_down|Skip|Conv)/(weight|bias)", name):
        names.level(match[1])
        return f"b{match[1]}.{layers[match[2]]}.{match[3]}", _oihw if match[3] == "weight" else _same
    if match := re.fullmatch(r"(4x4/Dense0|Output)/(weight|bias)", name):
        layer = "fc" if match[1] == "4x4/Dense0" else "out"
        return f"b4.{layer}.{match[2]}", _turned if match[2] == "weight" else _same
    return None


def _stylegan_generator(name: str, names: Names) -> _Found:
    halves = {"Const": 0, "Conv0_up": 0, "Conv": 1, "Conv1": 1}
    leaves: dict[str, tuple[str, _Change]] = {
        "bias": ("epilogue.bias", _same),
        "weight": ("conv.weight", _oihw),
        "Noise/weight": ("epilogue.apply_noise.weight", _same),
        "StyleMod/weight": ("epilogue.style_mod.dense.fc.weight", _turned),
        "StyleMod/bias": ("epilogue.style_mod.dense.wscale.bias", _same),
        "const": ("const", _map),
    }
    if match := re.fullmatch(r"synthesis/(\d+)x\1/(Const|Conv0_up|Conv|Conv1)/([\w/]+)", name):
        side, layer, leaf = match.groups()
        key, change = leaves.get(leaf, ("", _same))
        level = names.level(side)
        if (layer, leaf) == ("Conv0_up", "weight") and names.fused(level):
            key, change = "weight", _map
        return (f"synthesis.layer{2 * level + halves[layer]}.{key}", change) if key else None
    if match := re.fullmatch(r"synthesis/noise(\d+)", name):
        return f"synthesis.layer{match[1]}.epilogue.apply_noise.noise", _map
    if match := re.fullmatch(r"synthesis/ToRGB_lod(\d+)/(weight|bias)", name):
        output = f"synthesis.output{names.of_lod(match[1])}"
        return (f"{output}.conv.weight", _oihw) if match[2] == "weight" else (f"{output}.bias", _same)
    if match := re.fullmatch(r"mapping/Dense(\d+)/(weight|bias)", name):
        dense = f"mapping.dense{match[1]}"
        return (f"{dense}.fc.weight", _turned) if match[2] == "weight" else (f"{dense}.wscale.bias", _same)
    # The whole network's lod is given to the synthesis network whenever it runs.
    own = "" if "lod" in names.variables else "synthesis.lod"
    others = {
        "lod": ("synthesis.lod", _scalar),
        "synthesis/lod": (own, _scalar),
        "dlatent_avg": ("truncation.w_avg", _same),
    }
    return others.get(name)


def _pggan_generator(name: str, names: Names) -> _Found:
    if match := re.fullmatch(r"(\d+)x\1/(Dense|Conv|Conv0|Conv0_up|Conv1)/(weight|bias)", name):
        side, layer, leaf = match.groups()
        ours = f"layer{2 * names.level(side) + (layer in ('Conv', 'Conv1'))}"
        if leaf == "bias":
            return f"{ours}.wscale.bias", _same
        if layer == "Conv0_up":
            return f"{ours}.weight", _hwoi_to_hwio
        return f"{ours}.conv.weight", _first_kernel if layer == "Dense" else _oihw
    if match := re.fullmatch(r"ToRGB_lod(\d+)/(weight|bias)", name):
        output = f"output{names.of_lod(match[1])}"
        return (f"{output}.conv.weight", _oihw) if match[2] == "weight" else (f"{output}.wscale.bias", _same)
    return ("lod", _scalar) if name == "lod" else None


def _pggan_discriminator(name: str, names: Names) -> _Found:
    if match := re.fullmatch(r"(\d+)x\1/(Conv|Conv0|Conv1|Conv1_down|Dense0|Dense1)/(weight|bias)", name):
        side, layer, leaf = match.groups()
        number = {"Conv1": 1, "Conv1_down": 1, "Dense0": 1, "Dense1": 2}.get(layer, 0)
        change = _turned if layer.startswith("Dense") else _oihw
        return f"layer{2 * (names.last - names.level(side)) + number}.{leaf}", change if leaf == "weight" else _same
    if match := re.fullmatch(r"FromRGB_lod(\d+)/(weight|bias)", name):
        names.of_lod(match[1])
        return f"input{match[1]}.{match[2]}", _oihw if match[2] == "weight" else _same
    return ("lod", _scalar) if name == "lod" else None


def _kernel(taps: Any) -> np.ndarray:
    """The filter that runs along both axes, with the sum 1."""
    if not isinstance(taps, list) or not all(isinstance(tap, int | float) for tap in taps) or not sum(taps):
        raise ValueError(f"the resampling filter {shown(taps, 40)} is not known")
    line = np.asarray(taps, np.float32) / sum(taps)
    return np.outer(line, line)


def _resample_filters(state: State, settings: Settings) -> State:
    """Buffers of stylegan2-ada-pytorch: one filter for every block and convolution."""
    kernel = _kernel(settings.get("resample_kernel", [1, 3, 3, 1]))
    layers = {match[1] for key in state if (match := re.fullmatch(r"(.*\.(?:conv\d?|fromrgb|skip))\.weight", key))}
    # The last block of the discriminator has no filter of its own, as it does not resample.
    blocks = {layer.rpartition(".")[0] for layer in layers if not layer.endswith("b4.conv")}
    return {f"{part}.resample_filter": kernel for part in sorted(layers | blocks)}


def _blur_filters(state: State, settings: Settings) -> State:
    """Buffers of genforce's StyleGAN: one filter for every channel of an enlarging layer."""
    kernel = _kernel(settings.get("blur_filter", [1, 2, 1]))
    found = {}
    for key, bias in state.items():
        match = re.fullmatch(r"(synthesis\.layer(\d+))\.epilogue\.bias", key)
        if match and int(match[2]) and int(match[2]) % 2 == 0:
            found[f"{match[1]}.blur.kernel"] = np.tile(kernel, (len(bias), 1, 1, 1))
    return found


class Layout(NamedTuple):
    """One TensorFlow network.

    Attributes:
        title: for people.
        rename: key and change of a variable.
        buffers: tensors of the PyTorch version that are constants in TensorFlow.
        fixed: settings that no tensor tells, and the only value that is known; absent ones have it.
    """

    title: str
    rename: Callable[[str, Names], _Found]
    buffers: Callable[[State, Settings], State]
    fixed: Settings


LAYOUTS = {
    "stylegan2_generator": Layout(
        "StyleGAN2 generator",
        _stylegan2_generator,
        _resample_filters,
        {
            "label_size": 0,
            "architecture": "skip",
            "nonlinearity": "lrelu",
            "mapping_nonlinearity": "lrelu",
            "mapping_lrmul": 0.01,
            "normalize_latents": True,
            "use_noise": True,
        },
    ),
    "stylegan2_discriminator": Layout(
        "StyleGAN2 discriminator",
        _stylegan2_discriminator,
        _resample_filters,
        {"label_size": 0, "architecture": "resnet", "nonlinearity": "lrelu", "mbstd_num_features": 1},
    ),
    "stylegan_generator": Layout(
        "StyleGAN generator",
        _stylegan_generator,
        _blur_filters,
        {
            "label_size": 0,
            "nonlinearity": "lrelu",
            "mapping_nonlinearity": "lrelu",
            "mapping_lrmul": 0.01,
            "normalize_latents": True,
            "use_wscale": True,
            "use_noise": True,
            "use_styles": True,
            "use_pixel_norm": False,
            "use_instance_norm": True,
        },
    ),
    "pggan_generator": Layout(
        "PGGAN generator",
        _pggan_generator,
        lambda state, settings: {},
        {
            "label_size": 0,
            "normalize_latents": True,
            "use_wscale": True,
            "use_pixelnorm": True,
            "pixelnorm_epsilon": 1e-8,
            "use_leakyrelu": True,
        },
    ),
    "pggan_discriminator": Layout(
        "PGGAN discriminator", _pggan_discriminator, lambda state, settings: {}, {"label_size": 0, "use_wscale": True}
    ),
}
