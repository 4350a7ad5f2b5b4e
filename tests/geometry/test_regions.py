import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import AT, smooth
from gprior_jax import geometry

UPPER = jnp.zeros((4, 3, 1)).at[:2].set(1.0)
PARTS = np.random.default_rng(5).normal(size=(3, 4, 3, 1)).astype(np.float32)


def image(x):
    """One number moves the upper half, one the lower half, one both, and one nothing."""
    one, other, both = jnp.asarray(PARTS)
    return jnp.sin(x[0]) * one * UPPER + x[1] * other * (1 - UPPER) + x[2] * both + 0 * x[3]


def test_what_changes_one_region_only_is_found():
    found = geometry.region_directions(image, jnp.zeros(4), UPPER, 2)
    np.testing.assert_allclose(np.abs(found.directions[0]), [1, 0, 0, 0], atol=1e-5)
    assert int(found.held) == 2
    assert found.inside[0] > 1
    assert found.outside[0] < 1e-5 * found.inside[0]
    assert found.inside[1] < 1e-5  # The number that moves nothing is free too, and comes last.


def test_more_is_free_with_a_larger_tolerance():
    weak = jnp.array([1.0, 1.0, 0.2, 1.0])
    strict, lax = (
        geometry.region_directions(lambda x: image(weak * x), jnp.zeros(4), UPPER, 1, tolerance=tolerance)
        for tolerance in (0.01, 0.5)
    )
    assert int(strict.held) == 2
    assert int(lax.held) == 1
    assert lax.inside[0] > strict.inside[0]
    assert lax.outside[0] > strict.outside[0]


def test_no_more_directions_than_hold_the_rest():
    """One is free of three that lie askew; what is held is not given out as free."""
    turned = jnp.linalg.qr(jnp.asarray(np.random.default_rng(3).normal(size=(3, 3)), jnp.float32))[0]

    def three(x):
        a, b, c = turned @ x
        return jnp.stack([a + b + c, 2 * b, c]).reshape(3, 1, 1)

    found = geometry.region_directions(three, jnp.zeros(3), jnp.eye(3)[0].reshape(3, 1, 1), 3)
    assert int(found.held) == 2
    np.testing.assert_allclose(found.directions @ found.directions.T, np.diag([1.0, 0.0, 0.0]), atol=1e-5)
    np.testing.assert_allclose(found.outside, 0.0, atol=1e-3)


def test_free_directions_are_orthogonal_where_the_region_does_not_change():
    turned = jnp.linalg.qr(jnp.asarray(np.random.default_rng(4).normal(size=(4, 4)), jnp.float32))[0]
    found = geometry.region_directions(lambda x: image(turned @ x), jnp.zeros(4), 0 * UPPER, 2, rest=UPPER)
    assert int(found.held) == 2
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-4)


@pytest.mark.parametrize("tolerance", [0.1, 0.5])
def test_derivatives_against_differences(tolerance):
    """Of what is free, which moves with the latent too."""
    along = jnp.array([1.0, -2.0, 0.5, 1.0])
    region = jnp.zeros((5, 6, 1)).at[:2].set(1.0)

    @jax.jit
    def first(x):
        found = geometry.region_directions(smooth, x, region, 2, tolerance=tolerance)
        return jnp.stack([found.inside[0], found.outside[0]])

    with jax.enable_x64(True):
        at, along = (jnp.asarray(np.asarray(x, np.float64)) for x in (AT, along))
        told = jax.jvp(first, (at,), (along,))[1]
        np.testing.assert_allclose(told, (first(at + 1e-5 * along) - first(at - 1e-5 * along)) / 2e-5, rtol=1e-5)


@pytest.mark.parametrize("part", [0.0, 1.0])
def test_all_or_nothing_is_the_region(part):
    """Of no region there is nothing to change; of all of it nothing to hold, and directions are the image's."""
    found = geometry.region_directions(smooth, AT, jnp.full((5, 6, 1), part), 2)
    if part:
        np.testing.assert_allclose(found.inside, geometry.spectrum(smooth, AT, 2).values, rtol=1e-4)
        np.testing.assert_array_equal(found.outside, 0.0)
        assert int(found.held) == 0
    else:
        np.testing.assert_array_equal(found.inside, 0.0)


@pytest.mark.parametrize(
    ("region", "num", "told"),
    [
        (jnp.ones((5, 6, 1)), 5, "5 directions: use 1 to 4"),
        (jnp.ones((5, 6, 1)), 0, "0 directions: use 1 to 4"),
        (jnp.ones((5, 6)), 1, r"weights of shape \(5, 6\) for an output of \(5, 6, 2\)"),
        (jnp.ones((6, 6, 1)), 1, r"weights of shape \(6, 6, 1\) for an output of"),
    ],
)
def test_wrong_use(region, num, told):
    with pytest.raises(ValueError, match=told):
        geometry.region_directions(smooth, AT, region, num)
