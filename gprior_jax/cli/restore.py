"""``gprior colorize``, ``upscale``, ``inpaint``, ``denoise`` and ``deblur``: what they share."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gprior_jax import recipes, runs
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.filming import FilmFlags, tell_unfilmed
from gprior_jax.cli.flags import FolderFlags
from gprior_jax.cli.recipe_flags import RecipeFlags
from gprior_jax.cli.telling import StepBar, say, tell_outcome, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.batching import inversion_batch_size
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.keys import seeded
from gprior_jax.objectives import Distance
from gprior_jax.recipes import METHODS
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper, with_faces
from gprior_jax.runs.calibrations import check_calibrated, read_calibration
from gprior_jax.runs.measurements import Reader
from gprior_jax.runs.pasting import Everything, Keeper
from gprior_jax.tasks import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Restore(FilmFlags, FolderFlags, RecipeFlags):
    """Flags that all restoration commands have.

    Attributes:
        out: folder for the results: NAME.png, NAME.npz, measured/, reconstruction/, run.json, history.csv, report.html;
            with several samples also samples/, mean/ and std/.
        num_codes: latent codes per image, of mganprior; the preset's unless given.
        layer: composing layer, of mganprior; the preset's, scaled to the depth of the prior, unless given.
        samples: distinct solutions per image, ranked by their objective.
        distance: how pixels are compared: mse, or the robust l1 and huber; the task's unless given.
        truth: file or folder of intact pictures of the same names, to compute metrics against.
        simulate: the inputs are intact pictures: degrade them first, and compute metrics against them.
        intervals: file of gprior calibrate: also write between which values the intact picture lies, at its level, low/
            and high/, and a map of how far these are apart, width/. It needs the settings that were calibrated.
    """

    task_name: ClassVar[recipes.Task]
    own_flags: ClassVar[tuple[str, ...]] = ()
    """Flags of the command that decide results."""

    samples: int = 1
    distance: Distance | None = None
    truth: Path | None = None
    simulate: bool = False
    intervals: Path | None = None

    def measurement(self, prior: Prior, items: list[Item], crop: Cropper) -> tuple[Task, Reader]:
        """What the command undoes, and how its files are read."""
        raise NotImplementedError

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """What decides results of the command's own flags, as JSON; what does not decide them now is left out."""
        return {name: _plain(getattr(self, name)) for name in self.own_flags}

    def given(self, item: Item, reader: Reader) -> str:
        """What decides an item's result and not those of others."""
        return ""

    def keeper(self, reader: Reader) -> Keeper:
        """What of a photograph stays as it is, where its result is pasted."""
        return Everything()

    def files(self, items: list[Item]) -> dict[Path, Path]:
        """Another file that the result of an item depends on (its mask), by the item's source."""
        return {}

    def match(self, path: Path, items: list[Item], flag: str) -> dict[Path, Path]:
        """Files of a flag that belong to items."""
        return runs.match_files(path, items, flag, self.recursive)

    def run(self) -> int:
        """Restore all inputs."""
        check_positive(self, "num_codes", "num_steps", "samples", "restarts", "batch_size", "patience")
        self.check_range()
        if not self.inputs:
            raise ArgumentError(f"nothing to {self.task_name}: name image files, folders or quoted patterns.")
        if self.simulate and self.truth is not None:
            raise ArgumentError("--simulate takes the inputs themselves as the ground truth: leave out --truth.")
        self.filming(self.out)  # Says what is wrong with it before anything is loaded.
        prior, named = self.load_prior(), self.find_items()
        job, items = self.job(prior, named)
        job = self._with_intervals(job)
        paster = self.paster(self.keeper(job.reader))
        outcome = self.run_files(
            job,
            items,
            self.out,
            batch_size=self.batch_size or self._default_batch_size(prior, self.share_size(items)),
            facts={"model": self.model, "method": self.method},
            watch=StepBar,
            finished=paster,
            save_every=self.save_every,
        )
        missing = [] if self.truth is None else [i.source.name for i in items if i.source not in job.truths]
        tell_unfilmed(job.filming, outcome)
        for name in missing:
            warn(f"{name} has no ground truth of this name in {self.truth}: it was restored without metrics.")
        return max(tell_outcome(outcome, self.json, paster), 1 if missing or job.spoilt else 0)

    def job(self, prior: Prior, named: list[Item]) -> tuple[runs.Restoring, list[Item]]:
        """What is done, and the inputs with all that decides the result of each."""
        truths = {} if self.truth is None else self.match(self.truth, named, "--truth")
        files = self.files(named)
        items = [i._replace(companions=tuple(f[i.source] for f in (files, truths) if i.source in f)) for i in named]
        items = self.labelled(prior, items)
        crop = self.cropper(items, self.model, self.crop, self.value_range)
        task, reader = self.measurement(prior, items, crop)
        items = [item._replace(given=self.given(item, reader)) for item in items]
        items = with_faces(items, crop)
        job = runs.Restoring(
            prior,
            self.task_recipe(prior, task),
            seeded(self.seed),
            task,
            reader,
            about=self.about(prior, reader),
            samples=self.samples,
            simulate=self.simulate,
            truths=truths,
            crop=crop,
            devices=self.spread_over,
            tell=warn,
            labels=self.labels is not None,
            value_range=self.value_range,
            say=partial(say, as_json=self.json),
            filming=self.filming(self.out),
            search=self.class_search,
        )
        return job, items

    def _with_intervals(self, job: runs.Restoring) -> runs.Restoring:
        """The job with the intervals that are wanted, if they were calibrated for it."""
        if self.intervals is None:
            return job
        calibrated = read_calibration(self.intervals)
        check_calibrated(self.intervals, calibrated, job.settings())
        return dataclasses.replace(job, calibrated=calibrated)

    def task_recipe(self, prior: Prior, task: Task) -> Recipe:
        """The recipe that the flags describe; of mganprior the task's, of other methods their own."""
        pixels = task.pixels
        if self.distance is not None:
            # A floor is a mean square: another distance goes without.
            pixels = recipes.PixelSettings(self.distance, pixels.floor if self.distance == "mse" else 0.0)
        if self.method == "mganprior":
            return self.with_ends(recipes.restoration(task.name, prior, **pixels._asdict(), **self.arguments()))
        return recipes.with_pixels(self.recipe(), pixels)

    def _default_batch_size(self, prior: Prior, images: int) -> int:
        """Images whose samples together are as many as a batch of an inversion has."""
        if own := METHODS[self.method].batch_size:
            return own
        return max(1, min(images, inversion_batch_size(prior.resolution, images * self.samples) // self.samples))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path | np.generic) else value
