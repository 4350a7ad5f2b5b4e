"""pix2pix and CycleGAN in PyTorch: ``latest_net_G.pth`` and the like of junyanz's programs, and of those after them.

Generators: ResNet (``model.1``, ``model.4``, ``model.7``, blocks ``model.{i}.conv_block.{1,5}``, of other programs
``.block.``, ``{1,6}`` with dropout) and U-Net (``model.model.0``, then every level inside of ``.model.1.`` or
``.model.3.``). Discriminators: patches (``model.{0,2,5,8,11}``) and pixels (``net.{0,2,5}``).

Files of 2017 have running statistics of instance norm, which its networks do not use: they are left out, as is the
count of batches that files have since 2018. A bias before batch norm only shifts the mean, and is taken from it.
"""

import re
from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.discriminators.patch import PatchGAN
from gprior_jax.errors import CheckpointError
from gprior_jax.nn.normed import Norm
from gprior_jax.translation.resnet import ResNetTranslator
from gprior_jax.translation.unet import UNetTranslator
from gprior_jax.typing import Params

LICENCE_NOTE = (
    "BSD code (pytorch-CycleGAN-and-pix2pix); the weights' own terms are not stated: ask whoever trained them."
)

Shapes = dict[str, tuple[int, ...]]

_BLOCK = re.compile(r"(model\.\d+\.(?:conv_)?block)\.1\.weight")


def is_resnet(shapes: Shapes) -> bool:
    """Whether keys are those of the ResNet generator."""
    first = shapes.get("model.1.weight", ())
    return len(first) == 4 and first[2:] == (7, 7) and "model.4.weight" in shapes and "model.7.weight" in shapes


def is_unet(shapes: Shapes) -> bool:
    """Whether keys are those of the U-Net generator."""
    return "model.model.0.weight" in shapes and "model.model.3.weight" in shapes


def is_patch_discriminator(shapes: Shapes) -> bool:
    """Whether keys are those of a discriminator of patches: the first and the last convolution have a bias."""
    found = _patch_layers(shapes)
    if not found or shapes["model.0.weight"][2:] != (4, 4):
        return False
    last = 2 + 3 * found
    # With batch norm, a bias in between is of another program's discriminator of whole pictures.
    bare = "model.3.running_mean" not in shapes or "model.3.weight" not in shapes or "model.2.bias" not in shapes
    return bare and shapes[f"model.{last}.weight"][0] == 1 and f"model.{last}.bias" in shapes


def is_pixel_discriminator(shapes: Shapes) -> bool:
    """Whether keys are those of a discriminator of pixels."""
    convolutions = [shapes.get(f"net.{i}.weight", ()) for i in (0, 2, 5)]
    return all(len(shape) == 4 and shape[2:] == (1, 1) for shape in convolutions)


def _patch_layers(shapes: Shapes) -> int:
    """Convolutions of a discriminator of patches that halve; 0 where it is none."""
    if "model.0.weight" not in shapes or "model.0.bias" not in shapes:
        return 0
    indices = {int(key.split(".")[1]) for key, shape in shapes.items() if key.startswith("model.") and len(shape) == 4}
    layers = len(indices) - 2
    return layers if indices == {0, *(2 + 3 * i for i in range(layers + 1))} else 0


class _Reader:
    """Takes stages of one file; what normalises is found out from the first."""

    def __init__(self, state: State, source: str, norm: str):
        """Open the account of a file, in which ``norm`` is the key of one of its norms."""
        self._ledger, self._state = Ledger(state, source), state
        self._ledger.leave_out(*(key for key in state if key.endswith(".num_batches_tracked")))
        running, affine = (f"{norm}.{name}" in state for name in ("running_mean", "weight"))
        self.norm: Norm = "batch" if running and affine else "instance"
        self.affine = affine and not running
        if self.norm == "instance":
            statistics = (".running_mean", ".running_var")
            self._ledger.leave_out(*(key for key in state if key.endswith(statistics)))

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the module."""
        return {"norm": self.norm, "affine": self.affine}

    def stage(
        self, key: str, shape: tuple[int, ...], norm: str | None = None, transposed: bool = False, bare: bool = False
    ) -> Params:
        """One stage.

        Args:
            key: of its convolution.
            shape: of the kernel as it is stored.
            norm: key of what normalises; None where nothing does.
            transposed: of a transposed convolution the input channels come first.
            bare: it has no bias, although no norm follows it.
        """
        kernel = self._ledger.take(f"{key}.weight", shape)
        order, features = ((2, 3, 0, 1), shape[1]) if transposed else ((2, 3, 1, 0), shape[0])
        found: Params = {"kernel": np.ascontiguousarray(kernel.transpose(order))}
        is_batch = self.norm == "batch" and norm is not None
        shift = np.zeros(features, np.float32)
        if is_batch and f"{key}.bias" in self._state:
            shift = self._ledger.take(f"{key}.bias", (features,))
        elif not is_batch and not bare:
            found["bias"] = self._ledger.take(f"{key}.bias", (features,))
        if is_batch or (norm is not None and self.affine):
            found["norm_scale"] = self._ledger.take(f"{norm}.weight", (features,))
            found["norm_bias"] = self._ledger.take(f"{norm}.bias", (features,))
        if is_batch:
            found["norm_mean"] = self._ledger.take(f"{norm}.running_mean", (features,)) - shift
            found["norm_variance"] = self._ledger.take(f"{norm}.running_var", (features,))
        return found

    def close(self, layout: str) -> tuple[str, ...]:
        """End the account; the keys left out."""
        self._ledger.close(layout)
        return self._ledger.left_out


def convert_resnet(state: State, source: str, options: dict[str, Any]) -> tuple[ResNetTranslator, Params, Any]:
    """Convert a ResNet generator of any width and number of blocks.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: a tensor is missing, misshapen or unexpected.
    """
    width, inputs, *_ = state["model.1.weight"].shape
    names = [found[1] for key in state if (found := _BLOCK.fullmatch(key))]
    count, inner = len(names), 4 * width
    reader = _Reader(state, source, "model.2")
    params: Params = {"first": reader.stage("model.1", (width, inputs, 7, 7), "model.2")}
    for i, index in enumerate((4, 7)):
        shape = (width << (i + 1), width << i, 3, 3)
        params[f"down_{i}"] = reader.stage(f"model.{index}", shape, f"model.{index + 1}")
    dropout = any(f"{name}.6.weight" in state and state[f"{name}.6.weight"].ndim == 4 for name in names)
    for part, index in (("a", 1), ("b", 6 if dropout else 5)):
        blocks = [reader.stage(f"{name}.{index}", (inner, inner, 3, 3), f"{name}.{index + 1}") for name in names]
        if blocks:
            params[f"block_{part}"] = {key: np.stack([block[key] for block in blocks]) for key in blocks[0]}
    for i in range(2):
        index = 10 + count + 3 * i
        shape = (inner >> i, inner >> (i + 1), 3, 3)
        params[f"up_{i}"] = reader.stage(f"model.{index}", shape, f"model.{index + 1}", transposed=True)
    last = f"model.{17 + count}"
    outputs = _features(state, f"{last}.weight", 0, source)
    params["last"] = reader.stage(last, (outputs, width, 7, 7))
    left_out = reader.close("ResNet generator")
    attributes = {"width": width, "blocks": count, "in_channels": inputs, "out_channels": outputs, "dropout": dropout}
    return ResNetTranslator(**(attributes | reader.attributes | options)), params, left_out


def _features(state: State, key: str, axis: int, source: str) -> int:
    if key not in state or state[key].ndim != 4:
        raise CheckpointError(f"{source} looks like pix2pix or CycleGAN and lacks {key}: fetch it again.")
    return state[key].shape[axis]


def convert_unet(state: State, source: str, options: dict[str, Any]) -> tuple[UNetTranslator, Params, Any]:
    """Convert a U-Net generator of any width and depth, see :func:`convert_resnet`."""
    inside = ["model.model.", "model.model.1.model."]
    while f"{inside[-1]}5.weight" in state:
        inside.append(f"{inside[-1]}3.model.")
    depth, last = len(inside), len(inside) - 1
    width, inputs, *_ = state["model.model.0.weight"].shape
    outputs = _features(state, "model.model.3.weight", 1, source)
    widths = [width << min(i, 3) for i in range(depth)]
    reader = _Reader(state, source, f"{inside[last]}4")
    bare = reader.norm == "batch"
    params: Params = {"down_0": reader.stage("model.model.0", (width, inputs, 4, 4), bare=bare)}
    params["up_0"] = reader.stage("model.model.3", (2 * width, outputs, 4, 4), transposed=True)
    for i in range(1, depth):
        before, own, key = widths[i - 1], widths[i], inside[i]
        down_norm = f"{key}2" if i < last else None
        params[f"down_{i}"] = reader.stage(f"{key}1", (own, before, 4, 4), down_norm, bare=bare)
        index, seen = (5, 2 * own) if i < last else (3, own)
        shape = (seen, before, 4, 4)
        params[f"up_{i}"] = reader.stage(f"{key}{index}", shape, f"{key}{index + 1}", transposed=True)
    left_out = reader.close("U-Net generator")
    attributes: dict[str, Any] = {"width": width, "halvings": depth, "in_channels": inputs, "out_channels": outputs}
    # No tensor tells of dropout: pix2pix, whose norm is batch norm, has it, and CycleGAN with a U-Net has not.
    attributes |= reader.attributes | {"dropout": reader.norm == "batch"}
    return UNetTranslator(**(attributes | options)), params, left_out


def convert_discriminator(state: State, source: str, options: dict[str, Any]) -> tuple[PatchGAN, Params, Any]:
    """Convert a discriminator of patches or pixels, see :func:`convert_resnet`."""
    pixels = "net.0.weight" in state
    word, size = ("net", 1) if pixels else ("model", 4)
    layers = 0 if pixels else _patch_layers({key: value.shape for key, value in state.items()})
    indices = (0, 2, 5) if pixels else (0, *(2 + 3 * i for i in range(layers + 1)))
    width, inputs, *_ = state[f"{word}.0.weight"].shape
    reader = _Reader(state, source, f"{word}.3")
    widths = [inputs, *(width << min(i, 3) for i in range(len(indices) - 1)), 1]
    bare = pixels and reader.norm == "batch"
    params: Params = {}
    for i, index in enumerate(indices):
        norm = f"{word}.{index + 1}" if 0 < i < len(indices) - 1 else None
        shape = (widths[i + 1], widths[i], size, size)
        params[f"stages_{i}"] = reader.stage(f"{word}.{index}", shape, norm, bare=bare and i == len(indices) - 1)
    left_out = reader.close("PatchGAN discriminator")
    attributes = {"width": width, "layers": layers, "in_channels": inputs} | reader.attributes
    return PatchGAN(**(attributes | options)), params, left_out
