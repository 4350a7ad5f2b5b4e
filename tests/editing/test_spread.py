"""How far a prior's own codes spread along directions, and these codes."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_params
from latents.priors import conditional_prior, plain_prior
from runs.records import tiny_prior

from gprior_jax.editing import Direction, measure_deviations
from gprior_jax.editing.spread import drawn_labels, own_codes
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import map_latents, sample_z
from gprior_jax.keys import purpose, seeded

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain")
STYLED = Prior(random_params(MODULE, 0), MODULE, name="tiny stylegan2")  # 4 styles of 5 numbers.
MANY = 4000


def spread(vector, layers=range(4)):
    """The standard deviation of coordinates, over other codes than those that are measured."""
    rows = np.broadcast_to(vector, (4, 5))[list(layers)]
    styles = np.asarray(map_latents(STYLED, sample_z(STYLED, jax.random.key(7), MANY)))[:, list(layers)]
    return np.std((styles * rows).sum((1, 2)) / np.sum(rows**2))


def deviations(prior, directions):
    return [each.deviation for each in measure_deviations(prior, directions)]


def test_deviations_of_styles():
    w, rows = np.asarray(normal(0, 5)), np.asarray(normal(1, 4, 5))
    directions = [
        Direction(w, "w"),
        Direction(3 * w, "w"),
        Direction(np.tile(w, (4, 1)), "w_plus"),
        Direction(rows, "w_plus"),
        Direction(rows, "w_plus", layers=(1, 2)),
    ]
    found = deviations(STYLED, directions)
    wanted = [spread(w), spread(w) / 3, spread(w), spread(rows), spread(rows, (1, 2))]
    np.testing.assert_allclose(found, wanted, rtol=0.06)
    # Multiples and copies of one vector are one direction.
    np.testing.assert_allclose([found[0], found[0]], [3 * found[1], found[2]], rtol=1e-5)
    # One by one they are the same, and so are they again.
    np.testing.assert_allclose(deviations(STYLED, directions[3:4]), found[3:4], rtol=1e-6)
    assert deviations(STYLED, directions) == found
    # A move of one deviation.
    assert found[3] != pytest.approx(found[4], rel=0.05)


def test_deviations_of_z():
    plain = tiny_prior()
    vector = np.asarray(normal(0, 8))
    assert deviations(plain, [Direction(vector, "z")]) == pytest.approx([1 / np.linalg.norm(vector)])
    uniform = dataclasses.replace(plain, latent=LatentDistribution("uniform", -1.0, 3.0))
    wanted = np.std(np.random.default_rng(0).uniform(-1, 3, 100_000))
    assert deviations(uniform, [Direction(np.eye(8)[2], "z")]) == pytest.approx([wanted], rel=0.01)
    assert measure_deviations(plain, []) == []


def test_deviations_over_all_classes():
    module = StyleGAN2((6, 4), 8, 5, mapping_layers=1, num_classes=3)
    prior = Prior(random_params(module, 0), module)
    direction = Direction(np.asarray(normal(0, 5)), "w")
    labels = np.arange(MANY) % 3
    styles = map_latents(prior, sample_z(prior, jax.random.key(7), MANY), label=labels)
    wanted = np.std(np.asarray(styles)[:, 0] @ direction.vector) / np.sum(direction.vector**2)
    assert deviations(prior, [direction]) == pytest.approx([wanted], rel=0.06)


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


def mean_code(layers=range(4)):
    """The mean style, over other codes than those that are measured, and how far that is off."""
    styles = np.asarray(map_latents(STYLED, sample_z(STYLED, jax.random.key(7), MANY)))[:, list(layers)]
    return styles.mean((0, 1)), styles.std((0, 1)).max() / np.sqrt(MANY)


def test_offset_of_the_mean_code():
    vector, rows = np.asarray(normal(0, 5)), np.asarray(normal(1, 4, 5))
    known = Direction(vector, "w", offset=3.0, name="a", deviation=50.0)
    several = [known, Direction(2 * vector, "w", layers=(1,)), Direction(rows, "w_plus", layers=(1, 2))]
    kept, one, two = measure_deviations(STYLED, several)
    assert (kept.offset, kept.name, one.layers) == (3.0, "a", (1,))
    assert kept.deviation == pytest.approx(2 * one.deviation, rel=1e-5)  # Measured, whatever it was.
    mean, off = mean_code()
    np.testing.assert_array_equal(one.vector, np.float32(2 * vector))
    assert one.offset == pytest.approx(2 * vector @ mean, abs=8 * off * np.linalg.norm(vector))
    assert two.offset == pytest.approx(np.sum(rows[1:3] @ mean), abs=8 * off * np.linalg.norm(rows[1:3]))


def test_offset_of_z():
    plain, vector = tiny_prior(), np.asarray(normal(0, 8))
    assert measure_deviations(plain, [Direction(vector, "z")])[0].offset == 0.0
    uniform = dataclasses.replace(plain, latent=LatentDistribution("uniform", -1.0, 3.0))
    (found,) = measure_deviations(uniform, [Direction(vector, "z")])
    assert found.offset == pytest.approx(vector.sum(), rel=1e-5)  # Of the code of ones, their mean.


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
