"""Intervals of restorations that mean what they say: as many values of unseen pictures lie in theirs as was asked for.

Samples of one restoration agree too well: what none of them shows is not among them. So their deviation is taken only
for where an answer is uncertain, and how wide an interval must be for it is measured on pictures that are known: the
interval of a value is ``mean +- scale * (deviation + floor)``, and ``scale`` is the smallest at which the values of
calibration images are covered (Angelopoulos et al., "Image-to-image regression with distribution-free uncertainty
quantification", ICML 2022, arXiv:2202.05265, who scale a heuristic spread so). The rule by which it is chosen is that
of conformal risk control (Angelopoulos et al., arXiv:2208.02814, eq. 4) for the share of an image's values that are not
covered: of a further image that comes as those did, at most ``1 - level`` is missed on average, whatever the prior, the
recipe or the samples are worth. A poor prior has wide intervals, not wrong ones.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.tasks.bounds import Interval
from gprior_jax.tasks.restoration import Arrays, Restoration, Task
from gprior_jax.typing import Array, ArrayLike

FLOOR = 0.1
"""Added to deviations, of values in [-1, 1]: samples that agree may all be wrong. At the same coverage, intervals with
0.02 were 12 to 21 % wider; with 0.5 they are as wide, but follow the deviation less (``benchmarks/intervals.py``)."""

_MOST_SCORES = 1 << 16
"""Scores that are kept of an image: of more, as many order statistics, evenly spaced."""


class Calibration(NamedTuple):
    """How wide intervals must be.

    Attributes:
        level: part of the values that they shall cover.
        scale: of ``deviation + floor``, half the width of an interval.
        floor: see :data:`FLOOR`.
        images: number of images that it was measured on.
        coverage: part of the values of these that is covered, mean over images; somewhat more than ``level``, the more
            so the fewer images there are.
        width: of the intervals there, part of the range of pixels, mean, before that range and what is certain cut
            them: those of :func:`intervals` are narrower. Above 1 most values may be anything.
    """

    level: float
    scale: float
    floor: float
    images: int
    coverage: float
    width: float


class Spread(NamedTuple):
    """Mean and standard deviation of samples, value by value, ``[H, W, C]``."""

    mean: Array
    deviation: Array


def spread(samples: Array, counted: Array) -> Spread:
    """Mean and deviation of the samples of one image that count.

    Args:
        samples: ``[K, H, W, C]``.
        counted: ``[K]``, whether a sample counts; where none does, all do.
    """
    weights = jnp.where(counted.any(), counted, True).astype(samples.dtype)[:, None, None, None]
    number = weights.sum()
    mean = jnp.where(weights > 0, samples, 0.0).sum(axis=0) / number
    squares = jnp.where(weights > 0, jnp.square(samples - mean), 0.0).sum(axis=0) / number
    return Spread(mean, jnp.sqrt(squares))


def scores(found: Spread, truth: Array, floor: float) -> Array:
    """Scale from which on the interval of each value covers what is true, ``[H, W, C]``."""
    return jnp.abs(truth - found.mean) / (found.deviation + floor)


def interval(found: Spread, bounds: Interval, scale: float, floor: float) -> Interval:
    """The interval of every value of one image, within what is certain of it."""
    half = scale * (found.deviation + floor)
    low, high = (jnp.clip(end, bounds.low, bounds.high) for end in (found.mean - half, found.mean + half))
    return Interval(low, high)


def covered(found: Interval, truth: Array, bounds: Interval) -> Array:
    """Part of the values of one image that lie in their intervals, of those that were not certain; NaN of none."""
    open_, inside = bounds.low < bounds.high, (found.low <= truth) & (truth <= found.high)
    return jnp.where(open_, inside, False).sum() / jnp.broadcast_to(open_, inside.shape).sum()


class Evidence(NamedTuple):
    """What one calibration image tells.

    Attributes:
        scores: ``[M]``, sorted, see :func:`scores`, of its values that were not certain.
        spread: mean of ``deviation + floor`` of these.
    """

    scores: np.ndarray
    spread: float


def evidence(
    samples: ArrayLike, counted: ArrayLike, truth: ArrayLike, open_: ArrayLike, floor: float = FLOOR
) -> Evidence:
    """What one image tells, on the host.

    Args:
        samples: ``[K, H, W, C]`` in [-1, 1].
        counted: see :func:`spread`.
        truth: ``[H, W, C]``.
        open_: ``[H, W, C]`` or what broadcasts to it, whether a value was not certain.
        floor: see :data:`FLOOR`.

    Raises:
        ArgumentError: values that are not finite.
    """
    told, sizes = map(np.asarray, _measured(samples, counted, truth, floor))
    where = np.broadcast_to(np.asarray(open_, bool), told.shape)
    own = np.sort(told[where])
    if not np.isfinite(own[-1:]).all():  # NaN comes last.
        raise ArgumentError("samples or the intact image hold NaN or infinite pixels: leave this image out.")
    if len(own) > _MOST_SCORES:
        own = own[np.linspace(0, len(own) - 1, _MOST_SCORES).round().astype(np.int64)]
    return Evidence(own, float(sizes[where].mean()) if len(own) else math.nan)


@jax.jit
def _measured(samples: ArrayLike, counted: ArrayLike, truth: ArrayLike, floor: float) -> tuple[Array, Array]:
    """Scores of one image, and ``deviation + floor``."""
    found = spread(jnp.asarray(samples), jnp.asarray(counted))
    return scores(found, jnp.asarray(truth), floor), found.deviation + floor


def calibration_of(found: Sequence[Evidence], level: float = 0.9, floor: float = FLOOR) -> Calibration:
    """The calibration that images come to.

    Args:
        found: of every image; those without a value that was not certain tell nothing.
        level: part of the values that is to be covered, above 0 and below 1.
        floor: that the evidence was taken with.

    Raises:
        ArgumentError: a level out of its range, or fewer images than it needs: ``level / (1 - level)``.

    >>> one = Evidence(np.arange(1.0, 101.0), 0.1)
    >>> calibration_of([one] * 9).scale, calibration_of([one] * 90).scale
    (100.0, 91.0)
    """
    check_number("level", level, lambda x: (x > 0) & (x < 1), "a part, above 0 and below 1")
    told = [one for one in found if len(one.scores)]
    number, fewest = len(told), math.ceil(level / (1.0 - level) - _ROUNDING)
    if number < fewest:
        raise ArgumentError(
            f"{number} images to calibrate on: level {level} needs at least {fewest}; of more, intervals are narrower."
        )
    scale = _smallest_scale([one.scores for one in told], 1.0 - level - level / number)
    inside = [np.searchsorted(one.scores, scale, side="right") / len(one.scores) for one in told]
    width = scale * float(np.mean([one.spread for one in told]))
    return Calibration(level, scale, floor, number, float(np.mean(inside)), width)


_ROUNDING = 1e-9
"""Of level / (1 - level): 0.9 needs 9 images and not 10."""


def _smallest_scale(sorted_scores: Sequence[np.ndarray], missed: float) -> float:
    """The smallest scale at which the part of an image's scores above it, mean over images, is at most ``missed``."""
    every = np.concatenate(sorted_scores)
    weights = np.concatenate([np.full(len(own), 1.0 / len(own)) for own in sorted_scores]) / len(sorted_scores)
    order = np.argsort(every)
    inside = np.cumsum(weights[order])
    place = np.searchsorted(inside, 1.0 - missed - _ROUNDING)
    return float(every[order][min(int(place), len(every) - 1)])


def bounds_of(task: Task, arrays: Arrays) -> Interval:
    """What is certain of a batch, of what was observed.

    Args:
        task: that restores it.
        arrays: ``"observed"`` ``[B, h, w, C]`` in [-1, 1], and what else the task takes: ``"known"`` of
            :func:`gprior_jax.tasks.inpainting`.

    Returns:
        ends ``[B, R, R, C]`` in [-1, 1], or shapes that broadcast to it; where nothing is certain -1 and 1.

    >>> import gprior_jax as gp, numpy as np
    >>> known = np.ones((1, 64, 64, 1), np.float32)
    >>> known[:, :32] = 0  # The upper half is missing.
    >>> arrays = {"observed": np.zeros((1, 64, 64, 3), np.float32), "known": known}
    >>> certain = gp.tasks.bounds_of(gp.tasks.inpainting(), arrays)
    >>> certain.low[0, 0, 0].tolist(), certain.low[0, 40, 0].tolist()
    ([-1.0, -1.0, -1.0], [0.0, 0.0, 0.0])
    """
    found = jax.vmap(task.bounds)(jnp.asarray(arrays["observed"]), task.operator(arrays))
    return jax.tree.map(np.asarray, found)


def calibrate(
    restored: Restoration, truth: ArrayLike, *, bounds: Interval | None = None, level: float = 0.9, floor: float = FLOOR
) -> Calibration:
    """Measure how wide intervals must be, on a restoration with samples of pictures that are known.

    Args:
        restored: of B images that come as those will for which intervals are wanted: of their kind, that the prior was
            not trained on, degraded and restored in the same way with the same number of samples.
        truth: ``[B, R, R, C]`` in [-1, 1], the intact images.
        bounds: :func:`bounds_of` these; None takes the range of pixels.
        level: part of the values that is to be covered.
        floor: see :data:`FLOOR`.

    Raises:
        ArgumentError: one sample, a level out of its range, or fewer images than it needs.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.restoration("colorize", prior, num_codes=2, num_steps=2, perceptual=None)
    >>> images = np.asarray(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 10)))
    >>> restored = gp.tasks.colorize(prior, images, key=jax.random.key(1), recipe=recipe, samples=2)
    >>> bounds = bounds_of(gp.tasks.COLORIZE, {"observed": images})
    >>> measured = calibrate(restored, images, bounds=bounds, level=0.8)
    >>> found = intervals(restored, measured, bounds)
    >>> found.low.shape, bool(coverage(found, images, bounds).mean() >= 0.8)
    ((10, 64, 64, 3), True)
    """
    if restored.samples.shape[1] < 2:
        raise ArgumentError("a restoration of one sample has no deviation to calibrate: give samples, at least 2.")
    truths, counted = np.asarray(truth), np.isfinite(restored.result.loss)
    certain = _whole(len(truths)) if bounds is None else bounds
    each = zip(restored.samples, counted, truths, certain.low < certain.high, strict=True)
    return calibration_of([evidence(*one, floor) for one in each], level, floor)


def intervals(restored: Restoration, calibration: Calibration, bounds: Interval | None = None) -> Interval:
    """The interval of every value of a restoration with samples, ``[B, R, R, C]`` in [-1, 1].

    Args:
        restored: with as many samples as the calibration was measured with.
        calibration: of the same task, prior and recipe.
        bounds: see :func:`calibrate`.

    Returns:
        low and high ends, within [-1, 1] and within the bounds.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.latent("z", num_steps=2, perceptual=None)
    >>> restored = gp.tasks.colorize(prior, jnp.zeros((1, 64, 64, 1)), key=jax.random.key(0), recipe=recipe, samples=2)
    >>> measured = gp.tasks.Calibration(level=0.9, scale=2.0, floor=0.02, images=100, coverage=0.9, width=0.3)
    >>> found = gp.tasks.intervals(restored, measured)
    >>> found.low.shape, bool((found.low <= found.high).all())
    ((1, 64, 64, 3), True)
    """
    certain = _whole(len(restored.samples)) if bounds is None else bounds
    found = _intervals(restored.samples, np.isfinite(restored.result.loss), certain, calibration[1:3])
    return jax.tree.map(np.asarray, found)


@jax.jit
def _intervals(samples: Array, counted: Array, bounds: Interval, size: tuple[float, float]) -> Interval:
    return jax.vmap(lambda own, count, ends: interval(spread(own, count), ends, *size))(samples, counted, bounds)


def coverage(found: Interval, truth: ArrayLike, bounds: Interval | None = None) -> np.ndarray:
    """Part of the values of every image that lie in their intervals; of those that were not certain.

    Args:
        found: ``[B, R, R, C]``, see :func:`intervals`.
        truth: the same, the intact images in [-1, 1].
        bounds: what was certain, see :func:`calibrate`; None counts all.

    Returns:
        ``[B]``, from 0 to 1.

    >>> import numpy as np
    >>> found = Interval(np.full((1, 2, 2, 1), -0.5), np.full((1, 2, 2, 1), 0.5))
    >>> coverage(found, np.array([-0.4, 0.0, 0.4, 0.9]).reshape(1, 2, 2, 1)).tolist()
    [0.75]
    """
    certain = _whole(len(found.low)) if bounds is None else bounds
    return np.asarray(jax.vmap(covered)(found, jnp.asarray(truth), certain))


def _whole(count: int) -> Interval:
    one = np.ones((count, 1, 1, 1), np.float32)
    return Interval(-one, one)
