"""Maps of noise beside the styles: what they start from, what holds them, and their penalty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.noise import stored_noise
from gprior_jax.generators.prior import astype
from gprior_jax.latents import W, WPlus
from gprior_jax.latents.styled import noise_penalty
from latents.priors import plain_prior, styled_prior

PRIOR = styled_prior(1)
KEY = jax.random.key(0)


def test_fitted_noise_starts_from_the_stored_maps_and_nothing_holds_it():
    start = WPlus(noise="fitted").init(PRIOR, KEY)
    for i, stored in enumerate(stored_noise(PRIOR)):
        np.testing.assert_array_equal(start[f"noise_{i}"], stored)
    moved = {name: 3.0 * value + 1.0 for name, value in start.items()}
    assert WPlus(noise="fitted").project(moved) is moved
    assert WPlus(noise="fitted", noise_weight=1.0).penalty(PRIOR, moved) == {}


def test_free_noise_is_drawn_and_kept_standard():
    init = jax.jit(W(noise="free").init)
    start, other = (init(PRIOR, jax.random.key(seed)) for seed in (0, 1))
    assert (start["noise_0"] != other["noise_0"]).all()
    shifted = {"w": start["w"]} | {f"noise_{i}": 3.0 * normal(i, size, size) + i for i, size in enumerate((4, 8, 8))}
    projected = jax.jit(W(noise="free").project)(shifted)
    np.testing.assert_array_equal(projected["w"], start["w"])
    for i in range(3):
        assert float(projected[f"noise_{i}"].mean()) == pytest.approx(0.0, abs=1e-6)
        assert float(jnp.square(projected[f"noise_{i}"]).mean()) == pytest.approx(1.0, rel=1e-5)


def test_without_noise_among_them_there_are_styles_only():
    for noise in ("const", "none"):
        assert W(noise=noise).init(PRIOR, KEY).keys() == {"w"}
        moved = {"w": np.ones(5)}
        assert W(noise=noise).project(moved) is moved


def test_variables_are_float32_whatever_the_prior_has():
    start = WPlus(noise="fitted").init(astype(PRIOR, "bfloat16"), KEY)
    assert {leaf.dtype for leaf in start.values()} == {jnp.dtype("float32")}


def penalty_in_words(noise):
    """Level by level, with plain loops over the shifts."""
    total = 0.0
    for level in noise:
        level = np.asarray(level, np.float64)
        while True:
            for axis in (0, 1):
                total += np.mean(level * np.roll(level, 1, axis)) ** 2
            if len(level) <= 8:
                break
            level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) / 4
    return total


def test_noise_penalty():
    maps = tuple(jnp.asarray(normal(i, size, size) + 0.3) for i, size in enumerate((4, 8, 16, 32)))
    expected = penalty_in_words(maps)
    assert float(jax.jit(noise_penalty)(maps)) == pytest.approx(expected, rel=1e-4)
    variables = {"w": normal(9, 6)} | {f"noise_{i}": each for i, each in enumerate(maps)}
    found = jax.jit(W(noise="free", noise_weight=7.0).penalty)(PRIOR, variables)
    assert float(found["noise"]) == pytest.approx(7.0 * expected, rel=1e-4)
    assert W(noise="free").penalty(PRIOR, variables) == {}


@pytest.mark.parametrize("noise", ["free", "fitted"])
def test_noise_wants_a_prior_that_takes_some(noise):
    with pytest.raises(ArgumentError, match="has no styles"):
        W(noise=noise).fit(plain_prior())
    assert W(noise=noise).fit(PRIOR) == W(noise=noise)
