"""Noise: moments, determinism, one key for each image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.operators import GaussianNoise, ImpulseNoise, PoissonNoise, stack
from operators.calling import add_noise

MODELS = {"gaussian": GaussianNoise(12.75), "poisson": PoissonNoise(20.0), "impulse": ImpulseNoise(0.3)}
KEY = jax.random.key(7)

over_models = pytest.mark.parametrize("name", MODELS)


def flat(level):
    return np.full((128, 128, 3), level, np.float32)


@pytest.mark.parametrize("level", [-1.0, 0.3])
def test_gaussian_moments(level):
    """Sigma is in grey levels, of which there are 255 from black to white, 2 in [-1, 1]."""
    added = np.asarray(add_noise(GaussianNoise(25.0), KEY, flat(level))) - level
    # 49152 draws: four standard errors of the mean and of the deviation.
    wanted = 2 * 25 / 255
    assert added.mean() == pytest.approx(0, abs=4 * wanted / 221)
    assert added.std() == pytest.approx(wanted, rel=4 / 313)


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_poisson_moments(level):
    photons = (np.asarray(add_noise(PoissonNoise(20.0), KEY, flat(level))) + 1) / 2 * 20
    mean = 20 * (level + 1) / 2
    np.testing.assert_allclose(photons, np.round(photons), atol=1e-4)
    assert photons.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean) / 221)
    assert photons.var() == pytest.approx(mean, rel=0.04)


def test_poisson_of_what_is_darker_than_black():
    np.testing.assert_array_equal(add_noise(PoissonNoise(20.0), KEY, flat(-1.5)), -1.0)


def test_impulses_take_whole_pixels_half_black_half_white():
    image = 0.5 * normal(1, 128, 128, 3)
    found = np.asarray(add_noise(ImpulseNoise(0.3), KEY, image))
    black, white = ((found == value).all(-1) for value in (-1.0, 1.0))
    for share in (black.mean(), white.mean()):
        assert share == pytest.approx(0.15, abs=4 * 0.36 / 128)
    np.testing.assert_array_equal(found[~(black | white)], image[~(black | white)])


@over_models
def test_not_clipped(name):
    image = normal(2, 128, 128, 3) * 4
    assert float(add_noise(MODELS[name], KEY, image).max()) > 1.5


@over_models
def test_a_function_of_the_key(name):
    noise, image = MODELS[name], 0.3 * normal(3, 16, 16, 3)
    found = add_noise(noise, KEY, image)
    np.testing.assert_array_equal(add_noise(noise, KEY, image), found)
    assert np.abs(found - add_noise(noise, jax.random.key(8), image)).max() > 0.1


@pytest.mark.parametrize("name", ["gaussian", "impulse"])
def test_not_compiled_it_is_the_same(name):
    noise, image = MODELS[name], 0.3 * normal(3, 16, 16, 3)
    np.testing.assert_allclose(noise(KEY, image), add_noise(noise, KEY, image), atol=1e-6)


@over_models
def test_each_image_has_its_key_and_level(name):
    noise, image, keys = MODELS[name], 0.3 * normal(4, 16, 16, 3), jax.random.split(KEY, 3)
    models = [jax.tree.map(lambda leaf, s=s: s * leaf, noise) for s in (0.5, 1.0, 2.0)]
    together = jax.jit(jax.vmap(add_noise, (0, 0, None)))(stack(models), keys, image)
    for index, (model, key) in enumerate(zip(models, keys, strict=True)):
        np.testing.assert_allclose(together[index], add_noise(model, key, image), atol=1e-6)


@over_models
def test_rebuilt_with_anything_in_its_leaves(name):
    noise = MODELS[name]
    for leaf in (object(), None, -3, float("nan"), "axis"):
        rebuilt = jax.tree.unflatten(jax.tree.structure(noise), [leaf])
        assert vars(rebuilt) == dict.fromkeys(vars(noise), leaf) or leaf != leaf
    assert jax.tree.structure(jax.tree.map(lambda _: -1.0, noise)) == jax.tree.structure(noise)
    assert type(noise) is type(jax.vmap(type(noise))(jnp.array([0.1, 0.2])))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: GaussianNoise(-0.1), "sigma must be a number from 0 up, got -0.1."),
        (lambda: GaussianNoise(float("nan")), "sigma must be a number from 0 up, got nan."),
        (lambda: GaussianNoise(jnp.array([0.1, jnp.inf])), "sigma must be a number from 0 up"),
        (lambda: PoissonNoise(0), "peak must be a positive number of photons, got 0."),
        (lambda: PoissonNoise(float("nan")), "peak must be a positive number of photons, got nan."),
        (lambda: ImpulseNoise(1.2), r"rate must be a rate in \[0, 1\], got 1.2\."),
        (lambda: ImpulseNoise(-0.2), r"rate must be a rate in \[0, 1\], got -0.2\."),
    ],
)
def test_errors(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
