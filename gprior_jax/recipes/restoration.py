"""Restoration tasks of the mGANprior paper (Gu, Shen and Zhou 2020, arXiv:1912.07116)."""

import dataclasses
from typing import Literal, NamedTuple

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import AS_THEY_ARE
from gprior_jax.objectives import Distance, Pixel, Term
from gprior_jax.recipes.common import PerceptualChoice, Preset, check_preset, compared, weighed
from gprior_jax.recipes.mganprior import check_start, codes_at, search_of

Task = Literal["colorize", "upscale", "inpaint", "denoise", "deblur"]


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


class PixelSettings(NamedTuple):
    """How a measurement's pixels are compared.

    Attributes:
        distance: of the pixel term; None takes the preset's.
        floor: it is not minimised below this, see :class:`gprior_jax.objectives.Pixel`; ``"noise"`` estimates it.

    >>> import gprior_jax as gp
    >>> recipe = gp.recipes.with_pixels(gp.recipes.latent("z"), gp.recipes.PixelSettings("huber"))
    >>> [term.kind for term in recipe.terms if term.name.startswith("pixel")]
    ['huber']
    """

    distance: Distance | None = None
    floor: float | Literal["noise"] = 0.0


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
    "colorize": TaskSettings(10, 4, 20, 1.0),
    "upscale": TaskSettings(20, 4, 20, 0.0),
    "inpaint": TaskSettings(10, 4, 30, 1.0),
    "denoise": TaskSettings(20, 8, 60, 0.0),
    "deblur": TaskSettings(20, 8, 120, 1.0),
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
    free_codes: bool | None = None,
    distance: Distance | None = None,
    floor: float | Literal["noise"] = 0.0,
    perceptual: PerceptualChoice = "preset",
    perceptual_weight: float | None = None,
    restarts: int = 1,
    tolerance: float = 0.0,
    codes_per_call: int | None = None,
    remat: bool = False,
    start: Literal["random"] | None = None,
    free_label: bool = False,
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
        free_codes: whether the codes move, see :func:`gprior_jax.recipes.mganprior`.
        distance: of the pixel term: ``"mse"``, or ``"l1"`` or ``"huber"`` where some pixels are far off.
        floor: the pixel term is not minimised below this, see :class:`gprior_jax.objectives.Pixel`; ``"noise"``
            estimates it from every image.
        perceptual: see :func:`gprior_jax.recipes.mganprior`.
        perceptual_weight: of the perceptual term; at 0 it is left out. None takes the preset's, or 1 for a network that
            is given where the preset has none.
        restarts: see :func:`gprior_jax.recipes.mganprior`.
        tolerance: likewise.
        codes_per_call: likewise.
        remat: likewise.
        start: see :func:`gprior_jax.recipes.mganprior`; here blurred images alone start from the encoder by themselves,
            by their mean squared error (``benchmarks/RESULTS.md``).
        free_label: likewise.

    Raises:
        ValueError: an unknown task or preset, or numbers out of range.

    >>> import gprior_jax as gp
    >>> restoration("inpaint", gp.load("builtin"), preset="official").parametrization.layer
    3
    """
    check_preset(preset)
    check_start(start)
    if task not in FAST_TASKS:
        raise ArgumentError(f"task {task!r}: use one of {', '.join(FAST_TASKS)}.")
    official = preset == "official"
    settings = (OFFICIAL_TASKS if official else FAST_TASKS)[task]
    at = scaled_layer(prior, settings.layer) if layer is None else layer
    codes = settings.num_codes if num_codes is None else num_codes
    kind = settings.distance if distance is None else distance
    noise = floor == "noise"
    terms: tuple[Term, ...] = (Pixel(1.0, kind, 0.0 if noise else floor, not official, noise),)
    network, weight = weighed(perceptual, perceptual_weight, settings.perceptual_weight)
    if network is not None:
        terms += (compared(network, weight, masked=not official),)
    parametrization = codes_at(codes, at, preset, codes_per_call, remat, free_label)
    steps = settings.num_steps if num_steps is None and official else num_steps
    search = search_of(preset, parametrization, steps, settings.num_steps, tolerance, free_codes)
    starts_there = task == "deblur" and kind == "mse" and start is None and search.coordinates != AS_THEY_ARE
    encoder = "auto" if starts_there else None  # Of the others none gains that much, and outliers lead it astray.
    name, coordinates = f"{task}-{preset}", search.coordinates
    return Recipe(name, parametrization, terms, search.solver, restarts, encoder, coordinates=coordinates)


def with_pixels(recipe: Recipe, settings: PixelSettings) -> Recipe:
    """A recipe whose pixel terms, in all stages, compare as a measurement wants it: any method restores so.

    >>> from gprior_jax.recipes import latent
    >>> with_pixels(latent("w_plus"), PixelSettings("huber")).terms[0].name
    'pixel_huber'
    """
    noise = settings.floor == "noise"

    def changed(term: Term) -> Term:
        if not isinstance(term, Pixel):
            return term
        floor = term.floor if noise else max(float(term.floor), float(settings.floor))
        return dataclasses.replace(term, kind=settings.distance or term.kind, floor=floor, floor_from_noise=noise)

    then = None if recipe.then is None else with_pixels(recipe.then, settings)
    return dataclasses.replace(recipe, terms=tuple(map(changed, recipe.terms)), then=then)
