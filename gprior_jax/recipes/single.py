"""One code in Z, W or W+, and PULSE's search on spheres."""

from typing import Literal

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Sphere, W, WPlus, Z
from gprior_jax.latents.styles import Start
from gprior_jax.objectives import Pixel, Term
from gprior_jax.recipes.common import Network, Preset, check_preset, compared
from gprior_jax.recipes.multicode import OFFICIAL_OPTIMIZER, OFFICIAL_STEPS

FAST_LATENT_OPTIMIZER = Optimizer("adam", learning_rate=0.1, schedule="late_linear", decay_start=0.6, beta2=0.95)
FAST_LATENT_STEPS = 300


def latent(
    space: Literal["z", "w", "w_plus"] = "w_plus",
    *,
    start: Start | None = None,
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: Network | None = "default",
    perceptual_weight: float = 1.0,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """One code per image, in a space of the prior: mGANprior's ``PGGAN-z``, ``StyleGAN-z``, ``-w`` and ``-w+``.

    ``official`` is mGANprior's gradient descent for them, of rate 1 in 3000 steps (``inversion.py``); ``fast`` was
    measured on the bundled 64-px prior only (``benchmarks/RESULTS.md``).

    Args:
        space: ``"z"``; for style-based priors ``"w"`` (one w for all layers) and ``"w_plus"`` (one for each).
        start: of styles from their ``"mean"`` (the default), a ``"random"`` code, or ``"uniform"`` numbers in [-1, 1];
            z starts from a random code.
        preset: ``"official"`` or ``"fast"``.
        num_steps: None takes the preset's (3000 or 300).
        perceptual: see :func:`gprior_jax.recipes.mganprior`, likewise the others.
        perceptual_weight: of the perceptual term.
        restarts: independent starts per image; they differ where the start is drawn.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown space, preset or start, or numbers out of range.

    >>> latent("w_plus", start="random").parametrization
    WPlus(start='random', noise='const', noise_weight=0.0, remat=False)
    """
    check_preset(preset)
    official = preset == "official"
    steps = (OFFICIAL_STEPS if official else FAST_LATENT_STEPS) if num_steps is None else num_steps
    terms: tuple[Term, ...] = (Pixel(1.0),)
    if perceptual is not None:
        terms += (compared(perceptual, perceptual_weight),)
    solver = SolverConfig(OFFICIAL_OPTIMIZER if official else FAST_LATENT_OPTIMIZER, steps, tolerance)
    return Recipe(f"{space}-{preset}", _point(space, start, remat), terms, solver, restarts)


def _point(space: str, start: Start | None, remat: bool) -> Z | W | WPlus:
    if start not in (None, "mean", "random", "uniform"):
        raise ValueError(f"start={start!r}: use 'mean', 'random' or 'uniform'.")
    if space == "z":
        if start not in (None, "random"):
            raise ValueError(f"start={start!r}: a code z starts from a 'random' one.")
        return Z(remat)
    if space not in ("w", "w_plus"):
        raise ValueError(f"space={space!r}: use 'z', 'w' or 'w_plus'.")
    return (W if space == "w" else WPlus)(start or "mean", remat=remat)


PULSE_EPSILON = 2e-3
"""Mean squared difference of pixels in [0, 1] that PULSE is content with (``run.py``, ``-eps``)."""

PULSE_STEPS = 100
PULSE_OPTIMIZER = Optimizer("adam", learning_rate=0.4, schedule="one_cycle_drop")
"""``run.py``: ``-steps``, ``-opt_name``, ``-learning_rate``; ``linear1cycledrop``."""

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

        gp.tasks.upscale(prior, small, key=key, recipe=gp.recipes.pulse(), method="pulse", consistent=False)

    Args:
        preset: ``"official"`` takes the statistics of the mapping network from 1,000,000 codes, ``"fast"`` from 20,000.
        num_steps: None takes 100.
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
    samples = 1_000_000 if preset == "official" else 20_000
    sphere = Sphere(tiled, num_noise, zero_noise, geocross_weight, samples, remat)
    pixel = Pixel(100.0 / _UNIT_TO_SIGNED, "mse", _UNIT_TO_SIGNED * epsilon)
    solver = SolverConfig(PULSE_OPTIMIZER, PULSE_STEPS if num_steps is None else num_steps, tolerance)
    return Recipe(f"pulse-{preset}", sphere, (pixel,), solver, restarts)
