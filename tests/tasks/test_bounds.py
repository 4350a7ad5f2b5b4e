"""What is certain of a picture: the intact one never lies outside, and where it must, the ends are reached."""

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.images import arrays as im
from gprior_jax.operators import Luma, Mask
from gprior_jax.tasks import COLORIZE, bounds_of, denoising, inpainting


def observed_luma(images):
    """As a file of a gray picture holds it."""
    return im.from_uint8(im.to_uint8(jax.vmap(Luma())(jnp.asarray(images))))


def test_colours_lie_within_what_their_luma_allows():
    rng = np.random.default_rng(0)
    images = np.float32(rng.choice([-1.0, 1.0, 0.3], (2, 16, 16, 3)) * rng.uniform(0.8, 1.0, (2, 16, 16, 1)))
    low, high = bounds_of(COLORIZE, {"observed": observed_luma(images)})
    assert (low <= images).all()
    assert (images <= high).all()
    assert (low >= -1).all()
    assert (high <= 1).all()
    # Blue counts least: it is almost anything. Green of a dark picture is dark.
    assert (high - low)[..., 2].mean() > 1.4 > (high - low)[..., 1].mean()


def test_colours_at_the_ends_are_possible():
    """The brightest green of a luma is that of a picture without red and blue."""
    luma = observed_luma(np.float32([-1.0, 0.0, -1.0]).reshape(1, 1, 1, 3))
    _, high = bounds_of(COLORIZE, {"observed": luma})
    np.testing.assert_allclose(high[0, 0, 0, 1], 0.0, atol=2 / 127.5 / 0.587)


def test_alpha_is_what_was_observed():
    observed = np.full((1, 2, 2, 4), 0.25, np.float32)
    low, high = bounds_of(COLORIZE, {"observed": observed})
    assert (low[..., 3] == high[..., 3]).all()
    assert (low[..., :3] < high[..., :3]).all()


def test_known_pixels_are_certain_and_others_are_not():
    known = np.float32([1.0, 0.0, 0.5]).reshape(1, 1, 3, 1)
    low, high = bounds_of(inpainting(), {"observed": np.full((1, 1, 3, 3), 0.5, np.float32), "known": known})
    np.testing.assert_array_equal(low[0, 0, :, 0], [0.5, -1, -1])
    np.testing.assert_array_equal(high[0, 0, :, 0], [0.5, 1, 1])


def test_of_other_tasks_the_range_is_certain():
    low, high = bounds_of(denoising(), {"observed": np.zeros((2, 4, 4, 3), np.float32)})
    assert low.shape == high.shape == (2, 1, 1, 1)
    assert (low == -1).all()
    assert (high == 1).all()
    assert isinstance(inpainting().operator({"known": np.ones((1, 2, 2, 1))}), Mask)
