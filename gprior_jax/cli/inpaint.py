"""``gprior inpaint``."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from gprior_jax import recipes
from gprior_jax.cli.checking import flag_of, mask_gray
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.masks import HALF_WHITE, load_mask
from gprior_jax.keys import seeded
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper
from gprior_jax.runs.measurements import DrawnMasks, Masked, Reader
from gprior_jax.runs.pasting import Everything, Holes, Keeper
from gprior_jax.tasks import Blend, Task, inpainting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inpaint(Restore):
    """Fill missing pixels.

    Attributes:
        mask: image file for all inputs, or folder with one of the same name for each: white where pixels are known,
            black where they are missing.
        invert_mask: white is missing, as in mGANprior's masks.
        threshold: gray pixels of a mask are white from this part of white up; a half unless given.
        soft_mask: gray pixels of a mask say how much they count, and how much of them is kept.
        box: instead of --mask: a centred square of so many pixels (of the prior's resolution) is missing.
        missing: instead of --mask: a random part of the pixels is missing, 0.8 for 80 %.
        strokes: instead of --mask: so many random brush strokes are missing.
        blend: how the filling meets the known pixels: paste, feather, poisson, or none for the plain reconstruction.
    """

    task_name: ClassVar[recipes.Task] = "inpaint"
    own_flags: ClassVar[tuple[str, ...]] = (
        "invert_mask",
        "threshold",
        "soft_mask",
        "box",
        "missing",
        "strokes",
        "blend",
    )

    mask: Path | None = None
    invert_mask: bool = False
    threshold: float | None = None
    soft_mask: bool = False
    box: int | None = None
    missing: float | None = None
    strokes: int | None = None
    blend: Blend = "paste"

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """As flags would have it that name the defaults: a soft mask has no threshold, another one half of white."""
        gray = mask_gray(self.threshold, self.soft_mask)
        threshold = None if gray.weights else gray.threshold or HALF_WHITE
        return super().about(prior, reader) | {"threshold": threshold if self.mask is not None else None}

    def files(self, items: list[Item]) -> dict[Path, Path]:
        """The masks."""
        return {} if self.mask is None else self.match(self.mask, items, "--mask")

    def keeper(self, reader: Reader) -> Keeper:
        """What is known, unless the plain reconstruction is wanted."""
        if self.blend == "none" or not isinstance(reader, Masked | DrawnMasks):
            return Everything()
        return Holes(reader=reader, feather=self.blend == "feather")

    def measurement(self, prior: Prior, items: list[Item], crop: Cropper) -> tuple[Task, Reader]:
        """Pictures and their masks; wrong numbers are told before anything is made."""
        given = [name for name in ("mask", "box", "missing", "strokes") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ArgumentError("say once what is missing: --mask, --box, --missing or --strokes.")
        if self.mask is None:
            for name in ("invert_mask", "threshold", "soft_mask"):
                if getattr(self, name):
                    raise ArgumentError(f"{flag_of(name)} is for --mask: leave it out.")
            key = seeded(self.seed)
            drawn = DrawnMasks(prior, key, crop, self.box, self.missing, self.strokes, self.value_range)
            drawn.beside(items[0])
            return inpainting(self.blend), drawn
        gray = mask_gray(self.threshold, self.soft_mask)
        if self.mask.is_file():
            whole = crop if isinstance(crop, str) else "stretch"
            load_mask(self.mask, prior.resolution, whole, invert=self.invert_mask, gray=gray)
        turn = "leave out --invert-mask" if self.invert_mask else "--invert-mask turns it round"
        files = self.files(items)
        reader = Masked(prior, files, crop, self.invert_mask, gray, self.value_range, turn)
        return inpainting(self.blend), reader
