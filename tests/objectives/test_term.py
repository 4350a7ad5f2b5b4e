"""What a term of the user's own has to say, and what it is told."""

import dataclasses
import typing
from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_prior

from gprior_jax.objectives import Objective, Observation, Pixel, Term
from gprior_jax.objectives.term import is_in_parts
from gprior_jax.operators import Identity, Luma, Mask, box_mask
from objectives.compared import A, B


@flax.struct.dataclass
class Likeness(Term):
    """Uses all that a term is told."""

    weight: float = 1.0
    reference: jax.Array | None = None
    power: int = flax.struct.field(pytree_node=False, default=2)

    @property
    def name(self):
        return "likeness"

    def target(self, observation):
        return {"mean": observation.pixels.mean(), "known": observation.known}

    def loss(self, image, observed, target, variables):
        return (image.mean() - observed.mean() + target["mean"] + variables["z"].sum()) ** self.power


def test_a_term_of_the_user_s_own_is_told_everything():
    objective = Objective((Pixel(), Likeness(3.0)))
    targets = objective.targets(Observation(B, None))
    image, variables = 2 * A, {"z": jnp.asarray([0.5, 0.25])}
    total, terms = objective(image, A, targets, variables, {})
    expected = (image.mean() - A.mean() + B.mean() + 0.75) ** 2
    assert float(terms["likeness"]) == pytest.approx(expected, rel=1e-5)
    assert float(total) == pytest.approx(float(terms["pixel_mse"]) + 3 * expected, rel=1e-5)


@flax.struct.dataclass
class Twice(Pixel):
    """Another loss over the one of a class that tells what it compares."""

    name = "twice"

    def loss(self, image, observed, target, variables):
        return 2.0 * super().loss(image, observed, target, variables)


@flax.struct.dataclass
class Squared(Term):
    """Has no loss, but its parts."""

    weight: float = 1.0
    name = "squared"

    def target(self, observation):
        return observation.pixels.sum()

    def seen(self, image, observed, target, variables):
        return image.sum() - target

    def compared(self, seen, target):
        return jnp.square(seen)


def test_losses_are_those_of_what_is_seen():
    objective = Objective((Pixel(2.0), Twice(), Squared(), Likeness(3.0)))
    targets, variables = objective.targets(Observation(B, None)), {"z": jnp.asarray([0.5, 0.25])}
    seen = objective.seen(jnp.asarray(2 * A), A, targets, variables)
    np.testing.assert_array_equal(seen[0], A)
    assert seen[1] is seen[3]  # All that their losses take.
    told, whole = objective.compared(seen, targets, {}), objective(jnp.asarray(2 * A), A, targets, variables, {})
    jax.tree.map(np.testing.assert_array_equal, told, whole)
    assert float(whole[1]["twice"]) == pytest.approx(2 * float(whole[1]["pixel_mse"]), rel=1e-6)
    assert float(whole[1]["squared"]) == pytest.approx(float((2 * A).sum() - B.sum()) ** 2, rel=1e-4)


def test_a_loss_may_be_a_field_or_that_of_no_term_by_birth():
    @dataclasses.dataclass(frozen=True)
    class Given(Term):
        loss: Callable
        name = "given"

    @dataclasses.dataclass(frozen=True)
    class Alike:
        loss: Callable

    def loss(image, observed, target, variables):
        return image.sum()

    assert not is_in_parts(Given(loss))
    assert not is_in_parts(typing.cast(Term, Alike(loss)))
    assert is_in_parts(Pixel())


def test_a_term_without_a_loss_is_told():
    @flax.struct.dataclass
    class Bare(Term):
        weight: float = 1.0
        name = "bare"

    with pytest.raises(NotImplementedError, match="Bare has no loss: write loss, or seen and compared"):
        Objective((Bare(),))(jnp.asarray(A), A, (None,), {}, {})


def test_fits_every_prior_as_it_is_unless_it_says_otherwise():
    term = Likeness()
    assert term.fit(random_prior("pggan")) is term


def test_summary_differs_where_losses_would():
    base = Likeness(2.0, jnp.asarray(A)).summary()
    assert base == Likeness(2.0, A.copy()).summary()
    assert (base["term"], base["weight"], base["power"]) == ("likeness", 2.0, 2)
    others = [Likeness(1.0, A), Likeness(2.0, B), Likeness(2.0), Likeness(2.0, A, 3)]
    assert all(other.summary() != base for other in others)


def test_an_observation_knows_what_was_seen():
    mask = box_mask(16, 4)
    np.testing.assert_array_equal(Observation(B, Mask(mask)).known, mask)
    for operator in (None, Identity(), Luma(), jnp.negative):  # The last is a callable of the user's own.
        assert Observation(B, operator).known is None
