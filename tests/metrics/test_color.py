"""Lab against scikit-image; the AuC against its definition, threshold by threshold in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.color import rgb2lab

from gprior_jax import metrics

# Compiled whole: one operation after the other, each would be compiled for itself.
rgb_to_lab, chroma_error, auc = map(jax.jit, (metrics.rgb_to_lab, metrics.chroma_error, metrics.colorization_auc))


def images(seed, noise, shape=(30, 20, 3)):
    rng = np.random.default_rng(seed)
    a = rng.random(shape)
    return a.astype(np.float32), np.clip(a + noise * rng.standard_normal(shape), 0, 1).astype(np.float32)


def flat(*color):
    return np.broadcast_to(np.float32(color), (30, 20, 3))


def oracle_error(a, b):
    return np.linalg.norm((rgb2lab(a.astype(np.float64)) - rgb2lab(b.astype(np.float64)))[..., 1:], axis=-1)


def oracle_auc(a, b):
    error = oracle_error(a, b)
    return np.trapezoid([np.mean(error <= threshold) for threshold in range(151)]) / 150


def test_lab_as_scikit_image():
    colors = np.stack(np.meshgrid(*[np.linspace(0, 1, 12)] * 3), -1).reshape(-1, 3)
    colors = np.concatenate([colors, np.linspace(0, 0.06, 50)[:, None] * np.ones(3)])
    # Float32 against values up to 100; found: below 1e-4.
    np.testing.assert_allclose(rgb_to_lab(jnp.asarray(colors, jnp.float32)), rgb2lab(colors), atol=3e-4)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3, 2.0])
def test_auc_as_its_definition(noise):
    a, b = images(0, noise)
    found = float(auc(jnp.asarray(a), jnp.asarray(b)))
    assert found == pytest.approx(oracle_auc(a, b), abs=1e-4)
    np.testing.assert_allclose(chroma_error(jnp.asarray(a), jnp.asarray(b)), oracle_error(a, b), atol=1e-3)


def test_distances_beyond_the_last_threshold_count_nothing():
    blue, green = flat(0, 0, 1), flat(0, 1, 0)
    assert float(chroma_error(blue, green).min()) > 150
    assert float(auc(blue, green)) == 0


def test_lightness_does_not_count():
    gray, white = flat(0.2), flat(1)
    assert float(chroma_error(gray, white).max()) < 0.01
    assert float(auc(gray, white)) > 0.996


def test_more_noise_is_worse_and_nan_stays():
    found = [float(auc(*map(jnp.asarray, images(1, noise)))) for noise in (0, 0.05, 0.2, 1)]
    assert found[0] == 1
    assert found == sorted(found, reverse=True)
    assert np.isnan(auc(flat(np.nan), flat(0)))


def test_vmap_equals_loop():
    pairs = [images(seed, 0.1) for seed in range(3)]
    a, b = (jnp.stack([jnp.asarray(p[i]) for p in pairs]) for i in (0, 1))
    for metric in (auc, chroma_error):
        one_by_one = [metric(x, y) for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(jax.jit(jax.vmap(metric))(a, b), np.stack(one_by_one), atol=1e-3)


def test_gradient_of_lab_is_finite():
    assert np.isfinite(jax.jit(jax.jacobian(metrics.rgb_to_lab))(jnp.array([0.0, 0.5, 1.0]))).all()
