"""The domain-guided encoder in PyTorch: ``styleganinv_*_encoder.pth`` of idinvert.

Keys of ``models/stylegan_encoder_network.py``: ``block0.conv.weight``, residual blocks ``block{i}.conv{1,2}.weight``
with ``wscale{1,2}.bias`` and, where they widen, a shortcut ``block{i}.conv.weight``, and ``block{last}.fc.weight``; a
batch norm after each (``.bn.`` twice). The equalising scale is divided out and multiplied again in the convolutions,
so that they are plain ones; in the dense layer it stays.
"""

import math
import re
from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.encoders.residual import FINAL_SIZE, ResidualEncoder
from gprior_jax.errors import CheckpointError
from gprior_jax.typing import Params

LICENCE_NOTE = "MIT code (idinvert_pytorch); the weights were trained on FFHQ (CC BY-NC-SA 4.0) or LSUN."

_DENSE = re.compile(r"block(\d+)\.fc\.weight")


def is_encoder(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether keys are those of the encoder."""
    return "block0.conv.weight" in shapes and "block1.conv1.weight" in shapes and any(map(_DENSE.fullmatch, shapes))


def convert(state: State, source: str, options: dict[str, Any]) -> tuple[ResidualEncoder, Params, tuple[str, ...]]:
    """Convert an encoder of any resolution and width.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes: ``code_shape`` of codes that are not a style for every layer of a
            StyleGAN.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: a tensor is missing, misshapen or unexpected.
    """
    last = max(int(found[1]) for key in state if (found := _DENSE.fullmatch(key)))
    channels = _channels(state, last, source)
    ledger = Ledger(state, source)
    ledger.leave_out(*(key for key in state if key.endswith(".num_batches_tracked")))
    colours = state["block0.conv.weight"].shape[1]
    first = ledger.take("block0.conv.weight", (channels[0], colours, 3, 3))
    params: Params = {"first": {"kernel": _hwio(first), "norm": _norm(ledger, "block0.bn", channels[0])}}
    for index in range(1, last):
        params[f"blocks_{index - 1}"] = _block(ledger, f"block{index}", channels[index - 1], channels[index])
    numbers = state[f"block{last}.fc.weight"].shape[0]
    dense = ledger.take(f"block{last}.fc.weight", (numbers, channels[-1] * FINAL_SIZE**2))
    # torch flattens [C, H, W], this library [H, W, C].
    kernel = dense.reshape(numbers, channels[-1], FINAL_SIZE, FINAL_SIZE).transpose(2, 3, 1, 0).reshape(-1, numbers)
    params["dense"] = {"kernel": np.ascontiguousarray(kernel), "norm": _norm(ledger, f"block{last}.bn", numbers)}
    ledger.close("idinvert encoder")
    resolution = FINAL_SIZE << (last - 1)
    attributes: dict[str, Any] = {"code_shape": _code_shape(numbers, resolution, source, options)} | options
    attributes["code_shape"] = tuple(attributes["code_shape"])
    if math.prod(attributes["code_shape"]) != numbers:
        raise CheckpointError(f"{source} gives {numbers} numbers, which are no code of {attributes['code_shape']}.")
    return ResidualEncoder(resolution, channels, image_channels=colours, **attributes), params, ledger.left_out


def _channels(state: State, last: int, source: str) -> tuple[int, ...]:
    """Output channels of the first convolution and of every block."""
    try:
        keys = ["block0.conv.weight", *(f"block{index}.conv2.weight" for index in range(1, last))]
        return tuple(state[key].shape[0] for key in keys)
    except KeyError as error:
        raise CheckpointError(f"{source} looks like an idinvert encoder and lacks {error}: fetch it again.") from error


def _code_shape(numbers: int, resolution: int, source: str, options: dict[str, Any]) -> tuple[int, ...]:
    """A style for every layer of a StyleGAN of the encoder's resolution."""
    if "code_shape" in options:
        return tuple(options["code_shape"])
    styles = 2 * int(math.log2(resolution)) - 2
    if numbers % styles:
        raise CheckpointError(
            f"{source} gives {numbers} numbers, which are not {styles} styles of one length: describe its codes with "
            '--architecture, a file such as {"code_shape": [14, 512]}.'
        )
    return (styles, numbers // styles)


def _block(ledger: Ledger, name: str, before: int, after: int) -> Params:
    block: Params = {}
    for index, features in ((1, before), (2, after)):
        kernel = ledger.take(f"{name}.conv{index}.weight", (features, before, 3, 3))
        bias = ledger.take(f"{name}.wscale{index}.bias", (features,))
        block[f"conv{index}"] = {
            "kernel": _hwio(kernel),
            "bias": bias,
            "norm": _norm(ledger, f"{name}.bn{index}", features),
        }
    if before != after:
        kernel = ledger.take(f"{name}.conv.weight", (after, before, 1, 1))
        block["shortcut"] = {"kernel": _hwio(kernel), "norm": _norm(ledger, f"{name}.bn", after)}
    return block


def _norm(ledger: Ledger, name: str, features: int) -> Params:
    theirs = {"scale": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}
    return {ours: ledger.take(f"{name}.bn.{key}", (features,)) for ours, key in theirs.items()}


def _hwio(kernel: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))
