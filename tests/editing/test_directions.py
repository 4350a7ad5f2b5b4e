"""Directions, and how far codes spread along them."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_params
from runs.records import tiny_prior

from gprior_jax.editing import Direction, measure_deviations
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import map_latents, sample_z

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain")
STYLED = Prior(random_params(MODULE, 0), MODULE, name="tiny stylegan2")  # 4 styles of 5 numbers.
MANY = 4000


def spread(vector, layers=range(4)):
    """The standard deviation of coordinates, over other codes than those that are measured."""
    rows = np.broadcast_to(vector, (4, 5))[list(layers)]
    styles = np.asarray(map_latents(STYLED, sample_z(STYLED, jax.random.key(7), MANY)))[:, list(layers)]
    return np.std((styles * rows).sum((1, 2)) / np.sum(rows**2))


def test_deviations_of_styles():
    w, rows = np.asarray(normal(0, 5)), np.asarray(normal(1, 4, 5))
    directions = [
        Direction(w, "w"),
        Direction(3 * w, "w"),
        Direction(np.tile(w, (4, 1)), "w_plus"),
        Direction(rows, "w_plus"),
        Direction(rows, "w_plus", layers=(1, 2)),
    ]
    found = measure_deviations(STYLED, directions)
    wanted = [spread(w), spread(w) / 3, spread(w), spread(rows), spread(rows, (1, 2))]
    np.testing.assert_allclose(found, wanted, rtol=0.06)
    # Multiples and copies of one vector are one direction.
    np.testing.assert_allclose([found[0], found[0]], [3 * found[1], found[2]], rtol=1e-5)
    # One by one they are the same, and so are they again.
    np.testing.assert_allclose(measure_deviations(STYLED, directions[3:4]), found[3:4], rtol=1e-6)
    assert measure_deviations(STYLED, directions) == found
    # A move of one deviation.
    assert found[3] != pytest.approx(found[4], rel=0.05)


def test_deviations_of_z():
    plain = tiny_prior()
    vector = np.asarray(normal(0, 8))
    assert measure_deviations(plain, [Direction(vector, "z")]) == pytest.approx([1 / np.linalg.norm(vector)])
    uniform = dataclasses.replace(plain, latent=LatentDistribution("uniform", -1.0, 3.0))
    wanted = np.std(np.random.default_rng(0).uniform(-1, 3, 100_000))
    assert measure_deviations(uniform, [Direction(np.eye(8)[2], "z")]) == pytest.approx([wanted], rel=0.01)
    assert measure_deviations(plain, []) == []


def test_deviations_over_all_classes():
    module = StyleGAN2((6, 4), 8, 5, mapping_layers=1, num_classes=3)
    prior = Prior(random_params(module, 0), module)
    direction = Direction(np.asarray(normal(0, 5)), "w")
    labels = np.arange(MANY) % 3
    styles = map_latents(prior, sample_z(prior, jax.random.key(7), MANY), label=labels)
    wanted = np.std(np.asarray(styles)[:, 0] @ direction.vector) / np.sum(direction.vector**2)
    assert measure_deviations(prior, [direction]) == pytest.approx([wanted], rel=0.06)


@pytest.mark.parametrize(
    ("direction", "told"),
    [
        (Direction(np.ones(8), "w"), r"\(8,\) in w: those of tiny stylegan2 are \(5,\)"),
        (Direction(np.ones((3, 5)), "w_plus"), r"\(3, 5\) in w_plus: those of tiny stylegan2 are \(4, 5\)"),
        (Direction(np.ones(5), "w", layers=(3, 4)), r"layers \[3, 4\]: tiny stylegan2 has 0 to 3"),
        (Direction(np.eye(4, 5), "w_plus", name="a", layers=()), r"direction a is for layers \[\]"),
        (Direction(np.eye(1, 5).repeat(4, 0) * [[1], [0], [0], [0]], "w_plus", layers=(2,)), "is zero in its layers"),
    ],
)
def test_directions_of_other_priors(direction, told):
    with pytest.raises(ArgumentError, match=told):
        measure_deviations(STYLED, [direction])


def test_styles_of_a_prior_without():
    with pytest.raises(ArgumentError, match="has no styles"):
        measure_deviations(tiny_prior(), [Direction(np.ones(8), "w")])


@pytest.mark.parametrize("vector", [np.zeros(5), np.ones((2, 5)), np.full(5, np.nan)])
def test_no_direction(vector):
    with pytest.raises(ArgumentError, match="finite numbers that are not all zero"):
        Direction(vector, "w")
