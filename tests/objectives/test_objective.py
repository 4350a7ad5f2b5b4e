"""Objectives: distances, weights, names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import OBJECTIVES, normal, random_critic, random_vgg

from gprior_jax.latents.sphere import geocross
from gprior_jax.objectives import HUBER_DELTA, Objective, Perceptual, Pixel, Style, distance, gram
from gprior_jax.operators import random_mask
from gprior_jax.perceptual import network

A, B = normal(1, 16, 16, 3) * 0.5, normal(2, 16, 16, 3) * 0.5


@pytest.mark.parametrize("kind", ["mse", "l1"])
def test_distances_are_means(kind):
    expected = np.mean((A - B) ** 2) if kind == "mse" else np.mean(np.abs(A - B))
    assert float(distance(A, B, kind)) == pytest.approx(expected, rel=1e-5)
    assert float(Pixel(5.0, kind=kind).loss(A, Pixel(5.0, kind=kind).target(B))) == pytest.approx(expected, rel=1e-5)


def test_huber_is_quadratic_then_linear():
    d = HUBER_DELTA
    values = [float(distance(jnp.zeros(1), jnp.full(1, x), "huber")) for x in (0.5 * d, d, 3 * d, 30 * d)]
    np.testing.assert_allclose(values, [0.25 * d**2, d**2, 5 * d**2, 59 * d**2], rtol=1e-5)


KNOWN = np.asarray(random_mask(jax.random.key(1), 16, 0.6))


@pytest.mark.parametrize("kind", ["mse", "l1", "huber"])
def test_masked_mean_is_over_the_known_pixels(kind):
    rows, columns = np.nonzero(KNOWN[..., 0])
    term = Pixel(kind=kind)
    expected = float(distance(A[rows, columns], B[rows, columns], kind))
    assert float(term.loss(A * KNOWN, term.target(B * KNOWN, KNOWN))) == pytest.approx(expected, rel=1e-5)
    # The published code's mean counts the holes as pixels without error.
    official = Pixel(kind=kind, masked=False)
    found = float(official.loss(A * KNOWN, official.target(B * KNOWN, KNOWN)))
    assert found == pytest.approx(expected * KNOWN.mean(), rel=1e-5)


@pytest.mark.parametrize("kind", ["mse", "l1"])
def test_perceptual_weighs_features_by_the_known_area(kind):
    net = network.discriminator(random_critic("pggan"))
    term = Perceptual(net, kind=kind)
    known = np.ones((16, 16, 1), np.float32)
    known[:, 8:] = 0
    expected = 0.0
    for a, b in zip(net.features(A * known), net.features(B * known), strict=True):
        half = a.shape[1] // 2  # The right half of every map is a hole, and counts nothing.
        expected += float(distance(a[:, :half], b[:, :half], kind)) / 4
    assert float(term.loss(A * known, term.target(B * known, known))) == pytest.approx(expected, rel=1e-4)
    everywhere = np.ones_like(known)
    whole = float(term.loss(A, term.target(B, everywhere)))
    assert whole == pytest.approx(float(term.loss(A, term.target(B))), rel=1e-5)


def test_floor_stops_the_loss_and_its_gradient():
    term = Pixel(floor=0.3)
    target = term.target(jnp.asarray(B))
    near, far = B + 0.1, B + 0.9
    assert float(term.loss(near, target)) == pytest.approx(0.3)
    assert not np.asarray(jax.grad(lambda x: term.loss(x, target))(near)).any()
    assert float(term.loss(far, target)) == pytest.approx(0.81, rel=1e-4)
    assert np.asarray(jax.grad(lambda x: term.loss(x, target))(far)).all()


def test_floor_from_noise_is_the_noise_of_the_observation():
    smooth = jnp.broadcast_to(jnp.linspace(-0.5, 0.5, 64)[:, None, None], (64, 64, 3))
    noisy = smooth + 0.2 * normal(9, 64, 64, 3)
    floor = Pixel(floor_from_noise=True).target(noisy).floor
    assert float(floor) == pytest.approx(0.04, rel=0.1)
    assert float(Pixel(floor=0.5, floor_from_noise=True).target(noisy).floor) == 0.5


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
    assert jax.tree.leaves(Pixel(3.0, kind="l1")) == [3.0, 0.0]
    assert jax.tree.structure(Pixel(1.0, kind="l1")) != jax.tree.structure(Pixel(1.0, kind="mse"))


@pytest.mark.parametrize("terms", [(), (Pixel(), Pixel(2.0))])
def test_terms_need_distinct_names(terms):
    with pytest.raises(ValueError, match="terms of distinct names"):
        Objective(terms)
    assert Objective((Pixel(), Pixel(2.0, kind="l1"))).terms[1].name == "pixel_l1"


def test_geocross_is_pulses(golden, golden_weights):
    with np.load(golden / "pulse.npz") as arrays:
        expected, near = arrays["geocross"], arrays["geocross_near"]
    latents = golden_weights.normal("latent", (2, 18, 512), salt=5)
    np.testing.assert_allclose(jax.vmap(geocross)(latents), expected, rtol=1e-5)
    rows = latents[0, :1] + 0.1 * golden_weights.normal("near", (18, 512), salt=5)
    np.testing.assert_allclose(geocross(rows), near[0], rtol=1e-5)


def test_geocross_of_equal_vectors_has_a_gradient():
    equal = jnp.ones((3, 8))
    assert float(geocross(equal)) < 1e-6
    assert np.isfinite(jax.grad(geocross)(equal)).all()


def gram_in_words(features, weights=None):
    """Channel by channel, as Gatys et al. 2015 define it, over the number of cells."""
    cells = np.asarray(features, np.float64).reshape(-1, features.shape[-1])
    weights = np.ones(len(cells)) if weights is None else np.asarray(weights).reshape(-1)
    return sum(w * np.outer(c, c) for w, c in zip(weights, cells, strict=True)) / len(cells)


def test_style_compares_gram_matrices():
    net = random_vgg()
    term = Style(net, 3.0)
    (a,), (b,) = net.features(A), net.features(B)
    np.testing.assert_allclose(gram(a), gram_in_words(a), rtol=1e-4, atol=1e-5)
    expected = np.mean((gram_in_words(a) - gram_in_words(b)) ** 2)
    assert float(term.loss(A, term.target(B))) == pytest.approx(expected, rel=1e-3)
    # The places of features do not count: cells in another order have the same matrix.
    np.testing.assert_allclose(gram(a[::-1, ::-1]), gram(a), rtol=1e-4, atol=1e-5)
    total, terms = Objective((Pixel(), term))(A, Objective((Pixel(), term)).targets(B), {})
    assert float(total) == pytest.approx(float(terms["pixel_mse"]) + 3.0 * float(terms["style"]), rel=1e-5)


def test_style_of_another_image_in_a_region():
    net, region = random_vgg(), np.zeros((16, 16, 1), np.float32)
    region[:, :8] = 1
    term = Style(net, image=jnp.asarray(A), region=jnp.asarray(region))
    (a,), (b,) = net.features(A), net.features(B)
    weights = np.repeat([2.0, 0.0], b.shape[1] // 2)[None].repeat(b.shape[0], 0)
    expected = np.mean((gram_in_words(a) - gram_in_words(b, weights)) ** 2)
    assert float(term.loss(B, term.target(0 * B))) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="needs a network"):
        Style("default").loss(A, Style("default").target(B))


def test_large_images_are_reduced_by_area_first():
    net = random_vgg()
    reduced = [x.reshape(8, 2, 8, 2, 3).mean((1, 3)) for x in (A, B)]
    term, plain = Perceptual(net, kind="mse", max_side=8), Perceptual(net, kind="mse")
    expected = float(plain.loss(reduced[0], plain.target(reduced[1])))
    assert float(term.loss(A, term.target(B))) == pytest.approx(expected, rel=1e-4)
    unlimited = Perceptual(net, kind="mse", max_side=16)
    assert float(unlimited.loss(A, unlimited.target(B))) == float(plain.loss(A, plain.target(B)))
