"""``gprior upscale``."""

import dataclasses
from typing import Any, ClassVar

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import DownsampleFilter
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper
from gprior_jax.runs.measurements import Reader, Small
from gprior_jax.runs.pasting import Enlarged, Everything, Keeper
from gprior_jax.tasks import Task, upscaling


@dataclasses.dataclass(frozen=True, kw_only=True)
class Upscale(Restore):
    """Enlarge small photographs to the resolution of the prior.

    Attributes:
        factor: by how much, for all; unless given, for each the nearest whole factor from its side to the resolution
            of the prior. A picture whose side has another factor is resized first.
        filter: how the photographs were reduced (and with --simulate are): bicubic as Pillow, bilinear as mGANprior,
            area, lanczos, or pulse.
        consistent: change the result as little as it takes to reduce to the input again.
    """

    task_name: ClassVar[recipes.Task] = "upscale"

    factor: int | None = None
    filter: DownsampleFilter = "bicubic"
    consistent: bool = True

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """How pictures are reduced; by how much is each one's own, see :meth:`given`, unless that is simulated."""
        factor = self.factor if self.simulate else None
        return {"factor": factor, "filter": self.filter, "consistent": self.consistent}

    def given(self, item: Item, reader: Reader) -> str:
        """The factor, given or found."""
        side = 0 if self.simulate else reader.group(item)
        return f"side {side}" if side else ""

    def keeper(self, reader: Reader) -> Keeper:
        """Nothing: the photograph grows."""
        return Everything() if self.simulate or not isinstance(reader, Small) else Enlarged(reader=reader)

    def measurement(self, prior: Prior, items: list[Item], crop: Cropper) -> tuple[Task, Reader]:
        """Reduction by a filter, and small pictures as they are."""
        if self.simulate and self.factor is None:
            raise ArgumentError("--simulate needs --factor: by how much the inputs are to be reduced.")
        reader = Small(prior, self.factor, crop, self.value_range)
        return upscaling(self.factor, self.filter, self.consistent, prior.resolution), reader
