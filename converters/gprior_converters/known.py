"""What the table of published networks knows of a file that its tensors do not tell: classes, and a licence."""

from pathlib import Path
from typing import Any

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.storage.atomic import sha256

_WITH_OPTION = ("dcgan_generator", "dense_generator", "pytorch_gan_generator")
"""Layouts whose classes no tensor tells."""

_DIGITS = 64


def known(path: Path) -> zoo.Published | None:
    """The published network that a file is, by its SHA-256; None of any other."""
    if not path.is_file():
        return None
    digest = sha256(path)
    return next((entry for entry in zoo.PUBLISHED if len(entry.sha256) == _DIGITS and entry.sha256 == digest), None)


def classes_of(entry: zoo.Published | None, num_classes: int | None, described: dict[str, Any]) -> dict[str, Any]:
    """The attribute ``num_classes`` of a generator: as given, else as described, else as known; empty where it is not.

    Raises:
        CheckpointError: fewer than two, or another number than is known.
    """
    names = entry.label_names if entry else ()
    if num_classes is not None and num_classes < 2:
        raise CheckpointError(f"{num_classes} classes: give 2 or more, or leave their number out.")
    if entry and names and num_classes not in (None, len(names)):
        raise CheckpointError(
            f"the file is {entry.name}, which has {len(names)} classes, not {num_classes}: leave their number out; "
            "nothing was written."
        )
    if num_classes is not None:
        return {"num_classes": num_classes}
    return {"num_classes": len(names)} if names and "num_classes" not in described else {}


def facts_of(entry: zoo.Published | None, module: Any) -> dict[str, Any]:
    """What a model folder tells beside: the names of classes, in their order."""
    names = entry.label_names if entry else ()
    return {"label_names": list(names)} if names and getattr(module, "num_classes", 0) == len(names) else {}


def check_classes_option(layout: str, options: dict[str, Any], source: str) -> None:
    """Refuse a number of classes for a network that tells them by itself, or has none.

    Raises:
        CheckpointError: it is given, and no such network.
    """
    if "num_classes" in options and layout not in _WITH_OPTION:
        raise CheckpointError(
            f"{source} is a {layout.replace('_', ' ')}, whose classes are read off its tensors, if it has some: give "
            "no number of classes; nothing was written."
        )
