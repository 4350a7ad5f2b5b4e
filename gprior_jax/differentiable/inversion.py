"""An inversion as a pytree: everything that what is found can depend on, for one image."""

import dataclasses
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp

from gprior_jax.checks import check_one
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import check_label, with_label
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.inversion.problem import Measurement, Problem, evaluate, held
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.inversion.starts import Asked
from gprior_jax.keys import purpose
from gprior_jax.latents import Variables
from gprior_jax.objectives import Objective, Observation, Perceptual, Pixel, Term
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import Array, Key


@flax.struct.dataclass
class Inversion:
    """A prior and a recipe that is fitted to it; a pytree, to be passed to transformed functions.

    Its leaves are the prior's weights and the objective's arrays, the weights of terms among them.

    Attributes:
        problem: the prior, prepared, the objective and the variables.
        solver: optimiser and number of steps (static).

    >>> import gprior_jax as gp
    >>> made = gp.differentiable.inversion(gp.load("builtin"), gp.recipes.mganprior(num_codes=2, layer=4))
    >>> [(term.name, term.weight) for term in made.problem.objective.terms]
    [('pixel_mse', 1.0)]
    >>> [term.weight for term in made.with_weights(pixel_mse=2.0).problem.objective.terms]
    [2.0]
    """

    problem: Problem
    solver: SolverConfig = flax.struct.field(pytree_node=False)

    def with_weights(self, **weights: Any) -> "Inversion":
        """The same with other weights of terms, which may be traced.

        Args:
            **weights: by the names of terms, such as ``pixel_mse=2.0``.

        Raises:
            ValueError: there is no such term.
        """
        terms = self.problem.objective.terms
        names = [term.name for term in terms]
        if unknown := [name for name in weights if name not in names]:
            raise ArgumentError(f"there is no term {unknown[0]!r}: the objective has {', '.join(names)}.")
        changed = (_replaced(term, weight=weights.get(term.name, term.weight)) for term in terms)
        return dataclasses.replace(self, problem=dataclasses.replace(self.problem, objective=Objective(tuple(changed))))


class Found(NamedTuple):
    """What an inversion found.

    Attributes:
        image: ``[R, R, C]``, in about [-1, 1].
        variables: of the parametrisation.
        loss: weighted sum, a scalar.
        terms: named scalars, unweighted.
    """

    image: Array
    variables: Variables
    loss: Array
    terms: dict[str, Array]


def inversion(prior: Prior, recipe: Recipe) -> Inversion:
    """A recipe on a prior, made ready to be differentiated.

    Args:
        prior: the generator; one with classes is held to one (:func:`gprior_jax.with_label`), or the functions for one
            image are given its ``label``.
        recipe: of one stage and one start; of several stages take one of ``recipe.fit(prior).stages``. Activations are
            not recomputed (``remat``): that is reverse mode only.

    Raises:
        ValueError: several stages or restarts, or a recipe that does not fit the prior.

    >>> import gprior_jax as gp
    >>> made = inversion(gp.load("builtin"), gp.recipes.mganprior(num_codes=2, layer=4))
    >>> made.problem.parametrization.num_codes, made.solver.num_steps
    (2, 100)
    """
    if recipe.then is not None:
        raise ArgumentError(f"{recipe.name} has several stages: give one of recipe.fit(prior).stages without a next.")
    if recipe.restarts != 1:
        raise ArgumentError(f"{recipe.name} has {recipe.restarts} restarts: give a recipe of one, mapped over starts.")
    held_to = with_label(prior, 0) if prior.num_classes and prior.label is None else prior
    fitted = recipe.fit(held_to, Asked(are_given=True))  # A search begins at any variables.
    bare = prepare(dataclasses.replace(prior, critic=None, encoder=None, multi_encoder=None))
    parametrization = _replaced(fitted.parametrization, remat=False)
    encoder, objective = fitted.fitted_encoder, Objective(fitted.terms)
    return Inversion(Problem(bare, objective, encoder, parametrization, fitted.coordinates), fitted.solver)


def _replaced(value: Any, **changes: Any) -> Any:
    """A dataclass with other fields, as far as it has them."""
    names = {field.name for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **{name: change for name, change in changes.items() if name in names})


def smooth(recipe: Recipe) -> Recipe:
    """A recipe whose absolute differences are Huber's: what has no curvature has no implicit derivative.

    Args:
        recipe: any; terms of pixels and of features are changed, in all stages.

    >>> from gprior_jax import recipes
    >>> [term.kind for term in smooth(recipes.mganprior(free_codes=True)).terms]
    ['mse', 'huber']
    """

    def changed(term: Term) -> Term:
        if isinstance(term, Pixel | Perceptual) and term.kind == "l1":
            return dataclasses.replace(term, kind="huber")
        return term

    then = None if recipe.then is None else smooth(recipe.then)
    return dataclasses.replace(recipe, terms=tuple(map(changed, recipe.terms)), then=then)


def start(
    inversion: Inversion,
    key: Key,
    observed: Array | None = None,
    *,
    hint: Variables | None = None,
    label: Array | None = None,
) -> Variables:
    """Variables that a search begins with.

    Args:
        inversion: see :func:`inversion`.
        key: of this image.
        observed: ``[R, R, C]``, begin at the code that the recipe's encoder gives for it; None begins without, but at
            the codes of an encoder of several, whose metric measures the steps.
        hint: variables that are taken as they are.
        label: ``[num_classes]``, this image's class.

    Raises:
        ValueError: a label is missing, or the prior takes none; or it is no one image, but a batch.

    >>> import gprior_jax as gp, jax
    >>> made = gp.differentiable.inversion(gp.load("builtin"), gp.recipes.mganprior(num_codes=2, layer=4))
    >>> {name: value.shape for name, value in gp.differentiable.start(made, jax.random.key(0)).items()}
    {'codes': (2, 128), 'alpha': (2, 128)}
    """
    problem = inversion.problem
    check_label(problem.prior, label)
    prior, parametrization = held(problem, label), problem.parametrization
    _check_variables(problem, prior, hint or {})
    if observed is not None and problem.encoder is not None:
        code = problem.encoder.encode(observed)
        hint = parametrization.start_at(prior, purpose(key, "encoded"), code) | (hint or {})
    elif problem.encoder is not None:
        hint = problem.encoder.shared() | (hint or {})
    return parametrization.project(parametrization.init(prior, key, hint))


def measured(
    inversion: Inversion,
    observed: Array,
    variables: Variables,
    operator: Forward = Identity(),
    label: Array | None = None,
) -> tuple[Variables, Measurement]:
    """The coordinates of variables, and what belongs to the image; differentiable in everything.

    Raises:
        ValueError: a label is missing, or the prior takes none; or it is no one image, but a batch.
    """
    problem = inversion.problem
    check_label(problem.prior, label)
    begin, prior = problem.coordinates.begin, held(problem, label)
    _check_one(problem, prior, observed, variables, operator)
    optimised, constants = begin(problem.parametrization, prior, variables)
    targets = problem.objective.targets(Observation(observed, operator))
    return optimised, Measurement(operator, targets, label, constants)


def _check_one(problem: Problem, prior: Prior, observed: Array, variables: Variables, operator: Forward) -> None:
    """Raise ``ValueError`` unless variables and what was observed are those of one image."""
    _check_variables(problem, prior, variables)
    image = jax.ShapeDtypeStruct(prior.image_shape, jnp.float32)
    check_one("observed", observed, jax.eval_shape(lambda image: operator(image), image).shape)


def _check_variables(problem: Problem, prior: Prior, variables: Variables) -> None:
    """Raise ``ValueError`` unless variables are those of one image."""
    own = jax.eval_shape(problem.parametrization.init, prior, jax.random.key(0))
    for name, value in variables.items():
        if name in own:
            check_one(name, value, own[name].shape)


def found(problem: Problem, optimised: Variables, measurement: Measurement) -> Found:
    """What coordinates stand for."""
    evaluation, image = evaluate(problem, optimised, measurement)
    return Found(image, problem.coordinates.end(optimised, measurement.constants), *evaluation)


def rendered(inversion: Inversion, variables: Variables, label: Array | None = None) -> Array:
    """The image ``[R, R, C]`` of the variables of one image.

    Raises:
        ValueError: a label is missing, or the prior takes none; or it is no one image, but a batch.

    >>> import gprior_jax as gp, jax
    >>> made = gp.differentiable.inversion(gp.load("builtin"), gp.recipes.mganprior(num_codes=2, layer=4))
    >>> jax.jit(gp.differentiable.rendered)(made, gp.differentiable.start(made, jax.random.key(0))).shape
    (64, 64, 3)
    """
    problem = inversion.problem
    check_label(problem.prior, label)
    prior = held(problem, label)
    _check_variables(problem, prior, variables)
    return problem.parametrization.render(prior, variables).astype(jnp.float32)


def check_rows(observed: Array, variables: Variables) -> None:
    """Raise ``ValueError`` unless images are a batch and there are variables for each.

    >>> check_rows(jnp.zeros((2, 4, 4, 3)), {"z": jnp.zeros((3, 8))})
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: images of shape (2, 4, 4, 3) and z of shape (3, 8): give as many of both, [B, ...].
    """
    for name, value in variables.items():
        if observed.ndim != 4 or value.ndim < 1 or len(value) != len(observed):
            raise ArgumentError(
                f"images of shape {observed.shape} and {name} of shape {value.shape}: give as many of both, [B, ...]."
            )
