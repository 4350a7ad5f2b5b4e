"""Curves and histograms of a report, as SVG."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gprior_jax.runs.template import Html, fill, joined
from gprior_jax.runs.ticks import Axis, axis_of, linear_ticks, log_ticks

_POINTS = 240
"""Points of a curve; more of them than pixels make the file large, not the curve finer."""

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, told apart by colour-blind readers too; curves take theirs from the style sheet."""


class _Frame:
    """Where the axes of a chart are, in pixels from the upper left corner."""

    def __init__(self, width: int, height: int, axis: Axis, steps: int):
        self.axis, self.steps = axis, steps
        self.left, self.right, self.top, self.bottom = 70, width - 12, 10, height - 38

    def at(self, step: int, value: float) -> tuple[float, float]:
        x = self.left + (self.right - self.left) * step / max(self.steps, 1)
        return round(x, 2), round(self.bottom - (self.bottom - self.top) * self.axis.share(value), 2)

    def summary(self) -> str:
        """What the page needs to read values off the curves."""
        own = {"log": self.axis.is_log, "low": self.axis.low, "high": self.axis.high, "steps": max(self.steps, 1)}
        places = {name: getattr(self, name) for name in ("left", "right", "top", "bottom")}
        return json.dumps(own | places)

    def drawn(self, up: str) -> Iterator[Html]:
        """Grid, ticks and titles."""
        sides = {"left": self.left, "right": self.right, "top": self.top, "bottom": self.bottom}
        for tick in linear_ticks(0, self.steps, whole=True):
            x, _ = self.at(int(tick.value), 1.0)
            yield fill("tick_x", x=x, below=self.bottom + 15, text=tick.text, **sides)
        for tick in self.axis.ticks:
            _, y = self.at(0, tick.value)
            yield fill("tick_y", y=y, beside=self.left - 6, middle=y + 4, text=tick.text, **sides)
        titles = {"across": "step", "up": f"{up}, log scale" if self.axis.is_log else up}
        middle = {"x": (self.left + self.right) / 2, "y": (self.top + self.bottom) / 2, "lowest": self.bottom + 33}
        yield fill("titles", **titles, **middle, **sides)


def curves(series: Mapping[str, np.ndarray], up: str = "loss", width: int = 460, height: int = 260) -> Html:
    """Curves over steps, on a logarithmic scale unless there are negative values.

    What is not finite, or not positive on a logarithmic scale, is a gap.

    Args:
        series: ``[T]`` by name; those of other lengths end earlier.
        up: title of the axis of values.
        width: CSS pixels.
        height: likewise.

    Returns:
        A figure with a legend below; empty where there is nothing finite.
    """
    kept = {name: np.asarray(values, np.float64).ravel() for name, values in series.items()}
    axis = axis_of(np.concatenate([*kept.values(), []]))
    if axis is None:
        return Html("")
    frame = _Frame(width, height, axis, max(len(values) for values in kept.values()) - 1)
    kinds = _kinds(list(kept.values()))
    lines = [_line(frame, i, values, kinds[i]) for i, values in enumerate(kept.values())]
    told = f"{up} over {frame.steps} steps: {', '.join(kept)}"
    return fill(
        "curves",
        axes=frame.summary(),
        told=told,
        width=width,
        height=height,
        drawn=joined([*frame.drawn(up), *lines]),
        legend=joined(fill("legend", kind=kind, name=name) for kind, name in zip(kinds, kept, strict=True)),
    )


def _kinds(curves: Sequence[np.ndarray]) -> list[str]:
    """Classes of curves: a colour, and dashes where it is used again or another curve lies below."""
    again = [any(np.array_equal(each, other) for other in curves[:i]) for i, each in enumerate(curves)]
    dashed = [" dashed" if i >= len(_COLOURS) or same else "" for i, same in enumerate(again)]
    return [f"curve f{i % len(_COLOURS)}{dashes}" for i, dashes in enumerate(dashed)]


def _line(frame: _Frame, index: int, values: np.ndarray, kind: str) -> Html:
    """A curve, in pieces where it has gaps; a dot for a piece of one point."""
    last = len(values) - 1
    steps = [*range(0, last, max(1, math.ceil(len(values) / _POINTS))), last] if len(values) else []
    points = [frame.at(step, values[step]) for step in steps]
    pieces: list[Html] = []
    for is_shown, run in itertools.groupby(points, lambda point: not math.isnan(point[1])):
        piece = list(run)
        if is_shown and len(piece) == 1:
            pieces.append(fill("dot_of_curve", kind=kind, index=index, x=piece[0][0], y=piece[0][1]))
        elif is_shown:
            told = " ".join(f"{x:g},{y:g}" for x, y in piece)
            pieces.append(fill("line_of_curve", kind=kind, index=index, points=told))
    return joined(pieces)


_BINS = 32
_ROW = 14


def histogram(
    series: Mapping[str, np.ndarray],
    marks: Mapping[str, float] | None = None,
    across: str = "distance",
    width: int = 560,
    height: int = 240,
) -> Html:
    """Histograms of several sets of positive numbers, over one another on a logarithmic scale: an SVG file's content.

    Args:
        series: numbers by the name of their set; bars are shares of each set.
        marks: single numbers to point out, by name.
        across: what the numbers are.
        width: CSS pixels.
        height: likewise, without the names of marks, which take rows of their own.
    """
    marks = marks or {}
    logs = {name: np.log10(np.maximum(np.asarray(values, np.float64), 1e-12)) for name, values in series.items()}
    pointed = {name: math.log10(max(value, 1e-12)) for name, value in marks.items()}
    everything = np.concatenate([*logs.values(), [*pointed.values()]])
    low, high = float(everything.min()), max(float(everything.max()), float(everything.min()) + 1e-3)
    edges = np.linspace(low, high, _BINS + 1)
    shares = [np.histogram(values, edges)[0] / max(len(values), 1) for values in logs.values()]
    tallest = max(float(share.max()) for share in shares) or 1.0
    left, right, top, bottom = 52, width - 12, 14 + _ROW * len(series), height - 40
    scale = (right - left) / (high - low)

    def place(value: float) -> float:
        return round(left + scale * (value - low), 1)

    drawn = [fill("rule", left=left, right=right, bottom=bottom)]
    for i, (name, share) in enumerate(zip(series, shares, strict=True)):
        colour, text = _COLOURS[i % len(_COLOURS)], f"{name} ({len(series[name])})"
        y = top - 6 - _ROW * (len(series) - 1 - i)
        drawn += [fill("bar", x=left, y=y - 9, width=10, height=10, colour=colour), _text(left + 16, y, text, "start")]
        drawn += _bars(share * (bottom - top) / tallest, place(edges[0]), (right - left) / _BINS, bottom, colour)
    for tick in linear_ticks(0, tallest * 100):
        drawn.append(_text(left - 6, bottom - (bottom - top) * tick.value / tallest / 100 + 4, f"{tick.text} %", "end"))
    for tick in log_ticks(10**low, 10**high):
        x = place(math.log10(tick.value))
        drawn += [fill("tick", x=x, top=bottom, bottom=bottom + 4), _text(x, bottom + 16, tick.text)]
    drawn.append(_text((left + right) / 2, bottom + 32, f"{across}, log scale; shares of images"))
    rows = _rows({name: place(value) for name, value in pointed.items()}, width)
    for name, (x, row) in rows.items():
        y = height + _ROW * row
        drawn += [
            fill("pointer", x=x, top=top, bottom=y - 2),
            _text(x, y + 9, name, "start" if x < width / 2 else "end"),
        ]
    tall = height + _ROW * (1 + max((row for _, row in rows.values()), default=-1))
    told = f"histograms of {', '.join(series)}" + (f", and where {', '.join(marks)} lie" if marks else "")
    return fill("histogram", told=told, width=width, height=tall, drawn=joined(drawn))


def _text(x: float, y: float, text: str, anchor: str = "middle") -> Html:
    return fill("text", x=round(x, 1), y=round(y, 1), text=text, anchor=anchor)


def _bars(heights: np.ndarray, start: float, width: float, bottom: float, colour: str) -> list[Html]:
    sizes = [(round(start + i * width, 1), round(float(tall), 1)) for i, tall in enumerate(heights) if tall > 0]
    return [
        fill("bar", x=x, y=round(bottom - tall, 1), width=round(width, 1), height=tall, colour=colour)
        for x, tall in sizes
    ]


def _rows(places: Mapping[str, float], width: int) -> dict[str, tuple[float, int]]:
    """Names below a chart, each in the first row where it covers no other; names to the right run leftwards."""
    taken: list[list[tuple[float, float]]] = []
    found: dict[str, tuple[float, int]] = {}
    for name, x in sorted(places.items(), key=lambda item: item[1]):
        long = 7.0 * len(name) + 8
        start, end = (x, x + long) if x < width / 2 else (x - long, x)
        fits: Sequence[int] = [i for i, row in enumerate(taken) if all(end < a or b < start for a, b in row)]
        row = fits[0] if fits else len(taken)
        if row == len(taken):
            taken.append([])
        taken[row].append((start, end))
        found[name] = (x, row)
    return found
