"""Which codes a boundary is trained on: as many with the highest scores as with the lowest, some of them kept out."""

from typing import NamedTuple

import numpy as np

from gprior_jax.errors import ArgumentError

RATIO = 0.02
"""Part of all codes that is taken from each end (InterFaceGAN ``train_boundary.py``, of some 500,000 codes)."""

ENOUGH = 1000
"""Codes that each end has at least, where a third of all are as many: of 2,000 codes of 128 numbers, two hundredths
from each end give a normal 28 degrees off the true axis, a third 8 (``benchmarks/boundaries.py synthetic``)."""


class Selection(NamedTuple):
    """Rows of codes.

    Attributes:
        positive: ``[T]``, of the highest scores, to train on.
        negative: ``[T]``, of the lowest.
        validation: rows of both ends that are kept out, as many of each.
        rest: all others.
        labels: bool ``[N]`` of all codes: at the higher end, or of the rest above :attr:`threshold`.
        threshold: midway between the mean scores of the two ends.
    """

    positive: np.ndarray
    negative: np.ndarray
    validation: np.ndarray
    rest: np.ndarray
    labels: np.ndarray
    threshold: float


def select(scores: np.ndarray, chosen: float | int | None, split: float, rng: np.random.Generator) -> Selection:
    """Choose the codes of the highest and of the lowest scores, as many of each, and keep some of them out.

    No score is at both ends: of scores that are classes (0 and 1), the smaller class bounds how many are chosen. Of
    equal scores, chance chooses.

    Args:
        scores: ``[N]``, finite.
        chosen: of each end: a part of all up to 0.5, or a number; None is 2 %, or 1,000 or a third of all (of
            classes half), the smaller, if that is more.
        split: part of them that is trained on.
        rng: of the choice among equal scores and of the split.

    Raises:
        ArgumentError: not two different scores, or too few codes.

    >>> found = select(np.array([0.0, 9.0, 1.0, 8.0, 5.0]), 2, 0.5, np.random.default_rng(0))
    >>> len(found.positive), len(found.negative), len(found.validation), found.rest.tolist(), found.threshold
    (1, 1, 2, [4], 4.5)
    """
    count = len(scores)
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        raise ArgumentError(f"all {count} scores are {low:g}: a boundary needs two classes, or scores that differ.")
    shuffled = rng.permutation(count)
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    number = _number(scores[order], chosen)
    train = min(max(1, int(number * split)), number - 1)
    if number < 2:
        raise ArgumentError(
            f"{number} of {count} codes at each end are too few, one is to train on and one to validate with: choose "
            "more, or give more codes of the rarer class."
        )
    ends = rng.permutation(order[:number]), rng.permutation(order[count - number :])
    # The published (max + min) / 2 lies where the one highest score puts it, above nearly all the rest for skew scores.
    threshold = float(scores[ends[0]].mean() + scores[ends[1]].mean()) / 2
    labels = scores >= threshold
    labels[ends[0]], labels[ends[1]] = True, False
    validation = np.concatenate([end[train:] for end in ends])
    return Selection(ends[0][:train], ends[1][:train], validation, order[number : count - number], labels, threshold)


def _number(ordered: np.ndarray, chosen: float | int | None) -> int:
    """Codes of each end, of scores in falling order."""
    count = len(ordered)
    if chosen is None:
        # Of classes, the rest is no less sure than the ends: all of it may be used.
        part = 2 if ordered[0] == ordered[count // 2] or ordered[-1] == ordered[count // 2] else 3
        wanted = max(int(RATIO * count), min(ENOUGH, count // part))
    elif not 0 < chosen < np.inf or (chosen > 0.5 and chosen != int(chosen)):
        raise ArgumentError(f"chosen={chosen}: use a part of all codes up to 0.5, or a whole number of them.")
    else:
        wanted = int(count * chosen) if chosen <= 0.5 else int(chosen)
    number = min(wanted, count // 2)
    if number and ordered[number - 1] == ordered[count - number]:
        # One score is at both ends: it is left to one of them, whichever leaves more.
        shared = ordered[number - 1]
        above, below = np.sum(ordered > shared), np.sum(ordered < shared)
        number = min(number, int(max(min(above, count - above), min(below, count - below))))
    return number
