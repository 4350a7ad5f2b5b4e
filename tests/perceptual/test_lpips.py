"""LPIPS against the same distance stated plainly in torch, on random weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.objectives import Observation, Perceptual
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork, difference
from gprior_jax.recipes import mganprior
from gprior_jax.zoo.networks import build
from perceptual.networks import images, random_lpips
from perceptual.stated import published, torch_lpips

SMALLEST = {"alexnet": 31, "vgg16": 16}
BOTH = ["alexnet", pytest.param("vgg16", marks=pytest.mark.slow)]

# Of prepared networks and, of AlexNet, the smallest images: one program for all tests.
value_and_gradient = jax.jit(jax.value_and_grad(LPIPS.distance, argnums=1))
embed = jax.jit(LPIPS.embed)


@functools.cache
def prepared(trunk: str) -> LPIPS:
    return random_lpips(trunk).prepare()


def smallest(seed: int, count: int) -> np.ndarray:
    return images(seed, count, SMALLEST["alexnet"], SMALLEST["alexnet"])


@pytest.mark.parametrize("trunk", BOTH)
def test_distance_and_gradient_are_torchs(trunk):
    state = published(random_lpips(trunk))
    # Odd sides: windows of the maxima that end short.
    a, noise = smallest(1, 2) if trunk == "alexnet" else images(1, 2, 37, 19)
    others = (noise, (a + 0.1 * noise).clip(-1, 1), np.zeros_like(a))
    for b in others if trunk == "alexnet" else others[1:2]:
        leaf = torch.from_numpy(a.copy()).requires_grad_()
        expected = torch_lpips(state, trunk, leaf, torch.from_numpy(b))
        expected.backward()
        assert expected.item() > 1e-4
        assert leaf.grad is not None
        distance, gradient = value_and_gradient(prepared(trunk), a, b)
        np.testing.assert_allclose(distance, expected.item(), rtol=1e-4)
        wanted = leaf.grad.numpy()
        np.testing.assert_allclose(gradient, wanted, atol=1e-3 * np.abs(wanted).max())


def test_distance_of_odd_sides_is_torchs():
    a, b = images(2, 2, 63, 45)
    state = published(random_lpips("alexnet"))
    expected = torch_lpips(state, "alexnet", torch.from_numpy(a), torch.from_numpy(b)).item()
    np.testing.assert_allclose(jax.jit(LPIPS.distance)(prepared("alexnet"), a, b), expected, rtol=1e-4)


@pytest.mark.parametrize(("trunk", "side"), SMALLEST.items())
def test_the_smallest_images_leave_one_pixel(trunk, side):
    maps = jax.eval_shape(random_lpips(trunk).embed, images(1, side, side))
    assert maps[-1].shape[:2] == (1, 1)


def test_gradient_against_finite_differences():
    """Of torch's distance in float64: in float32 they drown in rounding, or step over the kinks of ReLU."""
    a, b, direction = smallest(5, 3)
    slope = np.vdot(value_and_gradient(prepared("alexnet"), a, b)[1], direction)
    state = {key: value.double() for key, value in published(random_lpips("alexnet")).items()}
    x, y, along = (torch.from_numpy(image).double() for image in (a, b, direction))
    step = 1e-6
    after, before = (torch_lpips(state, "alexnet", x + s * along, y).item() for s in (step, -step))
    np.testing.assert_allclose(slope, (after - before) / (2 * step), rtol=1e-3)


def test_batched():
    lpips, a, b = prepared("alexnet"), smallest(8, 3), smallest(9, 3)
    found = jax.jit(jax.vmap(LPIPS.distance, (None, 0, 0)))(lpips, a, b)
    assert found.shape == (3,)
    singles = [value_and_gradient(lpips, x, y)[0] for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(found, singles, rtol=1e-4)


def test_a_distance():
    lpips, (a, b) = prepared("alexnet"), smallest(10, 2)
    there, back, none = (value_and_gradient(lpips, *pair) for pair in ((a, b), (b, a), (a, a)))
    np.testing.assert_allclose(there[0], back[0], rtol=1e-5)
    assert none[0] == 0
    # The two sides of a differentiated program may round differently.
    np.testing.assert_allclose(none[1], 0, atol=1e-6)


def test_embedding_of_the_target_is_computed_once():
    lpips, (a, b) = prepared("alexnet"), smallest(11, 2)
    embedding, target = embed(lpips, a), embed(lpips, b)
    assert [x.shape[-1] for x in target] == [64, 192, 384, 256, 256]
    np.testing.assert_allclose(difference(embedding, target), value_and_gradient(lpips, a, b)[0], rtol=1e-5)


@pytest.mark.parametrize("layers", [("conv1", "conv2", "conv3", "conv4", "conv5"), ("conv3",)])
def test_gradient_where_all_features_are_zero(layers):
    lpips, (image,) = random_lpips("alexnet"), smallest(12, 1)
    convolutions = lpips.weights["convolutions"]
    # ReLU leaves nothing above such a bias: vectors of length zero, where the root has no derivative.
    dead = {name: convolutions[name] | {"bias": jnp.full_like(convolutions[name]["bias"], -1e6)} for name in layers}
    lpips = lpips.replace(weights=lpips.weights | {"convolutions": convolutions | dead})
    distance, gradient = value_and_gradient(lpips.prepare(), image, -image)
    assert np.isfinite(gradient).all()
    assert (distance > 0) == (len(layers) == 1)
    assert gradient.any() == (len(layers) == 1)
    expected = torch_lpips(published(lpips), "alexnet", torch.from_numpy(image), torch.from_numpy(-image))
    np.testing.assert_allclose(distance, expected.item(), rtol=1e-4)


def test_gradient_of_the_weights_is_finite():
    """A third of them are zero, where the root has no derivative either."""
    gradient = jax.jit(jax.grad(LPIPS.distance))(random_lpips("alexnet"), *smallest(13, 2))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_prepared_weights_are_used():
    lpips, (a, b) = prepared("alexnet"), smallest(14, 2)
    # They follow the weights no longer, which shows that they are what runs.
    stale = lpips.replace(weights=jax.tree.map(lambda leaf: 2 * np.asarray(leaf), lpips.weights))
    found, expected = (value_and_gradient(each, a, b)[0] for each in (stale, lpips))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("trunk", "side"), SMALLEST.items())
def test_too_small_images(trunk, side):
    image = images(15, side, side - 1)
    with pytest.raises(ArgumentError, match=f"at least {side} pixels a side, got {side}x{side - 1}: enlarge"):
        random_lpips(trunk).distance(image, image)


def test_images_of_two_shapes():
    with pytest.raises(ArgumentError, match=r"one shape, got \(31, 31, 3\) and \(32, 31, 3\)"):
        random_lpips("alexnet").distance(images(1, 31, 31), images(1, 32, 31))


def test_unknown_trunk():
    with pytest.raises(ArgumentError, match="no trunk 'squeezenet': it has vgg16, alexnet"):
        LPIPSNetwork("squeezenet")
    with pytest.raises(CheckpointError, match="lpips cannot be built from its description: LPIPS has no trunk 'vgg'"):
        build({"arch": "lpips", "trunk": "vgg"})


def test_serves_as_the_network_of_a_perceptual_term():
    lpips, (a, b) = prepared("alexnet"), smallest(1, 2)
    recipe = mganprior(perceptual=lpips, perceptual_weight=2.0)
    term = recipe.terms[1]
    assert isinstance(term, Perceptual)
    assert (term.kind, term.weight) == ("mse", 2.0)
    loss = jax.jit(lambda term, a, b: term.loss(a, a, term.target(Observation(b, None)), {}))(term, a, b)
    assert float(loss) == pytest.approx(float(value_and_gradient(lpips, a, b)[0]), rel=1e-4)
    assert recipe.summary()["terms"][1]["network"]["kind"] == "LPIPS"
