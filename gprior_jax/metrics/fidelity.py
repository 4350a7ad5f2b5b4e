"""PSNR and SSIM of many images, as files hold them."""

from functools import partial

import jax
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.images import arrays as im
from gprior_jax.metrics.pixel import psnr
from gprior_jax.metrics.ssim import WINDOW, ssim
from gprior_jax.typing import Array

SMALLEST = {"ssim": WINDOW, "ms_ssim": WINDOW}
"""Sides of images below which a metric is not defined, pixels."""


def fidelity(images: np.ndarray, references: np.ndarray) -> dict[str, np.ndarray]:
    """PSNR (dB) and, unless the images are too small for it, SSIM.

    Args:
        images: ``[B, H, W, C]`` in [-1, 1]; rounded to 8 bits first.
        references: of the same shape; not rounded.

    Returns:
        ``"psnr"`` and ``"ssim"``, each ``[B]``; NaN where a reference is.

    Raises:
        ValueError: pixels of another range.
    """
    im.check_pixels(images)
    im.check_pixels(references, "references")
    found = _fidelity(im.from_uint8(im.to_uint8(images)), references)
    return {name: np.asarray(values) for name, values in found.items()}


@partial(jit, use="often", kept=True)
def _fidelity(images: Array | np.ndarray, references: Array | np.ndarray) -> dict[str, Array]:
    a, b = im.to_unit(images), im.to_unit(references)
    found = {"psnr": jax.vmap(psnr)(a, b)}
    if min(images.shape[1:3]) >= SMALLEST["ssim"]:
        found["ssim"] = jax.vmap(ssim)(a, b)
    return found
