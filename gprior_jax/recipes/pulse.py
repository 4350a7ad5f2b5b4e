"""PULSE: a search on spheres for an image that reduces to a given one (Menon et al. 2020, arXiv:2003.03808)."""

import optax

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import one_cycle_drop
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Sphere
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.common import LBFGS, Preset, check_preset
from gprior_jax.recipes.method import Method

PULSE_EPSILON = 2e-3
"""Mean squared difference of pixels in [0, 1] that PULSE is content with (``run.py``, ``-eps``)."""

PULSE_STEPS = 100
PULSE_OPTIMIZER = Optimizer(optax.adam, 0.4, schedule=one_cycle_drop)
"""``run.py``: ``-steps``, ``-opt_name``, ``-learning_rate``; ``linear1cycledrop``."""

FAST_STEPS = 50
"""Of L-BFGS: the loss of the published 100 steps after 50 (``benchmarks/RESULTS.md``)."""

_UNIT_TO_SIGNED = 4.0  # A squared difference of pixels in [-1, 1] is four times that in [0, 1].


def pulse(
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    epsilon: float = PULSE_EPSILON,
    geocross_weight: float = 0.05,
    tiled: bool = False,
    num_noise: int | None = 5,
    zero_noise: tuple[int, ...] = (17,),
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """PULSE's search for an image that reduces to a given small one (Menon et al. 2020, arXiv:2003.03808).

    The loss is the published ``100*L2+0.05*GEOCROSS``; the reduction is the operator of the inversion, PULSE's own
    being ``gp.operators.Downsample(factor, "pulse")``. The image of least loss is returned, with its distance as the
    term ``pixel_mse`` (of pixels in [-1, 1]: four times PULSE's L2, and not below four times ``epsilon``); the
    published code returns its last image.

        gp.tasks.upscale(prior, small, key=key, recipe=gp.recipes.pulse(), filter="pulse", consistent=False)

    Args:
        preset: ``"official"`` takes 100 steps of Adam, and the statistics of the mapping network from 1,000,000 codes;
            ``"fast"`` 50 of L-BFGS, and 20,000.
        num_steps: None takes the preset's.
        epsilon: L2 is not minimised below this.
        geocross_weight: of :func:`gprior_jax.latents.sphere.geocross`.
        tiled: one latent for all layers.
        num_noise: noise maps that are variables, from the first.
        zero_noise: layers without noise.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown preset, or numbers out of range.

    >>> pulse().terms[0].weight, pulse().terms[0].floor
    (25.0, 0.008)
    """
    check_preset(preset)
    official = preset == "official"
    samples = 1_000_000 if official else 20_000
    optimizer, steps = (PULSE_OPTIMIZER, PULSE_STEPS) if official else (LBFGS, FAST_STEPS)
    sphere = Sphere(tiled, num_noise, zero_noise, geocross_weight, samples, remat)
    pixel = Pixel(100.0 / _UNIT_TO_SIGNED, "mse", _UNIT_TO_SIGNED * epsilon)
    solver = SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance)
    return Recipe(f"pulse-{preset}", sphere, (pixel,), solver, restarts)


ROWS = (Method("pulse", "a search on spheres", pulse),)
