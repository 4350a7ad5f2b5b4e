"""What a prior has to beat: methods without one. Images are float32 ``[B, H, W, C]`` in [-1, 1], on the host."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gprior_jax.images import arrays as im
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import CODE_RATE, DeepImagePrior
from gprior_jax.objectives import Pixel

DIP_LEARNING_RATE = 0.01
"""Adam's rate of the deep image prior (Ulyanov et al. 2018, supplementary material: 0.01 for all tasks here)."""


def bicubic_enlarged(small: np.ndarray, factor: int) -> np.ndarray:
    """Enlarge with Keys' cubic, a = -0.5, as Pillow does; clipped."""
    size = (small.shape[1] * factor, small.shape[2] * factor)
    enlarge = jax.vmap(lambda image: im.resize(image, size, "bicubic"))
    return np.clip(np.asarray(enlarge(jnp.asarray(small))), -1.0, 1.0)


def median_filtered(images: np.ndarray, side: int) -> np.ndarray:
    """Median of every channel over squares of ``side`` pixels (odd), edges repeated."""
    reach = side // 2
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    return np.median(windows, axis=(-2, -1)).astype(np.float32)


def mean_filled(images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Every missing pixel becomes the mean colour of the known ones of its image; ``known`` is ``[B, H, W, 1]``."""
    total = np.maximum(known.sum((1, 2), keepdims=True), 1.0)
    mean = (images * known).sum((1, 2), keepdims=True) / total
    return np.where(known > 0, images, mean).astype(np.float32)


def deep_image_prior(term: Pixel, num_steps: int) -> Recipe:
    """An untrained network of the prior's architecture, fitted to each observation (Ulyanov et al. 2018).

    Args:
        term: the pixel term of the task, so that both are judged by the same loss.
        num_steps: optimisation steps; the method lives by stopping early.
    """
    optimizer = Optimizer(optax.adam, DIP_LEARNING_RATE, CODE_RATE)
    return Recipe("deep_image_prior", DeepImagePrior(), (term,), SolverConfig(optimizer, num_steps))
