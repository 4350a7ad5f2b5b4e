import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_params, random_prior

import gprior_jax as gp
from gprior_jax.generators.noise import draw_noise
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.geometry import path_length
from gprior_jax.geometry.path_length import perceptual_path_length, trimmed_mean
from gprior_jax.keys import purpose

KEY = jax.random.key(5)
EPSILON = 1e-2


class Pixels:
    """A perceptual network whose features are the pixels."""

    scale = 1.0

    def prepare(self):
        return self

    def features(self, image):
        return (image,)


jax.tree_util.register_static(Pixels)
measure = functools.partial(perceptual_path_length, network=Pixels(), key=KEY, batch_size=2)


@functools.cache
def make(num_classes=0):
    module = StyleGAN2((6, 4), z_dim=6, w_dim=5, mapping_layers=2, num_classes=num_classes, architecture="plain")
    params = random_params(module, 5)
    # Noise that counts, so that unequal noise at the two ends would be seen.
    params = {k: v | {"noise_strength": jnp.float32(0.3)} if k.startswith("layer") else v for k, v in params.items()}
    return Prior(params, module)


@pytest.fixture(scope="module")
def prior():
    return make()


@jax.jit
def drawn(prior, index):
    """Two codes, a place between them, maps of noise and the class of a sample."""
    code_key, at_key, noise_key, label_key = jax.random.split(jax.random.fold_in(purpose(KEY, "path length"), index), 4)
    label = jax.random.randint(label_key, (), 0, max(prior.num_classes, 1))
    return jax.random.normal(code_key, (2, 6)), jax.random.uniform(at_key), draw_noise(prior, noise_key), label


def by_hand(prior, index, space, sampling, crop):
    """One length from the library's public functions and numpy; both ends are of one class."""
    z, at, maps, label = drawn(prior, index)
    at = float(at) if sampling == "full" else 0.0
    label = int(label) if prior.num_classes else None
    images = []
    for t in (at, at + EPSILON):
        if space == "z":
            a, b = np.asarray(z) / np.linalg.norm(z, axis=1, keepdims=True)
            angle = np.arccos(a @ b)
            on_sphere = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
            image = gp.synthesize(prior, on_sphere, noise=maps, label=label)
        else:
            styles = np.asarray(gp.map_latents(prior, z, label=label))
            image = gp.synthesize(prior, (1 - t) * styles[0] + t * styles[1], space="w_plus", noise=maps)
        images.append(np.asarray(image)[3:7, 2:6] if crop else np.asarray(image))
    return np.mean((images[0] - images[1]) ** 2) / EPSILON**2


@pytest.mark.parametrize(
    ("num_classes", "space", "sampling", "crop"),
    [(3, "z", "full", True), (3, "w", "full", False), (0, "w", "end", False)],
)
def test_lengths_against_public_functions(num_classes, space, sampling, crop):
    prior = make(num_classes)
    found = measure(prior, space=space, sampling=sampling, crop=crop, num_samples=3, epsilon=EPSILON)
    assert found.lengths.shape == (3,)
    wanted = [by_hand(prior, index, space, sampling, crop) for index in range(3)]
    if num_classes:
        assert len({int(drawn(prior, index)[-1]) for index in range(3)}) > 1
    np.testing.assert_allclose(found.lengths, wanted, rtol=2e-3)
    assert found.mean == pytest.approx(trimmed_mean(found.lengths))


def test_lengths_do_not_depend_on_the_step(prior):
    """Where images are smooth in their codes: the square of the step is divided out."""
    a, b = (measure(prior, num_samples=8, epsilon=epsilon).mean for epsilon in (1e-3, EPSILON))
    assert a == pytest.approx(b, rel=0.05)


def test_priors_without_styles():
    with pytest.raises(ValueError, match="has no styles"):
        measure(random_prior("dcgan"), space="w")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"space": "w_plus"}, "use 'z' or 'w', and 'full' or 'end'"),
        ({"sampling": "start"}, "use 'z' or 'w', and 'full' or 'end'"),
        ({"num_samples": 0}, "num_samples 0, .*all must be positive"),
        ({"epsilon": 0.0}, r"epsilon 0\.0: all must be positive"),
    ],
)
def test_wrong_settings(prior, settings, told):
    with pytest.raises(ValueError, match=told):
        measure(prior, **settings)


def test_trimming_takes_samples_as_bounds():
    """One of 101 samples lies below the first percentile, and one above the ninety-ninth."""
    lengths = np.random.default_rng(0).permutation(np.arange(101.0))
    assert trimmed_mean(lengths) == np.arange(1, 100).mean()
    assert path_length.TRIM == (1.0, 99.0)
