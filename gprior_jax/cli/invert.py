"""``gprior invert``."""

import dataclasses

from gprior_jax import runs
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.filming import FilmFlags, tell_unfilmed
from gprior_jax.cli.flags import FolderFlags
from gprior_jax.cli.recipe_flags import RecipeFlags
from gprior_jax.cli.telling import StepBar, say, tell_outcome
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.keys import seeded
from gprior_jax.recipes import METHODS
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import with_faces
from gprior_jax.runs.pasting import Everything
from gprior_jax.runs.tuned import write_tuned


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invert(FilmFlags, FolderFlags, RecipeFlags):
    """Find the latent codes that explain photographs. The same command goes on with an interrupted run.

    Attributes:
        size: side of the written PNG, pixels; the prior's resolution unless given.
    """

    size: int | None = None

    def run(self) -> int:
        """Invert all inputs."""
        check_positive(self, "num_codes", "num_steps", "batch_size", "size", "patience")
        self.check_range()
        if not self.inputs:
            raise ArgumentError("nothing to invert: name image files, folders or quoted patterns.")
        items = self.find_items()
        prior = self.load_prior()
        job, items = self.job(prior, items)
        paster = self.paster(Everything())
        outcome = self.run_files(
            job,
            items,
            self.out,
            batch_size=self.batch_size or METHODS[self.method].batch_size,
            size=self.size,
            facts={"model": self.model, "method": self.method},
            watch=StepBar,
            finished=paster,
            save_every=self.save_every,
        )
        code = tell_outcome(outcome, self.json, paster)
        tell_unfilmed(job.filming, outcome)
        names = [entry.row["name"] for entry in outcome.entries]
        if self.method == "pti" and (folders := write_tuned(prior, self.out, names, self.model)):
            say(f"the tuned generators are model folders: {folders[0].parent}", self.json)
        return code

    def job(self, prior: Prior, named: list[Item]) -> tuple[runs.Inversion, list[Item]]:
        """What is done, and the inputs with all that decides the result of each."""
        recipe = self.recipe()
        crop = self.cropper(named, self.model, self.crop, self.value_range)
        items = with_faces(self.labelled(prior, named), crop)
        job = runs.Inversion(
            prior,
            recipe,
            seeded(self.seed),
            crop,
            self.spread_over,
            labels=self.labels is not None,
            value_range=self.value_range,
            filming=self.filming(self.out),
            search=self.class_search,
        )
        return job, items
