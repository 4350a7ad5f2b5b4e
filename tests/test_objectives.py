"""Objectives: distances, weights, names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import OBJECTIVES, normal, random_critic, random_vgg

from gprior_jax.objectives import Objective, Perceptual, Pixel, distance
from gprior_jax.perceptual import network

A, B = normal(1, 16, 16, 3) * 0.5, normal(2, 16, 16, 3) * 0.5


@pytest.mark.parametrize("kind", ["mse", "l1"])
def test_distances_are_means(kind):
    expected = np.mean((A - B) ** 2) if kind == "mse" else np.mean(np.abs(A - B))
    assert float(distance(A, B, kind)) == pytest.approx(expected, rel=1e-5)
    assert float(Pixel(5.0, kind).loss(A, Pixel(5.0, kind).target(B))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["mse", "l1"])
def test_perceptual_sums_layers(kind):
    critic = random_critic("pggan")
    net = network.discriminator(critic)
    term = Perceptual(net, 7.0, kind)
    pairs = zip(net.features(A), net.features(B), strict=True)
    expected = sum(np.mean(np.square(a - b) if kind == "mse" else np.abs(a - b)) for a, b in pairs)
    expected /= 4  # Features of the discriminator are averaged over its four layers.
    assert float(term.loss(A, term.target(B))) == pytest.approx(float(expected), rel=1e-4)
    assert float(term.prepare().loss(A, term.target(B))) == pytest.approx(float(expected), rel=1e-4)


def test_vgg_is_scaled():
    net = random_vgg()
    (a,), (b,) = net.features(A), net.features(B)
    term = Perceptual(net)
    assert float(term.loss(A, term.target(B))) == pytest.approx(1e-3 * float(jnp.mean(jnp.abs(a - b))), rel=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_total_is_the_weighted_sum(name):
    objective = OBJECTIVES[name]()
    targets = objective.targets(jnp.asarray(B))
    total, terms = objective(A, targets, {})
    assert set(terms) == {term.name for term in objective.terms}
    expected = sum(term.weight * terms[term.name] for term in objective.terms)
    assert float(total) == pytest.approx(float(expected), rel=1e-6)
    prepared, _ = objective.prepare()(A, targets, {})
    assert float(prepared) == pytest.approx(float(total), rel=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_difference_no_loss(name):
    objective = OBJECTIVES[name]()
    assert float(objective(B, objective.targets(jnp.asarray(B)), {})[0]) == pytest.approx(0.0, abs=1e-7)


def test_penalties_are_added_with_weight_one():
    objective = Objective((Pixel(2.0),))
    total, terms = objective(A, objective.targets(B), {"prior": jnp.float32(3.0)})
    assert set(terms) == {"pixel_mse", "prior"}
    assert float(total) == pytest.approx(2 * float(terms["pixel_mse"]) + 3.0, rel=1e-6)


def test_weights_are_leaves_and_kinds_static():
    assert jax.tree.leaves(Pixel(3.0, "l1")) == [3.0]
    assert jax.tree.structure(Pixel(1.0, "l1")) != jax.tree.structure(Pixel(1.0, "mse"))


@pytest.mark.parametrize("terms", [(), (Pixel(), Pixel(2.0))])
def test_terms_need_distinct_names(terms):
    with pytest.raises(ValueError, match="terms of distinct names"):
        Objective(terms)
    assert Objective((Pixel(), Pixel(2.0, "l1"))).terms[1].name == "pixel_l1"
