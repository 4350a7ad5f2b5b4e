import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from gprior_jax import metrics


@pytest.mark.parametrize("noise", [1e-3, 0.1, 0.7])
def test_psnr_as_scikit_image(noise):
    rng = np.random.default_rng(0)
    a = rng.random((9, 7, 3)).astype(np.float32)
    b = np.clip(a + noise * rng.standard_normal(a.shape), 0, 1).astype(np.float32)
    wanted = peak_signal_noise_ratio(b, a, data_range=1.0)
    assert float(metrics.psnr(jnp.asarray(a), jnp.asarray(b))) == pytest.approx(wanted, abs=1e-3)


def test_psnr_of_equal_images_is_infinite():
    x = jnp.full((4, 4, 3), 0.3)
    assert float(metrics.psnr(x, x)) == np.inf


def test_psnr_of_a_batch():
    a, b = np.random.default_rng(1).random((2, 3, 5, 5, 3)).astype(np.float32)
    found = jax.vmap(metrics.psnr)(jnp.asarray(a), jnp.asarray(b))
    wanted = [peak_signal_noise_ratio(y, x, data_range=1.0) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_l1_is_the_mean_absolute_difference():
    a, b = np.random.default_rng(2).random((2, 3, 5, 6, 3)).astype(np.float32)
    wanted = np.abs(a.astype(np.float64) - b).mean((1, 2, 3))
    np.testing.assert_allclose(jax.vmap(metrics.l1)(jnp.asarray(a), jnp.asarray(b)), wanted, atol=1e-6)
    assert float(metrics.l1(jnp.asarray(a[0]), jnp.asarray(a[0]))) == 0
