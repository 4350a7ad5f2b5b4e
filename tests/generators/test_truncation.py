"""Generators that stand at a truncation: their codes, and their statistics."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import prepare
from gprior_jax.generators.synthesis import map_latents, sample_z, synthesize
from gprior_jax.generators.truncation import is_truncatable, truncated, with_truncation

PRIOR = dataclasses.replace(random_prior("biggan_deep"), name="deep")  # At 0.7, three sets of statistics.
SMALL = with_truncation(PRIOR, 0.4)


def test_codes_of_a_truncation_reach_two_deviations():
    """0.4 of the published sampler (scipy's truncnorm from -2 to 2, times 0.4) reaches 0.8, not 0.4."""
    z = np.asarray(sample_z(SMALL, jax.random.key(0), 5000))
    assert 0.79 < np.abs(z).max() <= 0.8
    assert np.abs(z.mean()) < 0.01
    assert z.std() == pytest.approx(SMALL.latent.deviation, rel=0.02)
    # Of scipy.stats.truncnorm.std(-2, 2).
    assert SMALL.latent.deviation == pytest.approx(0.4 * 0.8796256610342398, rel=1e-5)


def test_statistics_are_those_of_the_truncation():
    z = normal(1, 2, 8)
    sets = jax.tree.map(np.asarray, PRIOR.params)
    # At 0.5 the second of three: whatever the others are is not looked at.
    changed = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf * np.array([[9], [1], [9]], leaf.dtype) if path[-1].key.startswith("stored") else leaf,
        sets,
    )
    middle = with_truncation(PRIOR, 0.5)
    other = dataclasses.replace(middle, params=changed)
    np.testing.assert_array_equal(synthesize(middle, z), synthesize(other, z))
    assert float(np.abs(synthesize(middle, z) - synthesize(SMALL, z)).max()) > 1e-3


def test_a_prepared_prior_is_not_left_with_other_statistics():
    z = normal(1, 2, 8)
    np.testing.assert_array_equal(synthesize(with_truncation(prepare(PRIOR), 0.4), z), synthesize(SMALL, z))


def test_psi_moves_codes_and_statistics_and_leaves_the_class():
    free, z = dataclasses.replace(PRIOR, label=None), normal(1, 2, 8)
    whole, half = (map_latents(free, z, label=[0, 2], truncation_psi=psi) for psi in (1.0, 0.5))
    np.testing.assert_allclose(half[..., :8], 0.5 * whole[..., :8], rtol=1e-6)
    np.testing.assert_allclose(half[..., 8:], whole[..., 8:], rtol=1e-6)
    found = synthesize(free, z, label=[0, 2], truncation_psi=0.5)
    wanted = synthesize(with_truncation(free, 0.35), 0.5 * z, label=[0, 2])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    # Likewise of a prior that is held to a class.
    held = synthesize(with_label(free, 2), z[1], truncation_psi=0.5)
    np.testing.assert_allclose(held, found[1], rtol=1e-5, atol=1e-6)


def test_truncations_that_cannot_be():
    for truncation in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(ArgumentError, match=f"truncation {truncation}: use a number above 0 and up to 1"):
            with_truncation(PRIOR, truncation)
    plain = random_prior("biggan")
    assert is_truncatable(PRIOR)
    assert not is_truncatable(plain)
    assert truncated(plain, 0.5) is plain
    with pytest.raises(ArgumentError, match="tiny biggan has no statistics of truncations: truncate its codes"):
        with_truncation(plain, 0.5)
