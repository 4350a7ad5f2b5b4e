"""Recipes: the settings of the papers, and the faster ones measured here, as data.

Every recipe has two presets. ``official`` holds the constants of the published code. ``fast``, the default, was chosen
by the measurements in ``benchmarks/RESULTS.md``.
"""

from typing import Literal

from gprior_jax.generators.base import Prior
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode, Z
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.perceptual.network import PerceptualNetwork

Preset = Literal["official", "fast"]

# mGANprior, multi_code_inversion.py (argparse defaults): plain gradient descent, rate 1, 3000 steps.
OFFICIAL_OPTIMIZER = Optimizer("sgd", learning_rate=1.0)
OFFICIAL_STEPS = 3000

# Chosen by measurement, see benchmarks/RESULTS.md.
FAST_OPTIMIZER = Optimizer(
    "adam", learning_rate=0.1, rates=(("alpha", 0.03),), schedule="late_linear", decay_start=0.6, beta2=0.95
)
FAST_STEPS = 400


def default_layer(prior: Prior) -> int:
    """Composing layer where the user names none: mGANprior's 6, or six tenths of a shallower prior's layers.

    Six tenths of the five layers of a 32-px DCGAN is the best of them with 20 codes (``benchmarks/RESULTS.md``).
    """
    return max(1, min(6, round(0.6 * prior.num_layers)))


def mganprior(
    num_codes: int = 20,
    layer: int = 6,
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: PerceptualNetwork | Literal["default"] | None = "default",
    perceptual_weight: float = 1.0,
    restarts: int = 1,
    tolerance: float = 0.0,
    codes_per_call: int | None = None,
    remat: bool = False,
) -> Recipe:
    """Multi-code inversion (Gu, Shen and Zhou 2020, arXiv:1912.07116).

    Args:
        num_codes: latent codes per image; 1 with ``layer=0`` inverts a single code without channel weights.
        layer: the composing layer.
        preset: ``"official"`` or ``"fast"``.
        num_steps: None takes the preset's (3000 or 400).
        perceptual: ``"default"`` for the prior's discriminator, a loaded network
            (:func:`gprior_jax.perceptual.network.load`), or None to compare pixels only.
        perceptual_weight: weight of the perceptual term beside the mean squared error of pixels, which has weight 1.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        codes_per_call: codes that go through the first layers at once, to save memory; None takes all.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: numbers out of range.

    >>> mganprior(num_codes=20, layer=6).parametrization
    MultiCode(num_codes=20, layer=6, average=False, codes_per_call=None, remat=False)
    """
    if preset not in ("official", "fast"):
        raise ValueError(f"preset {preset!r}: use 'official' or 'fast'.")
    official = preset == "official"
    if layer == 0 and num_codes == 1:
        parametrization = Z(remat=remat)
    else:
        # Only the published rates need the published second division by N.
        parametrization = MultiCode(num_codes, layer, average=official, codes_per_call=codes_per_call, remat=remat)
    terms = (Pixel(1.0),)
    if perceptual is not None:
        terms += (Perceptual(perceptual, perceptual_weight),)
    solver = SolverConfig(
        optimizer=OFFICIAL_OPTIMIZER if official else FAST_OPTIMIZER,
        num_steps=num_steps if num_steps is not None else (OFFICIAL_STEPS if official else FAST_STEPS),
        tolerance=tolerance,
    )
    return Recipe(f"mganprior-{preset}", parametrization, terms, solver, restarts)
