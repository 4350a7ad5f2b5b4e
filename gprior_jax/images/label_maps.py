"""Label maps out of files: every pixel is the number of a class, as programs that segment pictures write them."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gprior_jax.errors import ImageFileError
from gprior_jax.images.files import Cropping
from gprior_jax.images.masks import check_mask_size, region_of
from gprior_jax.images.opening import opened, size_of
from gprior_jax.images.remarks import remark
from gprior_jax.storage.names import listed

MOST_CLASSES = 100
"""In one picture; gray pictures have more values. ADE20K knows 150 classes, pictures of it show 40 at most."""

_REMEDY = "give a PNG in gray, or with a palette, whose values are numbers of classes"

_SHORT = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies gray values of two and of four bits by."""


def load_label_map(path: str | os.PathLike) -> np.ndarray:
    """Numbers of classes: gray values as they are stored, or the numbers of a palette's colours, whatever these are.

    Colours that are gray throughout count as gray. Transparency is of no importance.

    Returns:
        int32 ``[H, W]``, upright.

    Raises:
        ImageFileError: unreadable, of colours, of a format that changes values, or of more than :data:`MOST_CLASSES`.
    """
    with opened(Path(path)) as (image, _):
        if image.format in ("JPEG", "MPO"):
            raise ImageFileError(f"{path} is a JPEG, which changes numbers of classes at every edge: {_REMEDY}.")
        factor = _SHORT.get(_stored_as(image), 1)
        values = _numbers(ImageOps.exif_transpose(image), path) // factor
    count = len(np.unique(values))
    if count > MOST_CLASSES:
        raise ImageFileError(f"{path} holds {count} different values, as pictures do and label maps do not: {_REMEDY}.")
    return values


def _stored_as(image: Image.Image) -> str:
    """How Pillow unpacks the samples of a picture that is not loaded yet."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _numbers(image: Image.Image, path: str | os.PathLike) -> np.ndarray:
    if image.mode in ("LA", "La", "PA"):
        image = image.getchannel(0)
    values = np.asarray(image)
    if values.ndim == 3 and image.mode in ("RGB", "RGBA") and (values[..., :3] == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "bui" or values.min() < 0:
        raise ImageFileError(f"{path} holds {image.mode} pixels, no numbers of classes: {_REMEDY}.")
    return values.astype(np.int32)


def class_name(number: int) -> str:
    """What a class without a name is called."""
    return f"class_{number}"


def load_class_regions(
    path: str | os.PathLike,
    size: int,
    crop: Cropping = "center",
    like: str | os.PathLike | None = None,
    names: Mapping[int, str] | None = None,
) -> dict[str, np.ndarray]:
    """The region of every class of a label map; else as :func:`gprior_jax.images.masks.load_region` reads regions.

    Where it is reduced, a pixel is inside of a region if half of what it covers is; where three meet it may be in none.

    Args:
        path: the file.
        size: side of the result, pixels.
        crop: see :func:`gprior_jax.images.files.load_image`.
        like: the picture that it belongs to; a label map must have its proportions (those of CelebAMask-HQ have half
            the side of their pictures), or the side ``size``.
        names: of classes; those of one name are one region, those of the name ``""`` are none. Others are called by
            their numbers.

    Returns:
        ``{name: bool [size, size]}`` in the order of the numbers; each is somewhere, and not everywhere.

    Raises:
        ImageFileError: see :func:`load_label_map`; of other proportions, or one class alone.

    Warns:
        GPriorWarning: classes that are too small to be seen at this size.
    """
    values = load_label_map(path)
    picture = None if like is None else size_of(Path(like))
    if picture is not None and values.shape[1] * picture[1] == values.shape[0] * picture[0]:
        # The crop may be in the picture's pixels.
        values = np.asarray(Image.fromarray(values).resize(picture, Image.Resampling.NEAREST))
    check_mask_size(Path(path), values, size, picture, "label map")
    named: dict[str, list[int]] = {}
    for number in np.unique(values).tolist():
        named.setdefault((names or {}).get(number, class_name(number)), []).append(number)
    named.pop("", None)
    regions = {
        name: region_of(np.isin(values, numbers).astype(np.float32), size, crop) for name, numbers in named.items()
    }
    seen = {name: region for name, region in regions.items() if region.any() and not region.all()}
    if not seen:
        raise ImageFileError(f"{path} shows no region at {size}x{size}: it needs two classes or more.")
    if small := [name for name, region in regions.items() if not region.any()]:
        remark(f"{path}: at {size}x{size} nothing is seen of {listed(small, 5)}.")
    return seen
