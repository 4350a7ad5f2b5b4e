"""``gprior invert``."""

import dataclasses

import jax

from gprior_jax import runs
from gprior_jax.cli.flags import FolderFlags, RecipeFlags, check_positive
from gprior_jax.cli.telling import StepBar, tell_outcome, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.recipes import METHODS
from gprior_jax.runs.pasting import Everything


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invert(FolderFlags, RecipeFlags):
    """Find the latent codes that explain photographs. The same command goes on with an interrupted run.

    Attributes:
        size: side of the written PNG, pixels; the prior's resolution unless given.
    """

    size: int | None = None

    def run(self) -> int:
        """Invert all inputs."""
        check_positive(self, "num_codes", "num_steps", "batch_size", "devices", "size")
        self.check_range()
        if not self.inputs:
            raise ArgumentError("nothing to invert: name image files, folders or quoted patterns.")
        items = runs.find_items(self.inputs)
        prior, recipe = self.load_prior(), self.recipe()
        job = runs.Inversion(
            prior, recipe, jax.random.key(self.seed), self.crop, self.devices, value_range=self.value_range
        )
        paster = self.paster(Everything())
        outcome = runs.run(
            job,
            items,
            self.out,
            batch_size=self.batch_size or METHODS[self.method].batch_size,
            size=self.size,
            facts={"model": self.model, "method": self.method},
            watch=StepBar,
            tell=warn,
            finished=paster,
        )
        return tell_outcome(outcome, self.json, paster)
