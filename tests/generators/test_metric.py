"""The mean metric of styles, against the Jacobian itself."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_prior

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.metric import mean_metric
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import map_code, mix


@pytest.mark.slow
def test_is_the_mean_of_the_squared_jacobian():
    prior = random_prior("stylegan2_residual")

    def exact(key):
        first, second, cut = jax.random.split(key, 3)
        one, other = (map_code(prior, prior.latent.sample(k, (prior.z_dim,))) for k in (first, second))
        styles = mix(one, other, jax.random.randint(cut, (), 1, prior.num_styles + 1))
        jacobian = jax.jacfwd(lambda styles: run_layers(prior, None, styles=styles).reshape(-1))(styles)
        return jnp.einsum("pli,plj->lij", jacobian, jacobian)

    expected = np.mean(jax.jit(jax.vmap(exact))(jax.random.split(jax.random.key(5), 2000)), axis=0)
    found = np.asarray(mean_metric(prior, jax.random.key(0), 8192))
    assert found.shape == (prior.num_styles, prior.w_dim, prior.w_dim)
    np.testing.assert_allclose(found, found.swapaxes(1, 2), rtol=1e-5)
    for own, wanted in zip(found, expected, strict=True):
        # Of weights like these a code's metric differs from another's by twice the mean: of thousands a tenth is left.
        assert np.linalg.norm(own - wanted) < 0.25 * np.linalg.norm(wanted)
        assert np.trace(own) == pytest.approx(np.trace(wanted), rel=0.1)


def test_is_kept_in_the_model_folder(tmp_path):
    prior = random_prior("stylegan2_residual")
    metric = np.random.default_rng(0).normal(size=(prior.num_styles, prior.w_dim, prior.w_dim)).astype(np.float32)
    zoo.save(dataclasses.replace(prior, metric=metric), tmp_path / "a")
    np.testing.assert_array_equal(zoo.load(tmp_path / "a").metric, metric)
    zoo.save(prior, tmp_path / "b")
    assert zoo.load(tmp_path / "b").metric is None


@pytest.mark.slow
def test_of_a_prior_with_classes_is_the_mean_of_those_of_the_classes():
    held = random_prior("stylegan2_conditional")
    free = dataclasses.replace(held, label=None)
    each = [np.asarray(mean_metric(with_label(free, label), jax.random.key(label), 256)) for label in range(3)]
    found = np.trace(mean_metric(free, jax.random.key(9), 768), axis1=1, axis2=2)
    traces = np.trace(each, axis1=2, axis2=3)
    np.testing.assert_allclose(found, traces.mean(0), rtol=0.2)
    assert np.abs(traces / traces.mean(0) - 1.0).max() > 0.3  # One class would not pass for all of them.


def test_a_prior_without_styles_has_none():
    with pytest.raises(ArgumentError, match="has no styles"):
        mean_metric(random_prior("pggan"), jax.random.key(0), 16)
