"""Functions whose geometry is known, and a tiny smooth generator."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

MATRIX = np.random.default_rng(3).normal(size=(12, 3)).astype(np.float32)
RADIUS = 2.0


def linear(x):
    """A linear generator: geodesics are lines, the curvature is 0."""
    return jnp.asarray(MATRIX, x.dtype) @ x


def sphere(x):
    """Latitude and longitude to a sphere of radius 2: geodesics are great circles, the curvature is 1/4."""
    latitude, longitude = x
    return RADIUS * jnp.stack(
        [jnp.cos(latitude) * jnp.cos(longitude), jnp.cos(latitude) * jnp.sin(longitude), jnp.sin(latitude)]
    )


def great_circle(a, b):
    """Distance of two latents of :func:`sphere`, in float64."""
    one, other = (np.asarray(sphere(jnp.asarray(x)), np.float64) for x in (a, b))
    return RADIUS * np.arccos(one @ other / RADIUS**2)


def weights(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(m, n)) / np.sqrt(n) for n, m in itertools.pairwise(sizes)]


LAYERS = weights((4, 12, 5 * 6 * 2))


def smooth(x):
    """A latent ``[4]`` to an image ``[5, 6, 2]``, with derivatives of all orders."""
    first, second = (jnp.asarray(w, x.dtype) for w in LAYERS)
    return jnp.tanh(second @ jax.nn.softplus(first @ x)).reshape(5, 6, 2)


def smooth64(x):
    """The same by numpy in float64, ``[60]``."""
    first, second = LAYERS
    return np.tanh(second @ np.log1p(np.exp(first @ np.asarray(x, np.float64))))


def kinked(x):
    """The same with LeakyReLU, and no tanh: it is made of flat pieces."""
    first, second = (jnp.asarray(w, x.dtype) for w in LAYERS)
    return second @ jax.nn.leaky_relu(first @ x, 0.2)


def jacobian64(x, step=1e-6):
    """The Jacobian of :func:`smooth64` by central differences, ``[60, 4]``."""
    x = np.asarray(x, np.float64)
    return np.stack([(smooth64(x + e) - smooth64(x - e)) / (2 * step) for e in step * np.eye(4)], axis=1)


AT = jnp.array([0.3, -0.7, 1.1, 0.2])
