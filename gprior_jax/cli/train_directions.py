"""``gprior train boundary`` and ``gprior train directions``."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gprior_jax import editing, zoo
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.codes import SpaceFlag
from gprior_jax.cli.flags import PriorFlags, TruncationFlag, free_prior
from gprior_jax.cli.telling import check_drawn, print_json, say, warn
from gprior_jax.editing.boundaries import REGULARIZATION, SPLIT, Boundary, Method
from gprior_jax.editing.spread import measure_deviations
from gprior_jax.editing.strips import STRENGTHS, drawn, moved
from gprior_jax.editing.unsupervised import Found, check_layers, ganspace, local_directions, sefa
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.runs.directions import read_directions
from gprior_jax.runs.directions_file import about_model, is_direction, save_direction
from gprior_jax.runs.scores import Scores, class_scores, read_scores
from gprior_jax.runs.sources import read_points
from gprior_jax.runs.training_codes import TrainingCodes, read_training_codes
from gprior_jax.storage.atomic import new_folder

STRIP_CODES = 3
"""Rows of a strip."""


def layers_of(prior: Prior, text: str | None) -> tuple[int, ...] | None:
    """Style layers of a flag: coarse, middle, fine, or numbers (0-3, 5, 4-)."""
    if text is None:
        return None
    if not prior.num_styles:
        raise ArgumentError(f"--layers {text}: {prior} has no style layers, leave it out.")
    return check_layers(prior, range(*editing.style_range(text, prior.num_styles)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainBoundary(PriorFlags):
    """Find the boundary in a latent space between pictures that have an attribute and those that do not.

    Attributes:
        codes: files of codes (.npz, .npy, .pt), or folders that gprior invert wrote; several in their order. z:FILE,
            w:FILE and w_plus:FILE name the space of a file that does not.
        scores: of the attribute, a file: a number for each code (.npy, .json, or lines of a .csv), or for each picture
            of gprior invert by its name (.json, .csv).
        labels: instead, classes of the pictures of gprior invert: a .json or .csv file with names and classes, or
            folders: the class is what a picture's folder is called.
        positive: the class that scores 1, the others score 0; of 0 and 1 it is 1.
        out: file to write, .npz; positive is towards the higher score.
        name: of the attribute; the file's unless given.
        method: svm (linear, as published) and logistic (regression) need the extra "edit", mean (difference of the
            means) does not.
        chosen: codes of the highest scores and as many of the lowest that are used: a part of all up to 0.5, or a
            number; 0.02 as published, or 1,000 or a third of all, the smaller, if that is more, unless given.
        split: part of them that is trained on; the others validate.
        regularization: C of scikit-learn, for codes of unit deviation; 1 is the published one.
        invalid_value: score of codes that have none.
        space: of the boundary: z, w (of codes with a style for every layer: of their mean) or w_plus; auto: that of
            the codes. It is also that of codes in files that do not name theirs.
        layers: style layers that it is meant for: coarse, middle, fine, or numbers (0-3, 5, 4-); all unless given.
        conditions: files of boundaries that moving along this one is to keep: it is made orthogonal to them.
    """

    codes: tuple[str, ...]
    out: Path
    scores: Path | None = None
    labels: str | None = None
    positive: str | None = None
    name: str | None = None
    method: Method = "svm"
    chosen: float | None = None
    split: float = SPLIT
    regularization: float = REGULARIZATION
    invalid_value: float | None = None
    space: SpaceFlag = "auto"
    layers: str | None = None
    conditions: tuple[str, ...] = ()

    def run(self) -> int:
        """Train and write."""
        check_direction_file(self.out)
        if (self.scores is None) == (self.labels is None):
            raise ArgumentError("give --scores of the codes, or --labels of their pictures, one of them.")
        prior = zoo.load(self.model)
        conditions = [
            each for path in self.conditions for each in read_directions(path, prior, tell=warn, model=self.model)
        ]
        if self.label is not None:
            free_prior(prior, self.label)
        layers = layers_of(prior, self.layers)
        space = None if self.space == "auto" else self.space
        found = read_training_codes(prior, self.codes, space, self.seed, self.label, warn)
        scores, positive = self._scores(found)
        name = self.name or self.out.stem
        boundary = editing.train_boundary(
            found.rows[scores.known],
            scores.values[scores.known],
            found.space,
            method=self.method,
            chosen=self.chosen,
            split=self.split,
            regularization=self.regularization,
            invalid_value=self.invalid_value,
            seed=self.seed,
            name=name,
        )
        direction = dataclasses.replace(boundary.direction, layers=layers if found.space != "z" else None)
        direction = editing.project_out(direction, conditions)
        [direction] = measure_deviations(prior, [dataclasses.replace(direction, name=name)])
        facts = self._facts(boundary, positive)
        save_direction(self.out, direction, facts | about_model(prior, self.model))
        return self._tell(boundary, facts | {"deviation": direction.deviation, "offset": direction.offset})

    def _scores(self, codes: TrainingCodes) -> tuple[Scores, str | None]:
        if self.scores is not None:
            if self.positive is not None:
                raise ArgumentError(f"--positive {self.positive} is a class of --labels: leave it out.")
            scores, positive = read_scores(self.scores, codes.sources), None
        else:
            scores, positive = class_scores(str(self.labels), self.positive, codes.sources)
        if missing := int(np.sum(~scores.known)):
            warn(f"{missing} of {len(scores.known)} codes have no score and are left out.")
        return scores, positive

    def _facts(self, boundary: Boundary, positive: str | None) -> dict[str, Any]:
        numbers = {field: getattr(boundary, field) for field in Boundary._fields if field != "direction"}
        facts = numbers | {"split": self.split, "chosen": self.chosen, "seed": self.seed}
        facts |= {} if self.method == "mean" else {"regularization": self.regularization}
        facts |= {} if positive is None else {"positive": positive}
        return (
            {"kind": "boundary"}
            | facts
            | ({"conditions": [str(c) for c in self.conditions]} if self.conditions else {})
        )

    def _tell(self, boundary: Boundary, facts: dict[str, Any]) -> int:
        if self.json:
            print_json({"out": str(self.out), "space": boundary.direction.space} | facts)
            return 0
        rest = f", of {boundary.rested} others {boundary.rest:.1%}" if boundary.rest is not None else ""
        say(
            f"{self.out}: boundary in {boundary.direction.space} from {boundary.trained} codes; on the right side are "
            f"{boundary.validation:.1%} of {boundary.validated} codes kept out{rest}"
        )
        return 0


def check_direction_file(out: Path) -> None:
    """Raise :class:`ArgumentError` unless a direction can be written there, over one at most."""
    if out.suffix.lower() != ".npz" or out.is_dir():
        raise ArgumentError(f"--out {out} is to be a file of a direction: name one that ends in .npz.")
    if out.exists() and not is_direction(out):
        raise ArgumentError(f"--out {out} holds something else and would be written over: name another file.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainDirections(PriorFlags, TruncationFlag):
    """Find directions of a latent space that no label is needed for, and draw a strip of each.

    Attributes:
        method: sefa (what the layers' weights lengthen most), ganspace (principal components of w, or of features with
            --layer), local (what changes the picture most around --code).
        out: folder to make, with NAME.npz for gprior edit and NAME.png, codes moved by -3 to 3 deviations.
        num: of directions.
        layers: style layers that are looked at (sefa, local) and moved: coarse, middle, fine, or numbers (0-3, 5, 4-);
            all unless given.
        layer: of ganspace and local: the features after so many layers in place of w or of the picture.
        samples: codes to draw, of ganspace: 10,000 for w and 2,000 for features unless given.
        code: of local: seed:7 (seed:7@3 of class 3), draw:5, a result of gprior invert.
        label: class of --code, of a prior with classes, where it names none.
        seed: of what is drawn.
    """

    method: Literal["sefa", "ganspace", "local"]
    out: Path
    num: int = 10
    layers: str | None = None
    layer: int | None = None
    samples: int | None = None
    code: str | None = None

    def run(self) -> int:
        """Find, draw and write."""
        check_positive(self, "num", "layer", "samples", "batch_size")
        self._check()
        prior = zoo.load(self.model)
        prior = prepare(self.truncated(prior))
        layers = layers_of(prior, self.layers)
        with new_folder(self.out) as folder:
            codes = drawn(prior, STRIP_CODES, self.seed, self.psi)
            found = self._find(prior, layers, codes)
            directions = measure_deviations(prior, [each.direction for each in found])
            for direction, each in zip(directions, found, strict=True):
                facts = {"kind": self.method, "value": each.value, "layer": self.layer, "code": self.code}
                facts |= {"samples": self.samples, "seed": self.seed} | about_model(prior, self.model)
                save_direction(folder / f"{direction.name}.npz", direction, facts)
                pictures = editing.render(prior, moved(codes, direction, STRENGTHS), batch_size=self.batch_size or 8)
                check_drawn(pictures)
                save_image(folder / f"{direction.name}.png", im.grid(im.to_uint8(pictures), len(STRENGTHS)))
        return self._tell(prior, directions, found)

    def _check(self) -> None:
        given = {"layer": self.layer, "samples": self.samples, "code": self.code}
        takes = {"sefa": (), "ganspace": ("layer", "samples"), "local": ("layer", "code")}[self.method]
        if foreign := [name for name, value in given.items() if value is not None and name not in takes]:
            raise ArgumentError(f"--{foreign[0]} is not for --method {self.method}: leave it out.")

    def _find(self, prior: Prior, layers: tuple[int, ...] | None, codes: dict[str, np.ndarray]) -> list[Found]:
        """The directions; those of local go first among the codes that strips show."""
        if self.method == "sefa":
            return sefa(prior, self.num, layers)
        if self.method == "ganspace":
            batch = self.batch_size or 16
            return ganspace(
                prior,
                self.num,
                layers,
                features_at=self.layer,
                samples=self.samples,
                seed=self.seed,
                batch_size=batch,
            )
        points = read_points(prior, self.code or "seed:0", self.seed, self.label, None, warn)
        if len(points) != 1:
            raise ArgumentError(f"--code {self.code} names {len(points)} codes: name one.")
        own = editing.codes(prior, points, "w" if prior.num_styles else "z", self.psi)
        for name, values in own.items():
            codes[name] = np.concatenate([values, codes[name][1:]])
        code, label = (own["w_plus"], None) if prior.num_styles else (own["z"], own.get("label"))
        return local_directions(
            prior,
            code[0],
            num=self.num,
            layers=layers,
            features_at=self.layer,
            label=None if label is None else label[0],
        )

    def _tell(self, prior: Prior, directions: Sequence[editing.Direction], found: Sequence[Found]) -> int:
        rows = [
            {"name": direction.name, "value": each.value, "deviation": direction.deviation}
            for direction, each in zip(directions, found, strict=True)
        ]
        if self.json:
            print_json({"out": str(self.out), "space": directions[0].space, "directions": rows})
        else:
            say(f"{len(rows)} directions in {directions[0].space} of {prior.name}, with a strip of each, in {self.out}")
        return 0
