"""Calibrations of intervals as files: measured on an output folder, checked against a run, and drawn in its records."""

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.runs.entries import read_records
from gprior_jax.runs.html import WIDTH_RANGE, heat_map
from gprior_jax.runs.record import Record
from gprior_jax.storage.atomic import read_json, write_json
from gprior_jax.summary import check_same
from gprior_jax.tasks import Arrays, Calibration, Interval, Restoration, Task, bounds_of, coverage, intervals
from gprior_jax.tasks.calibration import Evidence, calibration_of, evidence

FORMAT = 1

_NO_MATTER = ("key", "simulate", "crop", "range", "factor", "peak", "rate", "intervals")
"""Settings of a run by which a calibration is none for another: how pictures are simulated or become square, a seed."""


class Calibrated(NamedTuple):
    """A calibration, and what it was measured with.

    Attributes:
        calibration: of the intervals.
        factor: how much smaller than the result what was observed is.
        settings: of the run, as far as they matter: task, prior, recipe, number of samples, operator.
    """

    calibration: Calibration
    factor: int
    settings: dict[str, Any]


def decisive(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run that are the same wherever a calibration holds."""
    return {name: value for name, value in settings.items() if name not in _NO_MATTER}


def calibrate_folder(folder: str | os.PathLike, level: float = 0.9) -> Calibrated:
    """Measure intervals on a restoration, with samples, of pictures whose intact ones are known.

    Args:
        folder: the output folder.
        level: part of the values that is to be covered.

    Raises:
        ArgumentError: no restoration, one result of each picture, nothing to compare with, several factors, or fewer
            pictures than the level needs.
        CheckpointError: no output folder, or a damaged one.
    """
    run, records = read_records(folder)
    if "task" not in run["settings"]:
        raise ArgumentError(f"{folder} holds no restorations: name the output folder of one.")
    found: list[Evidence] = []
    factors: set[int] = set()
    for record in records:
        if len(record.samples) < 2:
            raise ArgumentError(f"{folder} holds one result of each picture: restore them with several samples.")
        if "truth" in record.pictures:
            found.append(_told(record))
            factors.add(record.image.shape[0] // record.target.shape[0])
    if not found:
        raise ArgumentError(f"{folder} holds no intact pictures to compare with: simulate, or give ground truths.")
    if len(factors) > 1:
        several = ", ".join(map(str, sorted(factors)))
        raise ArgumentError(f"{folder} holds pictures enlarged by {several}: restore each factor into its own folder.")
    return Calibrated(calibration_of(found, level), factors.pop(), decisive(run["settings"]))


def _told(record: Record) -> Evidence:
    unknown = record.pictures.get("unknown", np.full((1, 1, 1), 255, np.uint8)) > 0
    counted, truth = np.isfinite(record.sample_losses), im.from_uint8(record.pictures["truth"])
    return evidence(im.from_uint8(record.samples), counted, truth, unknown)


def write_calibration(path: str | os.PathLike, found: Calibrated) -> None:
    """Write a calibration, JSON, whole or not at all."""
    about = {"format": FORMAT, "factor": found.factor, "settings": found.settings}
    write_json(path, found.calibration._asdict() | about)


def read_calibration(path: str | os.PathLike) -> Calibrated:
    """Read what :func:`write_calibration` wrote.

    Raises:
        CheckpointError: it is missing, damaged, or something else.
    """
    remedy = "calibrate again"
    found = read_json(Path(path), remedy)
    try:
        numbers = {name: kind(found[name]) for name, kind in Calibration.__annotations__.items()}
        calibration, factor, settings = Calibration(**numbers), int(found["factor"]), dict(found["settings"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise CheckpointError(f"{path} is no calibration of intervals, or damaged: {remedy}.") from None
    if found.get("format") != FORMAT or factor < 1 or not _is_possible(calibration):
        raise CheckpointError(f"{path} is a calibration that this version cannot read, or damaged: {remedy}.")
    return Calibrated(calibration, factor, settings)


def _is_possible(found: Calibration) -> bool:
    """Whether the numbers are such as are measured."""
    sizes = found.scale >= 0 and found.floor > 0 and found.images >= 1
    return all(map(math.isfinite, found)) and 0 < found.level < 1 and sizes


def check_calibrated(path: str | os.PathLike, found: Calibrated, settings: dict[str, Any]) -> None:
    """Make sure that a calibration was measured with what a run has.

    Args:
        path: of the calibration, for what is said.
        found: the calibration.
        settings: of the run, as :meth:`gprior_jax.runs.Restoring.settings` gives them.

    Raises:
        ArgumentError: another task, prior, recipe, number of samples or operator; the sentence says which.
    """
    remedy = "calibrate with the settings of now, or restore with those"
    check_same(found.settings, decisive(settings), f"{path} is a calibration", remedy)


class Uncertain(NamedTuple):
    """What is certain of a batch, ``[B, ...]``, and the intervals where they are wanted."""

    bounds: Interval
    found: Interval | None


def uncertain(task: Task, arrays: Arrays, restored: Restoration, calibration: Calibration | None) -> Uncertain:
    """The intervals of a batch that was restored."""
    bounds = bounds_of(task, arrays)
    return Uncertain(bounds, None if calibration is None else intervals(restored, calibration, bounds))


def with_intervals(record: Record, of_batch: Uncertain, i: int, truth: np.ndarray | None) -> Record:
    """A record with pictures of its intervals: ``"low"``, ``"high"``, ``"width"``.

    Beside a ground truth it says, for a calibration, which values were ``"unknown"``, where some were certain.

    Args:
        record: of one image.
        of_batch: what is uncertain of its batch.
        i: its place there.
        truth: the intact image, ``[R, R, C]``, where it is known; then the record says how much of it is covered.
    """
    pictures, metrics, shape = dict(record.pictures), dict(record.metrics), record.image.shape
    bounds = Interval(*(end[i : i + 1] for end in of_batch.bounds))
    unknown = np.broadcast_to(bounds.low < bounds.high, (1, *shape))[0]
    if truth is not None and not unknown.all():
        pictures["unknown"] = np.uint8(255) * unknown
    if of_batch.found is not None:
        found = Interval(*(np.asarray(end[i : i + 1]) for end in of_batch.found))
        widths = np.asarray(found.high - found.low)[0] / 2.0
        pictures |= _drawn(found) | {"width": heat_map(widths.mean(axis=-1) / WIDTH_RANGE)}
        if unknown.any():
            metrics["width"] = float(widths[unknown].mean())
        if truth is not None and unknown.any():
            metrics["coverage"] = float(coverage(found, truth[None], bounds)[0])
    return record._replace(pictures=pictures, metrics=metrics)


def _drawn(found: Interval) -> dict[str, np.ndarray]:
    """Both ends of the intervals of one image as 8-bit pictures: rounded outwards, so that they cover what they did."""
    low, high = ((end[0] + 1.0) * im.GREY_LEVEL for end in found)
    nearly = 1e-3  # Grey levels that are whole up to float32 stay.
    ends = {"low": np.floor(low + nearly), "high": np.ceil(high - nearly)}
    return {name: np.clip(end, 0, 255).astype(np.uint8) for name, end in ends.items()}


def as_settings(calibration: Calibration) -> dict[str, float]:
    """What of a calibration decides a run's results, JSON."""
    return {name: getattr(calibration, name) for name in ("level", "scale", "floor")}
