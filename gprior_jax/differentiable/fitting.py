"""Parameters of an operator found from what was observed through it.

The least loss of an inversion is a function of the operator's parameters alone, as the variables are searched for anew
for all of them. Its derivative is the partial one, at the variables that were found: at a minimum what these would move
by does not count (the envelope theorem; variable projection, Golub and Pereyra 1973, rests on it too). How it curves is
learned from places that are far from each other. Second derivatives at one place, which implicit derivatives of the
variables would give, are those between two kinks of a network with LeakyReLU, and ask for exact minima.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_number
from gprior_jax.compiling import jit
from gprior_jax.differentiable.inversion import Inversion, check_rows, found, measured
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion import solver
from gprior_jax.inversion.problem import Measurement
from gprior_jax.latents import Variables
from gprior_jax.operators import Forward
from gprior_jax.typing import Array, ArrayLike

Build = Callable[[Array], Forward]
"""Parameters ``[P]`` to an operator."""


class FittedOperator(NamedTuple):
    """What :func:`fit_operator` found.

    Attributes:
        parameters: ``[P]``, those of the least loss.
        variables: ``[B, ...]``, found through their operator.
        losses: ``[rounds]``, means over images of what the objective came down to.
        path: ``[rounds, P]``, the parameters of these.
    """

    parameters: np.ndarray
    variables: Variables
    losses: np.ndarray
    path: np.ndarray


class _Place(NamedTuple):
    """Parameters, and what the search through their operator came to."""

    parameters: np.ndarray
    loss: float
    gradient: np.ndarray
    variables: Variables


def fit_operator(
    inversion: Inversion,
    observed: Array,
    variables: Variables,
    build: Build,
    parameters: ArrayLike,
    *,
    rounds: int = 10,
    longest: float = 0.5,
    tolerance: float = 0.01,
) -> FittedOperator:
    """Find parameters of an operator, the same for all images, that let the prior explain what was observed best.

    Explained best is not the same as true. Where the prior cannot draw the images, what it draws instead fits best
    behind too much blur; where it can draw anything, behind too little. Hold it in its domain
    (:func:`gprior_jax.recipes.in_domain`), and give several images.

    Args:
        inversion: see :func:`gprior_jax.differentiable.inversion`; its objective and its steps find the variables.
        observed: ``[B, h, w, C]`` in [-1, 1].
        variables: ``[B, ...]``, from which every round's search begins.
        build: from parameters ``[P]`` to an operator, differentiable; one function object for calls that shall share
            their programs. Positive ones are best given by their logarithms.
        parameters: ``[P]``, to begin with.
        rounds: searches, at most.
        longest: no parameter changes by more in a round.
        tolerance: rounds end before one that would change no parameter by more than this.

    Raises:
        ValueError: numbers out of range, parameters that are no vector, not as many variables as images, or a first
            loss that is not finite.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", num_steps=30, perceptual=None))
    >>> brighter = lambda p: jax.tree_util.Partial(jnp.add, p[0])
    >>> observed = brighter(jnp.array([0.3]))(gp.synthesize(prior, jax.random.normal(jax.random.key(1), (3, 2))))
    >>> found = gp.differentiable.fit_operator(made, observed, {"z": jnp.zeros((3, 2))}, brighter, [0.0])
    >>> round(float(found.parameters[0]), 2)  # What was added.
    0.3
    """
    check_number("longest", longest, lambda x: x > 0, "a number above 0")
    check_number("tolerance", tolerance, lambda x: x >= 0, "a number from 0 up")
    first = np.asarray(parameters, np.float32)
    if first.ndim != 1 or not first.size or rounds < 1:
        raise ArgumentError(f"parameters of shape {first.shape}, {rounds} rounds: give a vector, and at least 1 round.")

    check_rows(jnp.asarray(observed), variables)

    def look(parameters: np.ndarray) -> _Place:
        return _searched(build, inversion, jnp.asarray(observed), variables, jnp.asarray(parameters))

    best = look(first)
    if not np.isfinite(best.loss):
        raise ArgumentError(f"through the operator of {first.tolist()} the loss is {best.loss}: begin elsewhere.")
    visited, inverse = [best], None
    for _ in range(rounds - 1):
        step = _step(best.gradient, inverse, longest)
        if not np.max(np.abs(step)) > tolerance:
            break
        place = look(best.parameters + step)
        visited.append(place)
        inverse = _learnt(inverse, place, best)
        if place.loss < best.loss:
            best = place
        else:
            longest = 0.5 * float(np.max(np.abs(step)))
    losses, path = np.asarray([place.loss for place in visited]), np.stack([place.parameters for place in visited])
    return FittedOperator(best.parameters, best.variables, losses, path)


def _step(gradient: np.ndarray, inverse: np.ndarray | None, longest: float) -> np.ndarray:
    """Down the gradient as Newton would, where the inverse of the curvature is known; as far as is allowed else."""
    downhill = -gradient if inverse is None else -inverse @ gradient
    length = float(np.max(np.abs(downhill)))
    if length == 0.0 or (inverse is not None and length <= longest):
        return downhill
    return (longest / length * downhill).astype(np.float32)


def _learnt(inverse: np.ndarray | None, new: _Place, old: _Place) -> np.ndarray | None:
    """The inverse of the curvature after one more difference of gradients (BFGS: Nocedal and Wright 2006, 6.17, 6.20).

    Between places where the gradient falls along the way there is none to learn.
    """
    way, change = new.parameters - old.parameters, new.gradient - old.gradient
    along = float(way @ change)
    if not (np.isfinite(along) and along > 0.0):
        return inverse
    if inverse is None:
        inverse = along / float(change @ change) * np.eye(len(way), dtype=np.float32)
    shear = np.eye(len(way), dtype=np.float32) - np.outer(way, change) / along
    return shear @ inverse @ shear.T + np.outer(way, way) / along


def _searched(build: Build, inversion: Inversion, observed: Array, variables: Variables, parameters: Array) -> _Place:
    """Variables that the inversion finds through one operator, and how the loss changes with that."""
    # Steps from Python: convolutions in loops are slow on XLA:CPU.
    states, measurements = _begin(build, inversion, observed, variables, parameters)
    for _ in range(inversion.solver.num_steps):
        states = _forth(inversion, states, measurements)
    loss, gradient, ends = _end(build, inversion, observed, states, measurements, parameters)
    return _Place(np.asarray(parameters), float(loss), np.asarray(gradient), ends)


@partial(jit, use="once", static_argnums=0)
def _begin(
    build: Build, inversion: Inversion, observed: Array, variables: Variables, parameters: Array
) -> tuple[solver.State, Measurement]:
    def one(observed: Array, variables: Variables) -> tuple[solver.State, Measurement]:
        optimised, measurement = measured(inversion, observed, variables, build(parameters))
        return solver.starting_at(inversion.problem, inversion.solver, optimised), measurement

    return jax.vmap(one)(observed, variables)


@partial(jit, use="often")
def _forth(inversion: Inversion, states: solver.State, measurements: Measurement) -> solver.State:
    """One step for all images."""
    return jax.vmap(lambda s, m: solver.step(inversion.problem, inversion.solver, s, m)[0])(states, measurements)


@partial(jit, use="once", static_argnums=0)
def _end(
    build: Build,
    inversion: Inversion,
    observed: Array,
    states: solver.State,
    measurements: Measurement,
    parameters: Array,
) -> tuple[Array, Array, Variables]:
    """The mean loss, its gradient in the parameters where the variables are held, and these."""
    problem = inversion.problem
    ends = jax.vmap(lambda s, m: problem.coordinates.end(s.best_variables, m.constants))(states, measurements)

    def mean(parameters: Array) -> Array:
        def one(observed: Array, variables: Variables) -> Array:
            optimised, measurement = measured(inversion, observed, variables, build(parameters))
            return found(problem, optimised, measurement).loss

        return jnp.mean(jax.vmap(one)(observed, ends))

    return *jax.value_and_grad(mean)(parameters), ends
