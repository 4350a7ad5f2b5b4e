"""Blocks of one self-contained HTML file with pictures, curves and tables; it opens anywhere, offline."""

import base64
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png

ERROR_RANGE = 0.25
"""Absolute difference, of pixels in [0, 1], that the error map shows as white."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #888; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start; margin: .6rem 0; }
figure { margin: 0; } figcaption { font-size: .8rem; color: var(--dim); max-width: 12rem; }
img { image-rendering: pixelated; display: block; border-radius: 3px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
td:first-child, th:first-child { text-align: left; }
svg text { font-size: 10px; fill: currentColor; }
"""

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""


def picture(image: np.ndarray, caption: str = "", side: int = 192) -> str:
    """A picture with a caption.

    Args:
        image: uint8 ``[H, W, 3]``.
        caption: text under it.
        side: width on the page, CSS pixels.
    """
    data = base64.b64encode(encode_png(image)).decode()
    text = html.escape(caption)
    shown = f'<img width="{side}" alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{shown}<figcaption>{text}</figcaption></figure>"


def error_map(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean absolute difference over channels as a picture, black to white at :data:`ERROR_RANGE`.

    Args:
        image: uint8 ``[H, W, 3]``.
        reference: the same.

    Returns:
        uint8 ``[H, W, 3]``, from black through red and yellow to white.
    """
    difference = np.abs(image.astype(np.float32) - reference.astype(np.float32)).mean(axis=-1) / 255.0
    level = np.clip(difference / ERROR_RANGE, 0.0, 1.0)
    channels = [np.clip(3.0 * level - start, 0.0, 1.0) for start in (0.0, 1.0, 2.0)]
    return im.to_uint8(np.stack(channels, axis=-1) * 2.0 - 1.0)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table with the keys of the first row as its head; floats are shown with four digits."""
    if not rows:
        return ""
    names = list(rows[0])
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in names)
    values = [[row.get(name, "") for name in names] for row in rows]
    told = [[f"{value:.4g}" if isinstance(value, float) else str(value) for value in line] for line in values]
    body = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>" for line in told)
    return f"<table><tr>{head}</tr>{body}</table>"


def curves(series: Mapping[str, np.ndarray], width: int = 360, height: int = 190) -> str:
    """Curves over steps on a logarithmic scale, as SVG. Values that are not positive and finite are left out."""
    kept = {name: np.asarray(values, np.float64) for name, values in series.items()}
    valid = [v[np.isfinite(v) & (v > 0)] for v in kept.values()]
    if not any(len(v) for v in valid):
        return ""
    low = math.log10(min(v.min() for v in valid if len(v)))
    high = max(math.log10(max(v.max() for v in valid if len(v))), low + 1e-3)
    steps = max(max(len(v) for v in kept.values()) - 1, 1)
    left, bottom, top = 44, height - 18, 8

    def at(step: float, value: float) -> tuple[float, float]:
        x = left + (width - left - 6) * step / steps
        return x, bottom - (bottom - top) * (math.log10(value) - low) / (high - low)

    marks = []
    for exponent in range(math.ceil(low), math.floor(high) + 1):
        _, y = at(0, 10.0**exponent)
        marks.append(f'<line x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8884"/>')
        marks.append(f'<text x="{left - 4}" y="{y + 3:.1f}" text-anchor="end">1e{exponent}</text>')
    marks += [f'<text x="{left}" y="{height - 4}">0</text>', f'<text x="{width - 40}" y="{height - 4}">{steps}</text>']
    lines = []
    for index, values in enumerate(kept.values()):
        stride = max(1, len(values) // 400)  # More points than pixels make the file large, not the curve finer.
        points = [at(i, v) for i, v in list(enumerate(values))[::stride] if math.isfinite(v) and v > 0]
        text, colour = " ".join(f"{x:.1f},{y:.1f}" for x, y in points), _COLOURS[index % len(_COLOURS)]
        lines.append(f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
    names = [
        f'<text x="{width - 6}" y="{top + 12 * (i + 1)}" text-anchor="end" style="fill:{_COLOURS[i % len(_COLOURS)]}">'
        f"{html.escape(name)}</text>"
        for i, name in enumerate(kept)
    ]
    return f'<svg width="{width}" height="{height}" role="img">{"".join(marks + lines + names)}</svg>'


def histogram(
    series: Mapping[str, np.ndarray], marks: Mapping[str, float] | None = None, width: int = 480, height: int = 220
) -> str:
    """Histograms of several sets of positive numbers, over one another on a logarithmic scale, as SVG.

    Args:
        series: numbers by the name of their set; bars are shares of each set.
        marks: single numbers to point out, by name.
        width: CSS pixels.
        height: likewise.
    """
    marks = marks or {}
    logs = {name: np.log10(np.maximum(np.asarray(values, np.float64), 1e-12)) for name, values in series.items()}
    pointed = [math.log10(max(value, 1e-12)) for value in marks.values()]
    everything = np.concatenate([*logs.values(), pointed])
    low, high = float(everything.min()), max(float(everything.max()), float(everything.min()) + 1e-3)
    edges = np.linspace(low, high, _BINS + 1)
    shares = {name: np.histogram(values, edges)[0] / len(values) for name, values in logs.items()}
    top, bottom, tallest = 8, height - 30, max(float(share.max()) for share in shares.values())

    def across(value: float) -> float:
        return 8 + (width - 16) * (value - low) / (high - low)

    drawn = []
    for index, (name, share) in enumerate(shares.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        for left, right, part in zip(edges[:-1], edges[1:], share, strict=True):
            tall = (bottom - top) * part / tallest
            place = f'x="{across(left):.1f}" y="{bottom - tall:.1f}" width="{across(right) - across(left):.1f}"'
            drawn.append(f'<rect {place} height="{tall:.1f}" fill="{colour}" fill-opacity="0.5"/>')
        text = html.escape(f"{name} ({len(series[name])})")
        drawn.append(
            f'<text x="{width - 8}" y="{top + 12 * (index + 1)}" text-anchor="end" style="fill:{colour}">{text}</text>'
        )
    for name, value in zip(marks, pointed, strict=True):
        x = f"{across(value):.1f}"
        drawn.append(f'<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" stroke="currentColor" stroke-dasharray="3"/>')
        drawn.append(f'<text x="{x}" y="{bottom + 12}" text-anchor="middle">{html.escape(name)}</text>')
    ends = f'<text x="8" y="{height - 4}">{10**low:.3g}</text>'
    ends += f'<text x="{width - 8}" y="{height - 4}" text-anchor="end">{10**high:.3g}</text>'
    shape = f'xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img"'
    return f'<svg {shape} font-size="10">{"".join(drawn)}{ends}</svg>'


_BINS = 32


def row(items: Iterable[str]) -> str:
    """Blocks side by side."""
    return f'<div class="row">{"".join(items)}</div>'


def section(title: str, *blocks: str) -> str:
    """Blocks under a heading."""
    return f"<h2>{html.escape(title)}</h2>" + "".join(blocks)


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def page(title: str, *blocks: str) -> str:
    """A whole HTML document."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>{''.join(blocks)}</html>\n"
    )
