"""Boundaries: the plane that parts codes of high scores from codes of low ones, and its normal as a direction.

Shen et al. 2020, "Interpreting the Latent Space of GANs for Semantic Face Editing", arXiv:1907.10786; constants from
InterFaceGAN's ``train_boundary.py`` and ``utils/manipulator.py``.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np

from gprior_jax.editing.directions import Direction, Space
from gprior_jax.editing.selection import Selection, select
from gprior_jax.errors import ArgumentError, require
from gprior_jax.typing import ArrayLike

Method = Literal["svm", "mean", "logistic"]

SPLIT = 0.7
"""Part of the chosen codes that is trained on, as published."""

REGULARIZATION = 1e-2
"""scikit-learn's ``C``, the inverse of the penalty's weight, for codes of unit deviation. The published program leaves
its default, 1: with scores that are half noise, the normal of 20,000 codes of 128 numbers is then 28 degrees off the
true axis, with this 15; without noise 3.5 with either (``benchmarks/boundaries.py synthetic``)."""

DEPENDENT = 1e-4
"""Length of what is left of a condition (of a direction) of length 1 beside the others, from which on there is nothing
left of it: files hold float32, and directions that two programs rounded differ by some 1e-7."""


class Boundary(NamedTuple):
    """A boundary and how well it parts codes that it has not seen.

    Attributes:
        direction: the normal, towards higher scores; ``vector @ code`` is its ``offset`` on the boundary.
        method: how it was found.
        trained: codes that it was found from.
        validation: part of the chosen codes that were kept out, on the right side of the boundary.
        validated: their number.
        rest: likewise of all codes that were not chosen, by whether their score is above the middle of the mean scores
            of the two ends; None where none are left. These are the codes that nobody could be sure of.
        rested: their number.
    """

    direction: Direction
    method: Method
    trained: int
    validation: float
    validated: int
    rest: float | None
    rested: int


def train_boundary(
    codes: np.ndarray,
    scores: np.ndarray,
    space: Space,
    *,
    method: Method = "svm",
    chosen: float | int | None = None,
    split: float = SPLIT,
    regularization: float = REGULARIZATION,
    invalid_value: float | None = None,
    seed: int = 0,
    name: str = "",
) -> Boundary:
    """Find the boundary between codes of high and of low scores.

    Trained are as many codes of the highest scores as of the lowest, the most confident ones.

    Args:
        codes: ``[N, D]``, of W+ ``[N, L, D]``.
        scores: ``[N]`` or ``[N, 1]``, of what the pictures show; or classes, as 0 and 1.
        space: of the codes.
        method: ``"svm"`` (linear, as published) and ``"logistic"`` regression need scikit-learn, the extra ``edit``;
            ``"mean"`` is the difference of the means.
        chosen: codes of each end: a part of all up to 0.5, or a number; None is 2 % as published, or 1,000 or a third
            of all (of classes half), the smaller of the two, if that is more.
        split: part of them that is trained on; the others validate.
        regularization: of ``"svm"`` and ``"logistic"``, scikit-learn's ``C`` for codes divided by their deviation (one
            number for all axes); 1 is the published one. The smaller, the nearer to the difference of the means.
        invalid_value: score of codes that have none.
        seed: of the split, and of the choice among equal scores.
        name: of the direction.

    Returns:
        the boundary. Its normal has length 1; in W+ the root mean square of its rows' lengths is 1.

    Raises:
        ArgumentError: scores of another number than codes, that are not finite, or all the same; too few codes; codes
            that do not differ.

    >>> codes = np.random.default_rng(0).normal(size=(400, 3))
    >>> found = train_boundary(codes, codes[:, 1], "z", method="mean", name="up")
    >>> int(found.direction.vector.argmax()), found.validation > 0.8
    (1, True)
    """
    codes, scores = _checked(codes, scores, space, invalid_value)
    if method not in get_args(Method):
        raise ArgumentError(f"method={method!r}: use one of {', '.join(get_args(Method))}.")
    if not 0 < split < 1:
        raise ArgumentError(f"split={split}: use a part between 0 and 1 of the chosen codes.")
    if not 0 < regularization < np.inf:
        raise ArgumentError(f"regularization={regularization}: use a number above 0.")
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    parts = select(scores, chosen, split, np.random.default_rng(seed))
    normal, offset = _fit(flat[parts.positive], flat[parts.negative], method, regularization)
    length = np.linalg.norm(normal)
    if not np.isfinite(length) or length <= 1e-12 * max(1.0, np.abs(flat).max(initial=0.0)):
        raise ArgumentError(f"the codes of high and of low scores{_of(name)} do not differ: there is no boundary.")
    right = (flat @ normal > offset) == parts.labels
    # A row of W+ is then as long as the one of w: the same strength moves both as far.
    scale = (np.sqrt(codes.shape[1]) if space == "w_plus" else 1.0) / length
    direction = Direction(
        (normal * scale).reshape(codes.shape[1:]).astype(np.float32), space, name=name, offset=float(offset * scale)
    )
    return _boundary(direction, method, parts, right)


def _boundary(direction: Direction, method: Method, parts: Selection, right: np.ndarray) -> Boundary:
    rest = float(right[parts.rest].mean()) if len(parts.rest) else None
    trained, validated = len(parts.positive) + len(parts.negative), len(parts.validation)
    validation = float(right[parts.validation].mean())
    return Boundary(direction, method, trained, validation, validated, rest, len(parts.rest))


def _of(name: str) -> str:
    return f" of {name}" if name else ""


def _checked(
    codes: np.ndarray, scores: np.ndarray, space: Space, invalid_value: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and their scores ``[N]``, without those that have none."""
    codes, scores = _known_to_numpy(codes), _known_to_numpy(scores)
    axes = 3 if space == "w_plus" else 2
    if codes.ndim != axes or codes.dtype.kind != "f":
        wanted = "[N, layers, D]" if axes == 3 else "[N, D]"
        raise ArgumentError(f"codes in {space} are {codes.dtype} {codes.shape}: use floats {wanted}.")
    finite = np.isfinite(codes).all(axis=tuple(range(1, axes)))
    if not finite.all():
        raise ArgumentError(
            f"{int(np.sum(~finite))} of {len(codes)} codes have numbers that are NaN or infinite (number "
            f"{int(np.argmin(finite))} is the first): leave these codes and their scores out."
        )
    if scores.shape not in ((len(codes),), (len(codes), 1)) or scores.dtype.kind not in "fiub":
        raise ArgumentError(
            f"scores of shape {scores.shape} and type {scores.dtype} for {len(codes)} codes: use a number for each."
        )
    scores = scores.reshape(-1).astype(np.float64)
    if invalid_value is not None:
        known = scores != invalid_value if np.isfinite(invalid_value) else np.isfinite(scores)
        codes, scores = codes[known], scores[known]
    if bad := int(np.sum(~np.isfinite(scores))):
        first = int(np.argmin(np.isfinite(scores)))
        raise ArgumentError(
            f"{bad} of {len(scores)} scores are NaN or infinite (number {first} is the first): leave these codes out, "
            "or name the number that stands for no score."
        )
    if not len(scores):
        raise ArgumentError("no code has a score: give some.")
    return codes, scores


def _known_to_numpy(values: ArrayLike) -> np.ndarray:
    """An array; bfloat16 and the like, which numpy takes for no floats, as float32."""
    array = np.asarray(values)
    return array.astype(np.float32) if jnp.issubdtype(array.dtype, jnp.floating) and array.dtype.kind != "f" else array


def _fit(high: np.ndarray, low: np.ndarray, method: Method, regularization: float) -> tuple[np.ndarray, float]:
    """Normal and offset of the boundary between two sets ``[T, D]``; the normal points to the first."""
    means = high.mean(0), low.mean(0)
    if method == "mean":
        normal = means[0] - means[1]
        return normal, float(normal @ (means[0] + means[1]) / 2)
    data, labels = np.concatenate([high, low]), np.repeat([1, 0], [len(high), len(low)])
    deviation = np.sqrt(data.var(0).mean()) or 1.0  # The penalty shall not depend on the unit of the space.
    if method == "svm":
        model: Any = require("sklearn.svm", "edit").SVC(kernel="linear", C=regularization)
    else:
        model = require("sklearn.linear_model", "edit").LogisticRegression(C=regularization, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That the last digits have not settled is no news: accuracies are measured.
        model.fit(data / deviation, labels)
    normal, offset = np.asarray(model.coef_, np.float64)[0] / deviation, -float(model.intercept_[0])
    return (normal, offset) if normal @ (means[0] - means[1]) >= 0 else (-normal, -offset)


def project_out(direction: Direction, conditions: Sequence[Direction]) -> Direction:
    """The conditional direction: what is left of a direction beside others, so that moving along it keeps these.

    The published closed forms for one and two conditions, and any number of them, as a projection by QR.

    Args:
        direction: to be moved along. One of w beside conditions of W+ becomes one of W+.
        conditions: of the same space; those of w stand for all layers of W+. Of W+ the rows of the direction's layers
            count: no others are moved.

    Returns:
        the direction of the same length, orthogonal to every condition. Its deviation and its offset are not known.

    Raises:
        ArgumentError: other spaces or sizes, conditions that depend on each other, or nothing left.

    >>> x, y = (Direction(np.array(vector), "z") for vector in ([1.0, 1.0, 0.0], [0.0, 2.0, 0.0]))
    >>> [round(float(number), 4) for number in project_out(x, [y]).vector]
    [1.4142, 0.0, 0.0]
    """
    if not conditions:
        return direction
    direction, rows = _alike(direction, conditions)
    vector, moved = direction.vector.astype(np.float64), np.stack(rows)
    if direction.space == "w_plus" and direction.layers is not None:
        still = np.setdiff1d(np.arange(len(vector)), direction.layers)
        vector[still], moved[:, still] = 0.0, 0.0
    flat, length = vector.ravel(), np.linalg.norm(vector)
    basis = _orthonormal(moved.reshape(len(moved), -1), direction, conditions)
    left = flat - basis @ (basis.T @ flat)
    left -= basis @ (basis.T @ left)  # Once more: of a direction near the conditions little is left.
    names = [other.name or "a condition" for other in conditions]
    if np.linalg.norm(left) <= DEPENDENT * length:
        raise ArgumentError(
            f"nothing is left of the direction {direction.name or 'given'} beside {', '.join(names)}: it is made of "
            "them, leave one out."
        )
    left *= length / np.linalg.norm(left)
    # InterFaceGAN's files are named so: age_c_gender.
    name = "_c_".join([direction.name, *(other.name for other in conditions)]) if direction.name else ""
    return dataclasses.replace(direction, vector=left.reshape(vector.shape), name=name, deviation=None, offset=None)


def _alike(direction: Direction, conditions: Sequence[Direction]) -> tuple[Direction, list[np.ndarray]]:
    """A direction and the vectors of its conditions, float64, in one space and of one shape."""
    every = [direction, *conditions]
    vectors = [each.vector.astype(np.float64) for each in every]
    if len({each.space for each in every}) > 1 and "z" not in {each.space for each in every}:
        layers = max(len(each.vector) for each in every if each.space == "w_plus")
        vectors = [
            np.broadcast_to(vector, (layers, len(vector))).copy() if each.space == "w" else vector
            for each, vector in zip(every, vectors, strict=True)
        ]
        direction = dataclasses.replace(direction, vector=vectors[0], space="w_plus")
    for other, vector in zip(conditions, vectors[1:], strict=True):
        if vector.shape != vectors[0].shape or (direction.space == "z") != (other.space == "z"):
            raise ArgumentError(
                f"the condition {other.name or 'given'} has the shape {list(other.vector.shape)} in {other.space}, the "
                f"direction {direction.name or 'given'} {list(every[0].vector.shape)} in {every[0].space}: use those "
                "of one prior and one space."
            )
    return direction, vectors[1:]


def _orthonormal(rows: np.ndarray, direction: Direction, conditions: Sequence[Direction]) -> np.ndarray:
    """Orthonormal columns ``[D, K]`` that span the conditions ``[K, D]``."""
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        name = conditions[int(np.argmin(lengths))].name or "given"
        raise ArgumentError(
            f"the condition {name} has nothing in the layers of {direction.name or 'the direction'}: leave it out."
        )
    basis, triangle = np.linalg.qr((rows / lengths[:, None]).T)
    left = np.zeros(len(rows))
    left[: len(np.diag(triangle))] = np.abs(np.diag(triangle))
    if (left <= DEPENDENT).any():
        index = int(np.argmax(left <= DEPENDENT))
        before = ", ".join(other.name or f"condition {i}" for i, other in enumerate(conditions[:index]))
        raise ArgumentError(
            f"the conditions depend on each other: {conditions[index].name or f'condition {index}'} is made of "
            f"{before}; leave it out."
        )
    return basis
