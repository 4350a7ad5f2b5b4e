"""Recipes: the settings of the papers, and the faster ones measured here, as data.

Every recipe has two presets. ``official`` holds the constants of the published code. ``fast``, the default, was chosen
by the measurements in ``benchmarks/RESULTS.md``.
"""

import math
from typing import Literal, NamedTuple

from gprior_jax.generators.base import Prior
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode, Parametrization, Z
from gprior_jax.objectives import Distance, Perceptual, Pixel, Term
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork

Preset = Literal["official", "fast"]
Task = Literal["colorize", "upscale", "inpaint", "denoise", "deblur"]

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
    perceptual: PerceptualNetwork | LPIPS | Literal["default"] | None = "default",
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
            (:func:`gprior_jax.perceptual.network.load`), LPIPS (:func:`gprior_jax.perceptual.network.load_lpips`), or
            None to compare pixels only.
        perceptual_weight: weight of the perceptual term beside the mean squared error of pixels, which has weight 1.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        codes_per_call: codes that go through the first layers at once, to save memory; None takes all.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: numbers out of range.

    >>> mganprior(num_codes=20, layer=6).parametrization
    MultiCode(num_codes=20, layer=6, average=False, codes_per_call=None, remat=False, space='z', later_styles='mean')
    """
    _check_preset(preset)
    steps = {"official": OFFICIAL_STEPS, "fast": FAST_STEPS}[preset] if num_steps is None else num_steps
    parametrization = _codes(num_codes, layer, preset, codes_per_call, remat)
    terms: tuple[Term, ...] = (Pixel(1.0),)
    if perceptual is not None:
        terms += (_perceptual(perceptual, perceptual_weight),)
    return Recipe(f"mganprior-{preset}", parametrization, terms, _solver(preset, steps, tolerance), restarts)


def _check_preset(preset: str) -> None:
    if preset not in ("official", "fast"):
        raise ValueError(f"preset {preset!r}: use 'official' or 'fast'.")


def _perceptual(
    network: PerceptualNetwork | LPIPS | Literal["default"], weight: float, masked: bool = True
) -> Perceptual:
    if not 0.0 <= weight < math.inf:
        raise ValueError(f"perceptual weight {weight}: use a number from 0 up.")
    # LPIPS is a sum of squares; mGANprior compares features by their absolute difference.
    return Perceptual(network, weight, "mse" if isinstance(network, LPIPS) else "l1", masked)


def _codes(num_codes: int, layer: int, preset: Preset, codes_per_call: int | None, remat: bool) -> Parametrization:
    if layer == 0 and num_codes == 1:
        return Z(remat=remat)
    # Only the published rates need the published second division by N.
    average = preset == "official"
    return MultiCode(num_codes, layer, average=average, codes_per_call=codes_per_call, remat=remat)


def _solver(preset: Preset, num_steps: int, tolerance: float) -> SolverConfig:
    optimizer = OFFICIAL_OPTIMIZER if preset == "official" else FAST_OPTIMIZER
    return SolverConfig(optimizer=optimizer, num_steps=num_steps, tolerance=tolerance)


class TaskSettings(NamedTuple):
    """How a restoration task is solved.

    Attributes:
        num_codes: latent codes per image.
        layer: composing layer, of the 15 layers of a PGGAN of 256 px; see :func:`scaled_layer`. 0 is a single code.
        num_steps: optimisation steps.
        perceptual_weight: weight of the perceptual term.
        distance: of the pixel term.
    """

    num_codes: int
    layer: int
    num_steps: int
    perceptual_weight: float
    distance: Distance = "mse"


OFFICIAL_TASKS: dict[str, TaskSettings] = {
    "colorize": TaskSettings(20, 4, 1500, 1.0),
    "upscale": TaskSettings(30, 6, 2000, 1.0),
    "inpaint": TaskSettings(30, 4, 3000, 0.1),
    "denoise": TaskSettings(30, 4, 3000, 0.1),
    "deblur": TaskSettings(30, 6, 2000, 1.0),
}
"""mGANprior's defaults (argparse of ``colorization.py``, ``super_resolution.py``, ``inpainting.py``). It has no script
for the last two: denoising takes the settings of inpainting, deblurring those of super-resolution."""

FAST_TASKS: dict[str, TaskSettings] = {
    "colorize": TaskSettings(10, 4, 150, 1.0),
    "upscale": TaskSettings(10, 2, 100, 0.0),
    "inpaint": TaskSettings(10, 4, 150, 1.0),
    "denoise": TaskSettings(10, 8, 200, 0.0),
    "deblur": TaskSettings(10, 8, 200, 1.0),
}
"""Chosen by measurement on the bundled prior, on portraits that neither training nor docs/experiments.md saw; the table
is in ``benchmarks/RESULTS.md``."""

_PUBLISHED_LAYERS = 15
"""Layers of the PGGAN of 256 px that the published composing layers belong to, with its output layer."""


def scaled_layer(prior: Prior, layer: int) -> int:
    """A composing layer of a PGGAN of 256 px at the same relative depth of another prior.

    Args:
        prior: any generator.
        layer: as mGANprior numbers them; 0 (a single code) stays 0.

    >>> import gprior_jax as gp
    >>> scaled_layer(gp.load("builtin"), 6)  # 11 layers
    4
    """
    if layer == 0:
        return 0
    return max(1, min(prior.num_layers - 1, round(layer * prior.num_layers / _PUBLISHED_LAYERS)))


def restoration(
    task: Task,
    prior: Prior,
    *,
    preset: Preset = "fast",
    num_codes: int | None = None,
    layer: int | None = None,
    num_steps: int | None = None,
    distance: Distance | None = None,
    floor: float | Literal["noise"] = 0.0,
    perceptual: PerceptualNetwork | LPIPS | Literal["default"] | None = "default",
    perceptual_weight: float | None = None,
    restarts: int = 1,
    tolerance: float = 0.0,
    codes_per_call: int | None = None,
    remat: bool = False,
) -> Recipe:
    """A restoration task of the mGANprior paper; whatever is None is the preset's.

    Args:
        task: which.
        prior: the composing layer is scaled to its depth (:func:`scaled_layer`).
        preset: ``"official"`` (:data:`OFFICIAL_TASKS`; means are taken over all pixels, known or not) or ``"fast"``
            (:data:`FAST_TASKS`; means over the known ones).
        num_codes: latent codes per image.
        layer: composing layer of this prior, not scaled; 0 with one code inverts it without channel weights.
        num_steps: optimisation steps.
        distance: of the pixel term: ``"mse"``, or ``"l1"`` or ``"huber"`` where some pixels are far off.
        floor: the pixel term is not minimised below this, see :class:`gprior_jax.objectives.Pixel`; ``"noise"``
            estimates it from every image.
        perceptual: see :func:`mganprior`.
        perceptual_weight: of the perceptual term; at 0 it is left out. None takes the preset's, or 1 for a network that
            is given where the preset has none.
        restarts: see :func:`mganprior`.
        tolerance: likewise.
        codes_per_call: likewise.
        remat: likewise.

    Raises:
        ValueError: an unknown task or preset, or numbers out of range.

    >>> import gprior_jax as gp
    >>> restoration("inpaint", gp.load("builtin"), preset="official").parametrization.layer
    3
    """
    _check_preset(preset)
    if task not in FAST_TASKS:
        raise ValueError(f"task {task!r}: use one of {', '.join(FAST_TASKS)}.")
    official = preset == "official"
    settings = (OFFICIAL_TASKS if official else FAST_TASKS)[task]
    at = scaled_layer(prior, settings.layer) if layer is None else layer
    codes = settings.num_codes if num_codes is None else num_codes
    kind = settings.distance if distance is None else distance
    noise = floor == "noise"
    terms: tuple[Term, ...] = (Pixel(1.0, kind, 0.0 if noise else floor, not official, noise),)
    weight = _task_weight(settings, perceptual) if perceptual_weight is None else perceptual_weight
    if perceptual is not None and weight != 0:
        terms += (_perceptual(perceptual, weight, masked=not official),)
    solver = _solver(preset, settings.num_steps if num_steps is None else num_steps, tolerance)
    return Recipe(f"{task}-{preset}", _codes(codes, at, preset, codes_per_call, remat), terms, solver, restarts)


def _task_weight(settings: TaskSettings, network: PerceptualNetwork | LPIPS | Literal["default"] | None) -> float:
    """The preset's weight; who names a network wants it used, also where the preset does without."""
    named = network is not None and not isinstance(network, str)
    return settings.perceptual_weight or float(named)
