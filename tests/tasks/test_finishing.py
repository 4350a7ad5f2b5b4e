"""What is kept of the observation: luma, known pixels, the reduced image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax import operators
from gprior_jax.images.arrays import to_uint8
from gprior_jax.operators import LUMA_WEIGHTS, Downsample
from gprior_jax.tasks import finishing
from gprior_jax.tasks.finishing import FEATHER_PIXELS

# Compiled whole: one operation after the other, each would be compiled for itself.
blend = jax.jit(finishing.blend, static_argnums=3)
keep_luma, keep_reduction = jax.jit(finishing.keep_luma), jax.jit(finishing.keep_reduction)

IMAGE = np.tanh(normal(1, 16, 16, 3) * 1.5)
OBSERVED = np.tanh(normal(2, 16, 16, 3))
KNOWN = np.asarray(operators.box_mask(16, 6))


def luma(image):
    return np.asarray(image, np.float64) @ np.asarray(LUMA_WEIGHTS, np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_keep_luma_is_exact_to_a_grey_level(seed):
    # Strong colours and extreme lumas, where clipping channels would change the luma.
    image = np.clip(normal(seed, 16, 16, 3) * 2, -1, 1)
    wanted = np.clip(normal(seed + 50, 16, 16, 1) * 2, -1, 1)
    kept = np.asarray(keep_luma(image, wanted))
    assert np.abs(kept).max() <= 1
    np.testing.assert_allclose(luma(kept), wanted[..., 0], atol=1e-5)
    grey = to_uint8(kept).astype(float) @ np.asarray(LUMA_WEIGHTS, np.float64)
    assert np.abs(grey - (wanted[..., 0] + 1) * 127.5).max() <= 1


def test_keep_luma_keeps_colours_that_fit():
    image = 0.3 * np.tanh(normal(3, 16, 16, 3))
    kept = keep_luma(image, luma(image)[..., None])
    np.testing.assert_allclose(kept, image, atol=1e-6)
    hue = keep_luma(image, luma(image)[..., None] + 0.1)
    np.testing.assert_allclose(np.asarray(hue) - 0.1, image, atol=1e-5)


@pytest.mark.parametrize("mode", ["paste", "poisson"])
def test_known_pixels_stay(mode):
    blended = np.asarray(blend(IMAGE, OBSERVED, KNOWN, mode))
    known = KNOWN[..., 0] > 0
    np.testing.assert_array_equal(blended[known], OBSERVED[known])
    assert np.abs(blended).max() <= 1


def test_paste_takes_the_holes_from_the_reconstruction():
    hole = KNOWN[..., 0] == 0
    np.testing.assert_array_equal(np.asarray(blend(IMAGE, OBSERVED, KNOWN, "paste"))[hole], IMAGE[hole])


def test_none_is_the_reconstruction_clipped():
    np.testing.assert_array_equal(blend(3 * IMAGE, OBSERVED, KNOWN, "none"), np.clip(3 * IMAGE, -1, 1))


def test_feather_falls_off_into_the_known_pixels():
    # Black known pixels, white filling: the result is the share of the filling.
    size = 128
    known = np.asarray(operators.box_mask(size, 40))
    ones = np.ones((size, size, 3), np.float32)
    shares = (np.asarray(blend(ones, -ones, known, "feather"))[size // 2, :, 0] + 1) / 2
    hole = known[size // 2, :, 0] == 0
    np.testing.assert_allclose(shares[hole], 1.0)
    before = shares[: np.flatnonzero(hole)[0]][::-1]
    width = FEATHER_PIXELS * size // 256
    np.testing.assert_allclose(before[: width + 1], [*(1 - np.arange(1, width + 1) / (width + 1)), 0.0], atol=1e-6)
    assert (before[width:] == 0).all()


def test_poisson_removes_an_offset():
    # The filling is the truth, darker: its gradients are right, so that the result is the truth.
    truth = 0.5 * np.tanh(normal(4, 16, 16, 3))
    blended = blend(truth - 0.2, truth, KNOWN, "poisson")
    np.testing.assert_allclose(blended, truth, atol=1e-4)


@pytest.mark.parametrize("box", [6, (0, 0, 5, 7), (4, 9, 12, 7)])
def test_poisson_solves_its_equation(box):
    known = np.asarray(operators.box_mask(16, box))
    image, observed = 0.2 * IMAGE, 0.2 * OBSERVED
    blended = np.asarray(blend(image, observed, known, "poisson"), np.float64)

    def laplacian(x):
        p = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
        return p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * x

    hole = known[..., 0] == 0
    residual = (laplacian(blended) - laplacian(image))[hole]
    assert np.abs(residual).max() < 1e-3


def test_unknown_blend():
    with pytest.raises(ValueError, match="blend 'mix': use 'paste'"):
        blend(IMAGE, OBSERVED, KNOWN, "mix")


@pytest.mark.parametrize(("filter", "factor"), [("area", 4), ("bilinear", 2), ("bicubic", 4), ("pulse", 2)])
def test_keep_reduction_reduces_to_the_observation(filter, factor):
    operator = Downsample(factor, filter)
    smooth = jax.image.resize(jnp.asarray(normal(5, 4, 4, 3)), (16, 16, 3), "linear") * 0.2
    observed = operator(smooth)
    kept = np.asarray(keep_reduction(IMAGE * 0.5, observed, operator))
    assert np.abs(kept).max() <= 1
    np.testing.assert_allclose(operator(kept), observed, atol=2e-3)


def test_keep_reduction_changes_only_what_the_reduction_sees():
    operator = Downsample(4, "area")
    unseen = IMAGE * 0.2 - operator.back_project(operator(IMAGE * 0.2))
    np.testing.assert_allclose(operator(unseen), 0.0, atol=1e-6)
    np.testing.assert_allclose(keep_reduction(unseen, operator(unseen), operator), unseen, atol=1e-5)


@pytest.mark.parametrize("mode", ["paste", "feather", "poisson", "none"])
def test_vmap_equals_loop(mode):
    batch = jnp.stack([IMAGE, OBSERVED, -IMAGE])
    known = jnp.stack([operators.box_mask(16, box) for box in (4, 6, 8)])

    def one(image, known):
        return blend(image, image[::-1], known, mode)

    expected = np.stack([one(*pair) for pair in zip(batch, known, strict=True)])
    np.testing.assert_allclose(jax.vmap(one)(batch, known), expected, atol=1e-4)
