"""The one solver: pure functions ``init``, ``step`` and ``finalize`` for one image, to be vmapped.

The state keeps the best iterate so far. An image whose loss becomes NaN or infinite is frozen with the status
NONFINITE, one whose loss stops improving with CONVERGED; neither disturbs the images beside it.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from gprior_jax.errors import ArgumentError, Status
from gprior_jax.inversion.optimizer import AnyOptimizer, Optimizer
from gprior_jax.inversion.problem import Evaluation, Measurement, Problem, evaluate, held
from gprior_jax.latents import FIXED, Variables
from gprior_jax.typing import Array, Key, PyTree


@dataclasses.dataclass(frozen=True)
class SolverConfig:
    """Static settings of the solver.

    Attributes:
        optimizer: the update rule: an :class:`gprior_jax.inversion.optimizer.Optimizer`, any optax transformation, or a
            function of ``num_steps`` that makes one. What is fixed among the variables it does not see.
        num_steps: evaluations of the objective, and updates; the last update is not evaluated.
        tolerance: an image stops when its best loss has improved by less than this part of itself over ``patience``
            steps; 0 never stops early.
        patience: see ``tolerance``.
        goal: (term, value): an image has converged when this term of its objective has come down to the value, too.

    >>> import gprior_jax as gp, optax
    >>> config = SolverConfig(Optimizer(optax.adam, 0.1), num_steps=200, tolerance=0.01, goal=("pixel_mse", 1e-3))
    >>> recipe = gp.Recipe("mine", gp.latents.Z(), (gp.objectives.Pixel(),), config)
    >>> recipe.solver.num_steps, recipe.solver.patience
    (200, 50)
    """

    optimizer: AnyOptimizer = Optimizer()
    num_steps: int = 400
    tolerance: float = 0.0
    patience: int = 50
    goal: tuple[str, float] | None = None

    def __post_init__(self):
        if self.num_steps < 1:
            raise ArgumentError(f"num_steps {self.num_steps}: use at least 1.")
        if not 0.0 <= self.tolerance < 1.0:
            raise ArgumentError(f"tolerance {self.tolerance}: use a number from 0 to below 1.")
        if self.patience < 1:
            raise ArgumentError(f"patience {self.patience}: use at least 1.")
        self.transformation()

    def of_program(self) -> "SolverConfig":
        """These settings as far as a step's program depends on them: often not on how many there are."""
        same = isinstance(self.optimizer, optax.GradientTransformation)
        same = same or getattr(self.optimizer, "is_for_any_steps", False)
        return dataclasses.replace(self, num_steps=1) if same else self

    def transformation(self) -> optax.GradientTransformationExtraArgs:
        """The optax transformation for this number of steps.

        Raises:
            ValueError: the optimiser is none.
        """
        made: Any = self.optimizer
        if not isinstance(made, optax.GradientTransformation) and callable(made):
            # An optimiser of optax as it is would take the number of steps for its rate.
            named = list(inspect.signature(made).parameters)[:1]
            made = None if named == ["learning_rate"] else made(self.num_steps)
        if not isinstance(made, optax.GradientTransformation):
            raise ArgumentError(
                f"optimizer {self.optimizer!r}: give an optax transformation, such as optax.lion(1e-2), or a function "
                "of the number of steps that makes one."
            )
        return optax.with_extra_args_support(made)


class State(NamedTuple):
    """What one image carries from step to step.

    Attributes:
        variables: the current iterate.
        optimizer: the optimiser's state.
        step: evaluations so far, int32.
        best_variables: the iterate with the least finite loss.
        best_image: its image ``[R, R, C]``, so that nothing is rendered twice.
        best_loss: its loss; infinite before the first step.
        best_step: the step it was evaluated at, int32.
        reference_loss: best loss when ``patience`` was last counted.
        status: a :class:`Status`, int32; MAX_STEPS while running.
    """

    variables: Variables
    optimizer: PyTree
    step: Array
    best_variables: Variables
    best_image: Array
    best_loss: Array
    best_step: Array
    reference_loss: Array
    status: Array


def init(
    problem: Problem, config: SolverConfig, key: Key, hint: Variables | None = None, label: Array | None = None
) -> State:
    """Start one image, see :func:`begin`; for problems in the coordinates of their own variables."""
    return begin(problem, config, key, hint, label)[0]


def begin(
    problem: Problem, config: SolverConfig, key: Key, hint: Variables | None = None, label: Array | None = None
) -> tuple[State, Variables]:
    """Start one image.

    Args:
        problem: what is shared by all images.
        config: the solver's settings.
        key: this image's key.
        hint: variables to start from instead of drawn ones.
        label: ``[num_classes]``, this image's class.

    Returns:
        The first state, and the constants of its :class:`gprior_jax.inversion.problem.Measurement`.
    """
    prior = held(problem, label)
    drawn = problem.parametrization.project(problem.parametrization.init(prior, key, hint))
    optimised, constants = problem.coordinates.begin(problem.parametrization, prior, drawn)
    return starting_at(problem, config, optimised), constants


def starting_at(problem: Problem, config: SolverConfig, optimised: Variables) -> State:
    """The first state of one image at a point, in the problem's coordinates."""
    # A weakly typed start would compile the step twice more, as the types settle.
    variables = jax.tree.map(lambda x: jax.lax.convert_element_type(x, x.dtype), optimised)
    infinite, zero = jnp.float32(jnp.inf), jnp.int32(0)
    return State(
        variables=variables,
        optimizer=config.transformation().init(free_of(variables)),
        step=zero,
        best_variables=variables,
        best_image=jnp.zeros(problem.prior.image_shape, jnp.float32),
        best_loss=infinite,
        best_step=zero,
        reference_loss=infinite,
        status=jnp.int32(Status.MAX_STEPS),
    )


def free_of(variables: Variables) -> Variables:
    """The variables that are optimised."""
    return {name: value for name, value in variables.items() if not name.startswith(FIXED)}


def step(problem: Problem, config: SolverConfig, state: State, measurement: Measurement) -> tuple[State, Evaluation]:
    """Evaluate the current iterate, remember it if it is the best, and update it.

    Returns:
        The next state, and the evaluation of the iterate before the update.
    """
    free = free_of(state.variables)
    fixed = {name: value for name, value in state.variables.items() if name not in free}

    def objective(free: Variables) -> tuple[Array, tuple[Evaluation, Array]]:
        evaluation, image = evaluate(problem, free | fixed, measurement)
        return evaluation.loss, (evaluation, image)

    gradient, (evaluation, image) = jax.grad(objective, has_aux=True)(free)
    transformation = config.transformation()
    updates, optimizer = updates_of(
        problem, transformation, free, state.optimizer, evaluation.loss, gradient, lambda free: objective(free)[0]
    )
    updated = cast(Variables, optax.apply_updates(free, updates)) | fixed
    variables = problem.coordinates.project(problem.parametrization, updated)

    loss = evaluation.loss.astype(state.best_loss.dtype)  # A state keeps its types, of targets in float64 too.
    better = loss < state.best_loss  # False for NaN.
    best_loss = jnp.where(better, loss, state.best_loss)
    # Every ``patience`` steps: has the best loss improved enough since the last look?
    due = (state.step + 1) % config.patience == 0
    improved = state.reference_loss - best_loss > config.tolerance * jnp.abs(best_loss)
    converged = due & ~improved & (config.tolerance > 0.0)
    if config.goal is not None:
        name, value = config.goal
        if name not in evaluation.terms:
            raise ArgumentError(f"goal {name!r}: the objective has the terms {', '.join(evaluation.terms)}.")
        converged |= evaluation.terms[name] <= value
    status = jnp.where(converged, jnp.int32(Status.CONVERGED), jnp.int32(Status.MAX_STEPS))
    status = jnp.where(jnp.isfinite(evaluation.loss), status, jnp.int32(Status.NONFINITE))
    advanced = State(
        variables=variables,
        optimizer=optimizer,
        step=state.step + 1,
        best_variables=select(better, state.variables, state.best_variables),
        # The first is remembered whatever it is: an image of NaN shows where it went wrong.
        best_image=select(better | (state.step == 0), image, state.best_image),
        best_loss=best_loss,
        best_step=jnp.where(better, state.step, state.best_step),
        reference_loss=jnp.where(due, best_loss, state.reference_loss),
        status=status,
    )
    return select(state.status == Status.MAX_STEPS, advanced, state), evaluation


def updates_of(
    problem: Problem,
    transformation: optax.GradientTransformationExtraArgs,
    free: Variables,
    state: PyTree,
    loss: Array,
    gradient: Variables,
    loss_of: Callable[[Variables], Array],
) -> tuple[Variables, PyTree]:
    """What an optimiser adds to the free variables, and its next state.

    Beside the gradient it is told the loss and how to find it elsewhere, which line searches and Polyak's step ask for,
    and what the problem's coordinates divide a gradient by, where they do. What it does not know of that it ignores, as
    optax asks of it, or is not told where it names all that it takes.
    """

    def value_fn(free: Variables, precondition: Any = None, **others: Any) -> Array:
        return loss_of(free)  # Line searches hand on what they do not know, optax's what is named here.

    told: dict[str, Any] = {"value": loss, "grad": gradient, "value_fn": value_fn}
    if (preconditioner := problem.coordinates.preconditioner(problem.encoder)) is not None:
        told["precondition"] = preconditioner
    takes = inspect.signature(transformation.update).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        told = {name: value for name, value in told.items() if name in takes}
    updates, state = transformation.update(gradient, state, free, **told)
    return cast(Variables, updates), state


def select(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Leaf by leaf, ``new`` where the scalar condition holds."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


class Solution(NamedTuple):
    """One image's result.

    Attributes:
        image: ``[R, R, C]`` in about [-1, 1], of the best iterate.
        variables: the best iterate.
        loss: its loss.
        step: the step it was found at.
        status: a :class:`Status`.
    """

    image: Array
    variables: Variables
    loss: Array
    step: Array
    status: Array


def finalize(problem: Problem, state: State, constants: Variables) -> Solution:
    """The best iterate of one image."""
    variables = problem.coordinates.end(state.best_variables, constants)
    return Solution(state.best_image, variables, state.best_loss, state.best_step, state.status)
