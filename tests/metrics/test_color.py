"""Lab against scikit-image; the AuC against its definition, threshold by threshold in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.color import rgb2lab

from gprior_jax import metrics


def images(seed, noise, shape=(30, 20, 3)):
    rng = np.random.default_rng(seed)
    a = rng.random(shape)
    return a.astype(np.float32), np.clip(a + noise * rng.standard_normal(shape), 0, 1).astype(np.float32)


def oracle_error(a, b):
    return np.linalg.norm((rgb2lab(a.astype(np.float64)) - rgb2lab(b.astype(np.float64)))[..., 1:], axis=-1)


def oracle_auc(a, b):
    error = oracle_error(a, b)
    return np.trapezoid([np.mean(error <= threshold) for threshold in range(151)]) / 150


def test_lab_as_scikit_image():
    colors = np.stack(np.meshgrid(*[np.linspace(0, 1, 12)] * 3), -1).reshape(-1, 3)
    colors = np.concatenate([colors, np.linspace(0, 0.06, 50)[:, None] * np.ones(3)])
    # Float32 against values up to 100; found: below 1e-4.
    np.testing.assert_allclose(metrics.rgb_to_lab(jnp.asarray(colors, jnp.float32)), rgb2lab(colors), atol=3e-4)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3, 2.0])
def test_auc_as_its_definition(noise):
    a, b = images(0, noise)
    found = float(metrics.colorization_auc(jnp.asarray(a), jnp.asarray(b)))
    assert found == pytest.approx(oracle_auc(a, b), abs=1e-4)
    np.testing.assert_allclose(metrics.chroma_error(jnp.asarray(a), jnp.asarray(b)), oracle_error(a, b), atol=1e-3)


def test_distances_beyond_the_last_threshold_count_nothing():
    blue, green = jnp.zeros((2, 2, 3)).at[..., 2].set(1), jnp.zeros((2, 2, 3)).at[..., 1].set(1)
    assert float(metrics.chroma_error(blue, green).min()) > 150
    assert float(metrics.colorization_auc(blue, green)) == 0


def test_lightness_does_not_count():
    gray, white = jnp.full((4, 4, 3), 0.2), jnp.ones((4, 4, 3))
    assert float(metrics.chroma_error(gray, white).max()) < 0.01
    assert float(metrics.colorization_auc(gray, white)) > 0.996


def test_more_noise_is_worse_and_nan_stays():
    found = [float(metrics.colorization_auc(*map(jnp.asarray, images(1, noise)))) for noise in (0, 0.05, 0.2, 1)]
    assert found[0] == 1
    assert found == sorted(found, reverse=True)
    assert np.isnan(metrics.colorization_auc(jnp.full((2, 2, 3), jnp.nan), jnp.zeros((2, 2, 3))))


def test_jit_and_vmap():
    pairs = [images(seed, 0.1) for seed in range(3)]
    a, b = (jnp.stack([jnp.asarray(p[i]) for p in pairs]) for i in (0, 1))
    for metric in (metrics.colorization_auc, metrics.chroma_error):
        eager = [metric(x, y) for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(jax.jit(jax.vmap(metric))(a, b), np.stack(eager), atol=1e-3)


def test_gradient_of_lab_is_finite():
    assert np.isfinite(jax.jacobian(metrics.rgb_to_lab)(jnp.array([0.0, 0.5, 1.0]))).all()
