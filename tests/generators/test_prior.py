"""The prior: what it says of itself, its latent distribution, where it can be cut, casting and preparing."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import GENERATORS, normal, random_prior

from generators.toys import Classes, MeanStyles, Styles, toy_prior
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Generator, LatentDistribution, Prior, astype, check_layer, prepare
from gprior_jax.generators.synthesis import features, from_features, synthesize


def test_distributions():
    normal_codes = np.asarray(LatentDistribution().sample(jax.random.key(0), (20000,)))
    assert abs(normal_codes.mean()) < 0.03
    assert normal_codes.std() == pytest.approx(1.0, abs=0.03)
    uniform = np.asarray(LatentDistribution("uniform", -2.0, 3.0).sample(jax.random.key(0), (20000,)))
    assert -2.0 <= uniform.min() < -1.99
    assert 2.99 < uniform.max() <= 3.0
    assert uniform.mean() == pytest.approx(0.5, abs=0.05)
    cut = LatentDistribution("truncated_normal", -3.0, 5.0)  # About 1, of deviation 2 before it was cut.
    drawn = np.asarray(cut.sample(jax.random.key(0), (20000,)))
    assert -3.0 <= drawn.min() < -2.9
    assert 4.9 < drawn.max() <= 5.0
    assert (drawn.mean(), drawn.std()) == (pytest.approx(1.0, abs=0.05), pytest.approx(cut.deviation, abs=0.03))
    assert ((drawn > -1.0) & (drawn < 3.0)).mean() == pytest.approx(0.6827 / 0.9545, abs=0.01)
    for distribution, numbers in (
        (LatentDistribution(), normal_codes),
        (LatentDistribution("uniform", -2.0, 3.0), uniform),
    ):
        assert distribution.deviation == pytest.approx(numbers.std(), rel=0.02)
    with pytest.raises(ArgumentError, match=r"truncated_normal codes from 1.0 to 1.0: low must be below high"):
        LatentDistribution("truncated_normal", 1.0, 1.0)


PROTOCOL = [*inspect.get_annotations(Generator), *(name for name in vars(Generator) if not name.startswith("_"))]


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_offer_the_protocol(name):
    module = random_prior(name).module
    assert {"z_dim", "input_shape", "layer_names", "feature_shape", "prepare", "init_all", "apply"} <= set(PROTOCOL)
    assert not [member for member in PROTOCOL if not hasattr(module, member)]
    assert callable(module)


@pytest.mark.parametrize(
    ("prior", "facts"),
    [
        (random_prior("pggan"), (0, 0, 0, ())),
        (random_prior("stylegan2_plain"), (0, 4, 5, (4, 8, 8))),
        (toy_prior(Classes()), (3, 0, 0, ())),
        (toy_prior(Classes(num_classes=0, noisy=True)), (0, 0, 0, (2, 4))),
        (toy_prior(Styles()), (0, 2, 3, ())),
        (toy_prior(MeanStyles(num_classes=3)), (3, 2, 3, ())),
    ],
)
def test_what_a_prior_has_are_separate_questions(prior, facts):
    assert (prior.num_classes, prior.num_styles, prior.w_dim, prior.noise_sizes) == facts


def test_facts_of_its_layers_and_name():
    prior = toy_prior(Classes())
    assert (prior.z_dim, prior.num_layers, prior.layer_names) == (4, 2, ("dense", "image"))
    assert (prior.image_shape, prior.resolution) == ((4, 4, 3), 4)
    assert [prior.feature_shape(layer) for layer in range(3)] == [(4,), (2, 2, 2), (4, 4, 3)]
    assert str(prior) == "toy"
    assert str(Prior({}, Classes())) == "this prior"


@pytest.mark.parametrize("layer", [-1, 8])
def test_layer_out_of_range_names_the_range(layer):
    prior = random_prior("pggan")
    message = f"layer {layer} is out of range: tiny pggan can be cut at layers 0 to 7"
    for call in (
        lambda: features(prior, normal(0, 8), layer),
        lambda: from_features(prior, normal(0, 4, 4, 8), layer),
        lambda: prior.feature_shape(layer),
    ):
        with pytest.raises(ArgumentError, match=message):
            call()


def test_range_of_layers_can_be_narrowed():
    prior = random_prior("pggan")
    assert check_layer(prior, 6, lowest=1, highest=6) == 6
    with pytest.raises(ArgumentError, match="layer 7 is out of range: tiny pggan can be cut at layers 1 to 6"):
        check_layer(prior, 7, lowest=1, highest=6)


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


@pytest.mark.parametrize("name", ["dcgan", "toy with styles"])
def test_prepared_weights_are_used(name):
    prior = toy_prior(MeanStyles()) if name.startswith("toy") else random_prior(name)
    z, ready = normal(1, 2, prior.z_dim), prepare(prior)
    np.testing.assert_allclose(synthesize(ready, z), synthesize(prior, z), rtol=1e-5, atol=1e-6)
    # They follow params no longer, which shows that they are what runs.
    stale = ready.replace(params=jax.tree.map(lambda leaf: 2 * np.asarray(leaf), ready.params))
    np.testing.assert_array_equal(synthesize(stale, z), synthesize(ready, z))


def test_preparing_copies_nothing():
    prior = jax.tree.map(jnp.asarray, random_prior("dcgan"))
    ready = prepare(prior)
    pairs = zip(jax.tree.leaves(prior.params), jax.tree.leaves(ready.params), strict=True)
    assert all(a is b for a, b in pairs)


def test_a_prior_is_shown_in_a_line():
    prior = random_prior("stylegan2")
    shown = repr(prior)
    count = sum(leaf.size for leaf in jax.tree.leaves(prior.params))
    assert "\n" not in shown
    assert f"{prior.num_styles} styles, {count:,} weights)" in shown
    assert repr(jax.eval_shape(lambda: prior)) == shown  # Also of shapes, and while it is traced.
    assert "weights" in repr(jax.tree.map(lambda leaf: None, prior))
