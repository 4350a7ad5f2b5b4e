"""Moves along directions against InterFaceGAN's figures (golden/interfacegan.npz) and statements in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax import editing
from gprior_jax.editing import Direction
from gprior_jax.editing.moving import strengths_for
from gprior_jax.generators.styles import map_code, mean_styles

STYLED, PLAIN, UNIFORM = random_prior("stylegan2_plain"), random_prior("pggan"), random_prior("pggan_winograd")
CONDITIONAL = random_prior("stylegan2_conditional")
ROWS, WIDTH = STYLED.num_styles, STYLED.w_dim


@pytest.fixture(scope="module")
def published(golden):
    with np.load(golden / "interfacegan.npz") as arrays:
        return dict(arrays)


def direction(seed, space="w", **more):
    shape = {"z": (8,), "w": (WIDTH,), "w_plus": (ROWS, WIDTH)}[space]
    return Direction(normal(seed, *shape), space, name=f"d{seed}", **more)


def test_edits_as_published(published):
    boundary = published["boundary_0"][0]
    one, layered = published["code"][0], published["w_plus"][0]
    steps = editing.Step(boundary, np.zeros((), np.float32))
    found = strengths_for(one, np.linspace(-3, 3, 7), steps, absolute=True)
    np.testing.assert_allclose(found, published["edited_code"], atol=1e-5)
    found = strengths_for(layered, np.linspace(-2, 4, 5), steps)
    np.testing.assert_allclose(found, published["edited_w_plus"], atol=1e-5)


def test_absolute_moves_of_every_layer_by_itself():
    codes, vector = normal(1, 3, 4, 5), normal(2, 4, 5)
    vector[1] = 0
    found = np.asarray(editing.move(codes, vector, 2.0, absolute=True))
    along = (found * vector).sum(-1) / np.maximum((vector**2).sum(-1), 1e-9)
    np.testing.assert_allclose(along[:, [0, 2, 3]], 2.0, rtol=1e-5)
    np.testing.assert_array_equal(found[:, 1], codes[:, 1])


def test_moves_are_pure_functions():
    codes, vector = normal(3, 6, 5), normal(4, 5)
    amounts = np.arange(6.0, dtype=np.float32)
    batched = jax.jit(jax.vmap(lambda code, amount: editing.move(code, vector, amount, absolute=True)))
    each = [editing.move(code, vector, amount, absolute=True) for code, amount in zip(codes, amounts, strict=True)]
    np.testing.assert_allclose(batched(codes, amounts), each, rtol=1e-5, atol=1e-5)
    slope = jax.grad(lambda amount: jnp.sum(editing.move(codes[0], vector, amount)))(0.5)
    np.testing.assert_allclose(slope, vector.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("own", "layers", "moving"),
    [(None, None, (0, 1, 2, 3)), ((1, 2), None, (1, 2)), ((1, 2), (3,), (3,)), ((1, 2), (0, 1, 2, 3), (0, 1, 2, 3))],
)
def test_layers(own, layers, moving):
    step = editing.step_for(STYLED, [direction(5, layers=own)], layers=layers, deviations=False)
    np.testing.assert_array_equal(np.flatnonzero(step.vector.any(axis=1)), moving)
    np.testing.assert_array_equal(step.vector[moving[0]], direction(5).vector)


def codes_of(prior, count=4000):
    z = normal(6, count, prior.z_dim)
    return np.asarray(jax.vmap(lambda each: map_code(prior, each))(z))


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_strengths_in_deviations_of_the_priors_codes(space):
    step = editing.step_for(STYLED, [direction(7, space, layers=(0, 2))])
    rows = step.vector[[0, 2]].ravel()
    coordinates = codes_of(STYLED)[:, [0, 2]].reshape(-1, rows.size) @ rows / (rows @ rows)
    np.testing.assert_allclose(coordinates.std(), 1.0, rtol=0.05)
    np.testing.assert_allclose(editing.coordinates(mean_styles(STYLED), step.vector), step.origin, rtol=1e-4, atol=1e-5)


def test_strengths_in_deviations_of_z():
    step = editing.step_for(PLAIN, [direction(8, "z")])
    np.testing.assert_allclose(np.linalg.norm(step.vector), 1.0, rtol=1e-5)
    low, high = UNIFORM.latent.low, UNIFORM.latent.high
    step = editing.step_for(UNIFORM, [direction(8, "z")])
    np.testing.assert_allclose(np.linalg.norm(step.vector), (high - low) / np.sqrt(12), rtol=1e-5)
    np.testing.assert_allclose(step.origin * step.vector @ step.vector, (low + high) / 2 * step.vector.sum(), rtol=1e-4)


def test_what_a_direction_knows_of_itself_is_used():
    known = direction(9, deviation=2.0, offset=3.0)
    step = editing.step_for(STYLED, [known])
    np.testing.assert_allclose(step.vector[0], 2.0 * known.vector, rtol=1e-6)
    np.testing.assert_allclose(step.origin * (step.vector[0] @ known.vector), 3.0, rtol=1e-5)
    plain = editing.step_for(STYLED, [known], deviations=False)
    np.testing.assert_array_equal(plain.vector[0], known.vector)
    assert plain.origin == 0


def test_several_directions_and_what_is_held():
    one, two, held = direction(10, deviation=2.0), direction(11, deviation=3.0), direction(12)
    both = editing.step_for(STYLED, [one, two], weights=[1.0, -0.5])
    np.testing.assert_allclose(both.vector[0], 2.0 * one.vector - 1.5 * two.vector, rtol=1e-5)
    conditional = editing.step_for(STYLED, [one], conditions=[held, two])
    np.testing.assert_allclose(conditional.vector @ np.stack([held.vector, two.vector]).T, 0.0, atol=1e-5)
    assert (conditional.vector @ one.vector > 0).all()
    coordinates = codes_of(STYLED)[:, 0] @ conditional.vector[0] / np.sum(np.square(conditional.vector[0]))
    np.testing.assert_allclose(coordinates.std(), 1.0, rtol=0.05)  # Not that of the plain direction.


def test_conditions_of_layers():
    held = direction(13, "w_plus")
    step = editing.step_for(STYLED, [direction(14)], conditions=[held], layers=(0, 2), deviations=False)
    np.testing.assert_allclose(np.sum(step.vector * held.vector), 0.0, atol=1e-5)
    np.testing.assert_array_equal(np.flatnonzero(step.vector.any(axis=1)), [0, 2])


def test_priors_with_classes():
    step = editing.step_for(CONDITIONAL, [Direction(normal(15, CONDITIONAL.w_dim), "w")])
    assert np.isfinite(step.vector).all()
    assert step.vector.any()


@pytest.mark.parametrize(
    ("directions", "more", "told"),
    [
        ([], {}, "nothing to move along"),
        (
            [Direction(np.ones(512), "w", name="age")],
            {},
            r"age has the shape \[512\] in w, .* takes \[5\]",
        ),
        ([Direction(np.ones((18, 5)), "w_plus")], {}, r"takes \[4, 5\]"),
        ([direction(0), direction(0, "z")], {}, "of different spaces"),
        ([direction(0)], {"weights": [1.0, 2.0]}, "2 weights for 1 directions"),
        ([direction(0)], {"weights": [np.nan]}, "finite"),
        ([direction(0, layers=(2, 9))], {}, "layers 2, 9 of d0: tiny stylegan2_plain has styles 0 to 3"),
        ([direction(0, "z")], {"layers": (1,)}, "leave the layers out"),
        ([direction(0)], {"conditions": [direction(1), direction(1)]}, "d1 is made of d1"),
        ([direction(0)], {"conditions": [direction(0)]}, "nothing is left of the direction d0"),
        ([Direction(np.eye(4, 5)[:, ::-1] * [[0], [0], [0], [1]], "w_plus")], {"layers": (0,)}, "zero in the layers"),
        ([direction(0, deviation=0.0)], {}, "do not vary along d0"),
    ],
)
def test_wrong_directions(directions, more, told):
    with pytest.raises(ValueError, match=told):
        editing.step_for(STYLED, directions, **more)


def test_directions_of_styles_on_a_prior_without():
    with pytest.raises(ValueError, match="no styles"):
        editing.step_for(PLAIN, [direction(0)])


def test_amounts_that_are_none():
    with pytest.raises(ValueError, match="amount must be a finite number"):
        editing.move(normal(0, 5), normal(1, 5), np.nan)
