"""LPIPS with random weights, and images for it."""

import functools

import numpy as np
from batteries import random_params

from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork


@functools.cache
def random_lpips(trunk: str) -> LPIPS:
    """Random weights; a third of the linear ones are zero, as many of the published AlexNet's are."""
    module, rng = LPIPSNetwork(trunk), np.random.default_rng(3)
    params = random_params(module, 1)
    linear = {tap: rng.uniform(-0.5, 1, w.shape).clip(0).astype(np.float32) for tap, w in params["linear"].items()}
    return LPIPS(params | {"linear": linear}, module)


def images(seed: int, *shape: int) -> np.ndarray:
    """Uniform numbers in [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, (*shape, 3)).astype(np.float32)
