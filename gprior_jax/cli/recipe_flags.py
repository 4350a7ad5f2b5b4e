"""The flags of how an image is inverted, and the recipe that they stand for."""

import dataclasses
from typing import Annotated, Any, Literal

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.checking import flag_of
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.objectives import Network
from gprior_jax.recipes import METHODS, Preset, find_method


def _methods_told(default: str) -> str:
    """What follows the help of ``--method``; made when it is asked for, as plugins add methods."""
    told = "; ".join(f"{method.name}: {method.summary}" for method in METHODS.values())
    return f"({told}; default: {default})"


MethodName = Annotated[str, conf.arg(metavar="METHOD", help_behavior_hint=_methods_told)]
Codes = Annotated[int | None, conf.arg(name="codes")]
Steps = Annotated[int | None, conf.arg(name="steps")]


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
        start: where images start: encoder (the code that the prior's encoder gives; of several codes all with their
            weights, where the prior has an encoder of as many at the layer, else the first alone), random (codes or
            styles), mean or uniform (styles, for w, w_plus and image2stylegan); auto is the method's own: of mganprior
            and w_plus the encoder, where photographs are inverted as they are (or deblurred, by mganprior) and the
            prior has one that fits (20 codes at layer 6 of builtin; one answer for each), else random codes and mean
            styles.
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
        return self.with_ends(method.recipe(**arguments))

    def with_ends(self, recipe: Recipe) -> Recipe:
        """A recipe whose images start from the encoder, if that is wanted, and end as the flags say.

        Raises:
            ArgumentError: a patience without a tolerance.
        """
        if self.patience is not None and not self.tolerance:
            raise ArgumentError("--patience is for --tolerance: give one, such as 0.01.")
        made = recipe.from_encoder() if self.start == "encoder" else recipe
        return made.until(self.goal, self.patience)

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
