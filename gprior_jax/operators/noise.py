"""Noise: ``noise(key, image) -> image`` for one image in [-1, 1].

A noise model is a pytree; what it draws is a function of the key and the image's shape. The result is not clipped:
clipping would darken white noise and brighten black noise. Operators take no key, so a noise model is none: it makes
observations, and is not inverted.
"""

import dataclasses

import jax
import jax.numpy as jnp

from gprior_jax.checks import check_number
from gprior_jax.images.arrays import GREY_LEVEL
from gprior_jax.operators.checks import checked_pytree
from gprior_jax.typing import Array, Key


@checked_pytree
@dataclasses.dataclass(frozen=True)
class GaussianNoise:
    """Adds independent normal numbers to all values.

    Attributes:
        sigma: their standard deviation in grey levels of 255, from 0 up.

    Raises:
        ValueError: ``sigma`` is negative or no number.

    >>> GaussianNoise(25)(jax.random.key(0), jnp.zeros((4, 4, 3))).shape
    (4, 4, 3)
    """

    sigma: float | Array

    def __post_init__(self):
        check_number("sigma", self.sigma, lambda x: x >= 0, "a number from 0 up")

    def __call__(self, key: Key, image: Array) -> Array:
        """One noisy image ``[H, W, C]``, not clipped."""
        return image + self.sigma / GREY_LEVEL * jax.random.normal(key, image.shape, image.dtype)


@checked_pytree
@dataclasses.dataclass(frozen=True)
class PoissonNoise:
    """Every value counts photons: their number has a Poisson distribution whose mean is the brightness.

    Attributes:
        peak: mean number of photons of a white value, above 0; fewer are noisier.

    Raises:
        ValueError: ``peak`` is not a positive number.

    >>> PoissonNoise(30.0)(jax.random.key(0), -jnp.ones((1, 2, 1)))[0, :, 0]
    Array([-1., -1.], dtype=float32)
    """

    peak: float | Array

    def __post_init__(self):
        check_number("peak", self.peak, lambda x: x > 0, "a positive number of photons")

    def __call__(self, key: Key, image: Array) -> Array:
        """One noisy image ``[H, W, C]``, at least -1 and not clipped above; no gradient flows through counts."""
        brightness = jnp.maximum((image + 1.0) * 0.5, 0.0)
        photons = jax.random.poisson(key, brightness * self.peak).astype(image.dtype)
        return 2.0 * photons / self.peak - 1.0


@checked_pytree
@dataclasses.dataclass(frozen=True)
class ImpulseNoise:
    """Some pixels became black and as many white ("salt and pepper"), in all their channels.

    Attributes:
        rate: probability that a pixel is replaced, in [0, 1]; half of them become white.

    Raises:
        ValueError: ``rate`` is outside of its range.

    >>> ImpulseNoise(0.0)(jax.random.key(0), jnp.zeros((1, 2, 1)))[0, :, 0]
    Array([0., 0.], dtype=float32)
    """

    rate: float | Array

    def __post_init__(self):
        check_number("rate", self.rate, lambda x: (x >= 0) & (x <= 1), "a rate in [0, 1]")

    def __call__(self, key: Key, image: Array) -> Array:
        """One image ``[H, W, C]`` with replaced pixels; the others are left as they are, not clipped."""
        drawn = jax.random.uniform(key, (*image.shape[:-1], 1))
        return jnp.where(drawn < 0.5 * self.rate, -1.0, jnp.where(drawn < self.rate, 1.0, image))
