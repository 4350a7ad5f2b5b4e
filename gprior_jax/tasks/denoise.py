"""Noise removed."""

from typing import Any, Literal, Unpack

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import GREY_LEVEL
from gprior_jax.operators import GaussianNoise, Identity, ImpulseNoise, PoissonNoise
from gprior_jax.recipes import PixelSettings
from gprior_jax.tasks.restoration import Restoration, RestoreOptions, Task, check_images
from gprior_jax.typing import Array, ArrayLike, Key

NoiseKind = Literal["gaussian", "poisson", "impulse"]


def denoising(noise: NoiseKind = "gaussian", sigma: float | None = None, peak: float = 30.0, rate: float = 0.1) -> Task:
    """The task of removing noise, see :func:`denoise`.

    Args:
        noise: which.
        sigma: of Gaussian noise, grey levels of 255; None estimates it from every image, and simulates none.
        peak: photons of a white pixel, to simulate Poisson noise.
        rate: part of the pixels that is hit, to simulate impulse noise.

    Raises:
        ValueError: an unknown noise, or numbers out of range.

    >>> denoising("impulse").pixels
    PixelSettings(distance='huber', floor=0.0)
    """
    if noise not in ("gaussian", "poisson", "impulse"):
        raise ArgumentError(f"noise {noise!r}: use 'gaussian', 'poisson' or 'impulse'.")
    if sigma is not None and not 0.0 < sigma <= 255.0:
        raise ArgumentError(f"sigma {sigma}: use grey levels, above 0 and at most 255.")
    if noise == "impulse" and sigma is not None:
        raise ArgumentError("sigma is the deviation of Gaussian noise: leave it out with impulse noise.")
    models: dict[str, Any] = {"poisson": PoissonNoise(peak), "impulse": ImpulseNoise(rate)}
    model = models.get(noise) or GaussianNoise(sigma or 0.0)

    def degrade(image: Array, key: Key) -> Array:
        return model(key, jnp.asarray(image))

    if noise == "impulse":  # A few pixels are far off and the others exact: there is no error to stop at.
        pixels = PixelSettings("huber")
    else:
        pixels = PixelSettings("mse", "noise" if sigma is None else (sigma / GREY_LEVEL) ** 2)
    return Task("denoise", lambda arrays: Identity(), degrade, pixels=pixels, seen="as they are")


def denoise(
    prior: Prior,
    images: ArrayLike,
    *,
    key: Key,
    sigma: float | None = None,
    noise: NoiseKind = "gaussian",
    **options: Unpack[RestoreOptions],
) -> Restoration:
    """Remove noise: what the prior cannot draw is left out.

    mGANprior's paper shows denoising, its code has none; this is inversion of the noisy image that goes no closer to it
    than the noise is strong (Morozov's discrepancy principle).

    Args:
        prior: the generator.
        images: ``[B, R, R, C]`` in about [-1, 1]; not clipped, where that can be had.
        key: the run's key.
        sigma: standard deviation of Gaussian noise in grey levels of 255, at which the pixel term stops; None estimates
            it from every image (:func:`gprior_jax.images.arrays.noise_level`).
        noise: ``"impulse"`` compares with the robust Huber distance, the others with the mean square.
        **options: see :func:`gprior_jax.tasks.restore`; ``recipe`` defaults to that of the task, and then decides
            alone.

    Raises:
        ValueError: ``sigma`` is not above 0 and at most 255, or an unknown noise.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 2))
    >>> noisy = images + 25 / 127.5 * jax.random.normal(jax.random.key(1), images.shape)  # 25 grey levels
    >>> recipe = gp.recipes.latent("z", num_steps=2, perceptual=None)
    >>> gp.tasks.denoise(prior, noisy, sigma=25.0, key=jax.random.key(2), recipe=recipe).images.shape
    (2, 64, 64, 3)
    """
    return denoising(noise, sigma).restore(prior, {"observed": check_images(images, "images")}, key, options)
