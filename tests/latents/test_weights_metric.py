"""The mean metric of channel weights, against derivatives and in short."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax.latents import MultiCode
from gprior_jax.latents import weights_metric as module
from gprior_jax.latents.basis import orthonormal
from gprior_jax.latents.composition import weighted_sum
from gprior_jax.latents.weights_metric import _products, weights_metric

KEY = jax.random.key(3)


def made(name):
    prior = random_prior(name)
    kind = MultiCode(3, 2).fit(prior)
    codes = prior.latent.sample(jax.random.key(0), (3, prior.z_dim))
    features, styles = kind.features(prior, codes)
    return prior, kind, orthonormal(features)[0], styles


@pytest.mark.parametrize("name", ["pggan", "stylegan2"])
def test_products_are_derivatives_by_the_weights(name):
    prior, kind, basis, styles = made(name)
    found = _products(prior, kind, basis, styles, KEY)
    code, direction = jax.random.split(jax.random.split(KEY, 16)[5])
    own = kind.features(prior, prior.latent.sample(code, (1, prior.z_dim)))[0][0]

    def summed(weights):
        image = kind.from_composed(prior, own + weighted_sum(basis, weights), styles)
        return jnp.vdot(image, jax.random.normal(direction, image.shape))

    expected = jax.grad(summed)(jnp.zeros((3, own.shape[-1])))
    np.testing.assert_allclose(found[5], expected, rtol=1e-3, atol=1e-3 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("samples", [16, 64])  # Fewer than there are weights, and more.
def test_the_stiffest_directions_are_those_of_the_mean(samples):
    prior, kind, basis, styles = made("pggan")
    found = weights_metric(prior, kind, basis, styles, KEY, 5, samples)
    every = [_products(prior, kind, basis, styles, jax.random.fold_in(KEY, i)) for i in range(samples // 16)]
    flat = np.concatenate(every).reshape(samples, -1).astype(np.float64)
    metric = flat.T @ flat / np.square(flat).sum() * flat.shape[1]
    values, _ = np.linalg.eigh(metric)
    np.testing.assert_allclose(found.stiffness[:5], values[::-1][:5], rtol=1e-3)
    assert found.stiffness[5] == pytest.approx(values[::-1][5:].mean(), rel=1e-2)
    directions = found.directions.reshape(5, -1)
    np.testing.assert_allclose(directions @ directions.T, np.eye(5), atol=1e-3)
    np.testing.assert_allclose(directions @ metric @ directions.T, np.diag(values[::-1][:5]), atol=1e-3 * values[-1])
    assert found.directions.shape == (5, 3, basis.shape[-1])


def test_directions_without_products_are_left_alone(monkeypatch):
    """Images that follow two combinations of more weights than there are products: nothing else is stiff."""
    prior, kind, basis, styles = made("pggan")
    few = normal(1, 16, 2).astype(np.float64) @ normal(2, 2, 24)
    monkeypatch.setattr(module, "_products", lambda *_: few.reshape(16, 3, 8))
    found = weights_metric(prior, kind, basis, styles, KEY, 16, 16)
    np.testing.assert_allclose(found.stiffness[:2].sum(), 24, rtol=1e-5)
    np.testing.assert_allclose(found.stiffness[2:], 0, atol=1e-6)
    lengths = np.linalg.norm(found.directions.reshape(16, -1), axis=1)
    np.testing.assert_allclose(lengths[:2], 1, rtol=1e-5)
    assert (lengths[2:] < 1.1).all()


def test_no_more_directions_than_there_are_weights():
    prior, kind, basis, styles = made("pggan")
    found = weights_metric(prior, kind, basis, styles, KEY, 1000, 32)
    assert found.directions.shape == (24, 3, 8)
    assert np.isfinite(found.stiffness).all()
