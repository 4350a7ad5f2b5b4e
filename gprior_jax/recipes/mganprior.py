"""Several codes composed at a layer: mGANprior (Gu, Shen and Zhou 2020, arXiv:1912.07116)."""

import dataclasses
from typing import Literal

import optax

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode, Parametrization, Z
from gprior_jax.objectives import Network, Pixel, Term
from gprior_jax.recipes.common import OFFICIAL_OPTIMIZER, OFFICIAL_STEPS, Preset, check_preset, compared
from gprior_jax.recipes.method import Method

FAST_OPTIMIZER = Optimizer(optax.adam, 0.1, rates=(("alpha", 0.03),), schedule=LateLinear(0.6), options=(("b2", 0.95),))
FAST_STEPS = 400
"""Chosen by measurement, see ``benchmarks/RESULTS.md``."""


def mganprior(
    num_codes: int = 20,
    layer: int | None = None,
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: Network | None = "default",
    perceptual_weight: float = 1.0,
    restarts: int = 1,
    tolerance: float = 0.0,
    codes_per_call: int | None = None,
    remat: bool = False,
    space: Literal["z", "w"] = "z",
    later_styles: Literal["mean", "weighted", "free"] = "mean",
) -> Recipe:
    """Multi-code inversion (Gu, Shen and Zhou 2020, arXiv:1912.07116).

    Args:
        num_codes: latent codes per image; 1 with ``layer=0`` inverts a single code without channel weights.
        layer: the composing layer; None takes :func:`gprior_jax.latents.default_layer` of the prior.
        preset: ``"official"`` or ``"fast"``.
        num_steps: None takes the preset's (3000 or 400).
        perceptual: ``"default"`` for the prior's discriminator, ``"auto"`` for the same where it has one, a loaded
            network or LPIPS (:func:`gprior_jax.zoo.load_perceptual`), or None to compare pixels only.
        perceptual_weight: weight of the perceptual term beside the mean squared error of pixels, which has weight 1.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        codes_per_call: codes that go through the first layers at once, to save memory; None takes all.
        remat: recompute activations in the backward pass, to save memory.
        space: of the codes; ``"w"`` for style-based priors, see :class:`gprior_jax.latents.MultiCode`.
        later_styles: styles of the layers from ``layer`` on, of style-based priors, see there.

    Raises:
        ValueError: numbers out of range.

    >>> mganprior(num_codes=20, layer=6).parametrization
    MultiCode(num_codes=20, layer=6, average=False, codes_per_call=None, remat=False, space='z', later_styles='mean')
    """
    check_preset(preset)
    steps = {"official": OFFICIAL_STEPS, "fast": FAST_STEPS}[preset] if num_steps is None else num_steps
    parametrization = codes_at(num_codes, layer, preset, codes_per_call, remat)
    if isinstance(parametrization, MultiCode):
        parametrization = dataclasses.replace(parametrization, space=space, later_styles=later_styles)
    terms: tuple[Term, ...] = (Pixel(1.0),)
    if perceptual is not None:
        terms += (compared(perceptual, perceptual_weight),)
    return Recipe(f"mganprior-{preset}", parametrization, terms, solver_of(preset, steps, tolerance), restarts)


def codes_at(
    num_codes: int, layer: int | None, preset: Preset, codes_per_call: int | None, remat: bool
) -> Parametrization:
    """The parametrisation of a number of codes at a layer; one code at layer 0 has no channel weights."""
    if layer == 0 and num_codes == 1:
        return Z(remat=remat)
    # Only the published rates need the published second division by N.
    average = preset == "official"
    return MultiCode(num_codes, layer, average=average, codes_per_call=codes_per_call, remat=remat)


def solver_of(preset: Preset, num_steps: int, tolerance: float) -> SolverConfig:
    """The preset's optimiser for a number of steps."""
    optimizer = OFFICIAL_OPTIMIZER if preset == "official" else FAST_OPTIMIZER
    return SolverConfig(optimizer, num_steps, tolerance)


ROWS = (Method("mganprior", "several codes, composed at a layer", mganprior),)
