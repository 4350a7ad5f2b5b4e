"""The flags that commands share, each once, and what they stand for: which prior, which files."""

import dataclasses
import functools
import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.aligning import AlignFlags, PasteFlag
from gprior_jax.cli.model_facts import class_names, recommended_truncation
from gprior_jax.cli.reading import RangeFlag as RangeFlag
from gprior_jax.cli.reading import SearchFlag as SearchFlag
from gprior_jax.cli.sharing import RunFlags
from gprior_jax.cli.spreading import DevicesFlag
from gprior_jax.cli.telling import warn
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import freed, with_label
from gprior_jax.generators.prior import Prior, astype
from gprior_jax.generators.truncation import with_truncation
from gprior_jax.images.placement import Crop
from gprior_jax.inversion.classes import ClassSearch
from gprior_jax.runs import Item, find_items
from gprior_jax.runs.labels import with_labels
from gprior_jax.runs.pasting import Keeper, Paster

Dtype = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class JsonFlag:
    """The flag of every command.

    Attributes:
        json: print the results as JSON on standard output.
    """

    json: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFlags(JsonFlag):
    """Which prior.

    Attributes:
        model: bundled name (builtin, builtin:portraits, builtin:cells), model folder, or hf:OWNER/NAME of the Hugging
            Face Hub.
        seed: of everything that is drawn.
        batch_size: images at once; chosen by resolution unless given.
    """

    model: str = "builtin"
    seed: int = 0
    batch_size: int | None = None


def free_prior(prior: Prior, label: int | str, flag: str = "--label") -> Prior:
    """A prior held to no class, so that a flag chooses one.

    Raises:
        ArgumentError: it has none.
    """
    free = freed(prior)
    if not free.num_classes:
        raise ArgumentError(f"{flag} {label}: {prior} has no classes, leave it out.")
    return free


@dataclasses.dataclass(frozen=True, kw_only=True)
class PriorFlags(ModelFlags):
    """Which prior, and which of its classes.

    Attributes:
        label: class, from 0, of a prior with classes; instead of the one that a model folder is held to.
    """

    label: int | None = None

    def load_prior(self) -> Prior:
        """The prior, held to the class that is named.

        Raises:
            ArgumentError: a class of a prior that has none.
        """
        prior = zoo.load(self.model)
        if self.label is None:
            return prior
        free_prior(prior, self.label)  # Says so where there is no class.
        return with_label(prior, self.label)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TruncationFlag(ModelFlags):
    """The flag of what draws from a style-based prior.

    Attributes:
        truncation: psi of a style-based prior: what is drawn moves towards the mean below 1, inversions stay as found;
            unless given what the model's folder recommends (0.8 of the bundled ones), or 1. Of BigGAN-deep that of its
            codes and statistics, above 0 and up to 1, unless given its folder's.
    """

    truncation: float | None = None

    @functools.cached_property
    def psi(self) -> float:
        """The truncation of styles that is given, or recommended; 1 where :meth:`truncated` goes by it."""
        if self._of_statistics:
            return 1.0
        return recommended_truncation(self.model) if self.truncation is None else self.truncation

    @functools.cached_property
    def _of_statistics(self) -> bool:
        """Whether the prior has statistics for truncations, so that they are its own."""
        return "truncation" in zoo.read_config(zoo.resolve(self.model)).get("generator", {})

    def truncated(self, prior: Prior) -> Prior:
        """The prior, at the truncation that is given where it has statistics for several.

        Raises:
            ArgumentError: a prior without styles is to be truncated, or one out of the range of its statistics.
        """
        if self._of_statistics and self.truncation is not None:
            try:
                return with_truncation(prior, self.truncation)
            except ArgumentError as error:
                raise ArgumentError(f"--{error}") from None
        if self.psi != 1.0 and not prior.num_styles:
            raise ArgumentError(f"--truncation {self.psi}: {prior} has no styles to truncate, leave it out.")
        return prior


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderFlags(AlignFlags, PasteFlag, SearchFlag, RunFlags, PriorFlags, RangeFlag, DevicesFlag):
    """A run over many files.

    Attributes:
        inputs: image files, folders, quoted patterns, tar files, places in the cloud (gs://, s3://), and lists of
            these: @list.txt, one a line, or - for standard input.
        out: folder for the results: NAME.png (of sub/NAME.jpg sub_NAME.png), NAME.npz, run.json, history.csv,
            report.html.
        seed: of the run; each image's is folded from it and the image's name below the input.
        dtype: floating dtype of the network.
        crop: how a picture becomes square: center, stretch, or pad with gray.
        labels: instead of --label, classes of a prior with classes, one for each image: a .json or .csv file with names
            of files and classes; folders: of the class (its number or name) that an image's folder is named after; or
            search: every class is drawn, and the nearest 5 (search:8 for 8) are tried.
        save_every: seconds after which the states of images that are under way are saved, so that an interrupted run
            goes on in the middle of them; unless given they start again.
    """

    inputs: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    dtype: Dtype = "float32"
    crop: Crop = "center"
    labels: str | None = None
    save_every: float | None = None

    @property
    def class_search(self) -> ClassSearch | None:
        """How classes are searched for, if they are."""
        found = re.fullmatch(r"search(?::(\d+))?", self.labels or "")
        if found is None:
            return None
        try:
            return ClassSearch(int(found[1])) if found[1] else ClassSearch()
        except ArgumentError:
            raise ArgumentError(f"--labels {self.labels}: use at least search:1.") from None

    def find_items(self) -> list[Item]:
        """The inputs; what is left out of folders and patterns is told."""
        return find_items(self.inputs, self.recursive, without=self.out, tell=warn)

    def paster(self, keeper: Keeper) -> Paster | None:
        """What puts results back into their photographs, if that is asked for."""
        return Paster(self.out, self.crop, self.value_range, keeper) if self.paste else None

    def load_prior(self) -> Prior:
        """The prior, in the dtype; held to the class that is named, or to none where every image has its own.

        Raises:
            ArgumentError: a class of a prior that has none, or none of a prior with classes.
        """
        prior = super().load_prior()
        if self.labels is not None:
            if self.label is not None:
                raise ArgumentError("--label is one class for all, --labels has one for each: leave one of them out.")
            prior = free_prior(prior, self.labels, "--labels")
        elif prior.num_classes and getattr(self, "free_label", False):
            prior = with_label(prior, np.full(prior.num_classes, 1.0 / prior.num_classes, np.float32))
        elif prior.num_classes:
            told = ", ".join(class_names(self.model)) or "see its card"
            raise ArgumentError(
                f"{prior} has classes: give --label 0 to {prior.num_classes - 1} ({told}), or --labels with one for "
                "each image, or --labels search."
            )
        return prior if self.dtype == "float32" else astype(prior, self.dtype)

    def labelled(self, prior: Prior, items: list[Item]) -> list[Item]:
        """Items with their classes, where these are given."""
        if self.labels is None or self.class_search is not None:
            return items
        return with_labels(items, self.labels, prior.num_classes, class_names(self.model))
