"""Codes moved along directions, and their pictures."""

import numpy as np
import pytest
from latents.priors import conditional_prior, plain_prior, styled_prior

from gprior_jax.editing import Direction, strip
from gprior_jax.editing.strips import drawn, moved
from gprior_jax.generators.synthesis import map_latents, sample_z, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.keys import seeded

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_layers_and_deviations(space):
    vector = RNG.normal(size=(3, 4) if space == "w_plus" else 4).astype(np.float32)
    codes = {"w_plus": RNG.normal(size=(2, 3, 4)).astype(np.float32)}
    found = moved(codes, Direction(vector, space, layers=(0, 2), deviation=0.5), [-2, 0, 1])["w_plus"]
    step = np.broadcast_to(vector, (3, 4)) * np.array([1, 0, 1])[:, None]
    wanted = np.stack([code + strength * step for code in codes["w_plus"] for strength in (-1, 0, 0.5)])
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_z_keeps_its_class():
    codes = {"z": np.zeros((2, 4)), "label": np.eye(2)}
    found = moved(codes, Direction(np.ones(4), "z"), [1, 2])
    np.testing.assert_array_equal(found["z"][:, 0], [1, 2, 1, 2])
    np.testing.assert_array_equal(found["label"][:, 0], [1, 1, 0, 0])


@pytest.mark.parametrize("make", [plain_prior, styled_prior])
def test_strip_of_a_direction(make):
    prior = make()
    codes = drawn(prior, 2, seed=3)
    z = np.asarray(sample_z(prior, seeded(3), 2))
    direction = Direction(RNG.normal(size=5 if prior.num_styles else 8), "w" if prior.num_styles else "z")
    found = strip(prior, codes, direction, (-1.0, 1.0), batch_size=4)
    assert found.shape == (16, 16, 3)
    start = np.asarray(map_latents(prior, z)) if prior.num_styles else z
    images = synthesize(prior, start[1] + direction.vector, space="w_plus" if prior.num_styles else "z")
    np.testing.assert_allclose(found[8:, 8:].astype(int), im.to_uint8(images), atol=1)


def test_codes_are_truncated_and_have_classes():
    prior = conditional_prior()
    full, half = drawn(prior, 4)["w_plus"], drawn(prior, 4, truncation_psi=0.5)["w_plus"]
    mean = np.asarray(prior.params["w_avg"])
    np.testing.assert_allclose(half, mean + 0.5 * (full - mean), atol=1e-5)
