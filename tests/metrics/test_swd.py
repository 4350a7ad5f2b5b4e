"""Sliced Wasserstein distance against a plain statement in NumPy on the same random numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import convolve

from gprior_jax import metrics
from gprior_jax.keys import purpose
from gprior_jax.metrics import swd

KEY = jax.random.key(3)
small = functools.partial(metrics.sliced_wasserstein, patches=8, directions=16)
pyramid = jax.jit(swd.laplacian_pyramid)


def sets(noise=0.3, number=4, size=32):
    rng = np.random.default_rng(0)
    a = rng.random((number, size, size, 3))
    return tuple(jnp.asarray(x, jnp.float32) for x in (a, np.clip(a + noise * rng.standard_normal(a.shape), 0, 1)))


def oracle_pyramid(image, levels):
    """Laplacian pyramid with SciPy's two-dimensional filter."""
    row = np.array([1, 4, 6, 4, 1]) / 16

    def blur(x):
        return convolve(x, np.outer(row, row)[..., None], mode="mirror")

    found = [np.asarray(image, np.float64)]
    for _ in range(levels - 1):
        coarse = blur(found[-1])[::2, ::2]
        zeros = np.zeros((2 * len(coarse), 2 * coarse.shape[1], 3))
        zeros[::2, ::2] = coarse
        found[-1] = found[-1] - 4 * blur(zeros)
        found.append(coarse)
    return found


def oracle_distance(ours, theirs, lines):
    """Of patches ``[M, 7, 7, 3]`` along the given directions."""
    rows = []
    for patches in (np.asarray(ours, np.float64), np.asarray(theirs, np.float64)):
        normal = (patches - patches.mean((0, 1, 2))) / patches.std((0, 1, 2))
        rows.append(normal.reshape(len(patches), -1))
    lines = lines / np.linalg.norm(lines, axis=1, keepdims=True)
    return 1e3 * np.mean([np.abs(np.sort(rows[0] @ line) - np.sort(rows[1] @ line)).mean() for line in lines])


def test_pyramid_as_scipy():
    image = np.random.default_rng(1).random((64, 32, 3))
    found = pyramid(jnp.asarray(image, jnp.float32))
    for level, wanted in zip(found, oracle_pyramid(image, 2), strict=True):
        np.testing.assert_allclose(level, wanted, atol=1e-5)


def test_pyramid_of_odd_sides():
    shapes = [x.shape for x in jax.eval_shape(swd.laplacian_pyramid, jnp.zeros((37, 51, 3)))]
    assert shapes == [(37, 51, 3), (19, 26, 3)]
    flat = pyramid(jnp.full((37, 51, 3), 0.3))
    np.testing.assert_allclose(flat[0], 0, atol=1e-6)
    np.testing.assert_allclose(flat[-1], 0.3, atol=1e-6)


def cut(images, indices):
    return np.asarray(swd.patch_pyramids(images, KEY, indices, 200)[16])


def test_patches_lie_in_the_image_and_do_not_depend_on_the_batch():
    images = np.arange(3 * 16 * 20, dtype=np.float32).reshape(3, 16, 20, 1)
    found = cut(images, np.arange(3))
    assert found.shape == (3, 200, 7, 7, 1)
    for image, patches in enumerate(found[..., 0]):
        corners = patches[:, 0, 0].astype(int) - image * 320
        within = np.add.outer(20 * np.arange(7), np.arange(7))
        np.testing.assert_array_equal(patches - patches[:, :1, :1], np.broadcast_to(within, patches.shape))
        assert set(corners // 20) == set(range(10))
        assert set(corners % 20) == set(range(14))
    turned = cut(images[[2, 0, 1]], np.array([2, 0, 1]))
    np.testing.assert_array_equal(turned, found[[2, 0, 1]])


def test_distance_as_its_definition():
    a, b = sets()
    found = small(a, b, KEY)
    assert list(found) == [32, 16]
    place_key, direction_key = purpose(KEY, "places"), purpose(KEY, "directions")
    ours, theirs = (swd.patch_pyramids(x, place_key, jnp.arange(4), 8, 7, 16) for x in (a, b))
    lines = np.asarray(jax.random.normal(direction_key, (16, 147)), np.float64)
    for level in found:
        wanted = oracle_distance(ours[level].reshape(-1, 7, 7, 3), theirs[level].reshape(-1, 7, 7, 3), lines)
        assert float(found[level]) == pytest.approx(wanted, rel=1e-4)


def test_equal_sets_have_zero_and_both_orders_the_same():
    a, b = sets()
    assert all(float(v) == 0 for v in small(a, a, KEY).values())
    there, back = small(a, b, KEY), small(b, a, KEY)
    assert all(float(there[level]) == pytest.approx(float(back[level]), rel=1e-5) for level in there)


def test_blur_grows_the_finest_level_most():
    rng = np.random.default_rng(5)
    a = rng.random((4, 32, 32, 3))

    def blurred(s):
        return jnp.asarray((1 - s) * a + s * np.roll(a, 1, 1), jnp.float32)

    found = [small(jnp.asarray(a, jnp.float32), blurred(s), KEY) for s in (0.0, 0.25, 0.5)]
    fine = [float(f[32]) for f in found]
    assert 0 == fine[0] < fine[1] < fine[2]
    assert fine[2] > float(found[2][16])


def test_jit_equals_eager():
    a, b = sets(size=16)
    for level, value in jax.jit(small)(a, b, KEY).items():
        assert float(value) == pytest.approx(float(small(a, b, KEY)[level]), rel=1e-4)


def test_flat_sets_are_zero_and_nan_is_told():
    flat = np.full((4, 32, 32, 3), 0.4, np.float32)
    assert all(float(v) == 0 for v in small(flat, flat * 0.5, KEY).values())
    assert all(np.isnan(v) for v in small(flat * jnp.nan, flat, KEY).values())


def test_sorting_through_integers():
    values = np.array([0.0, -0.0, 3.5, -2.25, 1e-38, -1e38, np.inf, -np.inf, 7, -1], np.float32)
    np.testing.assert_array_equal(swd._sorted(jnp.asarray(values)), np.sort(values))


def test_bad_sets_are_told():
    a, b = sets(size=16)
    with pytest.raises(ValueError, match="different shapes"):
        small(a, b[:3], KEY)
    with pytest.raises(ValueError, match="15x16 pixels are smaller"):
        small(a[:, 1:], b[:, 1:], KEY)
    with pytest.raises(ValueError, match="do not fit"):
        small(a, b, KEY, min_resolution=4)
