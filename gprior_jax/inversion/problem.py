"""What is to be solved: a prior, a parametrisation, an operator and an objective, and what was observed."""

import dataclasses
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp

from gprior_jax.generators.base import Prior, prepare
from gprior_jax.latents import Parametrization, Variables
from gprior_jax.objectives import Objective
from gprior_jax.typing import Array, PyTree


@flax.struct.dataclass
class Problem:
    """The part of an inversion that all images share.

    Attributes:
        prior: the generator.
        objective: the terms to minimise.
        parametrization: the variables (static).
    """

    prior: Prior
    objective: Objective
    parametrization: Any = flax.struct.field(pytree_node=False)

    @classmethod
    def create(cls, prior: Prior, parametrization: Parametrization, objective: Objective) -> "Problem":
        """Check that the parts fit and prepare everything that no step needs to repeat.

        Raises:
            ValueError: the parametrisation does not fit the prior.
        """
        parametrization.check(prior)
        # The solver needs the generator alone; a discriminator that is used is in the objective.
        generator = prepare(dataclasses.replace(prior, critic=None))
        return cls(generator, objective.prepare(), parametrization)


class Observation(NamedTuple):
    """The part that belongs to one image.

    Attributes:
        targets: what the objective's terms compare with.
        operator: the forward operator; its leaves are this image's.
    """

    targets: PyTree
    operator: Any


class Evaluation(NamedTuple):
    """One image's objective at one point.

    Attributes:
        loss: weighted sum, a scalar.
        terms: named scalars, unweighted.
    """

    loss: Array
    terms: dict[str, Array]


def observe(problem: Problem, observed: Array, operator: Any) -> Observation:
    """Compute the target features of one observed image, once."""
    known = getattr(operator, "known", None)  # An operator of the user's may be any callable pytree.
    return Observation(problem.objective.targets(observed, known), operator)


def render(problem: Problem, variables: Variables) -> Array:
    """The image of one image's variables, float32 whatever the dtype of the generator."""
    return problem.parametrization.render(problem.prior, variables).astype(jnp.float32)


def evaluate(problem: Problem, variables: Variables, observation: Observation) -> Evaluation:
    """The objective of one image."""
    image = render(problem, variables)
    penalties = problem.parametrization.penalty(problem.prior, variables)
    return Evaluation(*problem.objective(observation.operator(image), observation.targets, penalties))


def value_and_gradient(
    problem: Problem, variables: Variables, observation: Observation
) -> tuple[Evaluation, Variables]:
    """The objective of one image and its gradient with respect to the variables."""

    def loss(variables: Variables) -> tuple[Array, dict[str, Array]]:
        evaluation = evaluate(problem, variables, observation)
        return evaluation.loss, evaluation.terms

    (value, terms), gradient = jax.value_and_grad(loss, has_aux=True)(variables)
    return Evaluation(value, terms), gradient
