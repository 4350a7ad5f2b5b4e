import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from batteries import random_params, random_prior

import gprior_jax as gp
from geometry.surfaces import AT, jacobian64, smooth
from gprior_jax import geometry
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.stylegan2 import StyleGAN2

KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("distribution", "wanted"),
    [
        (LatentDistribution(), scipy.stats.norm()),
        (LatentDistribution("uniform", -1.0, 2.0), scipy.stats.uniform(-1.0, 3.0)),
        (LatentDistribution("truncated_normal", -1.0, 2.0), scipy.stats.truncnorm(-2, 2, loc=0.5, scale=0.75)),
    ],
)
def test_densities_of_codes(distribution, wanted):
    code = jnp.array([0.3, -0.8, 1.9])
    assert float(geometry.log_prior(code, distribution)) == pytest.approx(wanted.logpdf(code).sum(), rel=1e-5)
    if distribution.kind != "normal":
        assert geometry.log_prior(code + 2, distribution) == -np.inf


def test_the_density_of_an_output():
    values = np.linalg.svd(jacobian64(AT), compute_uv=False)
    wanted = scipy.stats.norm().logpdf(AT).sum() - np.log(values).sum()
    assert float(jax.jit(lambda x: geometry.log_density(smooth, x))(AT)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("classes", [0, 3])
def test_typical_codes(classes):
    prior = Prior(random_params(module := StyleGAN2((6,), 16, 5, mapping_layers=2, num_classes=classes), 1), module)
    rng = np.random.default_rng(0)
    z = rng.normal(size=16).astype(np.float32)
    drawn, mean, far = (geometry.typicality(prior, s * z, KEY, "z", 500) for s in (1.0, 0.1, 4.0))
    assert 0.6 < drawn.distance < 1.5
    assert 0.005 < drawn.farther < 0.995
    assert mean.farther == 1.0
    assert far.farther == 0.0
    w = geometry.typicality(prior, jnp.full(5, 100.0), KEY, num_samples=200)
    assert w.farther == 0.0


def test_layers_of_w_plus_are_told_each_and_together():
    prior = Prior(random_params(module := StyleGAN2((6, 6), 16, 5, mapping_layers=2), 1), module)
    drawn = np.asarray(gp.map_latents(prior, gp.sample_z(prior, jax.random.key(1), 1024)))[:, 0]

    def told(code, space=None):
        return geometry.typicality(prior, jnp.asarray(code), KEY, space, 500)

    layers = prior.num_styles
    one, alone = told(np.repeat(drawn[:1], layers, 0), "w_plus"), told(drawn[0])
    np.testing.assert_allclose(one.distance, np.full(layers, alone.distance), rtol=1e-5)
    np.testing.assert_array_equal(one.farther, np.full(layers, alone.farther))
    assert float(one.apart) < 1e-5
    assert float(alone.apart) == 0.0
    far = told(np.concatenate([drawn[: layers - 1], np.full((1, 5), 100.0)]), "w_plus")
    assert far.farther[-1] == 0.0 < far.farther[0]
    apart = jax.vmap(lambda code: geometry.typicality(prior, code, KEY, "w_plus", 500).apart)
    mixed = jnp.asarray(drawn.reshape(-1, layers, 5))
    middle = mixed.mean(1, keepdims=True)
    assert 0.85 < float(jnp.mean(jnp.square(apart(mixed)))) < 1.15  # 1 on average.
    np.testing.assert_allclose(apart(middle + 0.5 * (mixed - middle)), 0.5 * apart(mixed), rtol=1e-3)


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_a_prior_without_styles_has_no_w(space):
    with pytest.raises(ValueError, match="has no styles"):
        geometry.typicality(random_prior("dcgan"), jnp.zeros(4), KEY, space, 10)


def test_drawn_codes_are_as_far_out_as_others():
    """Of many numbers: half of those that are drawn are farther than one of them, on average."""
    prior = Prior(random_params(module := PGGAN((4,), z_dim=100), 0), module)
    codes = np.random.default_rng(1).normal(size=(200, 100)).astype(np.float32)
    found = jax.jit(jax.vmap(lambda z: geometry.typicality(prior, z, KEY, num_samples=400).farther))(codes)
    assert 0.4 < float(found.mean()) < 0.6


@pytest.mark.parametrize(
    ("shape", "space", "told"),
    [((3, 4), "z", r"latent of shape \(3, 4\): give that of one image, \(8,\); map"), ((4,), "p", "space=")],
)
def test_what_is_no_code(shape, space, told):
    with pytest.raises(ValueError, match=told):
        geometry.typicality(random_prior("dcgan"), jnp.zeros(shape), KEY, space, 10)
