"""Image2StyleGAN (Abdal et al. 2019, arXiv:1904.03189) and Image2StyleGAN++ (Abdal et al. 2020, arXiv:1911.11544).

Neither has an official implementation: the constants are those of the papers' re-implementations and reviews.
"""

import dataclasses

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import STYLES_STAY, WPlus
from gprior_jax.latents.styles import Start
from gprior_jax.objectives import Pixel, Style, Term
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.recipes.common import (
    PERCEPTUAL_SIDE,
    Network,
    Preset,
    check_preset,
    check_weight,
    is_trained_on_photographs,
    pixels_and_features,
)
from gprior_jax.typing import Array

LAYERS = ("conv1_1", "conv1_2", "conv3_2", "conv4_2")
"""Of VGG-16 in Image2StyleGAN; before their ReLU, as the paper names them (implementations disagree)."""

LAYERS_PP = ("conv1_1", "conv1_2", "conv2_2", "conv3_3")
"""In Image2StyleGAN++."""

STYLE_LAYERS = ("relu3_3",)
STYLE_WEIGHT = 5e-7 * 64**4
"""5e-7 on Gram matrices that are summed over the 64x64 cells of relu3_3 in an image of 256 px; here they are means.
That the published ones are sums is an assumption: no source states it."""

RATE = 0.01
OFFICIAL_STEPS = 5000
OFFICIAL_STEPS_PP = 1500
"""Of Image2StyleGAN++'s stages, each."""

FAST_OPTIMIZER = Optimizer("adam", learning_rate=0.05, schedule="late_linear", decay_start=0.6)
FAST_STEPS, FAST_NOISE_STEPS = 300, 150


def image2stylegan(
    *,
    start: Start = "mean",
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: Network | None = "default",
    layers: tuple[str, ...] = LAYERS,
    perceptual_weight: float = 1.0,
    pixel_weight: float = 1.0,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """Image2StyleGAN: a w for every layer, from pixels and VGG-16's features.

    Args:
        start: the ``"mean"`` of w (for faces), ``"uniform"`` numbers in [-1, 1] (for others), or a ``"random"`` code.
        preset: ``"official"``: Adam of rate 0.01, 5000 steps. ``"fast"``: rate 0.05, which falls to 0 over the last
            40 % of 300 steps; provisional, as it was not yet measured on a StyleGAN2 that was trained to the end.
        num_steps: None takes the preset's.
        perceptual: VGG-16 (:func:`gprior_jax.zoo.load_perceptual`), with ImageNet normalisation and larger images
            reduced to 256 px; or another network, see :func:`gprior_jax.recipes.projector`.
        layers: of VGG-16: the sum of the mean squared differences at each.
        perceptual_weight: of that sum.
        pixel_weight: of the mean squared difference of pixels.
        restarts: independent starts per image; they differ where the start is drawn.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown preset, layers that the network does not have, or numbers out of range.

    >>> recipe = image2stylegan(preset="official")
    >>> recipe.solver.num_steps, recipe.solver.optimizer.learning_rate
    (5000, 0.01)
    """
    check_preset(preset)
    official = preset == "official"
    optimizer, steps = (Optimizer("adam", RATE), OFFICIAL_STEPS) if official else (FAST_OPTIMIZER, FAST_STEPS)
    solver = SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight, layers)
    return Recipe(f"image2stylegan-{preset}", WPlus(start, remat=remat), terms, solver, restarts)


def image2stylegan_pp(
    *,
    start: Start = "mean",
    preset: Preset = "fast",
    num_steps: int | None = None,
    noise_steps: int | None = None,
    perceptual: Network | None = "default",
    layers: tuple[str, ...] = LAYERS_PP,
    perceptual_weight: float = 1.0,
    pixel_weight: float = 1.0,
    style: Network | None = None,
    style_weight: float = STYLE_WEIGHT,
    style_image: Array | None = None,
    style_region: Array | None = None,
    restarts: int = 1,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """Image2StyleGAN++: a w for every layer, then the noise maps with w as it is, from pixels alone.

    With the operator :class:`gprior_jax.operators.Mask` both stages see the known pixels only, which are the masked
    losses; :func:`gprior_jax.editing.local_edit` fits the noise to two images.

    Args:
        start: see :func:`image2stylegan`, likewise the others.
        preset: ``"official"``: 1500 steps each of Adam with rate 0.01, means over all pixels, known or not. ``"fast"``:
            300 and 150 of rate 0.05, means over the known ones; provisional.
        num_steps: of the first stage; None takes the preset's.
        noise_steps: of the second stage; likewise.
        perceptual: of the first stage.
        layers: of VGG-16.
        perceptual_weight: of the features.
        pixel_weight: of the pixels, in the first stage.
        style: VGG-16, to compare Gram matrices in the first stage too; None leaves them out.
        style_weight: of that term.
        style_image: ``[H, W, 3]`` in [-1, 1], whose style is wanted; None is the style of what was observed.
        style_region: ``[H, W, 1]``, where it is wanted; None is everywhere.
        restarts: independent starts per image, in the first stage.
        tolerance: relative improvement over 50 steps below which an image stops, in either stage.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: see :func:`image2stylegan`.

    >>> [stage.parametrization.noise for stage in image2stylegan_pp().stages]
    ['const', 'fitted']
    """
    check_preset(preset)
    official = preset == "official"
    optimizer = Optimizer("adam", RATE) if official else FAST_OPTIMIZER
    steps, later = (OFFICIAL_STEPS_PP, OFFICIAL_STEPS_PP) if official else (FAST_STEPS, FAST_NOISE_STEPS)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight, layers, not official)
    if style is not None:
        terms += (_style(style, style_weight, style_image, style_region),)
    noise_solver = SolverConfig(optimizer, later if noise_steps is None else noise_steps, tolerance)
    noise = _noise_stage(preset, noise_solver, remat)
    solver = SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance)
    first = WPlus(start, remat=remat)
    return Recipe(f"image2stylegan_pp-{preset}", first, terms, solver, restarts, noise)


def _noise_stage(preset: Preset, solver: SolverConfig, remat: bool) -> Recipe:
    """Fits the noise maps to the pixels; the rate of everything that the first stage found is 0."""
    solver = dataclasses.replace(solver, optimizer=dataclasses.replace(solver.optimizer, rates=STYLES_STAY))
    terms = (Pixel(1.0, masked=preset != "official"),)
    return Recipe(f"image2stylegan_pp-{preset}-noise", WPlus(noise="fitted", remat=remat), terms, solver)


def _style(network: Network, weight: float, image: Array | None, region: Array | None) -> Term:
    photographs = is_trained_on_photographs(network)
    if photographs and isinstance(network, PerceptualNetwork):
        network = dataclasses.replace(network, layers=STYLE_LAYERS, size=None)
    return Style(network, check_weight(weight, "style"), image, region, PERCEPTUAL_SIDE if photographs else None)
