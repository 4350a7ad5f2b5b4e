"""Figures of an evaluation as text: summary, JSON, CSV and the table of ``gprior evaluate``."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Pair(NamedTuple):
    """A result and its reference."""

    result: Path
    reference: Path


class Row(NamedTuple):
    """Figures of one image.

    Attributes:
        pair: the files.
        size: side at which they were compared, pixels.
        values: ``{metric: figure}``; infinite or NaN where it is so.
    """

    pair: Pair
    size: int
    values: dict[str, float]


def mean(values: Sequence[float]) -> tuple[float, int]:
    """Mean of the finite values and their number; where there is none, infinite if a value is, else NaN.

    >>> mean([1.0, 3.0, math.inf, math.nan])
    (2.0, 2)
    >>> mean([math.inf, math.nan]), mean([])
    ((inf, 0), (nan, 0))
    """
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        return math.fsum(finite) / len(finite), len(finite)
    return next((value for value in values if math.isinf(value)), math.nan), 0


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """``"images"``, their ``"mean"`` (of the finite figures) and how many figures are in each (``"counted"``)."""
    means = {name: mean([row.values[name] for row in rows]) for name in (rows[0].values if rows else ())}
    images = [
        {"name": row.pair.result.stem, "result": str(row.pair.result), "reference": str(row.pair.reference)}
        | {"size": row.size}
        | row.values
        for row in rows
    ]
    return {
        "images": images,
        "mean": {name: value for name, (value, _) in means.items()},
        "counted": {name: count for name, (_, count) in means.items()},
    }


def plain(content: Any) -> Any:
    """Content that is valid JSON: infinite numbers become "inf" or "-inf", NaN null.

    >>> plain({"a": [math.inf, math.nan, 1.0]})
    {'a': ['inf', None, 1.0]}
    """
    if isinstance(content, dict):
        return {key: plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else str(content)
    return content


def as_csv(rows: Sequence[Row]) -> str:
    """One line an image, ``inf`` and ``nan`` where figures are so."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(rows[0].values) if rows else []
    writer.writerow(["name", "size", *names])
    for row in rows:
        writer.writerow([row.pair.result.stem, row.size, *(f"{row.values[name]:.8g}" for name in names)])
    return text.getvalue()


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of aligned columns: every image, and the mean."""
    if not rows:
        return ["no image could be compared"]
    names = list(rows[0].values)
    means = {name: mean([row.values[name] for row in rows]) for name in names}
    lines = [["image", *names], *([row.pair.result.stem, *map(_shown, names, row.values.values())] for row in rows)]
    lines.append(["mean", *(_shown(name, means[name][0]) for name in names)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([first.ljust(widths[0]), *(x.rjust(w) for x, w in zip(rest, widths[1:], strict=True))]).rstrip()
        for first, *rest in lines
    ]
    partial = [f"{name}: mean of the {count} finite of {len(rows)}" for name, (_, count) in means.items()]
    return text + [line for line, name in zip(partial, names, strict=True) if 0 < means[name][1] < len(rows)]


def _shown(name: str, value: float) -> str:
    return f"{value:.2f}" if name == "psnr" else f"{value:.4f}"


def figure_lines(figures: dict[str, Any]) -> list[str]:
    """The figures of the sets in words."""
    lines = []
    if "swd" in figures:
        levels = ", ".join(f"{value:.3f} at {level} px" for level, value in figures["swd"].items())
        lines.append(f"sliced Wasserstein distance x1000: {levels}")
    if "fid" in figures:
        lines.append(f"FID {figures['fid']:.4f}, KID {figures['kid']:.6f} (on the given network)")
    if "diversity" in figures:
        ours, theirs = figures["diversity"]["result"], figures["diversity"]["reference"]
        lines.append(f"mean MS-SSIM of pairs within a set (lower is more diverse): {ours:.4f}, references {theirs:.4f}")
    return lines
