"""Several codes composed at a layer: mGANprior (Gu, Shen and Zhou 2020, arXiv:1912.07116)."""

import dataclasses
from typing import Literal, NamedTuple

import optax

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.conjugate import ConjugateGradient
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import AS_THEY_ARE, ChannelWeights, Coordinates, MultiCode, Parametrization, Z
from gprior_jax.objectives import Pixel, Term
from gprior_jax.recipes.common import (
    OFFICIAL_OPTIMIZER,
    OFFICIAL_STEPS,
    PerceptualChoice,
    Preset,
    check_preset,
    compared,
    weighed,
)
from gprior_jax.recipes.method import Method

FAST_STEPS = 100
"""Of conjugate gradients for the weights of codes that stay: chosen by measurement, see ``benchmarks/RESULTS.md``."""

FREE_OPTIMIZER = Optimizer(optax.adam, 0.1, rates=(("alpha", 0.03),), schedule=LateLinear(0.6), options=(("b2", 0.95),))
FREE_STEPS = 400
"""The same for codes that move; likewise."""


def mganprior(
    num_codes: int = 20,
    layer: int | None = None,
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    free_codes: bool | None = None,
    perceptual: PerceptualChoice = "preset",
    perceptual_weight: float | None = None,
    restarts: int = 1,
    tolerance: float = 0.0,
    codes_per_call: int | None = None,
    remat: bool = False,
    start: Literal["random"] | None = None,
    space: Literal["z", "w"] = "z",
    later_styles: Literal["mean", "weighted", "free"] = "mean",
    free_label: bool = False,
) -> Recipe:
    """Multi-code inversion (Gu, Shen and Zhou 2020, arXiv:1912.07116).

    Args:
        num_codes: latent codes per image; 1 with ``layer=0`` inverts a single code without channel weights.
        layer: the composing layer; None takes :func:`gprior_jax.latents.default_layer` of the prior.
        preset: ``"official"`` or ``"fast"``.
        num_steps: None takes the preset's (``official`` 3000; ``fast`` 100, and 400 where codes move).
        free_codes: whether the codes move, as in the paper. ``fast`` leaves them as drawn and finds their channel
            weights alone (:class:`gprior_jax.latents.ChannelWeights`): that explains an image better in a small part of
            the time, but its weights are large, and a change of all codes soon takes the image apart. None takes the
            preset's, and moves them where the later styles or the class are variables.
        perceptual: ``"preset"`` for the prior's discriminator where the preset weighs it, ``"default"`` for it anyway,
            ``"auto"`` as ``"preset"`` where the prior has one, a loaded network or LPIPS
            (:func:`gprior_jax.zoo.load_perceptual`), or None to compare pixels only.
        perceptual_weight: weight of the perceptual term beside the mean squared error of pixels, which has weight 1; at
            0 it is left out. None is 1 for a network that is named and wherever codes move, else 0: channel weights are
            found better from pixels alone, by every measure (``benchmarks/RESULTS.md``).
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        codes_per_call: codes that go through the first layers at once, to save memory; None takes all.
        remat: recompute activations in the backward pass, to save memory.
        start: ``"random"`` draws the codes of every image; so does None, but for ``fast`` with codes that stay, one
            answer for every image and a prior with an encoder of as many codes at the layer: from that it starts then,
            and the encoder's metric measures the steps (:class:`gprior_jax.latents.MeasuredWeights`).
        space: of the codes; ``"w"`` for style-based priors, see :class:`gprior_jax.latents.MultiCode`.
        later_styles: styles of the layers from ``layer`` on, of style-based priors, see there.
        free_label: the class of the codes is a variable too, of priors with classes, see there.

    Raises:
        ValueError: numbers out of range.

    >>> found = mganprior(num_codes=20, layer=6).parametrization
    >>> found.num_codes, found.layer, found.average
    (20, 6, False)
    """
    check_preset(preset)
    check_start(start)
    parametrization = codes_at(num_codes, layer, preset, codes_per_call, remat, free_label)
    if isinstance(parametrization, MultiCode):
        parametrization = dataclasses.replace(parametrization, space=space, later_styles=later_styles)
    search = search_of(preset, parametrization, num_steps, FAST_STEPS, tolerance, free_codes)
    terms: tuple[Term, ...] = (Pixel(1.0),)
    network, weight = weighed(perceptual, perceptual_weight, float(search.coordinates == AS_THEY_ARE))
    if network is not None:
        terms += (compared(network, weight),)
    encoder = "auto" if start is None and search.coordinates != AS_THEY_ARE else None
    name, coordinates = f"mganprior-{preset}", search.coordinates
    return Recipe(name, parametrization, terms, search.solver, restarts, encoder, coordinates=coordinates)


def check_start(start: str | None) -> None:
    """Raise ``ValueError`` for a start that several codes do not have."""
    if start not in (None, "random"):
        raise ArgumentError(f"start={start!r}: several codes start from 'random' ones.")


def codes_at(
    num_codes: int,
    layer: int | None,
    preset: Preset,
    codes_per_call: int | None,
    remat: bool,
    free_label: bool = False,
) -> Parametrization:
    """The parametrisation of a number of codes at a layer; one code at layer 0 has no channel weights."""
    if layer == 0 and num_codes == 1:
        return Z(remat, free_label)
    # Only the published rates need the published second division by N.
    average = preset == "official"
    common = {"codes_per_call": codes_per_call, "remat": remat, "free_label": free_label}
    return MultiCode(num_codes, layer, average=average, **common)


class Search(NamedTuple):
    """How several codes are searched for.

    Attributes:
        solver: optimiser and steps.
        coordinates: those of the channel weights alone, unless codes move.
    """

    solver: SolverConfig
    coordinates: Coordinates = AS_THEY_ARE


def search_of(
    preset: Preset,
    parametrization: Parametrization,
    num_steps: int | None,
    fast_steps: int,
    tolerance: float,
    free_codes: bool | None,
) -> Search:
    """The preset's search; ``num_steps`` None takes ``fast_steps`` where codes stay, and those of the preset else."""
    if free_codes is None:
        codes = parametrization if isinstance(parametrization, MultiCode) else None
        drawn = codes is not None and codes.later_styles == "mean" and not codes.free_label
        free_codes = preset == "official" or not drawn
    if not free_codes:
        solver = SolverConfig(ConjugateGradient(), fast_steps if num_steps is None else num_steps, tolerance)
        return Search(solver, ChannelWeights().check(parametrization))
    official = preset == "official"
    optimizer, steps = (OFFICIAL_OPTIMIZER, OFFICIAL_STEPS) if official else (FREE_OPTIMIZER, FREE_STEPS)
    return Search(SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance))


ROWS = (Method("mganprior", "several codes, composed at a layer", mganprior),)
