"""The StyleGAN2 projector (Karras et al. 2020, arXiv:1912.04958)."""

from typing import Literal

import optax

from gprior_jax.inversion import schedules
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Projector
from gprior_jax.objectives import Network
from gprior_jax.recipes.common import Preset, check_preset, pixels_and_features
from gprior_jax.recipes.method import Method

OFFICIAL_STEPS, FAST_STEPS = 1000, 200
RATE = 0.1
"""stylegan2-ada-pytorch ``projector.py``: ``num_steps``, ``initial_learning_rate``."""


def projector(
    space: Literal["w", "w_plus"] = "w",
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    learning_rate: float = RATE,
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
    >>> recipe.parametrization.space, recipe.solver.num_steps
    ('w_plus', 1000)
    """
    check_preset(preset)
    own = OFFICIAL_STEPS if preset == "official" else FAST_STEPS
    steps = own if num_steps is None else num_steps
    solver = SolverConfig(Optimizer(optax.adam, learning_rate, schedule=schedules.projector), steps, tolerance)
    search = Projector(steps, space, noise_weight, statistics_samples=statistics_samples, remat=remat)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight)
    return Recipe(f"projector-{space}-{preset}", search, terms, solver, restarts)


ROWS = (Method("projector", "StyleGAN2's, in W with maps of noise", projector),)
