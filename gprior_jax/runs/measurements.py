"""How the files of a restoration are read: what was observed of each picture, and what belongs to it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.files import MIN_SIDE, Crop, load_image, load_unscaled
from gprior_jax.images.masks import load_mask, load_masked
from gprior_jax.keys import purpose
from gprior_jax.operators import Luma, box_mask, random_mask, stroke_mask
from gprior_jax.runs.items import Item
from gprior_jax.tasks import Arrays, enlarging_factor
from gprior_jax.typing import Key


class Reader(Protocol):
    """Reads the files of a restoration."""

    def observed(self, item: Item) -> Arrays:
        """What was observed, ``"observed"``, and what else belongs to the item.

        Raises:
            ImageFileError: it cannot be used.
        """
        ...

    def beside(self, item: Item) -> Arrays:
        """What else belongs to an item whose observation is simulated."""
        ...


@dataclasses.dataclass(frozen=True)
class Whole:
    """Pictures at the prior's resolution; ``gray`` takes their luma."""

    prior: Prior
    crop: Crop = "center"
    gray: bool = False

    def observed(self, item: Item) -> Arrays:
        """The picture."""
        image = load_image(item.source, self.prior, self.crop)
        return {"observed": np.asarray(Luma()(jnp.asarray(image))) if self.gray else image}

    def beside(self, item: Item) -> Arrays:
        """Nothing."""
        return {}


@dataclasses.dataclass(frozen=True)
class Small:
    """Pictures that are smaller than the prior's, all of one side."""

    prior: Prior
    side: int

    def observed(self, item: Item) -> Arrays:
        """The picture as it is."""
        image = load_unscaled(item.source, self.prior.image_shape[-1])
        if image.shape[:2] != (self.side, self.side):
            raise ImageFileError(
                f"{item.source} is {image.shape[1]}x{image.shape[0]} pixels where {self.side}x{self.side} are enlarged "
                f"to {self.prior.resolution}x{self.prior.resolution}: resize it, or run it apart with another factor; "
                "an intact picture is reduced first when it is simulated."
            )
        return {"observed": image}

    def beside(self, item: Item) -> Arrays:
        """Nothing."""
        return {}


def small_side(prior: Prior, factor: int | None, items: list[Item]) -> int:
    """Side of pictures that are to be enlarged.

    Args:
        prior: to whose resolution.
        factor: by how much; None takes the first picture that can be read and has a whole factor.
        items: the pictures.

    Raises:
        ArgumentError: a factor that does not divide the resolution, or no picture that has one.
    """
    size = prior.resolution
    if factor is not None:
        if factor < 2 or size % factor or size // factor < MIN_SIDE:
            fitting = [str(f) for f in range(2, size // MIN_SIDE + 1) if size % f == 0]
            raise ArgumentError(
                f"factor {factor} does not divide the prior's {size} pixels into at least {MIN_SIDE}: use "
                f"{', '.join(fitting)}."
            )
        return size // factor
    why = ""
    for item in items:
        try:
            height, width = load_unscaled(item.source).shape[:2]
            return size // enlarging_factor(prior, (height, width))
        except ImageFileError as error:
            why = why or str(error)
        except ArgumentError as error:
            why = why or f"{item.source}: {error}"
    raise ArgumentError(why)


@dataclasses.dataclass(frozen=True)
class Masked:
    """Pictures with a mask file each.

    Attributes:
        prior: whose resolution they get.
        masks: files by the items' sources.
        crop: how a picture and its mask become square.
        invert: white is missing.
    """

    prior: Prior
    masks: Mapping[Path, Path]
    crop: Crop = "center"
    invert: bool = False

    def _mask(self, item: Item) -> Path:
        if item.source not in self.masks:
            raise ImageFileError(f"{item.source} has no mask of its name.")
        return self.masks[item.source]

    def observed(self, item: Item) -> Arrays:
        """The picture and what is known of it."""
        image, known = load_masked(item.source, self._mask(item), self.prior, self.crop, self.invert)
        return {"observed": image, "known": known}

    def beside(self, item: Item) -> Arrays:
        """What is known."""
        size = self.prior.resolution
        return {"known": load_mask(self._mask(item), size, self.crop, like=item.source, invert=self.invert)}


@dataclasses.dataclass(frozen=True)
class DrawnMasks:
    """Pictures with masks that are made: one of ``box``, ``missing`` and ``strokes`` says which.

    Attributes:
        prior: whose resolution they get.
        key: of all masks together.
        crop: how a picture becomes square.
        box: side of a missing square in the centre, pixels.
        missing: part of the pixels that is missing at random.
        strokes: number of missing brush strokes.
    """

    prior: Prior
    key: Key
    crop: Crop = "center"
    box: int | None = None
    missing: float | None = None
    strokes: int | None = None

    def observed(self, item: Item) -> Arrays:
        """The picture and what is known of it."""
        return {"observed": load_image(item.source, self.prior, self.crop)} | self.beside(item)

    def beside(self, item: Item) -> Arrays:
        """What is known."""
        size = self.prior.resolution
        key = purpose(jax.random.fold_in(self.key, item.id), "mask")
        if self.box is not None:
            known = box_mask(size, self.box)
        elif self.missing is not None:
            known = random_mask(key, size, self.missing)
        else:
            known = stroke_mask(key, size, self.strokes or 0)
        if not known.any():
            raise ImageFileError(f"{item.source}: the mask hides every pixel of {size}x{size}: let less be missing.")
        return {"known": np.asarray(known)}
