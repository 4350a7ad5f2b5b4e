"""Features in the orthonormal basis of several codes."""

import jax.numpy as jnp
import numpy as np
from batteries import normal

from gprior_jax.latents.basis import orthonormal, projected, weights_of
from gprior_jax.latents.composition import weighted_sum

FEATURES = jnp.asarray(normal(1, 3, 4, 4, 5))
WANTED = jnp.asarray(normal(2, 4, 4, 5))


def test_projected_is_least_squares_of_every_channel():
    found = projected(FEATURES, WANTED, 1e-7)
    for channel in range(5):
        maps = np.asarray(FEATURES)[..., channel].reshape(3, -1).T
        expected = np.linalg.lstsq(maps, np.asarray(WANTED)[..., channel].reshape(-1), rcond=None)[0]
        np.testing.assert_allclose(found[:, channel], expected, rtol=1e-3, atol=1e-4)


def test_the_basis_composes_the_same():
    basis, whitening = orthonormal(FEATURES)
    weights = weights_of(basis, WANTED)
    alpha = jnp.einsum("cnm,mc->nc", whitening, weights)
    np.testing.assert_allclose(alpha, projected(FEATURES, WANTED), rtol=1e-4, atol=1e-5)
    expected = weighted_sum(FEATURES, alpha)
    np.testing.assert_allclose(weighted_sum(basis, weights), expected, rtol=1e-3, atol=1e-4)
