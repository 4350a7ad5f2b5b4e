"""Semantic diffusion of in-domain inversion (Zhu et al. 2020, arXiv:2004.00049); constants of idinvert_pytorch."""

from typing import Any

import optax

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import WPlus
from gprior_jax.objectives import Pixel, Term
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.recipes.common import PerceptualChoice, Preset, check_preset, squared, weighed

DIFFUSION_OPTIMIZER = Optimizer(optax.adam, 0.01)
DIFFUSION_STEPS = 100
DIFFUSION_FEATURES = 5e-5
"""``diffuse.py`` (argparse defaults): Adam of rate 0.01, 100 steps, ``--loss_weight_feat`` on Keras's VGG-16, relu4_3,
whose features are those of pixels in [0, 255]."""

DIFFUSION_BOX = (110 / 256, 125 / 256, 145 / 256)
"""Side of what is taken of the target, and its centre from the left and from the top, as parts of the picture's side
(``diffuse.py``: ``--crop_size`` 110, ``--center_x`` 125, ``--center_y`` 145, of 256 pixels)."""


def diffusion(
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: PerceptualChoice = "preset",
    perceptual_weight: float | None = None,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """Semantic diffusion: a w for every layer whose image shows the target in a region, started from its surroundings.

    Both terms compare images that are multiplied with the region's mask, and take means over all pixels, masked or
    not; there is no term of the encoder, so that the rest of the image is free to follow (idinvert_pytorch
    ``utils/inverter.py``, ``diffuse``). It belongs to :func:`gprior_jax.editing.diffuse`, which knows where to start.

    Args:
        preset: ``"official"`` compares features with weight 5e-5, those of Keras's VGG-16 as published; ``"fast"``
            pixels alone unless a network is named. The optimiser is the published one: larger steps leave the domain.
        num_steps: None takes 100.
        perceptual: see :func:`gprior_jax.recipes.mganprior`.
        perceptual_weight: of the mean squared difference of features; None is 5e-5 of a VGG-16 with Keras's weights, 1
            of another network.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown preset, or numbers out of range.

    >>> [term.name for term in diffusion().terms]
    ['pixel_mse']
    """
    check_preset(preset)
    terms: list[Term] = [Pixel(1.0, masked=False)]
    if perceptual_weight is None and _sees_bytes(perceptual):
        perceptual_weight = DIFFUSION_FEATURES
    network, weight = weighed(perceptual, perceptual_weight, float(preset == "official"))
    if network is not None:
        terms.append(squared(network, weight, masked=False))
    solver = SolverConfig(DIFFUSION_OPTIMIZER, DIFFUSION_STEPS if num_steps is None else num_steps, tolerance)
    return Recipe(f"diffusion-{preset}", WPlus(remat=remat), tuple(terms), solver)


def _sees_bytes(network: Any) -> bool:
    """Whether it is VGG-16 with Keras's weights."""
    return isinstance(network, PerceptualNetwork) and getattr(network.module, "inputs", None) == "keras"
