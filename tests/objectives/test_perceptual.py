"""The difference of features: sums, masks, sizes, and the network that is left to the prior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_critic, random_prior, random_vgg

from gprior_jax.errors import ArgumentError
from gprior_jax.objectives import Observation, Perceptual, Style, distance
from gprior_jax.operators import Mask
from gprior_jax.perceptual import network
from objectives.compared import A, B, value

KINDS = ["mse", "l1"]


@pytest.fixture(scope="module")
def net():
    """A discriminator, whose features are averaged over its four layers."""
    return network.discriminator(random_critic("pggan"))


@pytest.fixture(scope="module")
def features(net):
    """Features of an image by it, one program for all."""
    return jax.jit(net.features)


PER_LAYER = network.DISCRIMINATOR_SCALE / 4
"""Of each of the discriminator's four layers."""


@pytest.mark.parametrize("kind", KINDS)
def test_perceptual_sums_layers(net, features, kind):
    pairs = zip(features(A), features(B), strict=True)
    expected = sum(np.mean(np.square(a - b) if kind == "mse" else np.abs(a - b)) for a, b in pairs) * PER_LAYER
    term = Perceptual(net, 7.0, kind)
    assert value(term, A, B) == pytest.approx(float(expected), rel=1e-4)
    prepared = term.fit(random_prior("pggan"))
    assert prepared.network.prepared is not None
    assert float(jax.jit(prepared.between)(A, B)) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_perceptual_weighs_features_by_the_known_area(net, features, kind):
    term = Perceptual(net, kind=kind)
    known = np.ones((16, 16, 1), np.float32)
    known[:, 8:] = 0
    expected = 0.0
    for a, b in zip(features(A * known), features(B * known), strict=True):
        half = a.shape[1] // 2  # The right half of every map is a hole, and counts nothing.
        expected += float(distance(a[:, :half], b[:, :half], kind)) * PER_LAYER
    assert value(term, A * known, B * known, Mask(known)) == pytest.approx(expected, rel=1e-4)
    assert value(term, A, B, Mask(np.ones_like(known))) == pytest.approx(value(term, A, B), rel=1e-5)
    # The published code's mean is over all features, known or not.
    plain = value(Perceptual(net, kind=kind, masked=False), A * known, B * known, Mask(known))
    assert plain == pytest.approx(value(term, A * known, B * known), rel=1e-5)


def test_vgg_is_scaled():
    net = random_vgg()
    (a,), (b,) = (jax.jit(net.features)(image) for image in (A, B))
    assert value(Perceptual(net), A, B) == pytest.approx(1e-3 * float(jnp.mean(jnp.abs(a - b))), rel=1e-4)


def test_large_images_are_reduced_by_area_first():
    net = random_vgg()
    reduced = [x.reshape(8, 2, 8, 2, 3).mean((1, 3)) for x in (A, B)]
    plain = Perceptual(net, kind="mse")
    assert value(Perceptual(net, kind="mse", max_side=8), A, B) == pytest.approx(value(plain, *reduced), rel=1e-4)
    assert value(Perceptual(net, kind="mse", max_side=16), A, B) == value(plain, A, B)


over_terms = pytest.mark.parametrize("kind", [Perceptual, Style])


@over_terms
def test_the_prior_s_discriminator_is_taken(kind):
    prior = random_prior("pggan", "pggan")
    for name in ("default", "auto"):
        term = kind(name, 0.5).fit(prior)
        assert isinstance(term, kind)
        assert (term.weight, term.network.module) == (0.5, prior.critic.module)
        assert term.network.weights is prior.critic.params
        assert term.network.prepared is not None
        assert term.fit(prior).network.prepared is term.network.prepared
        assert term.fit(random_prior("pggan")).network is term.network  # It has its network: no prior is asked again.


@over_terms
def test_without_a_discriminator_default_is_refused_and_auto_left_out(kind):
    prior = random_prior("pggan")
    assert kind("auto").fit(prior) is None
    with pytest.raises(ArgumentError, match="tiny pggan comes without a discriminator"):
        kind("default").fit(prior)


@over_terms
def test_a_network_that_is_left_to_the_prior_cannot_compare_yet(kind):
    for name in ("default", "auto"):
        with pytest.raises(ArgumentError, match=rf"the network '{name}' is left to the prior: call fit\(prior\)"):
            kind(name).target(Observation(B, None))


def test_summary_tells_the_network_by_its_weights():
    def told(seed):
        return Perceptual(network.discriminator(random_critic("dcgan", seed))).summary()

    assert told(1) == told(1) != told(2)
    # What is prepared says nothing new.
    assert Perceptual(random_vgg().prepare()).summary() == Perceptual(random_vgg()).summary()
    assert Perceptual("auto").summary() == {
        "term": "perceptual", "network": "auto", "weight": 1.0, "kind": "l1", "masked": True, "max_side": None,
    }  # fmt: skip
