"""One code in Z, W or W+."""

import dataclasses
from functools import partial
from typing import Literal

import optax

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import W, WhitenedStyles, WPlus, Z
from gprior_jax.latents.styled import Start
from gprior_jax.objectives import Pixel, Term
from gprior_jax.recipes.common import (
    LBFGS,
    OFFICIAL_OPTIMIZER,
    OFFICIAL_STEPS,
    PerceptualChoice,
    Preset,
    check_preset,
    compared,
    weighed,
)
from gprior_jax.recipes.method import Method

FAST_OPTIMIZER = Optimizer(optax.adam, 0.1, schedule=LateLinear(0.6), options=(("b2", 0.95),))
FAST_STEPS = 300
"""Of z: images differ so much between codes that the curvature at one says little about the next."""

STYLES_STEPS = 150
"""Of L-BFGS in w and W+: the loss of 300 of Adam's steps after 150 or fewer (``benchmarks/RESULTS.md``)."""


def latent(
    space: Literal["z", "w", "w_plus"] = "w_plus",
    *,
    start: Start | None = None,
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: PerceptualChoice = "preset",
    perceptual_weight: float | None = None,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
    free_label: bool = False,
) -> Recipe:
    """One code per image, in a space of the prior: mGANprior's ``PGGAN-z``, ``StyleGAN-z``, ``-w`` and ``-w+``.

    ``official`` is mGANprior's gradient descent for them, of rate 1 in 3000 steps (``inversion.py``); ``fast`` was
    measured on the bundled 64-px prior only (``benchmarks/RESULTS.md``).

    Args:
        space: ``"z"``; for priors with styles ``"w"`` (one w for all layers) and ``"w_plus"`` (one for each).
        start: of styles from their ``"mean"``, a ``"random"`` code, or ``"uniform"`` numbers in [-1, 1]; z starts from
            a random code. None is the mean, but for ``fast`` in W+ the code of the prior's encoder where it has one.
        preset: ``"official"`` or ``"fast"``.
        num_steps: None takes the preset's (3000; 300 of Adam in z, 150 of L-BFGS elsewhere).
        perceptual: see :func:`gprior_jax.recipes.mganprior`, likewise the others.
        perceptual_weight: of the perceptual term; at 0 it is left out. None is 1 for a network that is given, with
            ``official`` and in z; w and W+ are found from pixels alone else (``benchmarks/RESULTS.md``).
        restarts: independent starts per image; more than one where the start is drawn.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.
        free_label: the class is a variable too, of a z of a prior with classes (:class:`gprior_jax.latents.Z`); styles
            hold what they take of it anyway, and move with or without.

    Raises:
        ValueError: an unknown space, preset or start, or numbers out of range.

    >>> latent("w_plus", start="random").parametrization
    WPlus(start='random', noise='const', noise_weight=0.0, remat=False)
    """
    check_preset(preset)
    official = preset == "official"
    fast = (FAST_OPTIMIZER, FAST_STEPS) if space == "z" else (LBFGS, STYLES_STEPS)
    optimizer, steps = (OFFICIAL_OPTIMIZER, OFFICIAL_STEPS) if official else fast
    terms: tuple[Term, ...] = (Pixel(1.0),)
    network, weight = weighed(perceptual, perceptual_weight, float(official or space == "z"))
    if network is not None:
        terms += (compared(network, weight),)
    solver = SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance)
    found = Recipe(f"{space}-{preset}", _point(space, start, remat, free_label), terms, solver, restarts)
    if official or space != "w_plus":
        return found
    encoder = "auto" if start is None else None
    return dataclasses.replace(found, encoder=encoder, coordinates=WhitenedStyles())


def _point(space: str, start: Start | None, remat: bool, free_label: bool) -> Z | W | WPlus:
    if start not in (None, "mean", "random", "uniform"):
        raise ArgumentError(f"start={start!r}: use 'mean', 'random' or 'uniform'.")
    if space == "z":
        if start not in (None, "random"):
            raise ArgumentError(f"start={start!r}: a code z starts from a 'random' one.")
        return Z(remat, free_label)
    if space not in ("w", "w_plus"):
        raise ArgumentError(f"space={space!r}: use 'z', 'w' or 'w_plus'.")
    return (W if space == "w" else WPlus)(start or "mean", remat=remat)


ROWS = (
    Method("z", "one code", partial(latent, "z")),
    Method("w", "one w for all layers", partial(latent, "w")),
    Method("w_plus", "a w for every layer", partial(latent, "w_plus")),
)
