"""The prior: sampling, casting, preparing, and what it says to wrong calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import GENERATORS, normal, random_prior

from gprior_jax.generators.base import Generator, LatentDistribution, astype, prepare, run_layers
from gprior_jax.generators.synthesis import features, from_features, sample_z, synthesize

KEY = jax.random.key(0)


@pytest.mark.parametrize("name", ["pggan", "dcgan_described"])
def test_first_codes_do_not_depend_on_the_number(name):
    prior = random_prior(name)
    many = sample_z(prior, KEY, 6)
    assert many.shape == (6, 8)
    np.testing.assert_array_equal(sample_z(prior, KEY, 2), many[:2])
    assert len(np.unique(many)) == many.size
    assert not np.array_equal(sample_z(prior, jax.random.key(1), 6), many)


def test_distributions():
    normal_codes = np.asarray(LatentDistribution().sample(KEY, (20000,)))
    assert abs(normal_codes.mean()) < 0.03
    assert normal_codes.std() == pytest.approx(1.0, abs=0.03)
    uniform = np.asarray(LatentDistribution("uniform", -2.0, 3.0).sample(KEY, (20000,)))
    assert -2.0 <= uniform.min() < -1.99
    assert 2.99 < uniform.max() <= 3.0
    assert uniform.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_offer_the_protocol(name):
    assert isinstance(random_prior(name).module, Generator)


@pytest.mark.parametrize("layer", [-1, 8])
def test_layer_out_of_range_names_the_range(layer):
    prior = random_prior("pggan")
    message = f"layer {layer} is out of range: tiny pggan can be cut at layers 0 to 7"
    for call in (
        lambda: features(prior, normal(0, 8), layer),
        lambda: from_features(prior, normal(0, 4, 4, 8), layer),
        lambda: prior.feature_shape(layer),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_wrong_shapes():
    prior = random_prior("pggan")
    with pytest.raises(ValueError, match=r"codes of shape \(2, 9\): tiny pggan takes \[..., 8\]"):
        synthesize(prior, jnp.zeros((2, 9)))
    with pytest.raises(ValueError, match=r"features of shape \(4, 4, 7\): layer 1 of this prior takes .*\(4, 4, 8\)"):
        from_features(prior, jnp.zeros((4, 4, 7)), 1)
    with pytest.raises(ValueError, match="features of shape"):
        from_features(prior, jnp.zeros(8), 1)


def test_styles_and_spaces_belong_to_style_based_priors():
    prior = random_prior("pggan")
    with pytest.raises(ValueError, match="space='w' needs a style-based prior; tiny pggan has space 'z' only"):
        synthesize(prior, normal(0, 8), space="w")  # pyright: ignore
    with pytest.raises(ValueError, match="leave styles=None"):
        from_features(prior, normal(0, 4, 4, 8), 1, styles=normal(0, 8))  # pyright: ignore


def test_bfloat16():
    prior, z = random_prior("dcgan"), normal(1, 2, 8)
    cast = astype(prepare(prior), "bfloat16")
    assert cast.weights is None
    images = synthesize(cast, z)
    assert images.dtype == jnp.bfloat16
    expected = synthesize(prior, z)
    # Eight bits of mantissa through three layers.
    np.testing.assert_allclose(images.astype(jnp.float32), expected, atol=0.05)
    assert not np.array_equal(images.astype(jnp.float32), expected)


def test_prepared_weights_are_used():
    prior, z = random_prior("pggan"), normal(1, 2, 8)
    ready = prepare(prior)
    np.testing.assert_allclose(synthesize(ready, z), synthesize(prior, z), rtol=1e-5, atol=1e-6)
    # They follow params no longer, which shows that they are what runs.
    stale = ready.replace(params=jax.tree.map(lambda leaf: 2 * leaf, ready.params))
    np.testing.assert_array_equal(synthesize(stale, z), synthesize(ready, z))


def test_remat_recomputes_blocks():
    prior = random_prior("pggan")

    def loss(z, remat):
        return jnp.sum(run_layers(prior, z, remat=remat) ** 2)

    def remats(stop):
        jaxpr = jax.make_jaxpr(lambda z: run_layers(prior, z, stop=stop, remat=True))(normal(1, 8))
        return sum(e.primitive.name in ("remat", "checkpoint", "remat2") for e in jaxpr.eqns)

    # Blocks end where the size changes: 4, 8 and 16 pixels.
    assert [remats(stop) for stop in (0, 2, 3, 5, 7)] == [0, 1, 2, 3, 3]
    values = [jax.jit(jax.value_and_grad(loss), static_argnums=1)(normal(1, 8), flag) for flag in (True, False)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), *values)
