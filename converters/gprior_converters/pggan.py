"""PGGAN ``.pth`` files of genforce, HiGAN, mGANprior and InterFaceGAN, generators and discriminators.

Three spellings of the same network are in the wild (figures in the model zoo of genforce, from instantiated classes):

* ``layer{k}.conv.weight`` OIHW and ``layer{k}.wscale.bias`` (mGANprior, HiGAN, InterFaceGAN);
* the same with ``layer{k}.weight`` HWIO for the enlarging layers (``fused_scale``);
* ``layer{k}.weight`` and ``layer{k}.bias`` (genforce/genforce, sefa), whose fused enlarging layers are IOHW.

A fused layer is a transposed convolution with the sum of the kernel's four one-pixel shifts, which equals nearest
enlargement followed by the convolution with the spatially flipped kernel.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.typing import Params

LICENCE_NOTE = (
    "Not stated in the file. NVIDIA published the networks of Karras et al. 2018 under CC BY-NC 4.0; the repository of "
    "mGANprior names no licence."
)

# genforce pggan_discriminator.py: images per group of the minibatch standard deviation, unfused averaging.
_GENFORCE_GROUP = 16


def is_generator(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the keys are those of a PGGAN generator: a 4x4 first layer and RGB outputs."""
    first = shapes.get("layer0.conv.weight", shapes.get("layer0.weight", ()))
    outputs = any(re.fullmatch(r"output\d+\.(conv\.)?weight", key) for key in shapes)
    return outputs and len(first) == 4 and first[2:] == (4, 4)


def is_discriminator(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the keys are those of a PGGAN discriminator: RGB inputs and layers."""
    inputs = any(re.fullmatch(r"input\d+\.(conv\.)?weight", key) for key in shapes)
    return inputs and any(re.fullmatch(r"layer\d+\.(conv\.)?weight", key) for key in shapes)


def _indices(shapes: dict[str, tuple[int, ...]], kind: str) -> list[int]:
    found = (re.match(rf"{kind}(\d+)\.", key) for key in shapes)
    return sorted({int(match[1]) for match in found if match})


def check_grown(state: State, key: str, source: str) -> None:
    """Refuse a network that was saved before it had its full resolution, which ``key`` tells where it is there."""
    lod = state.get(key, np.zeros(()))
    if lod.any():
        raise CheckpointError(
            f"{source} was saved while growing (lod {lod.max():g}, not 0): its last layers are untrained; take a later "
            "one."
        )


class _Spelling:
    """Keys and kernel orders of one file."""

    def __init__(self, state: State, upsampling: Callable[[int], bool] = lambda k: False):
        self._old = any(".conv.weight" in key or ".wscale." in key for key in state)
        self._state, self._upsampling = state, upsampling
        self.transposed = False
        """New spelling with fused enlarging layers: IOHW."""

    def bias(self, name: str) -> str:
        return f"{name}.wscale.bias" if self._old else f"{name}.bias"

    def weight(self, name: str) -> str:
        fused = self._old and f"{name}.weight" in self._state
        return f"{name}.conv.weight" if self._old and not fused else f"{name}.weight"

    def kernel(self, ledger: Ledger, name: str, in_features: int, features: int, size: int, up: bool) -> np.ndarray:
        """Take a kernel as HWIO."""
        key = self.weight(name)
        if self._old and up and key == f"{name}.weight":
            return ledger.take(key, (size, size, in_features, features))[::-1, ::-1]
        if self.transposed and up:
            return ledger.take(key, (in_features, features, size, size)).transpose(2, 3, 0, 1)[::-1, ::-1]
        return ledger.take(key, (features, in_features, size, size)).transpose(2, 3, 1, 0)


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[PGGAN, Params, tuple[str, ...]]:
    """Convert a generator.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes, e.g. ``{"final_tanh": true}``, which no tensor tells.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a PGGAN.
    """
    check_grown(state, "lod", source)
    spelling = _Spelling(state)
    shapes = {key: value.shape for key, value in state.items()}
    levels = max([k // 2 for k in _indices(shapes, "layer")] + _indices(shapes, "output")) + 1
    outputs = [shapes.get(spelling.weight(f"output{level}"), ()) for level in range(levels)]
    if bad := [f"output{level}" for level, shape in enumerate(outputs) if len(shape) != 4]:
        raise CheckpointError(
            f"{source} has no weights for {', '.join(bad)} of a PGGAN generator; nothing was written."
        )
    channels, image_channels = tuple(shape[1] for shape in outputs), outputs[-1][0]
    z_dim = shapes[spelling.weight("layer0")][1]
    spelling.transposed = _is_transposed(shapes, channels)

    ledger, params = Ledger(state, source), {}
    ledger.leave_out("lod")
    previous = z_dim
    for level, features in enumerate(channels):
        first, second, output = f"layer{2 * level}", f"layer{2 * level + 1}", f"output{level}"
        if level == 0:
            # A 4x4 convolution of a 1x1 map padded by 3 meets the kernel back to front.
            kernel = spelling.kernel(ledger, first, z_dim, features, 4, False)[::-1, ::-1].transpose(2, 0, 1, 3)
        else:
            kernel = spelling.kernel(ledger, first, previous, features, 3, True)
        params[first] = _layer(ledger, spelling, first, kernel)
        kernel = spelling.kernel(ledger, second, features, features, 3, False)
        params[second] = _layer(ledger, spelling, second, kernel)
        kernel = spelling.kernel(ledger, output, features, image_channels, 1, False)
        params[output] = _layer(ledger, spelling, output, kernel)
        previous = features
    ledger.close("PGGAN generator")
    module = PGGAN(**({"channels": channels, "z_dim": z_dim, "image_channels": image_channels} | options))
    return module, params, ledger.left_out


def _is_transposed(shapes: dict[str, tuple[int, ...]], channels: tuple[int, ...]) -> bool:
    """Whether enlarging layers are IOHW; where widths are equal throughout, the published default (OIHW) is taken."""
    pairs = [(shapes.get(f"layer{2 * i}.weight"), channels[i - 1], channels[i]) for i in range(1, len(channels))]
    return any(shape and shape[:2] == (before, after) and before != after for shape, before, after in pairs)


def _layer(ledger: Ledger, spelling: _Spelling, name: str, kernel: np.ndarray) -> dict[str, np.ndarray]:
    return {"kernel": np.ascontiguousarray(kernel), "bias": ledger.take(spelling.bias(name), (kernel.shape[-1],))}


def convert_discriminator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[PGGANDiscriminator, Params, tuple[str, ...]]:
    """Convert a discriminator (genforce: ``input{b}``, ``layer{k}``, b and k counted from the full resolution).

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes; no tensor tells ``fused`` (False as in genforce) and
            ``group_size`` (16).

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a PGGAN discriminator.
    """
    check_grown(state, "lod", source)
    spelling = _Spelling(state)
    shapes = {key: value.shape for key, value in state.items()}
    levels = max(_indices(shapes, "input")) + 1
    inputs = [shapes.get(spelling.weight(f"input{b}"), ()) for b in range(levels)]
    last = 2 * levels - 2
    dense_key = spelling.weight(f"layer{last + 1}")
    if any(len(shape) != 4 for shape in inputs) or len(shapes.get(dense_key, ())) != 2:
        raise CheckpointError(
            f"{source} looks like a PGGAN discriminator, but inputs or {dense_key} are missing; nothing was written."
        )
    channels = tuple(shape[0] for shape in reversed(inputs))
    image_channels, dense = inputs[0][1], shapes[dense_key][0]

    ledger, params = Ledger(state, source), {}
    ledger.leave_out("lod")

    def conv(target: str, name: str, in_features: int, features: int, size: int = 3) -> None:
        kernel = spelling.kernel(ledger, name, in_features, features, size, False)
        params[target] = _layer(ledger, spelling, name, kernel)

    for level, features in enumerate(channels):
        block, side = levels - 1 - level, 4 << level
        conv(f"from_rgb_{side}", f"input{block}", image_channels, features, 1)
        conv(f"conv_{side}", f"layer{2 * block}", features + (level == 0), features)
        if level:
            conv(f"down_{side}", f"layer{2 * block + 1}", features, channels[level - 1])
    # The dense layers flatten [C, 4, 4]; here maps are [4, 4, C].
    flat = ledger.take(dense_key, (dense, channels[0] * 16)).reshape(dense, channels[0], 4, 4)
    kernel = flat.transpose(2, 3, 1, 0).reshape(-1, dense)
    params["dense_4"] = _layer(ledger, spelling, f"layer{last + 1}", kernel)
    params["logit"] = _layer(
        ledger, spelling, f"layer{last + 2}", ledger.take(spelling.weight(f"layer{last + 2}"), (1, dense)).T
    )
    ledger.close("PGGAN discriminator")
    attributes = {
        "channels": channels,
        "dense_features": dense,
        "image_channels": image_channels,
        "group_size": _GENFORCE_GROUP,
        "fused": False,
    }
    return PGGANDiscriminator(**(attributes | options)), params, ledger.left_out
