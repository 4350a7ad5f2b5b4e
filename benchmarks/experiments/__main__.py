"""The experiments of the mGANprior paper as a program: ``python -m benchmarks.experiments --out DIR``."""

import dataclasses
import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.experiments import figures, mganprior, tables
from gprior_jax import interrupts, zoo
from gprior_jax.cli.checking import check_positive, values
from gprior_jax.cli.demo import load_group
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.main import guarded, run_command
from gprior_jax.cli.telling import StepBar, print_json, say
from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.storage.atomic import read_json, write_json
from gprior_jax.summary import check_same, fingerprint, versions
from gprior_jax.training.data import ImageZip


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentMGANPrior(JsonFlag):
    """Run the experiments of the mGANprior paper; one whose CSV file is there already is not run again.

    The same command goes on with an interrupted one, image by image.

    Attributes:
        out: folder for CSV files, pictures, figures and tables.md; in its folder runs, all that was inverted.
        data: zip file that the prior was trained on: the part that was held out is used; the bundled portraits and
            photographs unless given.
        foreign: zip file of images of another domain.
        model: a bundled prior or a model folder.
        other_model: likewise, of a prior of the other domain; one with classes searches for that of every image.
        only: names of experiments to run; all unless given.
        images: pictures of each domain.
        steps: steps of every inversion; the recipes' own unless given.
        samples: solutions per image of the tasks; their mean is reported beside the best.
        batch_size: images at once; all unless given.
        seed: seed of the runs.
        draw_only: only draw figures and tables again from the CSV files.
        json: print the mean figures as JSON on standard output.
    """

    out: Path
    data: Path | None = None
    foreign: Path | None = None
    model: str = "builtin"
    other_model: str | None = None
    only: tuple[str, ...] = ()
    images: int = 16
    steps: int | None = None
    samples: int = 4
    batch_size: int | None = None
    seed: int = 0
    draw_only: bool = False

    def run(self) -> int:
        """Run what is missing, then draw everything."""
        check_positive(self, "images", "steps", "samples", "batch_size")
        if unknown := [name for name in self.only if name not in mganprior.PARTS]:
            raise ArgumentError(f"--only {' '.join(unknown)}: use {', '.join(mganprior.PARTS)}.")
        self.out.mkdir(parents=True, exist_ok=True)
        if not self.draw_only:
            self._run_parts()
        written = figures.draw(self.out)
        if self.json:
            print_json(self._means())
        else:
            say(f"written: {', '.join(str(path) for path in written)}")
        return 0

    def _run_parts(self) -> None:
        lab = self._lab()
        about = values(self, "model", "other_model", "images", "steps", "samples", "seed")
        about |= {"data": _name(self.data), "foreign": _name(self.foreign), "versions": versions()}
        priors = {"weights": lab.prior, "other_weights": lab.other}
        about |= {name: None if prior is None else fingerprint(prior.params) for name, prior in priors.items()}
        known = read_json(self.out / "run.json") if (self.out / "run.json").exists() else {}
        for name, (run, _) in mganprior.PARTS.items():
            path = self.out / f"{name}.csv"
            if self.only and name not in self.only:
                continue
            if path.exists():
                found = known.get(name, about)
                there, now = _deciding(found, found), _deciding(about, found)
                check_same(there, now, f"{path} was made", "remove it or give another --out")
                continue
            say(f"experiment: {name}", self.json)
            # The settings of every experiment, since they need not be run together; before its CSV file, which ends it.
            rows = run(lab)
            known = known | {name: about}
            write_json(self.out / "run.json", known)
            tables.write_csv(path, rows)

    def _lab(self) -> mganprior.Lab:
        prior = zoo.load(self.model)
        if prior.critic is None:
            raise ArgumentError(
                f"{self.model} has no discriminator, whose features measure distance: give another --model."
            )
        found = (
            self._bundled(prior.resolution)
            if self.data is None
            else _held_out(self.data, self.images, prior.resolution)
        )
        foreign = (
            None
            if self.foreign is None
            else np.stack([*_held_out(self.foreign, self.images, prior.resolution).values()])
        )
        other = None if self.other_model is None else zoo.load(self.other_model)
        if other is not None and other.resolution > prior.resolution:
            raise ArgumentError(
                f"--other-model has {other.resolution} px, --model {prior.resolution}: use the larger as --model."
            )
        return mganprior.Lab(
            prior=prior,
            images=np.stack([*found.values()]),
            names=list(found),
            out=self.out,
            foreign=foreign,
            other=other,
            progress=StepBar,
            **values(self, "steps", "samples", "seed", "batch_size"),
        )

    def _bundled(self, size: int) -> dict[str, np.ndarray]:
        groups = [load_group(name, size) for name in ("portraits", "photographs")]
        return {name: image for group in groups for name, image in list(group.items())[: self.images]}

    def _means(self) -> dict[str, Any]:
        found = {name: (self.out / f"{name}.csv", settings) for name, (_, settings) in mganprior.PARTS.items()}
        means = {n: tables.means(tables.read_csv(path), s) for n, (path, s) in found.items() if path.exists()}
        return {n: [{k: _plain(v) for k, v in row.items()} for row in rows] for n, rows in means.items()}


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN: None stands for them."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _deciding(settings: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What decides results of some settings: models by their weights, or by their names where ``found`` has none."""
    left_out = ("model", "other_model") if "weights" in found else ("weights", "other_weights")
    return {name: value for name, value in settings.items() if name not in ("versions", *left_out)}


def _name(path: Path | None) -> str | None:
    return None if path is None else path.name


def _held_out(path: Path, count: int, size: int) -> dict[str, np.ndarray]:
    """Images of the zip that training never saw, evenly spread over the list."""
    images = ImageZip(path, "held_out")
    if len(images) < count:
        raise ArgumentError(f"{path} holds out {len(images)} images: use --images {len(images)} or fewer.")
    chosen = [int(i) for i in np.arange(count) * (len(images) // count)]
    return {Path(images.names[i]).stem: im.from_uint8(images.image(i, size)) for i in chosen}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; None takes the arguments from ``sys.argv``."""
    words = sys.argv[1:] if arguments is None else arguments
    work = partial(run_command, ExperimentMGANPrior, "python -m benchmarks.experiments", words, resumes=True)
    return interrupts.run(partial(guarded, work)) if arguments is None else guarded(work)


if __name__ == "__main__":
    sys.exit(main())
