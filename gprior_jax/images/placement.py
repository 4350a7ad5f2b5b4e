"""Where a picture lies in the square that is made of it."""

from typing import Any, Literal, NamedTuple

from PIL import Image

from gprior_jax.errors import ArgumentError
from gprior_jax.images.frames import Frame, cut

Crop = Literal["center", "stretch", "pad"]
"""How a picture becomes square: its centre, all of it out of proportion, or all of it on a gray ground."""

Cropping = Crop | Frame
"""How one picture becomes square: all alike, or by a square of its own, turned as its face is."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, pixels."""


class Placement(NamedTuple):
    """What of a picture is in its square, and where.

    Attributes:
        picture: the part of the picture that the square shows, in the picture's pixels; it may end half-way in one.
        square: the part of the square that shows it, in whole pixels of the square.
    """

    picture: Box
    square: tuple[int, int, int, int]


class Turned(NamedTuple):
    """A turned square of a picture.

    Attributes:
        frame: the square.
        size: width and height of the picture, pixels.
    """

    frame: Frame
    size: tuple[int, int]


def placed(size: tuple[int, int], side: int, crop: Cropping) -> Placement | Turned:
    """Where a picture and its square lie to each other; see :func:`placement`."""
    return Turned(crop, size) if isinstance(crop, Frame) else placement(size, side, crop)


def placement(size: tuple[int, int], side: int, crop: Crop) -> Placement:
    """How a picture becomes a square.

    Args:
        size: width and height of the picture, pixels.
        side: of the square, pixels.
        crop: how.

    Raises:
        ValueError: another way to crop.

    >>> placement((300, 200), 64, "center").picture
    (50.0, 0.0, 250.0, 200.0)
    >>> placement((300, 200), 64, "pad").square
    (0, 10, 64, 53)
    """
    width, height = size
    if crop == "stretch":
        return Placement((0.0, 0.0, width, height), (0, 0, side, side))
    if crop == "center":
        shorter = min(size)
        left, top = (width - shorter) * 0.5, (height - shorter) * 0.5
        return Placement((left, top, left + shorter, top + shorter), (0, 0, side, side))
    if crop == "pad":
        wide, high = (max(1, round(length / max(size) * side)) for length in size)
        left, top = round((side - wide) * 0.5), round((side - high) * 0.5)
        return Placement((0.0, 0.0, width, height), (left, top, left + wide, top + high))
    raise ArgumentError(f"crop={crop!r}: use 'center', 'stretch' or 'pad'.")


def square(
    image: Image.Image,
    size: int,
    crop: Cropping,
    ground: Any = (128, 128, 128),
    resample: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """A picture as a square of a side, on a ground where it is padded; beyond a turned one pictures are mirrored."""
    if isinstance(crop, Frame):
        return cut(image, crop, size, resample, ground if image.mode == "F" else None)
    place = placement(image.size, size, crop)
    left, top, right, bottom = place.square
    inside = image.resize((right - left, bottom - top), resample, box=place.picture)
    if inside.size == (size, size):
        return inside
    whole = Image.new(image.mode, (size, size), ground)
    whole.paste(inside, (left, top))
    return whole
