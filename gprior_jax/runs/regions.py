"""Regions of pictures that maps are compared with, out of mask files and label maps."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gprior_jax.editing import Point
from gprior_jax.errors import ArgumentError
from gprior_jax.images.label_maps import load_class_regions
from gprior_jax.images.listing import suffixes
from gprior_jax.images.masks import ANY_GRAY, Gray, load_region
from gprior_jax.runs.edits import known_photograph, own_file
from gprior_jax.runs.names import as_text
from gprior_jax.storage.names import is_hidden


def read_regions(
    masks: Path, point: Point, name: str, resolution: int, invert: bool = False, gray: Gray = ANY_GRAY
) -> dict[str, np.ndarray]:
    """The regions of one result, bool ``[R, R]``, by the stems of their files.

    Args:
        masks: a mask, or a folder of them; of a folder in it with the result's name, those.
        point: the result; a mask may have the size of its photograph, and becomes square as that did.
        name: of its files.
        resolution: R.
        invert: regions are black.
        gray: what gray values mean.

    Raises:
        GPriorError: no mask, two of a name, or one that shows no region.
    """
    own = masks / name if (masks / name).is_dir() else masks
    files = [own]
    if own.is_dir():
        files = sorted(f for f in own.iterdir() if f.suffix.lower() in suffixes() and not is_hidden(f.name))
        if not files:
            raise ArgumentError(f"{own} holds no masks: put images into it that are white inside of a region.")
    elif not own.is_file():
        raise ArgumentError(f"the mask {own} does not exist: name an image, or a folder of them.")
    found = known_photograph(point)
    crop, like = (found.crop, found.path) if found else ("center", None)
    regions: dict[str, np.ndarray] = {}
    for file in files:
        region = as_text(file.stem)
        if region in regions:
            raise ArgumentError(f"{own} holds two masks called {region}: rename one.")
        regions[region] = load_region(file, resolution, crop, like, invert, gray)
    return regions


def read_classes(
    maps: Path, point: Point, name: str, resolution: int, names: Mapping[int, str] | None = None
) -> dict[str, np.ndarray]:
    """The classes of a result's label map as regions, bool ``[R, R]``, by their names.

    Args:
        maps: a label map, or a folder with one that is called like the result.
        point: the result; its label map may have the size of its photograph, and becomes square as that did.
        name: of its files.
        resolution: R.
        names: of classes, see :func:`gprior_jax.images.label_maps.load_class_regions`.

    Raises:
        GPriorError: no label map, or one that shows no regions.
    """
    file = own_file(maps, (name, Path(point.name).stem), "label map")
    found = known_photograph(point)
    crop, like = (found.crop, found.path) if found else ("center", None)
    return load_class_regions(file, resolution, crop, like, names)
