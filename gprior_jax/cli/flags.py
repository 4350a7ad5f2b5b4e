"""The flags that commands share, each once, and what they stand for."""

import dataclasses
import functools
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from tyro import conf

from gprior_jax import zoo
from gprior_jax.checks import check_fields
from gprior_jax.cli.aligning import AlignFlags, PasteFlag
from gprior_jax.cli.model_facts import class_names, recommended_truncation
from gprior_jax.cli.reading import RangeFlag as RangeFlag
from gprior_jax.cli.reading import SearchFlag as SearchFlag
from gprior_jax.cli.sharing import RunFlags
from gprior_jax.cli.spreading import DevicesFlag
from gprior_jax.cli.telling import warn
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior, astype
from gprior_jax.generators.truncation import with_truncation
from gprior_jax.images.masks import Gray
from gprior_jax.images.placement import Crop
from gprior_jax.inversion.classes import ClassSearch
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.keys import check_seed
from gprior_jax.objectives import Network
from gprior_jax.recipes import METHODS, Preset, find_method
from gprior_jax.runs import Item, find_items
from gprior_jax.runs.labels import with_labels
from gprior_jax.runs.pasting import Keeper, Paster

Dtype = Literal["float32", "bfloat16"]


def _methods_told(default: str) -> str:
    """What follows the help of ``--method``; made when it is asked for, as plugins add methods."""
    told = "; ".join(f"{method.name}: {method.summary}" for method in METHODS.values())
    return f"({told}; default: {default})"


MethodName = Annotated[str, conf.arg(metavar="METHOD", help_behavior_hint=_methods_told)]
Codes = Annotated[int | None, conf.arg(name="codes")]
Steps = Annotated[int | None, conf.arg(name="steps")]


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
    free = dataclasses.replace(prior, label=None)
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
        return with_label(free_prior(prior, self.label), self.label)


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class PerceptualFlag:
    """The flag of everything that compares features.

    Attributes:
        perceptual: auto (the prior's discriminator where it has one), default (the same, and an error without), none,
            or a model folder with VGG-16, AlexNet, EfficientNet-Lite0, LPIPS or a discriminator.
    """

    perceptual: str = "auto"

    def network(self) -> Network | None:
        """What the flag stands for."""
        if self.perceptual == "auto" or self.perceptual == "default":
            return self.perceptual
        return None if self.perceptual == "none" else zoo.load_perceptual(self.perceptual)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecipeFlags(PerceptualFlag):
    """How an image is inverted.

    Attributes:
        method: all but mganprior and z need a prior with styles (StyleGAN, StyleGAN2).
        preset: fast, or official: the published constants.
        num_codes: latent codes per image, of mganprior; 1 with --layer 0 is plain inversion of one code.
        layer: composing layer, of mganprior; 6 unless given, or six tenths of the layers of a shallower prior.
        num_steps: optimisation steps (image2stylegan_pp: of the first stage, pti: of the weights); the preset's unless
            given.
        start: where images start: encoder (the code that the prior's encoder gives; of several codes the first alone,
            the others are drawn), mean, random or uniform (styles, for w, w_plus and image2stylegan); auto is the
            method's own.
        free_codes: let the codes of mganprior move, as its preset official does; slower, and edited more gently.
        free_label: let the class of codes z move, of mganprior and z; it may become any mixture of classes, and starts
            from --label, or from all alike. Those of w and w_plus move anyway.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over --patience steps below which an image stops; 0 takes all steps.
        patience: see --tolerance; 50 unless given.
        goal: decibels (PSNR) at which an image is done. Where images end early, by this or by --tolerance, the next
            takes the place of one that has ended.
        perceptual_weight: weight of the perceptual term; the method's own unless given.
        codes_per_call: codes that go through the first layers at once, of mganprior, to save memory; all unless given.
        remat: recompute activations in the backward pass, to save memory.
    """

    method: MethodName = "mganprior"
    preset: Preset = "fast"
    num_codes: Codes = None
    layer: int | None = None
    num_steps: Steps = None
    start: Literal["auto", "mean", "random", "uniform", "encoder"] = "auto"
    free_codes: bool = False
    free_label: bool = False
    restarts: int = 1
    tolerance: float = 0.0
    patience: int | None = None
    goal: float | None = None
    perceptual_weight: float | None = None
    codes_per_call: int | None = None
    remat: bool = False

    def recipe(self, **more: Any) -> Recipe:
        """The method's recipe; what is not given it decides itself.

        Args:
            more: arguments of the recipe that are not flags of this class.

        Raises:
            ArgumentError: a flag that the method does not have.
        """
        method = find_method(self.method)
        arguments = self.arguments() | more
        if "perceptual" not in method.options and self.perceptual == "auto":
            del arguments["perceptual"]
        if foreign := [name for name in arguments if name not in method.options]:
            raise ArgumentError(f"{flag_of(foreign[0])} is not for --method {self.method}: leave it out.")
        made = self.ending(method.recipe(**arguments))
        return made.from_encoder() if self.start == "encoder" else made

    def ending(self, recipe: Recipe) -> Recipe:
        """A recipe whose images end as the flags say.

        Raises:
            ArgumentError: a patience without a tolerance.
        """
        if self.patience is not None and not self.tolerance:
            raise ArgumentError("--patience is for --tolerance: give one, such as 0.01.")
        return recipe.until(self.goal, self.patience)

    def arguments(self) -> dict[str, Any]:
        """What is given, as arguments of recipes; all of them have the names of their flags' fields."""
        fields = [field for field in dataclasses.fields(RecipeFlags) if field.name not in _NO_ARGUMENTS]
        given = {field.name: getattr(self, field.name) for field in fields}
        told = {f.name: given[f.name] for f in fields if given[f.name] != f.default} | {"perceptual": self.network()}
        if told.get("start") == "encoder":
            del told["start"]  # It is for every method.
        return told


_NO_ARGUMENTS = ("method", "perceptual", "patience", "goal")
"""Flags of recipes that their functions do not take."""

FLAGS = {"num_codes": "codes", "num_steps": "steps", "value_range": "range"}
"""Flags of arguments that are called something else there."""


def flag_of(name: str) -> str:
    """The flag of an argument.

    >>> flag_of("num_codes"), flag_of("codes_per_call")
    ('--codes', '--codes-per-call')
    """
    return f"--{FLAGS.get(name, name.replace('_', '-'))}"


def values(command: Any, *names: str) -> dict[str, Any]:
    """Some flags of a command as a dict."""
    return {name: getattr(command, name) for name in names}


MOST = 2**31 - 1
"""The largest whole number that a flag takes: JAX counts with 32 bits."""


def check_numbers(command: Any) -> None:
    """Check what holds of the numbers of all commands: finite, whole ones of 32 bits, seeds that JAX tells apart.

    Raises:
        ArgumentError: one is not; the message names its flag.
    """
    check_fields(command, flag_of)
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if dataclasses.is_dataclass(value):
            check_numbers(value)
        elif field.name == "seed":
            check_seed(value, "--seed")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and abs(number) > MOST and field.name != "seed":
                raise ArgumentError(f"{flag_of(field.name)} {number}: use at most {MOST}.")


def check_positive(command: Any, *names: str) -> None:
    """Check that numbers of things are at least 1.

    Raises:
        ArgumentError: one is not; the message names its flag.
    """
    for name in names:
        value = getattr(command, name)
        if value is not None and value < 1:
            raise ArgumentError(f"{flag_of(name)} {value}: use at least 1.")


def mask_gray(threshold: float | None, soft: bool) -> Gray:
    """What gray values of masks mean, of ``--threshold`` and ``--soft-mask``.

    Raises:
        ArgumentError: both are given, or the threshold is no part of white.
    """
    if threshold is not None and not 0 < threshold <= 1:
        raise ArgumentError(f"--threshold {threshold}: use a part of white, above 0 and up to 1.")
    if threshold is not None and soft:
        raise ArgumentError("--threshold makes black and white of gray, --soft-mask keeps it: leave one of them out.")
    return Gray(threshold, soft)
