"""The one solver: pure functions ``init``, ``step`` and ``finalize`` for one image, to be vmapped.

The state keeps the best iterate so far. An image whose loss becomes NaN or infinite is frozen with the status
NONFINITE, one whose loss stops improving with CONVERGED; neither disturbs the images beside it.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from gprior_jax.errors import Status
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.problem import Evaluation, Observation, Problem, render, value_and_gradient
from gprior_jax.latents import Variables
from gprior_jax.typing import Array, Key, PyTree


@dataclasses.dataclass(frozen=True)
class SolverConfig:
    """Static settings of the solver.

    Attributes:
        optimizer: the update rule.
        num_steps: evaluations of the objective, and updates; the last update is not evaluated.
        tolerance: an image stops when its best loss has improved by less than this part of itself over ``patience``
            steps; 0 never stops early.
        patience: see ``tolerance``.
        goal: (term, value): an image has converged when this term of its objective has come down to the value, too.
    """

    optimizer: Optimizer = Optimizer()
    num_steps: int = 400
    tolerance: float = 0.0
    patience: int = 50
    goal: tuple[str, float] | None = None

    @property
    def stops(self) -> bool:
        """Whether an image can stop before the last step."""
        return self.tolerance > 0.0 or self.goal is not None

    def __post_init__(self):
        if self.num_steps < 1:
            raise ValueError(f"num_steps {self.num_steps}: use at least 1.")
        if not 0.0 <= self.tolerance < 1.0:
            raise ValueError(f"tolerance {self.tolerance}: use a number from 0 to below 1.")
        if self.patience < 1:
            raise ValueError(f"patience {self.patience}: use at least 1.")


class State(NamedTuple):
    """What one image carries from step to step.

    Attributes:
        variables: the current iterate.
        optimizer: the optimiser's state.
        step: evaluations so far, int32.
        best_variables: the iterate with the least finite loss.
        best_loss: its loss; infinite before the first step.
        best_step: the step it was evaluated at, int32.
        reference_loss: best loss when ``patience`` was last counted.
        status: a :class:`Status`, int32; MAX_STEPS while running.
    """

    variables: Variables
    optimizer: PyTree
    step: Array
    best_variables: Variables
    best_loss: Array
    best_step: Array
    reference_loss: Array
    status: Array


def init(problem: Problem, config: SolverConfig, key: Key, hint: Variables | None = None) -> State:
    """Start one image.

    Args:
        problem: what is shared by all images.
        config: the solver's settings.
        key: this image's key.
        hint: variables to start from instead of drawn ones.
    """
    variables = problem.parametrization.project(problem.parametrization.init(problem.prior, key, hint))
    # A weakly typed start would compile the step twice more, as the types settle.
    variables = jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), variables)
    infinite, zero = jnp.float32(jnp.inf), jnp.int32(0)
    return State(
        variables=variables,
        optimizer=config.optimizer.build(config.num_steps).init(variables),
        step=zero,
        best_variables=variables,
        best_loss=infinite,
        best_step=zero,
        reference_loss=infinite,
        status=jnp.int32(Status.MAX_STEPS),
    )


def step(problem: Problem, config: SolverConfig, state: State, observation: Observation) -> tuple[State, Evaluation]:
    """Evaluate the current iterate, remember it if it is the best, and update it.

    Returns:
        The next state, and the evaluation of the iterate before the update.
    """
    evaluation, gradient = value_and_gradient(problem, state.variables, observation)
    updates, optimizer = config.optimizer.build(config.num_steps).update(gradient, state.optimizer, state.variables)
    variables = problem.parametrization.project(optax.apply_updates(state.variables, updates))

    better = evaluation.loss < state.best_loss  # False for NaN.
    finite = jnp.isfinite(evaluation.loss)
    running = state.status == Status.MAX_STEPS
    best_loss = jnp.where(better, evaluation.loss, state.best_loss)
    reference, stuck = _progress(config, state, best_loss)
    converged = stuck | _reached(config, evaluation)
    status = jnp.where(converged, jnp.int32(Status.CONVERGED), jnp.int32(Status.MAX_STEPS))
    status = jnp.where(finite, status, jnp.int32(Status.NONFINITE))
    advanced = State(
        variables=variables,
        optimizer=optimizer,
        step=state.step + 1,
        best_variables=_select(better, state.variables, state.best_variables),
        best_loss=best_loss,
        best_step=jnp.where(better, state.step, state.best_step),
        reference_loss=reference,
        status=status,
    )
    return _select(running, advanced, state), evaluation


def _progress(config: SolverConfig, state: State, best_loss: Array) -> tuple[Array, Array]:
    """The reference loss after this step, and whether the image has stopped improving."""
    count = state.step + 1
    due = count % config.patience == 0
    improved = state.reference_loss - best_loss > config.tolerance * jnp.abs(best_loss)
    converged = due & ~improved & (config.tolerance > 0.0)
    return jnp.where(due, best_loss, state.reference_loss), converged


def _reached(config: SolverConfig, evaluation: Evaluation) -> Array:
    """Whether the goal is reached, where there is one."""
    if config.goal is None:
        return jnp.bool_(False)
    name, value = config.goal
    if name not in evaluation.terms:
        raise ValueError(f"goal {name!r}: the objective has the terms {', '.join(evaluation.terms)}.")
    return evaluation.terms[name] <= value


def _select(condition: Array, new: PyTree, old: PyTree) -> PyTree:
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


def finalize(problem: Problem, state: State) -> Solution:
    """Render the best iterate of one image."""
    image = render(problem, state.best_variables)
    return Solution(image, state.best_variables, state.best_loss, state.best_step, state.status)


def best_restart(losses: Array) -> Array:
    """Index of the least finite loss among restarts ``[R]``."""
    return jnp.argmin(jnp.where(jnp.isfinite(losses), losses, jnp.inf))
