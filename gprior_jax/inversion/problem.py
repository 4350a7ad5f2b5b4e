"""What is to be solved: a prior, a parametrisation and an objective, and what belongs to one image."""

import dataclasses
from typing import NamedTuple

import flax.struct
import jax.numpy as jnp

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.prior import Prior
from gprior_jax.latents import AS_THEY_ARE, Coordinates, Parametrization, Variables
from gprior_jax.objectives import Objective
from gprior_jax.operators import Forward
from gprior_jax.typing import Array, PyTree


@flax.struct.dataclass
class Problem:
    """The part of an inversion that all images share.

    Attributes:
        prior: the generator, prepared; without its discriminator and encoder, which are where they are used.
        objective: the terms to minimise.
        encoder: where images start; None starts where the parametrisation does.
        parametrization: the variables (static).
        coordinates: those in which they are optimised (static).
    """

    prior: Prior
    objective: Objective
    encoder: Encoder | None
    parametrization: Parametrization = flax.struct.field(pytree_node=False)
    coordinates: Coordinates = flax.struct.field(pytree_node=False, default=AS_THEY_ARE)


class Measurement(NamedTuple):
    """The part that belongs to one image.

    Attributes:
        operator: the forward operator; its leaves are this image's.
        targets: what the objective's terms compare with.
        label: ``[num_classes]``, the image's class; None where the prior has none or is held to one.
        constants: of the problem's coordinates.
    """

    operator: Forward
    targets: PyTree
    label: Array | None
    constants: Variables


class Evaluation(NamedTuple):
    """One image's objective at one point.

    Attributes:
        loss: weighted sum, a scalar.
        terms: named scalars, unweighted.
    """

    loss: Array
    terms: dict[str, Array]


def held(problem: Problem, label: Array | None) -> Prior:
    """The prior, held to an image's class where it has one."""
    return problem.prior if label is None else dataclasses.replace(problem.prior, label=label)


def evaluate(problem: Problem, optimised: Variables, measurement: Measurement) -> tuple[Evaluation, Array]:
    """The objective of one image, and the image, which is float32 whatever the dtype of the generator."""
    prior = held(problem, measurement.label)
    parametrization, coordinates = problem.parametrization, problem.coordinates
    image = coordinates.render(parametrization, prior, optimised, measurement.constants).astype(jnp.float32)
    variables = coordinates.end(optimised, measurement.constants)  # Compiled away where no term looks at them.
    penalties = parametrization.penalty(prior, variables)
    observed = measurement.operator(image)
    return Evaluation(*problem.objective(image, observed, measurement.targets, variables, penalties)), image
