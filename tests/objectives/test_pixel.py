"""The difference of pixels: masks, floors, names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.objectives import Observation, Pixel, distance
from gprior_jax.operators import Compose, Identity, Mask, random_mask
from objectives.compared import A, B, value

KNOWN = np.asarray(random_mask(jax.random.key(1), 16, 0.6))
KINDS = ["mse", "l1", "huber"]


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_distance_of_what_was_observed(kind):
    expected = float(distance(A, B, kind))
    assert value(Pixel(5.0, kind=kind), A, B) == pytest.approx(expected, rel=1e-5)
    # The reconstruction itself does not count, only its observation.
    term = Pixel(kind=kind)
    assert float(term.loss(B, A, term.target(Observation(B, Identity())), {})) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_masked_mean_is_over_the_known_pixels(kind):
    rows, columns = np.nonzero(KNOWN[..., 0])
    expected = float(distance(A[rows, columns], B[rows, columns], kind))
    assert value(Pixel(kind=kind), A * KNOWN, B * KNOWN, Mask(KNOWN)) == pytest.approx(expected, rel=1e-5)
    # The published code's mean counts the holes as pixels without error.
    found = value(Pixel(kind=kind, masked=False), A * KNOWN, B * KNOWN, Mask(KNOWN))
    assert found == pytest.approx(expected * KNOWN.mean(), rel=1e-5)


def test_a_mask_among_other_operators_is_found_and_any_callable_is_an_operator():
    expected = value(Pixel(), A * KNOWN, B * KNOWN, Mask(KNOWN))
    assert value(Pixel(), A * KNOWN, B * KNOWN, Compose((Identity(), Mask(KNOWN)))) == pytest.approx(expected, rel=1e-5)
    own = jax.tree_util.Partial(jnp.negative)
    assert value(Pixel(), A, B, own) == pytest.approx(np.mean((A - B) ** 2), rel=1e-5)


def test_floor_stops_the_loss_and_its_gradient():
    term = Pixel(floor=0.3)
    target = term.target(Observation(jnp.asarray(B), None))
    both = jax.jit(jax.value_and_grad(lambda x: term.loss(x, x, target, {})))
    loss, gradient = both(B + 0.1)
    assert float(loss) == pytest.approx(0.3)
    assert not np.asarray(gradient).any()
    loss, gradient = both(B + 0.9)
    assert float(loss) == pytest.approx(0.81, rel=1e-4)
    assert np.asarray(gradient).all()


def test_floor_from_noise_is_the_noise_of_the_observation():
    smooth = jnp.broadcast_to(jnp.linspace(-0.5, 0.5, 64)[:, None, None], (64, 64, 3))
    noisy = Observation(smooth + 0.2 * normal(9, 64, 64, 3), None)
    assert float(Pixel(floor_from_noise=True).target(noisy).floor) == pytest.approx(0.04, rel=0.1)
    assert float(Pixel(floor=0.5, floor_from_noise=True).target(noisy).floor) == 0.5


@pytest.mark.parametrize("kind", ["l1", "huber"])
def test_the_noise_level_is_a_floor_of_mean_squares_only(kind):
    with pytest.raises(ValueError, match=f"a floor of the mean square, not of '{kind}'"):
        Pixel(kind=kind, floor_from_noise=True)


def test_weights_are_leaves_and_kinds_static():
    assert jax.tree.leaves(Pixel(3.0, kind="l1")) == [3.0, 0.0]
    assert jax.tree.structure(Pixel(1.0, kind="l1")) != jax.tree.structure(Pixel(1.0, kind="mse"))


def test_summary_tells_every_setting():
    assert Pixel(2.0, kind="l1").summary() == {
        "term": "pixel_l1", "weight": 2.0, "kind": "l1", "floor": 0.0, "masked": True, "floor_from_noise": False,
    }  # fmt: skip
    changed = (Pixel(1.5), Pixel(kind="l1"), Pixel(floor=0.1), Pixel(masked=False), Pixel(floor_from_noise=True))
    assert all(term.summary() != Pixel().summary() for term in changed)
