import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.training import augment as au

KEY = jax.random.key(3)
warped = jax.jit(au._warped)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(-1, 1, (8, 8, 3)).astype(np.float32)


def test_moves_are_exact(image):
    """Every mirrored and turned frame is the array's own flips and turns."""
    found = set()
    for seed in range(40):
        matrix, offset = au._draw_move(8, 1.0, jax.random.key(seed))
        moved = np.asarray(au._moved(image, matrix, jnp.zeros(2, jnp.int32)))
        same = [
            (flip, turns)
            for flip, turns in itertools.product((False, True), range(4))
            if np.array_equal(np.rot90(image[:, ::-1] if flip else image, turns), moved)
        ]
        assert len(same) == 1
        found.update(same)
        assert np.abs(offset).max() <= 1  # An eighth of eight pixels.
    assert len(found) == 8


def test_shifts_reflect_what_is_outside(image):
    moved = np.asarray(au._moved(image, jnp.eye(2, dtype=int), jnp.array([2, -1])))
    padded = np.pad(image, ((2, 0), (0, 1), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(moved, padded[:8, 1:])


def test_a_warp_by_nothing_only_filters(image):
    """A linear ramp, away from the border, passes the filters unchanged."""
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32)[:, None, None], (16, 16, 3))
    found = np.asarray(warped(jnp.asarray(ramp), jnp.eye(3)))
    np.testing.assert_allclose(found[4:-4], ramp[4:-4], atol=1e-4)
    flat = warped(jnp.full((8, 8, 3), 0.3), au._rotation(jnp.float32(0.4)))
    np.testing.assert_allclose(flat, 0.3, atol=1e-6)


def test_a_warp_moves_pixels_where_its_matrix_says():
    ramp = jnp.broadcast_to(jnp.arange(16.0)[:, None, None], (16, 16, 3))
    shift = jnp.eye(3).at[0, 2].set(1.5 / 16)  # One pixel and a half further down the source.
    np.testing.assert_allclose(warped(ramp, shift)[4:-5], ramp[4:-5] + 1.5, atol=1e-4)
    half = warped(ramp, au._scaling(0.5, 0.5))  # The middle of the source, twice as large.
    np.testing.assert_allclose(half[4:-4], 0.5 * (ramp[4:-4] - 7.5) + 7.5, atol=1e-4)
    across = warped(ramp, au._rotation(jnp.float32(np.pi / 2)))
    np.testing.assert_allclose(np.abs(np.diff(across, axis=1)[4:-4, 4:-4]), 1.0, atol=1e-4)


def test_colours():
    gray = np.full(3, 0.4, np.float32)
    for angle in (0.3, 2.0):
        turn = np.asarray(au._about_gray(jnp.float32(angle)))
        np.testing.assert_allclose(turn @ gray, gray, atol=1e-6)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    third = np.asarray(au._about_gray(jnp.float32(2 * np.pi / 3)))
    np.testing.assert_allclose(third @ [1.0, 0, 0], [0, 1.0, 0], atol=1e-6)


def test_probabilities():
    """Each transformation occurs with the probability p, and none at 0."""
    keys = jax.random.split(KEY, 4000)
    for p in (0.0, 0.3, 1.0):
        applies = jax.vmap(lambda key, p=p: au._draw_warp(p, key)[1])(keys)
        # Scale, stretch, shift and one of two rotations: any of them.
        assert float(applies.mean()) == pytest.approx(1 - (1 - p) ** 4, abs=0.03)
        matrices, _ = jax.vmap(lambda key, p=p: au._draw_color(p, key))(keys)
        untouched = (jnp.abs(matrices - jnp.eye(3)) < 1e-6).all((1, 2)).mean()
        # Contrast, hue, saturation, and inverting in half of the cases.
        assert float(untouched) == pytest.approx((1 - p) ** 3 * (1 - p / 2), abs=0.03)


def test_images_are_transformed_each_on_its_own(image):
    images = jnp.asarray(np.stack([image] * 6))
    found = au.augment(images, 0.7, KEY)
    assert found.shape == images.shape
    assert len({np.asarray(each).tobytes() for each in found}) > 3
    np.testing.assert_allclose(au.augment(images, 0.0, KEY), images, atol=1e-6)


def test_gradient(image):
    """Linear in the image: the gradient of a weighted sum is exact for any step."""
    weight = np.random.default_rng(1).standard_normal(image.shape).astype(np.float32)

    @jax.jit
    def total(x):
        return jnp.sum(au.augment(x[None], 1.0, KEY)[0] * weight)

    direction = np.random.default_rng(2).standard_normal(image.shape).astype(np.float32)
    along = float(jnp.sum(jax.grad(total)(image) * direction))
    assert along == pytest.approx(float(total(image + direction) - total(image)), rel=1e-3)


def test_gray_and_alpha(image):
    """Gray becomes the mean of the colours that it would become; alpha is not recoloured."""
    matrix, offset = au._draw_color(1.0, KEY)
    gray = image[..., :1]
    as_colours = np.asarray(au._recolored(np.repeat(gray, 3, axis=-1), matrix, offset))
    np.testing.assert_allclose(au._recolored(gray, matrix, offset)[..., 0], as_colours.mean(-1), atol=1e-5)
    found = np.asarray(au._recolored(np.concatenate([image, gray], axis=-1), matrix, offset))
    np.testing.assert_array_equal(found[..., 3:], gray)
    np.testing.assert_allclose(found[..., :3], au._recolored(image, matrix, offset), atol=1e-6)
