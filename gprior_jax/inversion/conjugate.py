"""Conjugate gradients for objectives that are not quite quadratic, as an optax transformation.

The step along a direction is that of a parabola through the value and the slope here and the value at one more place:
a forward pass beside the gradient, no line search. It is exact for least squares behind a linear map, and a generator's
later layers are nearly one where only what they compose changes.
"""

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, PyTree

NARROWEST, WIDEST = 0.1, 4.0
"""A step is at least and at most so many times the one before: a parabola far from where it was fitted means little."""


class ConjugateState(NamedTuple):
    """State of one image.

    Attributes:
        direction: of the last step; zeros before the first.
        gradient: where it was taken.
        length: of the last step, in directions; 0 before the first.
        value: of the objective where it was taken.
    """

    direction: PyTree
    gradient: PyTree
    length: Array
    value: Array


@dataclasses.dataclass(frozen=True)
class ConjugateGradient:
    """Nonlinear conjugate gradients (Polak and Ribière, restarted where their factor is negative or the value rose).

    What a :class:`gprior_jax.inversion.solver.SolverConfig` takes as its optimiser.

    Attributes:
        first: length of the step at which the first parabola is measured, as a part of the length of the variables; of
            those that are all 0, the length itself.

    Raises:
        ValueError: a length that is not above 0.

    >>> matrix = jnp.diag(jnp.array([1.0, 10.0, 100.0]))
    >>> value = lambda x: 0.5 * x @ matrix @ x - x.sum()
    >>> x, transformation = jnp.ones(3), ConjugateGradient()(6)
    >>> state = transformation.init(x)
    >>> for _ in range(6):
    ...     update, state = transformation.update(jax.grad(value)(x), state, x, value=value(x), value_fn=value)
    ...     x = x + update
    >>> [round(float(number), 3) for number in x]
    [1.0, 0.1, 0.01]
    """

    first: float = 0.1
    is_for_any_steps: ClassVar[bool] = True

    def __post_init__(self):
        if not 0.0 < self.first < float("inf"):
            raise ArgumentError(f"first {self.first}: use a number above 0.")

    def __call__(self, num_steps: int) -> optax.GradientTransformationExtraArgs:
        """The transformation; it is the same for any number of steps."""
        return optax.GradientTransformationExtraArgs(_init, _update(self.first))


def _init(params: PyTree) -> ConjugateState:
    zeros = jax.tree.map(jnp.zeros_like, params)
    return ConjugateState(zeros, zeros, jnp.float32(0.0), jnp.float32(jnp.inf))


def _update(first: float) -> Any:
    def update(
        gradient: PyTree,
        state: ConjugateState,
        params: PyTree,
        *,
        value: Array,
        value_fn: Any,
        precondition: Any = None,
        **unused: Any,
    ) -> tuple[PyTree, ConjugateState]:
        direction = _direction(gradient, state, value, precondition)
        slope = optax.tree.vdot(gradient, direction)
        size = _norm(direction)  # 0 at the bottom, where every step is as good.
        scale = _norm(params)
        begin = _part(first * jnp.where(scale > 0.0, scale, 1.0), size, 1.0)
        tried = jnp.where(state.length > 0.0, state.length, begin)
        elsewhere = value_fn(jax.tree.map(lambda x, d: x + tried * d, params, direction))
        further = tried * jnp.clip(_bottom(value, jnp.asarray(slope * tried), elsewhere), NARROWEST, WIDEST)
        # Where nothing slopes (at the floor of noise) nothing is measured: a length that grew on would overflow.
        length = jnp.where(size > 0.0, further, state.length)
        return optax.tree.scale(length, direction), ConjugateState(direction, gradient, length, value)

    return update


def _direction(gradient: PyTree, state: ConjugateState, value: Array, precondition: Any) -> PyTree:
    """Downhill, and conjugate to the direction before where that one did well."""
    steep, before = gradient, state.gradient
    if precondition is not None:
        steep, before = precondition(gradient), precondition(state.gradient)
    change = optax.tree.sub(gradient, state.gradient)
    gained, was = optax.tree.vdot(steep, change), optax.tree.vdot(before, state.gradient)
    factor = _part(jnp.asarray(gained), jnp.asarray(was), 0.0)
    factor = jnp.where(value < state.value, jnp.maximum(factor, 0.0), 0.0)
    direction = jax.tree.map(lambda g, d: factor * d - g, steep, state.direction)
    downhill = jnp.less(optax.tree.vdot(gradient, direction), 0.0)
    return jax.tree.map(lambda d, g: jnp.where(downhill, d, -g), direction, steep)


def _bottom(value: Array, slope: Array, elsewhere: Array) -> Array:
    """Where the parabola with this value and slope at 0 and the value ``elsewhere`` at 1 is lowest."""
    curvature = 2.0 * (elsewhere - value - slope)
    # One that opens downwards is left as far as one may; where the objective is not finite one goes back.
    found = _part(-slope, curvature, WIDEST)
    return jnp.where(jnp.isfinite(elsewhere), found, NARROWEST)


def _part(number: Array, of: Array, otherwise: float) -> Array:
    """A quotient, or something else where the divisor is not above 0, where its derivative is 0 and not NaN."""
    divides = of > 0.0
    return jnp.where(divides, number / jnp.where(divides, of, 1.0), otherwise)


def _norm(tree: PyTree) -> Array:
    """The length of a vector, of which that of 0 has the derivative 0 and not NaN."""
    square = optax.tree.norm(tree, squared=True)
    return jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)
