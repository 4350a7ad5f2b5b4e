"""Torchvision's VGG-16: ``vgg16-397923af.pth``, or files that hold only its convolutions; and Keras's in PyTorch.

Keys ``features.{i}.weight`` and ``.bias`` with torchvision's indices, or the same without ``features.`` (a saved
``net.features``). The classifier is not used. idinvert's ``vgg16.pth`` has ``layer{i}.weight`` and ``.bias`` with
the same indices; its weights are Keras's (Caffe's), which take BGR images in [0, 255].
"""

import re
from typing import Any

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError
from gprior_jax.perceptual.vgg import CONVOLUTIONS, VGG16
from gprior_jax.typing import Params

LICENCE_NOTE = "torchvision: BSD-3-Clause; trained on ImageNet."

# Index of each convolution in torchvision's ``vgg16().features``.
TORCHVISION_INDICES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)

_CLASSIFIER = tuple(f"classifier.{i}.{kind}" for i in (0, 3, 6) for kind in ("weight", "bias"))


KERAS = "layer"
"""What idinvert's keys of Keras's weights begin with."""


def features_prefix(shapes: dict[str, tuple[int, ...]]) -> str:
    """What keys begin with: ``features.``, ``layer`` (idinvert), or nothing in a saved ``net.features``."""
    return next((p for p in ("features.", KERAS) if any(key.startswith(p) for key in shapes)), "")


def take_convolutions(
    ledger: Ledger, prefix: str, indices: tuple[int, ...], shapes: dict[str, tuple[int, int]]
) -> Params:
    """Weights of a row of convolutions on RGB.

    Args:
        ledger: the file's tensors.
        prefix: see :func:`features_prefix`.
        indices: of the convolutions in torchvision's ``features``.
        shapes: output channels and kernel side of each, by our name.
    """
    params, in_features = {}, 3
    for index, (name, (features, side)) in zip(indices, shapes.items(), strict=True):
        kernel = ledger.take(f"{prefix}{index}.weight", (features, in_features, side, side)).transpose(2, 3, 1, 0)
        params[name] = {"kernel": kernel.copy(), "bias": ledger.take(f"{prefix}{index}.bias", (features,))}
        in_features = features
    return params


def is_vgg16(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the keys are torchvision's: 3x3 convolutions 3 -> 64 -> 64 at indices 0 and 2."""
    prefix = features_prefix(shapes)
    first, second = (shapes.get(f"{prefix}{i}.weight") for i in (0, 2))
    return first == (64, 3, 3, 3) and second == (64, 64, 3, 3)


def convert(state: State, source: str, options: dict[str, Any]) -> tuple[VGG16, Params, tuple[str, ...]]:
    """Convert the convolutions, as many of the thirteen as the file holds from the first.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors are not VGG-16's (VGG-11, 13 and 19 have other indices).
    """
    prefix = features_prefix({key: value.shape for key, value in state.items()})
    present = sorted({int(m[1]) for key in state if (m := re.match(rf"{re.escape(prefix)}(\d+)\.", key))})
    if unknown := [i for i in present if i not in TORCHVISION_INDICES]:
        raise CheckpointError(
            f"{source} has layers {prefix}{', '.join(map(str, unknown))}, which VGG-16 has not (VGG-11, 13 or 19, or "
            "one with batch norm?); nothing was written: convert torchvision's vgg16-397923af.pth."
        )
    depth = TORCHVISION_INDICES.index(present[-1]) + 1
    ledger = Ledger(state, source)
    ledger.leave_out(*_CLASSIFIER)
    shapes = {name: (features, 3) for name, features in CONVOLUTIONS[:depth]}
    params = take_convolutions(ledger, prefix, TORCHVISION_INDICES[:depth], shapes)
    ledger.close("VGG-16 of torchvision")
    attributes: dict[str, Any] = {"depth": depth, "inputs": "keras" if prefix == KERAS else "imagenet"} | options
    return VGG16(**attributes), params, ledger.left_out
