"""What the commands that work on latent codes share: their flags, reading sources, writing pictures."""

import dataclasses
import functools
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gprior_jax import editing, zoo
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import PriorFlags, TruncationFlag, free_prior
from gprior_jax.cli.telling import check_drawn, print_json, say, told_seams, warn
from gprior_jax.editing import Point
from gprior_jax.editing.points import Variables
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images import arrays as im
from gprior_jax.images.files import resized, save_image
from gprior_jax.images.pasting import Finish
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.latents import Parametrization, Tuning
from gprior_jax.runs.edits import before
from gprior_jax.runs.keeping import Stays, Way, kept_in
from gprior_jax.runs.pasting import Photograph, photograph_of
from gprior_jax.runs.sources import read_points, split_source
from gprior_jax.runs.tuned import tuned_folder
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.summary import fingerprint

SpaceFlag = Literal["auto", "z", "w", "w_plus"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CodeCommand(PriorFlags, TruncationFlag):
    """Flags of all commands on codes.

    Attributes:
        seed: seed of draw: sources, as of gprior generate, and of what else is drawn.
        label: class of codes of a conditional prior, where a source names none.
        noise: of a style-based prior: const (stored with the weights) or none; inversions stay as found.
        size: side of a written picture, pixels; the prior's resolution unless given.
        space: of codes in files that do not name it (.npy, .pt): z, w, or w_plus (a w for every layer); auto goes by
            their shape, and refuses what may be z as well as w. w:FILE and the like go before it.
    """

    noise: Literal["const", "none"] = "const"
    size: int | None = None
    space: SpaceFlag = "auto"

    @functools.cached_property
    def psi(self) -> float:
        """As it is given, or recommended; of codes z, which an inversion may have been drawn with, 1 by itself."""
        return 1.0 if self.truncation is None and self.space == "z" else super().psi

    def check_flags(self, out: Path, written: Sequence[Path], sources: Sequence[str]) -> None:
        """Make sure that the flags are in range and that no source and no result will be written over.

        Raises:
            ArgumentError: they are not.
        """
        check_positive(self, "size", "batch_size")
        if out.is_dir():
            raise ArgumentError(f"--out {out} is a folder: name a file in it.")
        if (out.parent / "run.json").exists():
            raise ArgumentError(
                f"--out {out} would lie among a run's results (run.json): name a file in another folder."
            )
        for source in (Path(os.path.expanduser(split_source(source)[1])) for source in sources):
            if source.exists() and os.path.realpath(source) in map(os.path.realpath, written):
                raise ArgumentError(f"{source} would be written over: give another --out than {out}.")
        for path in filter(is_record, written):
            raise ArgumentError(f"{path} holds an inversion and would be written over: give another --out than {out}.")

    def prior(self) -> Prior:
        """The prior, prepared.

        Raises:
            ArgumentError: truncation, noise or a class of a prior that has none.
        """
        prior = zoo.load(self.model)
        if self.label is not None:
            prior = free_prior(prior, self.label)
        prior = self.truncated(prior)
        if self.noise != "const" and not prior.noise_sizes:
            raise ArgumentError(f"--noise {self.noise}: {prior} has no noise, leave it out.")
        return prepare(prior)

    def points(self, prior: Prior, sources: Sequence[str]) -> list[Point]:
        """All points of some sources, in order."""
        space = None if self.space == "auto" else self.space
        found = [
            point for source in sources for point in read_points(prior, source, self.seed, self.label, space, warn)
        ]
        inverted = next((point.name for point in found if point.parametrization is not None), None)
        if inverted is not None and self._of_statistics and self.truncation is not None:
            raise ArgumentError(
                f"--truncation {self.truncation} would draw {inverted} with other statistics than it was found with: "
                "leave it out."
            )
        plain = [point for point in found if not isinstance(point.parametrization, Tuning)]
        named = [point for point in plain if point.model not in (None, self.model)]
        own = fingerprint(prior.params) if named else ""
        others = {point.model: point.name for point in named if point.weights != own}  # Not: called something else.
        for model, name in others.items():
            warn(f"{name} was made with --model {model}: with {self.model} it may look like nothing.")
        return found

    def codes(self, prior: Prior, points: Sequence[Point], space: SpaceFlag) -> Variables:
        """Codes of points in one space, see :func:`gprior_jax.editing.codes`.

        Raises:
            ArgumentError: truncation of an inversion.
        """
        if tuned := [point for point in points if isinstance(point.parametrization, Tuning)]:
            self.tell_of_tuned(tuned[0])
        found = next((point.name for point in points if point.parametrization is not None), None)
        if space == "z" and self.psi != 1.0 and found is not None:
            raise ArgumentError(
                f"--truncation {self.truncation} would change {found}, which --space z renders with the drawn codes: "
                "leave one of the two flags out."
            )
        wanted = {"auto": None, "w_plus": "w"}.get(space, space)
        return editing.codes(prior, points, wanted, self.psi)

    def measured(self, points: Sequence[Point]) -> list[Stays | None]:
        """What stays of the picture of each point where it is edited."""
        known = [before(point, photograph=False) for point in points]
        for doubt in dict.fromkeys(each.doubt for each in known if each is not None and each.doubt):
            warn(doubt)
        return [None if each is None else each.measured for each in known]

    def tell_of_tuned(self, point: Point) -> None:
        """Say that only the generator that was tuned for an inversion draws what it found."""
        folder = tuned_folder(Path(point.name))
        if not Path(self.model).is_dir() or not folder.is_dir() or not Path(self.model).samefile(folder):
            warn(f"{point.name} is an image of a tuned generator, {folder}: with {self.model} its pivot is drawn.")

    def render(
        self,
        prior: Prior,
        variables: Variables,
        parametrization: Parametrization | None = None,
        measured: Stays | Way | None = None,
    ) -> np.ndarray:
        """Pictures of points, uint8 ``[T, S, S, 3]``, at the wanted size; with what stays of them."""
        count = len(next(iter(variables.values())))
        batch_size = self.batch_size or default_batch_size(prior.resolution, count)
        rendered = editing.render(
            prior,
            variables,
            parametrization,
            truncation_psi=self.psi,
            noise=self.noise,
            batch_size=batch_size,
        )
        check_drawn(rendered)
        pictures = im.to_uint8(kept_in(rendered, measured))
        return np.stack([resized(picture, self.size) for picture in pictures])

    def photograph(self, source: str, out: Path) -> Photograph:
        """The photograph of an inversion, for ``--paste``.

        Raises:
            ArgumentError: it has none, or it would be written over.
        """
        found = photograph_of(source)
        if self.size is not None:
            raise ArgumentError(f"--size {self.size}: with --paste the photograph keeps its own, leave it out.")
        if found.path.resolve() == out.resolve():
            raise ArgumentError(f"{found.path} would be written over: give another --out than {out}.")
        return found

    def tell(self, text: str, facts: Mapping[str, Any]) -> int:
        """Say what was done, with the ``"seam"`` that is among the facts; the exit code of success."""
        if self.json:
            print_json(facts)
        else:
            say(f"{text}; {told_seams([facts['seam']])}" if "seam" in facts else text)
        return 0


def write_picture(
    path: Path,
    picture: np.ndarray,
    photograph: Photograph | None = None,
    share: np.ndarray | None = None,
    finish: Finish | None = None,
) -> dict[str, Any]:
    """Write a PNG, of a picture or of a photograph with it; its folder is made.

    Args:
        path: the file.
        picture: uint8 ``[R, R, C]``.
        photograph: that it is pasted into.
        share: ``[R, R, 1]``, its part in that; None is all.
        finish: see :func:`gprior_jax.images.pasting.paste`.

    Returns:
        ``{"seam": ...}`` of a photograph, see :class:`gprior_jax.images.pasting.Seam`; None where all is covered.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if photograph is None:
        save_image(path, picture)
        return {}
    content, seam = photograph.pasted(picture, share, finish)
    write_bytes(path, content)
    return {"seam": None if seam is None else seam._asdict()}


def is_record(path: Path) -> bool:
    """Whether a file is the ``.npz`` of an image that ``gprior invert`` wrote."""
    try:
        with zipfile.ZipFile(path) as file:
            return "about.npy" in file.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def check_png(out: Path) -> None:
    """Raise :class:`ArgumentError` unless a file's name ends in ``.png``."""
    if out.suffix.lower() != ".png":
        raise ArgumentError(f"--out {out} is to be a picture: name a file that ends in .png.")
