"""Coordinates along directions, and their deviation on a prior's own codes."""

import numpy as np
import pytest
from latents.priors import conditional_prior, plain_prior, styled_prior

from gprior_jax.editing import Direction
from gprior_jax.editing.spread import along, drawn_labels, measured, own_codes
from gprior_jax.generators.synthesis import map_latents, sample_z
from gprior_jax.keys import purpose, seeded

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("space", ["z", "w", "w_plus"])
@pytest.mark.parametrize("length", [1.0, 7.0])
def test_moving_by_a_vector_adds_one(space, length):
    shape = (3, 5) if space == "w_plus" else (5,)
    direction = Direction(length * RNG.normal(size=shape), space)
    codes = RNG.normal(size=(6, *shape))
    moved = along(codes + 2.5 * direction.vector, direction)
    np.testing.assert_allclose(moved - along(codes, direction), 2.5, rtol=1e-5)


def test_a_direction_of_w_in_w_plus_looks_at_its_layers():
    direction = Direction(np.array([1.0, 0.0]), "w", layers=(0, 2))
    codes = np.zeros((1, 3, 2))
    codes[0, :, 0] = 1.0, 50.0, 3.0
    assert along(codes, direction).tolist() == [2.0]


def test_deviation_and_offset_of_own_codes():
    prior = styled_prior()
    vector = RNG.normal(size=5)
    known, unknown = Direction(vector, "w", offset=3.0, name="a"), Direction(2 * vector, "w", layers=(1,))
    first, second = measured(prior, [known, unknown])
    z = sample_z(prior, purpose(seeded(0), "directions"), 10_000)
    w = np.asarray(map_latents(prior, z))[:, 0]
    at = w @ known.vector
    assert first.deviation == pytest.approx(at.std() / np.sum(known.vector**2), rel=1e-4)
    assert second.deviation == pytest.approx(first.deviation / 2, rel=1e-4)
    assert (first.offset, first.name, second.layers) == (3.0, "a", (1,))
    assert second.offset == pytest.approx(2 * at.mean(), rel=1e-3, abs=1e-3)
    assert measured(prior, []) == []


def test_own_codes_have_classes():
    prior = conditional_prior()
    labels = drawn_labels(prior, 50, 1)
    assert {*labels} == {0, 1, 2}
    z = sample_z(prior, purpose(seeded(1), "directions"), 50)
    styles = np.asarray(map_latents(prior, z, label=labels))
    np.testing.assert_allclose(own_codes(prior, "w_plus", 50, 1), styles, atol=1e-5)
    np.testing.assert_allclose(own_codes(prior, "w", 50, 1), styles[:, 0], atol=1e-5)
    np.testing.assert_array_equal(own_codes(plain_prior(), "z", 50, 1).shape, (50, 8))
    assert drawn_labels(plain_prior(), 3, 0) is None
