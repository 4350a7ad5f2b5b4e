import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import great_circle, linear, sphere
from gprior_jax import geometry


def test_the_mean_of_a_linear_generator():
    latents = jax.random.normal(jax.random.key(0), (3, 3))
    weights = np.array([1.0, 2.0, 5.0])
    found = geometry.riemannian_mean(linear, latents, weights, num_segments=2, steps=2)
    mean = np.average(latents, axis=0, weights=weights)
    np.testing.assert_allclose(found.mean, mean, atol=1e-3)
    wanted = [np.sum(np.square(np.asarray(linear(latent - mean)))) for latent in latents]
    np.testing.assert_allclose(found.energies, wanted, rtol=1e-3)


def test_the_mean_on_a_sphere():
    """Of corners of a triangle that is its own image when turned: they are equally far from the mean, the pole."""
    turns = 2 * np.pi * np.arange(3) / 3
    points = np.stack([0.6 * np.cos(turns), 0.6 * np.sin(turns), np.full(3, 0.8)], 1)
    # Latitude and longitude about another axis, so that the pole is no singular point of them.
    latents = jnp.asarray(np.stack([np.arcsin(points[:, 0]), np.arctan2(points[:, 1], points[:, 2])], 1), jnp.float32)
    found = jax.jit(lambda x: geometry.riemannian_mean(sphere, x, num_segments=8))(latents)
    np.testing.assert_allclose(found.mean, [0.0, 0.0], atol=2e-3)
    wanted = [great_circle(np.asarray(x), np.zeros(2)) ** 2 for x in latents]
    np.testing.assert_allclose(found.energies, wanted, rtol=3e-3)
    np.testing.assert_array_equal(found.curves[:, 0], latents)


@pytest.mark.parametrize("weights", [np.ones(2), np.array([1.0, 0.0, 1.0])])
def test_wrong_weights(weights):
    with pytest.raises(ValueError, match="of 3 latents: give a positive one for each"):
        geometry.riemannian_mean(linear, jnp.ones((3, 3)), weights)
