import numpy as np
import pytest
from batteries import normal, random_params

from gprior_jax import tasks
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.operators import LUMA_WEIGHTS
from tasks.solved import KEY, PRIOR, SEVERAL, images, recipe, several

LUMA = np.asarray(LUMA_WEIGHTS, np.float64)


def test_the_luma_stays_to_a_grey_level():
    written = im.to_uint8(several("colorize").samples).astype(float)
    wanted = (images() + 1) * 127.5
    assert np.abs((written - wanted[:, None]) @ LUMA).max() <= 1


def test_one_channel_is_taken_too():
    gray = np.float32(images() @ LUMA)[..., None]
    found = tasks.colorize(PRIOR, gray, key=KEY, recipe=recipe("colorize", perceptual=None), **SEVERAL)
    np.testing.assert_allclose(found.images, several("colorize").images, atol=1e-3)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"give \[B, H, W, 1 or 3\]"):
        tasks.colorize(PRIOR, images()[..., :2], key=KEY)


def test_priors_of_gray_images_have_no_colours():
    module = PGGAN((8, 8), z_dim=8, image_channels=1)
    prior = Prior(random_params(module, 0), module, name="gray")
    with pytest.raises(ValueError, match="gray draws gray images, without colours to find: use a prior of colour"):
        tasks.colorize(prior, images()[..., :1], key=KEY)


def test_alpha_stays():
    module = PGGAN((8, 8), z_dim=8, image_channels=4)
    prior = Prior(random_params(module, 0), module)
    given = np.concatenate([images()[:1], np.tanh(normal(3, 1, 8, 8, 1))], axis=-1)
    for observed, alpha in ((given, given[..., 3]), (given[..., :3], np.ones((1, 8, 8)))):
        found = tasks.colorize(prior, observed, key=KEY, recipe=recipe("colorize", perceptual=None))
        np.testing.assert_allclose(found.images[..., 3], alpha, atol=1e-6)
        luma = (found.images[..., :3] - given[..., :3]) @ LUMA
        assert np.abs(luma).max() < 1e-2


def test_it_is_simulated_by_the_luma():
    gray = np.asarray(tasks.COLORIZE.degrade(images()[0], KEY))
    np.testing.assert_allclose(gray, np.repeat((images()[0] @ LUMA)[..., None], 3, axis=-1), atol=1e-6)
