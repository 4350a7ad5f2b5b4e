"""A look at every training image before a run: what is broken is named and left out, not met after hours.

What was found is kept in ``scan.json`` in the run's folder: as long as no file has changed, the next session of the run
does not look again.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import CheckpointError, GPriorError, ImageFileError
from gprior_jax.storage.atomic import read_json, write_json
from gprior_jax.storage.names import listed
from gprior_jax.training.data import ImageZip
from gprior_jax.training.prefetch import in_threads

SCAN = "scan.json"

MAX_BROKEN = 0.1
"""Part of the images that may be broken."""

_TOLD = 5
"""Broken images that are told; all are in ``scan.json``."""

_AHEAD = 64
"""Images that are looked at ahead of the first that is not done."""

_RGB = 3

_LOOKED_AT = 32
"""Images that are looked at for colour."""

_TINT = 4
"""How far the channels of a gray pixel are apart at most, of 255: JPEG leaves that of one."""

Counter = Callable[[int, int], None]
"""Is told how many images have been looked at, and of how many."""


def find_broken(images: ImageZip, progress: Counter | None = None) -> dict[str, str]:
    """Images that cannot be decoded, ``{name: sentence}``: each is decoded once."""

    def look(index: int) -> str | None:
        try:
            images.picture(index)
        except ImageFileError as error:
            return str(error)
        return None

    broken = {}
    for index, told in enumerate(in_threads(look, ((i,) for i in range(len(images))), _AHEAD)):
        if told is not None:
            broken[images.names[index]] = told
        if progress is not None:
            progress(index + 1, len(images))
    return broken


def are_gray(images: ImageZip, without: Collection[str] = (), number: int = _LOOKED_AT) -> bool:
    """Whether images of three channels show no colour: some of them, spread over all, are looked at.

    Args:
        images: the set.
        without: names of images that cannot be decoded.
        number: of images that are looked at, at most.
    """
    indices = [index for index, name in enumerate(images.names) if name not in without]
    for index in indices[:: max(1, len(indices) // number)][:number]:
        pixels = np.asarray(images.picture(index), np.int16)
        if (np.ptp(pixels[..., :_RGB], axis=-1) > _TINT).any():
            return False
    return bool(indices)


def leave_out_broken(
    images: ImageZip,
    folder: Path | None = None,
    max_broken: float = MAX_BROKEN,
    progress: Counter | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Leave out of a set of images those that cannot be decoded.

    Args:
        images: the set; what is broken vanishes from its names.
        folder: of the run, which remembers what was found; None looks again each time.
        max_broken: part of the images that may be broken, of which one may always be.
        progress: see :data:`Counter`; not called where nothing is looked at.
        tell: called with a sentence about what is left out, and with one about what was said of images.

    Raises:
        GPriorError: more are broken, or all.
    """
    facts = {"images": len(images), "fingerprint": images.source.fingerprint()}
    broken = _remembered(folder, facts)
    if broken is None:
        broken = find_broken(images, progress)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / SCAN, facts | {"broken": broken})
        if remarks := images.remarks:
            first = remarks[min(remarks)]
            tell(first if len(remarks) == 1 else f"{len(remarks)} of {len(images)} images like this one: {first}")
        if images.channels == _RGB and are_gray(images, broken):
            told = "a network of one channel learns them faster (image_channels 1)"
            tell(f"the images of {images.path} are gray: {told}.")
    if not broken:
        return
    told = listed(list(broken), _TOLD)
    if folder is not None and len(broken) > _TOLD:
        told += f" (all in {folder / SCAN})"
    first = next(iter(broken.values()))
    if len(broken) > max(1.0, max_broken * len(images)) or len(broken) == len(images) or max_broken == 0:
        raise GPriorError(
            f"{len(broken)} of {len(images)} images of {images.path} are broken, more than the part {max_broken:g} "
            f"that may be: {told}. The first: {first} Repair or remove them, or allow more (max_broken)."
        )
    tell(f"{len(broken)} of {len(images)} images are broken and left out: {told}. The first: {first}")
    images.keep([index for index, name in enumerate(images.names) if name not in broken])


def _remembered(folder: Path | None, facts: dict[str, Any]) -> dict[str, str] | None:
    """What an earlier session found in the same files; None where there was none."""
    if folder is None:
        return None
    try:
        found = read_json(folder / SCAN)
        same = all(found.get(name) == value for name, value in facts.items())
        return {str(name): str(told) for name, told in found["broken"].items()} if same else None
    except (CheckpointError, KeyError, AttributeError):
        return None
