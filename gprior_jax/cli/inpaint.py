"""``gprior inpaint``."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.masks import load_mask
from gprior_jax.keys import seeded
from gprior_jax.runs import Item
from gprior_jax.runs.measurements import DrawnMasks, Masked, Reader
from gprior_jax.tasks import Blend, Task, inpainting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inpaint(Restore):
    """Fill missing pixels.

    Attributes:
        mask: image file for all inputs, or folder with one of the same name for each: white where pixels are known,
            black where they are missing.
        invert_mask: white is missing, as in mGANprior's masks.
        box: instead of --mask: a centred square of so many pixels (of the prior's resolution) is missing.
        missing: instead of --mask: a random part of the pixels is missing, 0.8 for 80 %.
        strokes: instead of --mask: so many random brush strokes are missing.
        blend: how the filling meets the known pixels: paste, feather, poisson, or none for the plain reconstruction.
    """

    task_name: ClassVar[recipes.Task] = "inpaint"
    own_flags: ClassVar[tuple[str, ...]] = ("invert_mask", "box", "missing", "strokes", "blend")

    mask: Path | None = None
    invert_mask: bool = False
    box: int | None = None
    missing: float | None = None
    strokes: int | None = None
    blend: Blend = "paste"

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """Without what only a mask file has, where masks are drawn."""
        own = super().about(prior, reader)
        return own if self.mask is not None else own | {"invert_mask": False}

    def files(self, items: list[Item]) -> dict[Path, Path]:
        """The masks."""
        return {} if self.mask is None else self.match(self.mask, items, "--mask")

    def measurement(self, prior: Prior, items: list[Item]) -> tuple[Task, Reader]:
        """Pictures and their masks; wrong numbers are told before anything is made."""
        given = [name for name in ("mask", "box", "missing", "strokes") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ArgumentError("say once what is missing: --mask, --box, --missing or --strokes.")
        if self.mask is None:
            key = seeded(self.seed)
            drawn = DrawnMasks(prior, key, self.crop, self.box, self.missing, self.strokes)
            drawn.beside(items[0])
            return inpainting(self.blend), drawn
        if self.mask.is_file():
            load_mask(self.mask, prior.resolution, self.crop, invert=self.invert_mask)
        return inpainting(self.blend), Masked(prior, self.files(items), self.crop, self.invert_mask)
