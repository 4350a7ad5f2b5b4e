"""``gprior upscale``."""

import dataclasses
from typing import Any, ClassVar

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import DownsampleFilter
from gprior_jax.runs import Item
from gprior_jax.runs.measurements import Reader, Small, small_side
from gprior_jax.tasks import Task, upscaling


@dataclasses.dataclass(frozen=True, kw_only=True)
class Upscale(Restore):
    """Enlarge small photographs to the resolution of the prior.

    Attributes:
        factor: old side by new side; unless given, it follows from the size of the first input.
        filter: how the photographs were reduced (and with --simulate are): bicubic as Pillow, bilinear as mGANprior,
            area, lanczos, or pulse.
        consistent: change the result as little as it takes to reduce to the input again.
    """

    task_name: ClassVar[recipes.Task] = "upscale"

    factor: int | None = None
    filter: DownsampleFilter = "bicubic"
    consistent: bool = True

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """The factor, given or found, and how pictures are reduced."""
        side = reader.side if isinstance(reader, Small) else prior.resolution
        return {"factor": prior.resolution // side, "filter": self.filter, "consistent": self.consistent}

    def measurement(self, prior: Prior, items: list[Item]) -> tuple[Task, Reader]:
        """Reduction by a filter, and small pictures as they are."""
        if self.simulate and self.factor is None:
            raise ArgumentError("--simulate needs --factor: by how much the inputs are to be reduced.")
        side = small_side(prior, self.factor, items)
        return upscaling(prior.resolution // side, self.filter, self.consistent), Small(prior, side)
