"""Image2StyleGAN (Abdal et al. 2019, arXiv:1904.03189).

It has no official implementation: the constants are those of the paper, its re-implementations and reviews.
"""

import optax

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import WPlus
from gprior_jax.latents.styled import Start
from gprior_jax.objectives import Network
from gprior_jax.recipes.common import Preset, check_preset, pixels_and_features
from gprior_jax.recipes.method import Method

LAYERS = ("conv1_1", "conv1_2", "conv3_2", "conv4_2")
"""Of VGG-16; before their ReLU, as the paper names them (implementations disagree)."""

OFFICIAL_OPTIMIZER = Optimizer(optax.adam, 0.01)
OFFICIAL_STEPS = 5000

FAST_OPTIMIZER = Optimizer(optax.adam, 0.05, schedule=LateLinear(0.6))
FAST_STEPS = 300


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
        restarts: independent starts per image; more than one where the start is drawn.
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
    optimizer, steps = (OFFICIAL_OPTIMIZER, OFFICIAL_STEPS) if official else (FAST_OPTIMIZER, FAST_STEPS)
    solver = SolverConfig(optimizer, steps if num_steps is None else num_steps, tolerance)
    terms = pixels_and_features(pixel_weight, perceptual, perceptual_weight, layers)
    return Recipe(f"image2stylegan-{preset}", WPlus(start, remat=remat), terms, solver, restarts)


ROWS = (Method("image2stylegan", "a w for every layer, by VGG-16's features", image2stylegan),)
