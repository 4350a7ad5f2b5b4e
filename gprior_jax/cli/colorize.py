"""``gprior colorize``."""

import dataclasses
from typing import ClassVar

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.generators.prior import Prior
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper
from gprior_jax.runs.measurements import Reader, Whole
from gprior_jax.runs.pasting import Everything, Keeper, keep_own_luma
from gprior_jax.tasks import COLORIZE, Task, check_colours


@dataclasses.dataclass(frozen=True, kw_only=True)
class Colorize(Restore):
    """Colour gray photographs; of coloured ones the luma is taken."""

    task_name: ClassVar[recipes.Task] = "colorize"

    def keeper(self, reader: Reader) -> Keeper:
        """The luma of the photograph."""
        return Everything(keep_own_luma)

    def measurement(self, prior: Prior, items: list[Item], crop: Cropper) -> tuple[Task, Reader]:
        """The luma of every picture, which stays; the chroma is the prior's."""
        check_colours(prior)
        return COLORIZE, Whole(prior, crop, gray=True, value_range=self.value_range)
