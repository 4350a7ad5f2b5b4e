import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import tasks
from gprior_jax.images import arrays as im
from gprior_jax.objectives import Observation
from gprior_jax.operators import GaussianNoise, Identity, ImpulseNoise, PoissonNoise
from gprior_jax.recipes import PixelSettings
from tasks.solved import KEY, PRIOR, SEVERAL, images, recipe, several


def test_the_floor_is_estimated_for_every_image():
    noise = np.random.default_rng(1).normal(size=images().shape).astype(np.float32)
    noisy = images() + noise * np.array([0.1, 0.2, 0.4], np.float32)[:, None, None, None]
    found = tasks.denoise(PRIOR, noisy, key=KEY, recipe=recipe("denoise", floor="noise"), **SEVERAL)
    for observed, losses in ((noisy, found.result.loss), (images(), several("denoise").result.loss)):
        levels = np.asarray(jax.vmap(im.noise_level)(observed)) / im.GREY_LEVEL
        assert (losses >= np.square(levels)[:, None] * 0.999).all()


def test_the_floor_of_a_known_deviation():
    (term,) = recipe("denoise", floor=tasks.denoising(sigma=60).pixels.floor).fit(PRIOR).terms
    image = jnp.asarray(images()[0])
    target = term.target(Observation(image, Identity()))
    # Nothing is fitted closer than the noise is strong: 60 grey levels of 255.
    for near, loss in ((0.0, (120 / 255) ** 2), (119 / 255, (120 / 255) ** 2), (121 / 255, (121 / 255) ** 2)):
        assert float(term.loss(image, image + near, target, {})) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "pixels"),
    [
        ({}, PixelSettings("mse", "noise")),
        ({"sigma": 25}, PixelSettings("mse", pytest.approx((50 / 255) ** 2))),
        ({"noise": "poisson"}, PixelSettings("mse", "noise")),
        ({"noise": "poisson", "sigma": 51.0}, PixelSettings("mse", pytest.approx(0.16))),
        ({"noise": "impulse"}, PixelSettings("huber", 0.0)),
    ],
)
def test_how_pixels_are_compared(settings, pixels):
    assert tasks.denoising(**settings).pixels == pixels


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({"sigma": 25}, GaussianNoise(25)),
        ({"noise": "poisson", "peak": 12.0}, PoissonNoise(12.0)),
        ({"noise": "impulse", "rate": 0.3}, ImpulseNoise(0.3)),
    ],
)
def test_what_is_simulated(settings, model):
    image = jnp.asarray(images()[0])
    task = tasks.denoising(**settings)
    noisy, wanted = jax.jit(lambda image: (task.degrade(image, KEY), model(KEY, image)))(image)
    np.testing.assert_array_equal(noisy, wanted)
    assert (noisy != image).any()


def test_without_a_deviation_nothing_is_added():
    np.testing.assert_array_equal(tasks.denoising().degrade(images()[0], KEY), images()[0])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sigma": float("nan")}, "sigma nan: use grey levels, above 0 and at most 255"),
        ({"sigma": -1.0}, r"sigma -1\.0"),
        ({"sigma": 0.0}, r"sigma 0\.0"),
        ({"sigma": 256}, "sigma 256"),
        ({"noise": "pink"}, "noise 'pink': use 'gaussian'"),
        ({"noise": "impulse", "sigma": 25.0}, "leave it out with impulse noise"),
    ],
)
def test_noise_that_is_none(settings, told):
    with pytest.raises(ValueError, match=told):
        tasks.denoise(PRIOR, images(), key=KEY, **settings)


def test_a_floor_from_noise_is_of_the_mean_square():
    with pytest.raises(ValueError, match="a floor of the mean square, not of 'huber'"):
        recipe("denoise", floor="noise", distance="huber")
