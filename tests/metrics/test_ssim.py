"""SSIM against scikit-image, MS-SSIM against its definition, written in float64 with SciPy's two-dimensional filter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity

from gprior_jax import metrics
from gprior_jax.metrics.ssim import WEIGHTS

ssim, ms_ssim = jax.jit(metrics.ssim), jax.jit(metrics.ms_ssim, static_argnums=2)
ABSOLUTE = 1e-4  # Float32 against float64; found: below 1e-5.


def pair(seed, shape=(40, 33, 3), noise=0.2):
    """A smooth random picture and a noisy copy of it, [0, 1]."""
    rng = np.random.default_rng(seed)
    waves = np.add.outer(np.sin(np.arange(shape[0]) / 5.0), np.cos(np.arange(shape[1]) / 3.0))
    clean = np.clip(0.5 + 0.2 * waves[..., None] * rng.random(shape[2]), 0, 1)
    return clean.astype(np.float32), np.clip(clean + noise * rng.standard_normal(shape), 0, 1).astype(np.float32)


def gaussian(window=11, sigma=1.5):
    x = np.arange(window) - (window - 1) / 2
    kernel = np.exp(-np.add.outer(x**2, x**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def maps(a, b):
    """SSIM and contrast-structure map of one channel, windows within the image."""

    def mean(x):
        return convolve2d(x, gaussian(), mode="valid")

    mu_a, mu_b = mean(a), mean(b)
    var_a, var_b, cov = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2, mean(a * b) - mu_a * mu_b
    contrast = (2 * cov + 0.0009) / (var_a + var_b + 0.0009)
    return contrast * (2 * mu_a * mu_b + 0.0001) / (mu_a**2 + mu_b**2 + 0.0001), contrast


def oracle_ms_ssim(a, b, weights):
    values = []
    for channel in range(a.shape[-1]):
        x, y = a[..., channel].astype(np.float64), b[..., channel].astype(np.float64)
        total = 1.0
        for scale, weight in enumerate(weights):
            full, contrast = maps(x, y)
            total *= max((full if scale == len(weights) - 1 else contrast).mean(), 0) ** weight
            x, y = (convolve2d(z, np.full((2, 2), 0.25), mode="valid")[::2, ::2] for z in (x, y))
        values.append(total)
    return np.mean(values)


@pytest.mark.parametrize("shape", [(40, 33, 3), (11, 11, 3), (12, 30, 1)])
@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_ssim_as_scikit_image(shape, noise):
    a, b = pair(0, shape, noise)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    wanted = structural_similarity(a.astype(np.float64), b.astype(np.float64), channel_axis=-1, **options)
    assert float(ssim(jnp.asarray(a), jnp.asarray(b))) == pytest.approx(wanted, abs=ABSOLUTE)


def test_ssim_of_flat_bright_images_keeps_its_digits():
    a, b = np.full((20, 20, 3), 0.98, np.float32), np.full((20, 20, 3), 0.97, np.float32)
    wanted = (2 * 0.98 * 0.97 + 1e-4) / (0.98**2 + 0.97**2 + 1e-4)
    assert float(ssim(jnp.asarray(a), jnp.asarray(b))) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(("side", "scales"), [(11, 1), (22, 2), (65, 3), (177, 5)])
def test_ms_ssim_as_its_definition(side, scales):
    a, b = pair(1, (side, side + 3, 3))
    weights = np.array(WEIGHTS[:scales])
    wanted = oracle_ms_ssim(a, b, weights if scales == 5 else weights / weights.sum())
    assert 0.05 < wanted < 0.95
    assert float(ms_ssim(jnp.asarray(a), jnp.asarray(b))) == pytest.approx(wanted, abs=ABSOLUTE)


def test_scales_can_be_named():
    a, b = pair(2, (64, 64, 3))
    found = float(ms_ssim(jnp.asarray(a), jnp.asarray(b), 2))
    wanted = oracle_ms_ssim(a, b, np.array(WEIGHTS[:2]) / sum(WEIGHTS[:2]))
    assert found == pytest.approx(wanted, abs=ABSOLUTE)


def test_equal_images_have_one_and_negatives_zero():
    a = jnp.asarray(pair(3, (24, 24, 3))[1])
    assert float(ssim(a, a)) == pytest.approx(1, abs=1e-7)
    assert float(ms_ssim(a, a)) == pytest.approx(1, abs=1e-7)
    assert float(ssim(a, 1 - a)) < 0
    assert float(ms_ssim(a, 1 - a)) == 0
    gradient = jax.jit(jax.grad(metrics.ms_ssim))(a, 1 - a)
    assert np.isfinite(gradient).all()


def test_nan_stays_nan():
    a = jnp.asarray(pair(3, (24, 24, 3))[1])
    assert np.isnan(ssim(a, a * jnp.nan))
    assert np.isnan(ms_ssim(a, a * jnp.nan))


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_vmap_equals_loop(metric):
    pairs = [pair(seed, (24, 24, 3)) for seed in range(3)]
    a, b = (jnp.stack([jnp.asarray(p[i]) for p in pairs]) for i in (0, 1))
    one_by_one = [float(metric(x, y)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(jax.jit(jax.vmap(metric))(a, b), one_by_one, atol=1e-5)


def test_bad_sizes_are_told():
    x = jnp.zeros((10, 20, 3))
    for metric in (metrics.ssim, metrics.ms_ssim):
        with pytest.raises(ValueError, match="10x20 pixels is smaller than the window"):
            metric(x, x)
        with pytest.raises(ValueError, match="different shapes"):
            metric(x, x[:, :1])
    with pytest.raises(ValueError, match="odd"):
        metrics.ssim(x, x, window=4)
    big = jnp.zeros((64, 64, 3))
    for scales in (0, 4):
        with pytest.raises(ValueError, match="has 1 to 3"):
            metrics.ms_ssim(big, big, scales)
