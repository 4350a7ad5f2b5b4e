"""Objectives: weighted sums of named terms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import OBJECTIVES, random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.objectives import Objective, Observation, Pixel
from gprior_jax.operators import Downsample
from objectives.compared import A, B


@pytest.mark.parametrize("name", OBJECTIVES)
def test_total_is_the_weighted_sum_and_nothing_without_a_difference(name):
    objective = OBJECTIVES[name]()
    fitted = Objective(tuple(term.fit(random_prior("pggan")) for term in objective.terms))
    targets = jax.jit(objective.targets)(Observation(jnp.asarray(B), None))

    @jax.jit
    def both(image):
        rest = targets, {"image": image}, {}  # The variables are for the row of a user's term, which looks at them.
        return objective(image, image, *rest), fitted(image, image, *rest)

    (total, terms), (prepared, _) = both(A)
    assert set(terms) == {term.name for term in objective.terms}
    expected = sum(term.weight * terms[term.name] for term in objective.terms)
    assert float(total) == pytest.approx(float(expected), rel=1e-6)
    assert float(total) > 1e-4
    assert float(prepared) == pytest.approx(float(total), rel=1e-4)
    if name != "own":
        assert float(both(B)[0][0]) == pytest.approx(0.0, abs=1e-7)


def test_penalties_are_added_with_weight_one():
    objective = Objective((Pixel(2.0),))
    targets = objective.targets(Observation(B, None))
    total, terms = objective(A, A, targets, {}, {"prior": jnp.float32(3.0)})
    assert set(terms) == {"pixel_mse", "prior"}
    assert float(total) == pytest.approx(2 * float(terms["pixel_mse"]) + 3.0, rel=1e-6)


def test_every_term_has_a_target_of_its_own():
    objective = Objective((Pixel(floor=0.1), Pixel(kind="l1", floor=9.0)))
    observation = Observation(B, Downsample(2))
    targets = objective.targets(observation)
    assert [float(target.floor) for target in targets] == pytest.approx([0.1, 9.0])
    _, terms = objective(A, A, targets, {}, {})
    np.testing.assert_allclose([terms["pixel_mse"], terms["pixel_l1"]], [np.mean((A - B) ** 2), 9.0], rtol=1e-5)


@pytest.mark.parametrize("terms", [(), (Pixel(), Pixel(2.0))])
def test_terms_need_distinct_names(terms):
    with pytest.raises(ArgumentError, match="terms of distinct names"):
        Objective(terms)
    assert Objective((Pixel(), Pixel(2.0, kind="l1"))).terms[1].name == "pixel_l1"
