"""W+ and the features of a layer: reconstructions beyond W+, whose edits are those of W+."""

import dataclasses

from gprior_jax.checks import check_number
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Features
from gprior_jax.latents.styled import Start
from gprior_jax.objectives import Pixel, Term
from gprior_jax.recipes.common import LBFGS, PerceptualChoice, check_weight, compared, weighed
from gprior_jax.recipes.latent import latent
from gprior_jax.recipes.method import Method

STYLE_STEPS = 60
STEPS = 90
"""As many together as ``w_plus`` takes; in this order, as an offset that is there first leaves little to the styles,
and edits are of the styles (``benchmarks/RESULTS.md``)."""


def features(
    *,
    layer: int | None = None,
    start: Start | None = None,
    num_steps: int | None = None,
    style_steps: int = STYLE_STEPS,
    perceptual: PerceptualChoice = "preset",
    perceptual_weight: float | None = None,
    offset_weight: float = 0.0,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """A w for every layer first, then both it and an offset to the features at a layer.

    There is no published program of just this; see :class:`gprior_jax.latents.Features` for what is near.

    Args:
        layer: where the offset is added; None takes the first of a third of the resolution or more. Earlier layers give
            less and hold more of the image to what the prior draws.
        start: of the styles, see :func:`gprior_jax.recipes.latent`.
        num_steps: of both together, L-BFGS; None takes 90.
        style_steps: of the styles alone, before.
        perceptual: see :func:`gprior_jax.recipes.mganprior`; None and the preset's compare pixels only.
        perceptual_weight: of its features.
        offset_weight: of the offset's mean square.
        restarts: independent starts per image; more than one where the start is drawn.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: numbers out of range.

    >>> [stage.parametrization.__class__.__name__ for stage in features().stages]
    ['WPlus', 'Features']
    """
    check_number("style_steps", style_steps, lambda x: x >= 1, "at least 1")
    check_weight(offset_weight, "offset")
    terms: tuple[Term, ...] = (Pixel(1.0),)
    network, weight = weighed(perceptual, perceptual_weight, 0.0)
    if network is not None:
        terms += (compared(network, weight),)
    both = Features(start or "mean", remat=remat, layer=layer, offset_weight=offset_weight)
    steps = STEPS if num_steps is None else num_steps
    second = Recipe("features-offset", both, terms, SolverConfig(LBFGS, steps, tolerance))
    first = latent("w_plus", start=start, num_steps=style_steps, tolerance=tolerance, restarts=restarts, remat=remat)
    return dataclasses.replace(first, name="features", terms=terms, then=second)


ROWS = (
    Method("features", "a w for every layer, and the features at one: closer than w_plus, edited like it", features),
)
