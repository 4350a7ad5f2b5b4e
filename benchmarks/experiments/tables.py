"""Results as CSV files: one row for every image and setting, and means over them."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import GPriorError
from gprior_jax.storage.atomic import write_bytes

Row = dict[str, Any]
"""Settings (strings) and figures (floats) by the name of their column."""

IMAGE = "image"
"""Column that names the image; means are taken over it."""


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows that have the same columns; whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    write_bytes(path, text.getvalue().encode())


def read_csv(path: Path) -> list[Row]:
    """Read what :func:`write_csv` wrote; what looks like a number is one.

    Raises:
        GPriorError: the file is missing or empty.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows: list[Row] = [{name: _number(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError, csv.Error) as error:  # A row that is too short or long holds no strings.
        raise GPriorError(f"{path} cannot be read ({error}): run the experiment first.") from error
    if not rows:
        raise GPriorError(f"{path} holds no rows: remove it and run the experiment again.")
    return rows


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def figures_of(metrics: Mapping[str, np.ndarray], names: Sequence[str], **settings: Any) -> list[Row]:
    """Rows of one setting: ``{name: [B]}`` figures of the images ``names``."""
    return [
        {**settings, IMAGE: name} | {metric: float(values[i]) for metric, values in metrics.items()}
        for i, name in enumerate(names)
    ]


def means(rows: Sequence[Row], settings: Sequence[str]) -> list[Row]:
    """Means over the images of every combination of settings, in the order of their first row.

    >>> means([{"codes": 1, "image": "a", "psnr": 1.0}, {"codes": 1, "image": "b", "psnr": 3.0}], ["codes"])
    [{'codes': 1, 'psnr': 2.0}]
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in settings), []).append(row)
    figures = [name for name in rows[0] if name not in (*settings, IMAGE)]
    return [
        dict(zip(settings, key, strict=True)) | {name: _mean([row[name] for row in group]) for name in figures}
        for key, group in groups.items()
    ]


def _mean(values: Sequence[Any]) -> float:
    numbers = [value for value in values if isinstance(value, float) and math.isfinite(value)]
    return float(np.mean(numbers)) if numbers else math.nan


def markdown(rows: Sequence[Row], digits: int = 4) -> str:
    """A Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = [f"{v:.{digits}g}" if isinstance(v, float) else str(v) for v in (row[name] for name in names)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
