"""How the files of a restoration are read: what was observed of each picture, and what belongs to it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ImageFileError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.files import Cropping, ValueRange, load_image
from gprior_jax.images.frames import Frame
from gprior_jax.images.masks import ANY_GRAY, Gray, load_mask, load_masked, read_missing
from gprior_jax.images.opening import size_of
from gprior_jax.images.placement import placement
from gprior_jax.keys import folded, purpose
from gprior_jax.operators import Luma, box_mask, random_mask, stroke_mask
from gprior_jax.operators.masks import HALF, looks_inverted, missing_share
from gprior_jax.runs.aligning import Cropper, cropping
from gprior_jax.runs.items import Item
from gprior_jax.runs.reading import Plain as Plain
from gprior_jax.runs.reading import Reader as Reader
from gprior_jax.runs.small import Small as Small
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Key


@dataclasses.dataclass(frozen=True)
class Whole(Plain):
    """Pictures at the prior's resolution; ``gray`` takes their luma."""

    prior: Prior
    crop: Cropper = "center"
    gray: bool = False
    value_range: ValueRange = "auto"

    def observed(self, item: Item) -> Arrays:
        """The picture."""
        image = load_image(item.source, self.prior, cropping(self.crop, item), self.value_range)
        return {"observed": np.asarray(Luma()(jnp.asarray(image))) if self.gray else image}


@dataclasses.dataclass(frozen=True)
class Masked(Plain):
    """Pictures with a mask file each.

    Attributes:
        prior: whose resolution they get.
        masks: files by the items' sources.
        crop: how a picture and its mask become square.
        invert: white is missing.
        gray: what gray values of a mask mean.
        value_range: of files of more than 8 bits a sample.
        turn: what to do about a mask that is the wrong way round, for what is said.
    """

    prior: Prior
    masks: Mapping[Path, Path]
    crop: Cropper = "center"
    invert: bool = False
    gray: Gray = ANY_GRAY
    value_range: ValueRange = "auto"
    turn: str = "invert it"

    def _mask(self, item: Item) -> Path:
        if item.source not in self.masks:
            raise ImageFileError(f"{item.source} has no mask of its name.")
        return self.masks[item.source]

    def observed(self, item: Item) -> Arrays:
        """The picture, what is known of it, and how much is missing."""
        crop = cropping(self.crop, item)
        image, known = load_masked(
            item.source, self._mask(item), self.prior, crop, self.invert, self.gray, self.value_range
        )
        return {"observed": image} | _known(item, known, crop)

    def beside(self, item: Item) -> Arrays:
        """What is known, and how much is missing."""
        size, mask, crop = self.prior.resolution, self._mask(item), cropping(self.crop, item)
        known = load_mask(mask, size, crop, item.source, self.invert, self.gray)
        return _known(item, known, crop)

    def missing_at(self, item: Item, size: tuple[int, int]) -> np.ndarray | None:
        """Part of every pixel that is missing, ``[H, W]``, by a mask of the picture's own size; None for another."""
        missing = read_missing(self._mask(item), self.invert, self.gray)
        return missing if missing.shape == size[::-1] else None

    def note(self, item: Item, arrays: Arrays) -> str:
        """How much is missing."""
        return _share_told(item, arrays)

    def doubt(self, item: Item, arrays: Arrays) -> str:
        """Whether too much or nothing is missing, or the mask looks as if it was the other way round."""
        found = _share_doubted(item, arrays)
        if not looks_inverted(arrays["known"]):
            return found
        inside = f"and what is known lies together inside: {self._mask(item)} looks inverted; {self.turn}."
        return f"{found.removesuffix('.')}, {inside}"


@dataclasses.dataclass(frozen=True)
class DrawnMasks(Plain):
    """Pictures with masks that are made: one of ``box``, ``missing`` and ``strokes`` says which.

    Attributes:
        prior: whose resolution they get.
        key: of all masks together.
        crop: how a picture becomes square.
        box: side of a missing square in the centre, pixels.
        missing: part of the pixels that is missing at random.
        strokes: number of missing brush strokes.
        value_range: of files of more than 8 bits a sample.
    """

    prior: Prior
    key: Key
    crop: Cropper = "center"
    box: int | None = None
    missing: float | None = None
    strokes: int | None = None
    value_range: ValueRange = "auto"

    def observed(self, item: Item) -> Arrays:
        """The picture and what is known of it."""
        image = load_image(item.source, self.prior, cropping(self.crop, item), self.value_range)
        return {"observed": image} | self.beside(item)

    def beside(self, item: Item) -> Arrays:
        """What is known, and how much is missing."""
        size = self.prior.resolution
        key = purpose(folded(self.key, item.id), "mask")
        if self.box is not None:
            known = box_mask(size, self.box)
        elif self.missing is not None:
            known = random_mask(key, size, self.missing)
        else:
            known = stroke_mask(key, size, self.strokes or 0)
        if not np.asarray(known).any():
            raise ImageFileError(f"{item.source}: the mask hides every pixel of {size}x{size}: let less be missing.")
        return _known(item, np.asarray(known), "stretch")  # It is drawn over whatever a padded picture has around it.

    def missing_at(self, item: Item, size: tuple[int, int]) -> np.ndarray | None:
        """None: masks are drawn at the prior's resolution."""
        return None

    def note(self, item: Item, arrays: Arrays) -> str:
        """How much is missing."""
        return _share_told(item, arrays)

    def doubt(self, item: Item, arrays: Arrays) -> str:
        """Whether more than half is missing."""
        return _share_doubted(item, arrays)


def _known(item: Item, known: np.ndarray, crop: Cropping) -> Arrays:
    """A mask, and the part of the picture that it leaves out; what a padded one has around it does not count."""
    place = (0, 0, *known.shape[1::-1])
    if not isinstance(crop, Frame) and crop == "pad":
        place = placement(size_of(item.source), known.shape[0], crop).square
    left, top, right, bottom = place
    return {"known": known, "missing": np.asarray(missing_share(known[top:bottom, left:right]), np.float32)}


def _share_told(item: Item, arrays: Arrays) -> str:
    return f"{item.source.name}: {100 * float(arrays['missing']):.3g} % of it is missing."


def _share_doubted(item: Item, arrays: Arrays) -> str:
    if arrays["missing"] == 0:
        return f"{item.source.name}: its mask hides no pixel, there is nothing to fill."
    if arrays["missing"] > HALF:
        return f"{item.source.name}: more than half of it is missing, most of the result will be made up."
    return ""


def tells_consistency(share: float, consistency: float) -> bool:
    """Whether the consistency of an image of which a share is missing says anything about its result.

    It does not where hardly anything was known, nor where it is infinite, as the known pixels were copied, and most
    were not known.
    """
    return share <= _HARDLY_KNOWN and (share <= HALF or bool(np.isfinite(consistency)))


_HARDLY_KNOWN = 0.98
"""Missing part of a picture above which what was known of it proves nothing."""
