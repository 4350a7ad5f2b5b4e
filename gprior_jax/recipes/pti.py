"""Pivotal tuning: a w, then the generator around it (Roich et al. 2021, arXiv:2106.05744)."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import optax

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Tuning, tuned
from gprior_jax.objectives import Network
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.recipes.common import Preset, check_preset, pixels_and_features
from gprior_jax.recipes.method import Method
from gprior_jax.recipes.projector import RATE, projector

PIVOT_STEPS, PIVOT_SAMPLES, PIVOT_RATE = 450, 600, 0.01
OFFICIAL_STEPS, OFFICIAL_RATE = 350, 3e-4
GOAL = 0.06
"""PTI ``configs/hyperparameters.py`` and ``w_projector.py``; the rate of the pivot is that of its schedule."""

FAST_PIVOT_STEPS, FAST_STEPS, FAST_RATE = 150, 150, 1e-3

_PATIENCE = 10
"""Steps between looks at whether all images of a batch have reached the goal."""


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
        raise ArgumentError(f"the pivot {pivot.name} has several stages: give a recipe of one.")
    steps = (OFFICIAL_STEPS if official else FAST_STEPS) if num_steps is None else num_steps
    rate = (OFFICIAL_RATE if official else FAST_RATE) if learning_rate is None else learning_rate
    goal = ("perceptual", GOAL) if isinstance(perceptual, LPIPS) and perceptual_weight else None
    solver = SolverConfig(Optimizer(optax.adam, rate), steps, tolerance, _PATIENCE, goal)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight)
    tuning = Recipe(f"pti-{preset}", Tuning(locality_weight, remat=remat), terms, solver)
    return dataclasses.replace(pivot, name=f"pti-{preset}-pivot", then=tuning)


def _pivot(official: bool, perceptual: Network | None, restarts: int, tolerance: float, remat: bool) -> Recipe:
    return projector(
        num_steps=PIVOT_STEPS if official else FAST_PIVOT_STEPS,
        learning_rate=PIVOT_RATE if official else RATE,
        statistics_samples=PIVOT_SAMPLES,
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

    >>> import gprior_jax as gp, jax
    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> module = StyleGAN2((4,), z_dim=4, w_dim=4, mapping_layers=1)
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(4), method="init_all")["params"], module)
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 1))
    >>> pivot = gp.recipes.latent("w", num_steps=2, perceptual=None)
    >>> recipe = gp.recipes.pti(num_steps=2, perceptual=None, pivot=pivot)
    >>> result = gp.invert(prior, images, recipe, key=jax.random.key(2))
    >>> styles = jnp.asarray(result.variables["_w_plus"][0])
    >>> again = gp.synthesize(gp.recipes.tuned_prior(prior, result), styles, space="w_plus")
    >>> bool(abs(again - result.images[0]).max() < 1e-4)
    True
    """
    variables = {name: jnp.asarray(value[index]) for name, value in result.variables.items()}
    if not any(name.startswith("weights/") for name in variables):
        raise ArgumentError(
            f"the result holds {', '.join(variables)} but no weights: invert with gprior_jax.recipes.pti."
        )
    return tuned(prior, variables)


ROWS = (Method("pti", "the projector, then the generator's weights", pti, batch_size=1),)
