"""Image2StyleGAN++ (Abdal et al. 2020, arXiv:1911.11544).

It has no official implementation: the constants are those of the paper, its re-implementations and reviews.
"""

import dataclasses

from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import STYLES_STAY, WPlus
from gprior_jax.latents.styled import Start
from gprior_jax.objectives import Network, Pixel, Style, Term
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.recipes.common import (
    PERCEPTUAL_SIDE,
    Preset,
    check_preset,
    check_weight,
    is_trained_on_photographs,
    pixels_and_features,
)
from gprior_jax.recipes.image2stylegan import FAST_OPTIMIZER, FAST_STEPS, OFFICIAL_OPTIMIZER
from gprior_jax.recipes.method import Method
from gprior_jax.typing import Array

LAYERS = ("conv1_1", "conv1_2", "conv2_2", "conv3_3")
"""Of VGG-16, before their ReLU."""

STYLE_LAYERS = ("relu3_3",)
STYLE_WEIGHT = 5e-7 * 64**4
"""5e-7 on Gram matrices that are summed over the 64x64 cells of relu3_3 in an image of 256 px; here they are means.
That the published ones are sums is an assumption: no source states it."""

OFFICIAL_STEPS = 1500
"""Of the stages, each."""

FAST_NOISE_STEPS = 150


def image2stylegan_pp(
    *,
    start: Start = "mean",
    preset: Preset = "fast",
    num_steps: int | None = None,
    noise_steps: int | None = None,
    perceptual: Network | None = "default",
    layers: tuple[str, ...] = LAYERS,
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
        start: see :func:`gprior_jax.recipes.image2stylegan`, likewise the others.
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
        ValueError: see :func:`gprior_jax.recipes.image2stylegan`.

    >>> [stage.parametrization.noise for stage in image2stylegan_pp().stages]
    ['const', 'fitted']
    """
    check_preset(preset)
    official = preset == "official"
    optimizer = OFFICIAL_OPTIMIZER if official else FAST_OPTIMIZER
    steps, later = (OFFICIAL_STEPS, OFFICIAL_STEPS) if official else (FAST_STEPS, FAST_NOISE_STEPS)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight, layers, not official)
    if style is not None:
        terms += (_style(style, style_weight, style_image, style_region),)
    # The second stage fits the maps of noise to the pixels; what the first found stays.
    held = dataclasses.replace(optimizer, rates=STYLES_STAY)
    noise = Recipe(
        f"image2stylegan_pp-{preset}-noise",
        WPlus(noise="fitted", remat=remat),
        (Pixel(1.0, masked=not official),),
        SolverConfig(held, later if noise_steps is None else noise_steps, tolerance),
    )
    solver = SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance)
    first = WPlus(start, remat=remat)
    return Recipe(f"image2stylegan_pp-{preset}", first, terms, solver, restarts, then=noise)


def _style(network: Network, weight: float, image: Array | None, region: Array | None) -> Term:
    photographs = is_trained_on_photographs(network)
    if photographs and isinstance(network, PerceptualNetwork):
        network = dataclasses.replace(network, layers=STYLE_LAYERS, size=None)
    return Style(network, check_weight(weight, "style"), image, region, PERCEPTUAL_SIDE if photographs else None)


ROWS = (Method("image2stylegan_pp", "image2stylegan, then the maps of noise", image2stylegan_pp),)
