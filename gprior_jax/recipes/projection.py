"""The StyleGAN2 projector, and tuning the generator around what it finds."""

import dataclasses
from typing import Any, Literal

import jax.numpy as jnp

from gprior_jax.generators.base import Prior
from gprior_jax.inversion.driver import Result
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Projector, Tuning, tuned
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.recipes.common import Network, Preset, check_preset, pixels_and_features

OFFICIAL_PROJECTOR_STEPS, FAST_PROJECTOR_STEPS = 1000, 200
PROJECTOR_RATE = 0.1
"""stylegan2-ada-pytorch ``projector.py``: ``num_steps``, ``initial_learning_rate``."""

PTI_PIVOT_STEPS, PTI_PIVOT_SAMPLES, PTI_PIVOT_RATE = 450, 600, 0.01
PTI_STEPS, PTI_RATE = 350, 3e-4
PTI_LPIPS = 0.06
"""PTI ``configs/hyperparameters.py`` and ``w_projector.py``; the rate of the pivot is that of its schedule."""

_PATIENCE = 10
"""Steps between looks at whether all images of a batch have reached the goal."""


def projector(
    space: Literal["w", "w_plus"] = "w",
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    learning_rate: float = PROJECTOR_RATE,
    perceptual: Network | None = "default",
    perceptual_weight: float = 1.0,
    pixel_weight: float | None = None,
    noise_weight: float = 1e5,
    statistics_samples: int = 10_000,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """The StyleGAN2 projector (Karras et al. 2020, arXiv:1912.04958; stylegan2-ada-pytorch ``projector.py``).

    From the mean of w, with noise injected into w, noise maps as variables, and a rate that rises and falls; see
    :class:`gprior_jax.latents.Projector`. The published distance is that of LPIPS with VGG-16, on images of at most
    256 px: pass it as ``perceptual``. The prior's discriminator stands in for it, with a pixel term beside it.

    Args:
        space: one w for all layers, or one for each (rosinality/stylegan2-pytorch ``--w_plus``).
        preset: ``"official"``: 1000 steps. ``"fast"`` has 200, is provisional, and was not yet measured on a StyleGAN2
            that was trained to the end.
        num_steps: None takes the preset's.
        learning_rate: at the top of its ramp.
        perceptual: see :func:`gprior_jax.recipes.mganprior`; features are compared by their squared differences.
        perceptual_weight: of the perceptual term.
        pixel_weight: of the mean squared difference of pixels (rosinality ``--mse``); None takes the published 0 with
            LPIPS or VGG-16, and 1 with a discriminator, whose features do not hold colours, or without a network.
        noise_weight: of the correlation of the noise maps.
        statistics_samples: codes mapped for the mean and the deviation of w.
        restarts: independent starts per image, which differ in their noise; the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown preset or space, or numbers out of range.

    >>> recipe = projector("w_plus", preset="official")
    >>> recipe.parametrization.space, recipe.solver.num_steps, recipe.solver.optimizer.schedule
    ('w_plus', 1000, 'projector')
    """
    check_preset(preset)
    own = OFFICIAL_PROJECTOR_STEPS if preset == "official" else FAST_PROJECTOR_STEPS
    steps = own if num_steps is None else num_steps
    solver = SolverConfig(Optimizer("adam", learning_rate, schedule="projector"), steps, tolerance)
    search = Projector(steps, space, noise_weight, statistics_samples=statistics_samples, remat=remat)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight)
    return Recipe(f"projector-{space}-{preset}", search, terms, solver, restarts)


def pti(
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    learning_rate: float | None = None,
    pivot: Recipe | None = None,
    perceptual: Network | None = "default",
    perceptual_weight: float = 1.0,
    pixel_weight: float = 1.0,
    locality_weight: float = 0.0,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """Pivotal tuning: a w, then the generator around it (Roich et al. 2021, arXiv:2106.05744; its ``danielroich/PTI``).

    Two stages: the projector in W finds the pivot; then a copy of the generator's weights is tuned for every image
    (:class:`gprior_jax.latents.Tuning`). An image stops where LPIPS is down to 0.06, if LPIPS is the network. All
    images of a batch are tuned at once, each with some six times the generator's memory: ``batch_size=1`` of
    :func:`gprior_jax.invert` takes them one after the other. :func:`tuned_prior` makes a prior of a result.

    Args:
        preset: ``"official"``: 450 steps for the pivot, 350 of rate 3e-4 for the weights. ``"fast"``: 150 each, the
            latter of rate 1e-3; provisional, as it was not yet measured on a StyleGAN2 that was trained to the end.
        num_steps: of the tuning; None takes the preset's.
        learning_rate: of the weights; None takes the preset's.
        pivot: recipe of the first stage, whose variables hold ``w`` or ``w_plus``; None takes the projector with 600
            samples and a rate of 0.01 (official) or 0.1 (fast).
        perceptual: of both stages, see :func:`projector` (published: LPIPS with VGG-16, then with AlexNet: name the
            first with ``pivot=``).
        perceptual_weight: of the perceptual term in the tuning.
        pixel_weight: of the mean squared difference of pixels in the tuning.
        locality_weight: of the locality regulariser (0.1 where it is used; off by default).
        restarts: independent pivots per image, of which the best is tuned; this and the next two are for both stages
            unless ``pivot`` is given.
        tolerance: relative improvement over 50 steps (in the tuning over 10) below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown preset, a pivot of several stages, or numbers out of range.

    >>> recipe = pti(preset="official")
    >>> [stage.solver.num_steps for stage in recipe.stages]
    [450, 350]
    """
    check_preset(preset)
    official = preset == "official"
    if pivot is None:
        pivot = _pivot(official, perceptual, restarts, tolerance, remat)
    elif pivot.then is not None:
        raise ValueError(f"the pivot {pivot.name} has several stages: give a recipe of one.")
    steps = (PTI_STEPS if official else FAST_PTI_STEPS) if num_steps is None else num_steps
    rate = (PTI_RATE if official else FAST_PTI_RATE) if learning_rate is None else learning_rate
    goal = ("perceptual", PTI_LPIPS) if isinstance(perceptual, LPIPS) and perceptual_weight else None
    solver = SolverConfig(Optimizer("adam", rate), steps, tolerance, _PATIENCE, goal)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight)
    tuning = Recipe(f"pti-{preset}", Tuning(locality_weight, remat=remat), terms, solver)
    return dataclasses.replace(pivot, name=f"pti-{preset}-pivot", then=tuning)


FAST_PIVOT_STEPS, FAST_PTI_STEPS, FAST_PTI_RATE = 150, 150, 1e-3


def _pivot(official: bool, perceptual: Network | None, restarts: int, tolerance: float, remat: bool) -> Recipe:
    return projector(
        num_steps=PTI_PIVOT_STEPS if official else FAST_PIVOT_STEPS,
        learning_rate=PTI_PIVOT_RATE if official else PROJECTOR_RATE,
        statistics_samples=PTI_PIVOT_SAMPLES,
        perceptual=perceptual,
        restarts=restarts,
        tolerance=tolerance,
        remat=remat,
    )


def tuned_prior(prior: Prior, result: Result, index: Any = 0) -> Prior:
    """The prior with the weights that :func:`pti` tuned for one image.

    Its image of the styles ``result.variables["_w_plus"][index]`` is the result's; edited styles give edited images:

        gp.synthesize(gp.recipes.tuned_prior(prior, result, 3), edited, space="w_plus")

    Args:
        prior: the prior that was tuned.
        result: of :func:`gprior_jax.invert`.
        index: of the image; (image, sample) where the result has samples.

    Raises:
        ValueError: the result holds no weights.
    """
    variables = {name: jnp.asarray(value[index]) for name, value in result.variables.items()}
    if not any(name.startswith("weights/") for name in variables):
        raise ValueError(f"the result holds {', '.join(variables)} but no weights: invert with gprior_jax.recipes.pti.")
    return tuned(prior, variables)
