"""Composition, adjoints, and the leading axis of images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import BOX, OPERATORS, normal

from gprior_jax.operators import (
    Blur,
    Compose,
    Downsample,
    Identity,
    Luma,
    Mask,
    Quantize,
    adjoint,
    box_mask,
    broadcast,
    compose,
    gaussian_kernel,
    observed_shape,
    random_mask,
    stack,
)
from operators.calling import apply, apply_each

SHAPE = (16, 16, 3)
LINEAR = [name for name, operator in OPERATORS.items() if operator.linear]

over_operators = pytest.mark.parametrize("name", OPERATORS)


def test_identity_changes_nothing():
    image = normal(1, 4, 4, 3)
    assert Identity()(image) is image


@over_operators
def test_operators_are_pytrees(name):
    leaves, structure = jax.tree.flatten(OPERATORS[name])
    image = normal(2, *SHAPE)
    again = jax.tree.unflatten(structure, leaves)
    np.testing.assert_array_equal(apply(again, image), apply(OPERATORS[name], image))
    # Transformations put anything in the place of leaves.
    placeholders = jax.tree.map(lambda _: object(), OPERATORS[name])
    assert jax.tree.structure(placeholders) == structure


@over_operators
def test_observed_shape(name):
    assert observed_shape(OPERATORS[name], SHAPE) == apply(OPERATORS[name], normal(2, *SHAPE)).shape


@over_operators
def test_facts_hold(name):
    """The declared ``pixelwise`` and ``linear`` are what the operator does."""
    operator, image, other = OPERATORS[name], normal(3, *SHAPE) / 2, normal(4, *SHAPE) / 2
    observed, of_other, of_sum = (np.asarray(apply(operator, x)) for x in (image, other, 2 * image + other))
    assert operator.linear == (float(np.abs(of_sum - (2 * observed + of_other)).max()) < 1e-5)
    # A gradient would not see rounding; a changed pixel does.
    image[7, 6] += 0.7
    changed = np.asarray(apply(operator, image)) - observed
    if changed.shape[:2] == SHAPE[:2]:
        touched = np.argwhere(np.abs(changed).max(-1) > 1e-4)
        assert operator.pixelwise == (len(touched) <= 1)
    else:
        assert not operator.pixelwise


@pytest.mark.parametrize("name", LINEAR)
def test_adjoint_identity(name):
    operator = OPERATORS[name]
    x, y = normal(5, *SHAPE), normal(6, *observed_shape(operator, SHAPE))
    back = jax.jit(adjoint(operator, SHAPE))(y)
    assert back.shape == SHAPE
    # Sums of some 800 products, in float64; relative to the sizes of the two vectors.
    forward = np.asarray(apply(operator, x), np.float64)
    difference = np.vdot(forward, y) - np.vdot(x, np.asarray(back, np.float64))
    assert abs(difference) < 1e-5 * np.linalg.norm(forward) * np.linalg.norm(y)


def test_no_adjoint_of_what_is_not_linear():
    with pytest.raises(ValueError, match=r"compose\(Luma, Quantize\) is not linear, so it has no adjoint\."):
        adjoint(compose(Luma(), Quantize()), SHAPE)


def test_compose_applies_from_left_to_right():
    first, second = Mask(box_mask(16, 6)), Blur(gaussian_kernel(1.0))
    image = normal(7, *SHAPE)
    np.testing.assert_array_equal(compose(first, second)(image), second(first(image)))
    assert np.abs(compose(first, second)(image) - compose(second, first)(image)).max() > 0.1
    nested = compose(compose(first, second), Downsample(2))
    np.testing.assert_array_equal(nested(image), compose(first, second, Downsample(2))(image))


def test_compose_of_one_or_none():
    assert compose() == Identity()
    assert compose(BOX) is BOX
    assert isinstance(compose(BOX, BOX), Compose)


def test_known_pixels():
    other = Mask(random_mask(jax.random.key(0), 16, 0.5))
    small = Mask(box_mask(8, 2))
    assert compose(Luma(), Quantize()).known is None
    np.testing.assert_array_equal(compose(BOX, Luma()).known, BOX.known)
    np.testing.assert_array_equal(compose(BOX, Luma(), other).known, BOX.known * other.known)
    # What mixes pixels makes all before it observed; a mask after it counts.
    assert compose(BOX, Downsample(2)).known is None
    np.testing.assert_array_equal(compose(BOX, Downsample(2), small).known, small.known)
    np.testing.assert_array_equal(compose(BOX, compose(Downsample(2), small)).known, small.known)
    np.testing.assert_array_equal(compose(compose(BOX, Luma()), other).known, BOX.known * other.known)


def test_known_pixels_are_those_that_depend_on_the_image():
    operator = compose(BOX, Luma(), Mask(random_mask(jax.random.key(1), 16, 0.3)))
    gradient = jax.grad(lambda image: operator(image).sum())(jnp.ones(SHAPE))
    np.testing.assert_array_equal(np.abs(gradient).max(-1, keepdims=True) > 0, operator.known > 0)


@over_operators
def test_broadcast_gives_the_same_operator_to_all(name):
    operator, images = OPERATORS[name], normal(8, 3, *SHAPE)
    repeated = broadcast(operator, 3)
    assert all(np.shape(leaf)[0] == 3 and leaf.dtype == np.float32 for leaf in jax.tree.leaves(repeated))
    if not jax.tree.leaves(repeated):
        assert repeated == operator
        return
    found = apply_each(repeated, images)
    np.testing.assert_allclose(found, np.stack([apply(operator, image) for image in images]), atol=1e-5)


def different_operators():
    kernels = [gaussian_kernel(sigma, size=7) for sigma in (0.5, 1.0, 1.5)]
    masks = [random_mask(jax.random.key(i), 16, 0.3) for i in range(3)]
    return [compose(Mask(m), Blur(k), Downsample(2, "area")) for m, k in zip(masks, kernels, strict=True)]


def test_stacked_operators_are_each_image_s_own():
    operators, images, traces = different_operators(), normal(9, 3, *SHAPE), []

    @jax.jit
    @jax.vmap
    def run(operator, image):
        traces.append(operator)
        return operator(image)

    loop = np.stack([apply(operator, image) for operator, image in zip(operators, images, strict=True)])
    np.testing.assert_allclose(run(stack(operators), images), loop, atol=1e-5)
    assert np.abs(loop[0] - apply(operators[1], images[0])).max() > 0.01
    backwards = run(stack(operators[::-1]), images[::-1])
    np.testing.assert_allclose(backwards, loop[::-1], atol=1e-5)
    assert len(traces) == 1


def test_known_of_stacked_operators():
    masks = [compose(Luma(), Mask(random_mask(jax.random.key(i), 16, 0.3))) for i in range(2)]
    np.testing.assert_array_equal(stack(masks).known, np.stack([mask.known for mask in masks]))


@pytest.mark.parametrize(
    ("operators", "sentence"),
    [
        ([], "there is no operator to stack: give at least one."),
        ([Luma(), Identity()], "operator 1 differs from operator 0 in structure"),
        ([Downsample(2), Downsample(2), Downsample(4)], "operator 2 differs from operator 0 in structure"),
        ([Mask(box_mask(8, 2)), Mask(box_mask(16, 2))], "operator 1 differs from operator 0 in structure"),
    ],
)
def test_what_cannot_be_stacked(operators, sentence):
    with pytest.raises(ValueError, match=sentence):
        stack(operators)
