"""How small pictures are read, which are to be enlarged."""

import dataclasses

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import as_channels, picture_of
from gprior_jax.images.frames import Frame
from gprior_jax.images.opening import open_picture, size_of
from gprior_jax.images.placement import square
from gprior_jax.images.samples import ValueRange
from gprior_jax.runs.aligning import Cropper, cropping
from gprior_jax.runs.items import Item
from gprior_jax.runs.reading import Plain
from gprior_jax.tasks import Arrays


@dataclasses.dataclass(frozen=True)
class Small(Plain):
    """Pictures that are smaller than the prior's, each of a side that divides its resolution.

    Attributes:
        prior: to whose resolution they are enlarged.
        factor: by how much, for all; None takes for each the factor that is nearest to that of its side.
        crop: how a picture becomes square.
        value_range: of files of more than 8 bits a sample.
    """

    prior: Prior
    factor: int | None = None
    crop: Cropper = "center"
    value_range: ValueRange = "auto"

    def __post_init__(self):
        size = self.prior.resolution
        if self.factor is not None and (self.factor < 2 or size % self.factor):
            fitting = ", ".join(str(size // side) for side in reversed(small_sides(size)))
            raise ArgumentError(f"factor {self.factor}: it does not divide the prior's {size} pixels, use {fitting}.")

    def side(self, item: Item) -> int:
        """Side that an item is read at, pixels.

        Raises:
            ImageFileError: it cannot be read, or is not smaller than the prior's images.
        """
        size = self.prior.resolution
        if self.factor is not None:
            return size // self.factor
        own = self.own_side(item)
        if own >= size:
            width, height = size_of(item.source, smallest=1) if isinstance(self.crop, str) else (own, own)
            what = "" if isinstance(self.crop, str) else ": its square"
            raise ImageFileError(
                f"{item.source}{what} is {width}x{height} pixels, not smaller than the prior's {size}x{size}, so that "
                "there is nothing to enlarge: give a factor, by which it is reduced first, or a larger prior."
            )
        return min(small_sides(size), key=lambda side: (abs(side - own), side))

    def own_side(self, item: Item) -> int:
        """Side of the square of an item before it is resized, pixels."""
        crop = cropping(self.crop, item)
        if isinstance(crop, Frame):
            return max(1, round(crop.side))
        width, height = size_of(item.source, smallest=1)
        return min(width, height) if crop == "center" else max(width, height)

    def observed(self, item: Item) -> Arrays:
        """The picture as it is, or resized where its side is no part of the prior's."""
        side = self.side(item)
        channels = self.prior.image_shape[-1]
        picture = open_picture(item.source, picture_of(channels), smallest=1, value_range=self.value_range)
        crop = cropping(self.crop, item)
        if picture.size != (side, side) or isinstance(crop, Frame):
            picture = square(picture, side, crop)
        return {"observed": from_uint8(as_channels(picture, channels))}

    def doubt(self, item: Item, arrays: Arrays) -> str:
        """What a picture was resized to; those that are simulated are not."""
        if "truth" in arrays:
            return ""
        side, (width, height) = arrays["observed"].shape[0], size_of(item.source, smallest=1)
        if not isinstance(self.crop, str):
            width = height = self.own_side(item)
        if (width, height) == (side, side):
            return ""
        size, of_square = self.prior.resolution, "" if isinstance(self.crop, str) else " in its square"
        return (
            f"{item.source.name} is {width}x{height} pixels{of_square}: it is resized to {side}x{side} first, to be "
            f"enlarged {size // side} times to the prior's {size}x{size}."
        )

    def group(self, item: Item) -> int:
        """The side."""
        try:
            return self.side(item)
        except ImageFileError:
            return 0  # It is told when it is read.


def small_sides(size: int) -> list[int]:
    """Sides of which a resolution is a whole multiple, rising, without its own.

    >>> small_sides(12)
    [1, 2, 3, 4, 6]
    """
    return [side for side in range(1, size) if size % side == 0]
