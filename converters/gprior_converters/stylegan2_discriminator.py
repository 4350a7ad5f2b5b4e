"""StyleGAN2 discriminators as PyTorch state dicts.

Those of stylegan2-ada-pytorch (``b{r}.conv0.weight``) and rosinality (``convs.{i}.conv1.0.weight``) have the same
residual blocks, stored alike under other keys.
"""

from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_converters.stylegan import Shapes, shape_of, take_dense, take_filters
from gprior_converters.stylegan2 import TAPS
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.typing import Params

_MAX_LEVELS = 20
"""Far above any network: where counting of resolutions ends."""

_LABEL_LAYERS = 8
"""Dense layers of the embedding of a class, as in :class:`StyleGAN2Discriminator`."""

Keys = dict[str, tuple[str, str]]
"""Prefixes of the weight and of the bias, by the name of the layer here."""


def _side(level: int) -> int:
    return START_RESOLUTION << level


def _is_ada_critic(shapes: Shapes) -> bool:
    return "b4.fc.weight" in shapes and "b4.conv.weight" in shapes


def is_discriminator(shapes: Shapes) -> bool:
    """Whether the keys are those of a StyleGAN2 discriminator of stylegan2-ada-pytorch or rosinality."""
    return _is_ada_critic(shapes) or ("final_linear.0.weight" in shapes and "convs.0.0.weight" in shapes)


def _ada_critic(levels: int) -> Keys:
    prefixes = {"conv_4": "b4.conv", "dense_4": "b4.fc", "logit": "b4.out"}
    prefixes["from_rgb"] = f"b{_side(levels - 1)}.fromrgb"
    for side in (_side(level) for level in range(1, levels)):
        prefixes |= {
            f"conv_{side}": f"b{side}.conv0",
            f"down_{side}": f"b{side}.conv1",
            f"skip_{side}": f"b{side}.skip",
        }
    return {name: (prefix, prefix) for name, prefix in prefixes.items()}


def _rosinality_critic(levels: int) -> Keys:
    """Convolutions follow the filters of their blocks; biases are those of the activations."""
    prefixes = {
        "from_rgb": ("convs.0.0", "convs.0.1"),
        "conv_4": ("final_conv.0", "final_conv.1"),
        "dense_4": ("final_linear.0", "final_linear.0"),
        "logit": ("final_linear.1", "final_linear.1"),
    }
    for level in range(1, levels):
        side, block = _side(level), f"convs.{levels - level}"
        prefixes[f"conv_{side}"] = (f"{block}.conv1.0", f"{block}.conv1.1")
        prefixes[f"down_{side}"] = (f"{block}.conv2.1", f"{block}.conv2.2")
        prefixes[f"skip_{side}"] = (f"{block}.skip.1", "")
    return prefixes


def convert_discriminator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[StyleGAN2Discriminator, Params, tuple[str, ...]]:
    """Convert a discriminator of residual blocks.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes; no tensor tells ``clamp`` (256 for networks that were trained
            with float16) and ``group_size`` (4).

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a StyleGAN2 discriminator.
    """
    shapes = {key: value.shape for key, value in state.items()}
    ada = _is_ada_critic(shapes)
    blocks = range(1, _MAX_LEVELS)
    firsts = [f"b{_side(block)}.conv0.weight" if ada else f"convs.{block}.conv1.0.weight" for block in blocks]
    levels = 1 + max((block for block, key in zip(blocks, firsts, strict=True) if key in shapes), default=0)
    keys = (_ada_critic if ada else _rosinality_critic)(levels)

    def widths(name: str, axes: int = 4) -> tuple[int, ...]:
        return shape_of(shapes, f"{keys[name][0]}.weight", axes, source)[:2]

    channels = (widths("dense_4", 2)[0], *(widths(f"conv_{_side(level)}")[0] for level in range(1, levels)))
    embed = "mapping.embed.weight"
    attributes = {
        "channels": channels,
        "num_classes": shape_of(shapes, embed, 2, source)[1] if embed in shapes else 0,
        "image_channels": widths("from_rgb")[1],
    }
    module = StyleGAN2Discriminator(**(attributes | options))
    ledger = Ledger(state, source)
    take_filters(ledger, state, (".resample_filter",) if ada else (".0.kernel",), TAPS, 1.0, source)
    params = _critic_params(ledger, module, keys)
    ledger.close("StyleGAN2 discriminator")
    return module, params, ledger.left_out


def _critic_params(ledger: Ledger, module: StyleGAN2Discriminator, keys: Keys) -> Params:
    channels, params = module.channels, {}

    def conv(name: str, inputs: int, features: int, size: int = 3) -> None:
        weight, bias = keys[name]
        kernel = ledger.take(f"{weight}.weight", (features, inputs, size, size)).transpose(2, 3, 1, 0)
        params[name] = {"kernel": np.ascontiguousarray(kernel), "bias": ledger.take(f"{bias}.bias", (features,))}

    conv("from_rgb", module.image_channels, channels[-1], 1)
    for level in range(1, len(channels)):
        side, features, below = _side(level), channels[level], channels[level - 1]
        conv(f"conv_{side}", features, features)
        conv(f"down_{side}", features, below)
        skip = ledger.take(f"{keys[f'skip_{side}'][0]}.weight", (below, features, 1, 1))
        params[f"skip_{side}"] = {"kernel": np.ascontiguousarray(skip[:, :, 0, 0].T)}
    features, classes = channels[0], module.num_classes
    conv("conv_4", features + 1, features)
    dense = take_dense(ledger, *_pair(keys["dense_4"]), features * START_RESOLUTION**2, features)
    # The dense layer flattens [C, 4, 4]; here maps are [4, 4, C].
    kernel = dense["kernel"].reshape(features, START_RESOLUTION, START_RESOLUTION, features).transpose(1, 2, 0, 3)
    params["dense_4"] = dense | {"kernel": np.ascontiguousarray(kernel.reshape(-1, features))}
    params["logit"] = take_dense(ledger, *_pair(keys["logit"]), features, features if classes else 1)
    if classes:
        names = {"embed": "mapping.embed"} | {f"dense{i}": f"mapping.fc{i}" for i in range(_LABEL_LAYERS)}
        params["mapping"] = {
            name: take_dense(
                ledger, f"{prefix}.weight", f"{prefix}.bias", classes if name == "embed" else features, features
            )
            for name, prefix in names.items()
        }
    return params


def _pair(prefixes: tuple[str, str]) -> tuple[str, str]:
    return f"{prefixes[0]}.weight", f"{prefixes[1]}.bias"
