"""Codes moved along directions, as InterFaceGAN (arXiv:1907.10786), idinvert and mGANprior edit.

A step is prepared once, on the host (:func:`step_for`): from directions of any space to one array that fits the codes,
without what is held, zero in the layers that stay. :func:`move` then is a pure function of arrays.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_finite
from gprior_jax.editing.boundaries import project_out
from gprior_jax.editing.directions import Direction
from gprior_jax.editing.spread import measure_deviations
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles, mean_styles, w_statistics
from gprior_jax.keys import purpose
from gprior_jax.typing import Array, ArrayLike

_SEED = 0


class Step(NamedTuple):
    """What codes are moved by, for a strength of 1.

    Attributes:
        vector: float32 ``[D]``, or ``[num_styles, w_dim]`` with zeros in the layers that stay.
        origin: where strength 0 is, of absolute moves, in units of ``vector``: a scalar, or ``[num_styles, 1]``.
    """

    vector: np.ndarray
    origin: np.ndarray


def move(codes: ArrayLike, vector: ArrayLike, amount: ArrayLike, *, absolute: bool = False) -> Array:
    """Codes moved by an amount along a vector; differentiable, and for any leading axes.

    Relative moves add ``amount * vector``. Absolute ones first take away what every code has of the vector, so that
    all end at the same distance from the boundary whose normal it is (InterFaceGAN, ``utils/manipulator.py``,
    ``linear_interpolate``: absolute for one code, relative for a w for every layer).

    Args:
        codes: ``[..., D]``, or ``[..., L, D]``.
        vector: ``[D]``, or ``[L, D]``, where every row has to do with its own layer only.
        amount: in lengths of the vector; a scalar, or one that broadcasts against ``[..., 1]`` of the codes.
        absolute: see above.

    >>> move(jnp.array([3.0, 5.0]), jnp.array([1.0, 0.0]), 2.0).tolist()
    [5.0, 5.0]
    >>> move(jnp.array([3.0, 5.0]), jnp.array([1.0, 0.0]), 2.0, absolute=True).tolist()
    [2.0, 5.0]
    """
    check_finite(amount=amount)
    codes, vector = jnp.asarray(codes), jnp.asarray(vector)
    if absolute:
        amount = amount - coordinates(codes, vector)
    return codes + amount * vector


def coordinates(codes: ArrayLike, vector: ArrayLike) -> Array:
    """What codes have of a vector, in its lengths: ``[..., 1]``; 0 where a row of it is zero.

    >>> coordinates(jnp.array([3.0, 5.0]), jnp.array([0.0, 2.0])).tolist()
    [2.5]
    """
    vector = jnp.asarray(vector)
    square = jnp.sum(jnp.square(vector), axis=-1, keepdims=True)
    along = jnp.sum(jnp.asarray(codes) * vector, axis=-1, keepdims=True)
    return jnp.where(square > 0.0, along / jnp.where(square > 0.0, square, 1.0), 0.0)


def strengths_for(codes: ArrayLike, strengths: ArrayLike, step: Step, *, absolute: bool = False) -> Array:
    """One code at several strengths, ``[S, ...]``.

    Args:
        codes: ``[D]``, ``[L, D]``, or several composed ones ``[N, D]``, which all move alike.
        strengths: ``[S]``.
        step: of strength 1.
        absolute: see :func:`move`; strength 0 is then at the step's origin.

    >>> step = Step(np.array([1.0, 0.0], np.float32), np.float32(0.0))
    >>> strengths_for(jnp.array([3.0, 5.0]), [-1.0, 0.0, 1.0], step).tolist()
    [[2.0, 5.0], [3.0, 5.0], [4.0, 5.0]]
    """

    def at(strength: Array) -> Array:
        return move(codes, step.vector, strength + step.origin if absolute else strength, absolute=absolute)

    return jax.vmap(at)(jnp.asarray(strengths))


def step_for(
    prior: Prior,
    directions: Sequence[Direction],
    *,
    weights: Sequence[float] | None = None,
    conditions: Sequence[Direction] = (),
    layers: Sequence[int] | None = None,
    deviations: bool = True,
) -> Step:
    """The step of some directions of one prior, taken together.

    Args:
        prior: whose codes are moved.
        directions: at least one; of z, or of w and W+ together.
        weights: of each; 1 unless given.
        conditions: directions along which codes stay as they are (:func:`project_out`).
        layers: styles that move; None takes what each direction is meant for.
        deviations: strength 1 is a standard deviation of the prior's own codes along each direction; else the
            direction's vector as it is, as in the published programs, with the origin at 0.

    Raises:
        ValueError: directions of different spaces, of another size, or layers that the prior does not have.

    >>> import gprior_jax as gp
    >>> along, across = (Direction(np.eye(128)[k], "z", deviation=1.0) for k in (0, 1))
    >>> step = step_for(gp.load("builtin"), [along, across], weights=[1.0, -0.5])
    >>> step.vector[:3].tolist()
    [1.0, -0.5, 0.0]
    """
    space = common_space([*directions, *conditions])
    factors = [1.0] * len(directions) if weights is None else list(weights)
    if len(factors) != len(directions):
        raise ArgumentError(f"{len(factors)} weights for {len(directions)} directions: give one for each.")
    check_finite(weights=factors)
    total, origin = np.zeros((1, 1), np.float32), np.zeros(())
    for direction, factor in zip(directions, factors, strict=True):
        own = direction if layers is None else dataclasses.replace(direction, layers=tuple(layers) or None)
        vector = fitted(prior, own, space)
        if conditions:
            own = project_out(own, conditions)
            vector = fitted(prior, own, space)
        scale = 1.0
        if deviations:
            scale = _deviation(prior, own, vector, space)
            origin = _middle(prior, own, vector, space) / scale
        total = total + np.float32(factor * scale) * vector
    step = total if space == "w" else total[0]
    alone = len(directions) == 1 and factors == [1.0]
    return Step(step, np.asarray(origin if alone else 0.0, np.float32))


def deviation_of(prior: Prior, direction: Direction, layers: Sequence[int] | None = None) -> np.ndarray:
    """What codes are moved by for a standard deviation along one direction, see :func:`step_for`.

    Args:
        prior: whose codes are moved.
        direction: where its deviation is known, that is taken; else it is measured.
        layers: styles that move; None takes what the direction is meant for.

    Returns:
        float32 ``[z_dim]``, or ``[num_styles, w_dim]``.

    Raises:
        ValueError: a direction of another size, or layers that the prior does not have.

    >>> import gprior_jax as gp
    >>> up = Direction(np.eye(128)[0], "z", deviation=2.0)
    >>> deviation_of(gp.load("builtin"), up)[:3].tolist()
    [2.0, 0.0, 0.0]
    """
    space = common_space([direction])
    own = direction if layers is None else dataclasses.replace(direction, layers=tuple(layers) or None)
    vector = fitted(prior, own, space)
    step = np.float32(_deviation(prior, own, vector, space)) * vector
    return step if space == "w" else step[0]


def _deviation(prior: Prior, direction: Direction, vector: np.ndarray, space: str) -> float:
    """Standard deviation of codes along a fitted vector, in its lengths: measured, or as the direction says."""
    found = direction.deviation
    if found is None:
        own = Direction(vector[0], "z") if space == "z" else Direction(vector, "w_plus", name=direction.name)
        found = measure_deviations(prior, [own])[0].deviation
    if not (found is not None and found > 0.0):
        raise ArgumentError(f"the codes of {prior} do not vary along {direction.name or 'the direction'}: use another.")
    return found


def _middle(prior: Prior, direction: Direction, vector: np.ndarray, space: str) -> np.ndarray:
    """Coordinates of the boundary where it is known, else of the mean code: a scalar, or ``[num_styles, 1]``."""
    if direction.offset is not None and direction.vector.ndim == 1:
        return np.asarray(direction.offset / np.sum(np.square(direction.vector, dtype=np.float64)))
    if space == "z":
        latent = prior.latent
        return np.asarray(coordinates(np.full(prior.z_dim, (latent.low + latent.high) / 2), vector[0])[0])
    if hasattr(prior.module, "mean_styles"):
        mean = mean_styles(prior)
    else:
        mean = w_statistics(prior, purpose(jax.random.key(_SEED), "mean of w")).mean
    return np.asarray(coordinates(mean, vector))


def common_space(directions: Sequence[Direction]) -> str:
    """``"z"``, or ``"w"`` of directions in w and W+.

    Raises:
        ValueError: none, or some of each.
    """
    if not directions:
        raise ArgumentError("nothing to move along: give at least one direction.")
    spaces = {"z" if each.space == "z" else "w" for each in directions}
    if len(spaces) > 1:
        told = ", ".join(f"{each.name or 'one'} of {each.space}" for each in directions)
        raise ArgumentError(f"the directions are of different spaces ({told}): use those of z, or those of w.")
    return spaces.pop()


def fitted(prior: Prior, direction: Direction, space: str) -> np.ndarray:
    """A direction as ``[1, z_dim]``, or ``[num_styles, w_dim]`` with zeros in the layers that stay.

    Args:
        prior: whose codes it is to move.
        direction: of any space.
        space: ``"z"`` or ``"w"``.

    Raises:
        ValueError: another size than the prior's, or layers that it does not have, or that the direction leaves alone.
    """
    name = direction.name or "the direction"
    if space == "w":
        check_styles(prior)
    shape = (prior.num_styles, prior.w_dim) if space == "w" else (1, prior.z_dim)
    vector = np.atleast_2d(direction.vector)
    if vector.shape[1] != shape[1] or len(vector) not in (1, shape[0]):
        wanted = f"[{shape[1]}]" if direction.space != "w_plus" else str(list(shape))
        raise ArgumentError(
            f"{name} has the shape {list(direction.vector.shape)} in {direction.space}, {prior} takes {wanted}: use a "
            "direction of its own."
        )
    if space == "z" and direction.layers:
        raise ArgumentError(f"{name} is of z, which all layers come from: leave the layers out.")
    rows = np.broadcast_to(vector, shape) * _kept(prior, direction)[:, None]
    if not rows.any():
        raise ArgumentError(f"{name} is zero in the layers that are to move: name others.")
    return rows.astype(np.float32)


def _kept(prior: Prior, direction: Direction) -> np.ndarray:
    """1 for the layers that move, ``[num_styles]``, of z ``[1]``."""
    chosen = direction.layers
    if direction.space == "z" or not chosen:
        return np.ones(max(1, prior.num_styles) if direction.space != "z" else 1, np.float32)
    if min(chosen) < 0 or max(chosen) >= prior.num_styles:
        told = ", ".join(map(str, chosen))
        raise ArgumentError(
            f"layers {told} of {direction.name or 'the direction'}: {prior} has styles 0 to {prior.num_styles - 1}, "
            "name some of these."
        )
    return np.isin(np.arange(prior.num_styles), chosen).astype(np.float32)
