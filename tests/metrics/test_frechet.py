"""Fréchet distance against SciPy's matrix square root, kernel distance against plain sums over pairs."""

import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_critic, random_vgg
from scipy.linalg import sqrtm

from gprior_jax import metrics
from gprior_jax.perceptual import network


def normal(seed, rows, columns, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    return shift + scale * rng.standard_normal((rows, columns)) @ rng.standard_normal((columns, columns))


def oracle_frechet(a, b):
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(cov_a @ cov_b)
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root).real


def oracle_kernel(a, b):
    def k(x, y):
        return (np.dot(x, y) / a.shape[1] + 1) ** 3

    within = [np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
    return sum(within) - 2 * np.mean([k(x, y) for x in a for y in b])


def test_frechet_as_scipy():
    a, b = normal(0, 60, 6), normal(1, 40, 6, 1.5, 0.3)
    assert metrics.frechet_distance(a, b) == pytest.approx(oracle_frechet(a, b), rel=1e-6)


@pytest.mark.parametrize(("rows_a", "rows_b"), [(5, 7), (5, 60), (2, 2)])
def test_frechet_of_singular_covariances(rows_a, rows_b):
    """Fewer rows than features: for the oracle, a little variance in all directions makes the root regular."""
    a, b = normal(2, rows_a, 12), normal(3, rows_b, 12)
    lifted = [np.cov(x, rowvar=False) + 1e-9 * np.eye(12) for x in (a, b)]
    shared = np.trace(sqrtm(lifted[0] @ lifted[1])).real
    wanted = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(lifted[0]) + np.trace(lifted[1]) - 2 * shared
    assert metrics.frechet_distance(a, b) == pytest.approx(wanted, rel=1e-4)


def test_frechet_of_known_gaussians():
    a = normal(4, 30, 5)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, a + 2.0) == pytest.approx(20, rel=1e-9)
    assert metrics.frechet_distance(a - a.mean(0), 3 * (a - a.mean(0))) == pytest.approx(
        4 * np.trace(np.cov(a, rowvar=False)), rel=1e-9
    )
    flat = np.zeros((4, 5))
    assert metrics.frechet_distance(flat, flat) == 0


def test_kernel_as_its_definition():
    a, b = normal(5, 9, 4), normal(6, 7, 4, shift=0.5)
    assert metrics.kernel_distance(a, b) == pytest.approx(oracle_kernel(a, b), rel=1e-9)
    assert metrics.kernel_distance(b, a) == pytest.approx(metrics.kernel_distance(a, b), rel=1e-9)


def test_kernel_in_blocks(monkeypatch):
    from gprior_jax.metrics import frechet

    a, b = normal(5, 9, 4), normal(6, 7, 4)
    wanted = metrics.kernel_distance(a, b)
    monkeypatch.setattr(frechet, "_ROWS_AT_ONCE", 2)
    assert metrics.kernel_distance(a, b) == pytest.approx(wanted, rel=1e-9)


def test_kernel_is_unbiased_and_grows_with_a_shift():
    rng = np.random.default_rng(7)
    draws = [metrics.kernel_distance(*rng.standard_normal((2, 20, 4))) for _ in range(200)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / np.sqrt(200)
    assert min(draws) < 0
    a = rng.standard_normal((50, 4))
    found = [metrics.kernel_distance(a, rng.standard_normal((50, 4)) + shift) for shift in (0, 1, 2)]
    assert found == sorted(found)


def test_bad_features_are_told_and_nan_is_nan():
    for distance in (metrics.frechet_distance, metrics.kernel_distance):
        for a, b in ((np.ones((1, 3)), np.ones((4, 3))), (np.ones((4, 2)), np.ones((4, 3))), (np.ones(4), np.ones(4))):
            with pytest.raises(ValueError, match="at least two rows"):
                distance(a, b)
        assert np.isnan(distance(np.full((3, 2), np.inf), np.ones((3, 2))))


@pytest.mark.parametrize("build", [lambda: network.discriminator(random_critic("pggan")), random_vgg])
def test_network_features_are_spatial_means(build):
    net = build()
    images = np.random.default_rng(8).random((5, 16, 16, 3)).astype(np.float32)
    found = metrics.network_features(net, images, batch_size=2)
    wanted = [
        np.concatenate([np.asarray(x).mean((0, 1)) for x in net.features(jnp.asarray(2 * image - 1))])
        for image in images
    ]
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-4)
    with pytest.raises(ValueError, match="give \\[N, H, W, C\\]"):
        metrics.network_features(net, images[0])


def test_fid_and_kid_of_sets_of_images():
    net = network.discriminator(random_critic("pggan"))
    rng = np.random.default_rng(9)
    a, b = rng.random((6, 16, 16, 3)), 0.5 * rng.random((6, 16, 16, 3))
    features = [metrics.network_features(net, x) for x in (a, b)]
    assert metrics.fid(net, a, a) == pytest.approx(0, abs=1e-6)
    assert metrics.fid(net, a, b) == pytest.approx(metrics.frechet_distance(*features), rel=1e-5)
    assert metrics.kid(net, a, b) == pytest.approx(metrics.kernel_distance(*features), rel=1e-5)
    assert metrics.kid(net, a, b) > metrics.kid(net, a, a)
