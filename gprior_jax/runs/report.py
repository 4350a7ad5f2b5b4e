"""Reports: one self-contained HTML file with pictures, curves and tables; it opens anywhere, offline.

The blocks (:func:`picture`, :func:`curves`, :func:`table`, :func:`page`) return HTML text; :func:`write_report` puts an
output folder's report together from them.
"""

import base64
import html
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.storage.atomic import write_bytes
from gprior_jax.runs.folder import read_records
from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png
from gprior_jax.runs.folder import Record

MAX_IMAGES = 200
"""Pictures shown in one report; the table lists all images."""

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
    body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(name, ''))}</td>" for name in names) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value))


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

    marks = [_decade(at(0, 10.0**d)[1], d, left, width) for d in range(math.ceil(low), math.floor(high) + 1)]
    marks += [f'<text x="{left}" y="{height - 4}">0</text>', f'<text x="{width - 40}" y="{height - 4}">{steps}</text>']
    lines = [_line(values, index, at) for index, values in enumerate(kept.values())]
    names = [
        f'<text x="{width - 6}" y="{top + 12 * (i + 1)}" text-anchor="end" style="fill:{_COLOURS[i % len(_COLOURS)]}">'
        f"{html.escape(name)}</text>"
        for i, name in enumerate(kept)
    ]
    return f'<svg width="{width}" height="{height}" role="img">{"".join(marks + lines + names)}</svg>'


def _decade(y: float, exponent: int, left: int, width: int) -> str:
    return (
        f'<line x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8884"/>'
        f'<text x="{left - 4}" y="{y + 3:.1f}" text-anchor="end">1e{exponent}</text>'
    )


def _line(values: np.ndarray, index: int, at: Any) -> str:
    stride = max(1, len(values) // 400)  # More points than pixels make the file large, not the curve finer.
    points = [at(i, v) for i, v in list(enumerate(values))[::stride] if math.isfinite(v) and v > 0]
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{text}" fill="none" stroke="{_COLOURS[index % len(_COLOURS)]}" stroke-width="1.4"/>'


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


CAPTIONS = {
    "reconstruction": "the generator's image",
    "mean": "mean of the samples",
    "std": f"deviation of the samples, white from {ERROR_RANGE:.0%} of the range",
}
"""Pictures of a restoration beside its result."""


def record_block(record: Record) -> str:
    """Input, result, error map, curves and metrics of one image, and what a restoration made beside."""
    result = im.to_uint8(record.image)
    shown = [picture(record.target, "input"), picture(result, f"result{_decibels(record)}")]
    reference = record.pictures.get("truth", None if record.pictures else record.target)
    if "truth" in record.pictures:
        shown.append(picture(record.pictures["truth"], "ground truth"))
    if reference is not None:
        caption = f"error, white from {ERROR_RANGE:.0%} of the range"
        shown.append(picture(error_map(result, reference), caption))
    shown += [picture(record.pictures[name], text) for name, text in CAPTIONS.items() if name in record.pictures]
    ranked = enumerate(zip(record.samples, record.sample_losses, strict=True), start=1)
    samples = [picture(sample, f"sample {i}, loss {loss:.4g}", 96) for i, (sample, loss) in ranked]
    figures = {"status": record.status.name, "best step": record.step} | record.metrics | record.terms
    return section(record.name, row((*shown, curves(record.history))), row(samples), table([figures]))


def _decibels(record: Record) -> str:
    return f", {record.metrics['psnr']:.2f} dB" if "psnr" in record.metrics else ""


def mean_metrics(records: Sequence[Record]) -> dict[str, float]:
    """Mean over the records that have it of every metric; infinite where one is."""
    names = dict.fromkeys(name for record in records for name in record.metrics)
    return {name: float(np.mean([r.metrics[name] for r in records if name in r.metrics])) for name in names}


def write_report(folder: str | os.PathLike) -> Path:
    """Write ``report.html`` of an output folder from what is stored in it.

    Args:
        folder: what ``gprior invert`` or a restoration wrote.

    Returns:
        The report's path.

    Raises:
        CheckpointError: not an output folder, or a damaged one.
    """
    folder = Path(folder)
    run, records = read_records(folder)
    shown, briefs = [], []
    for record in records:
        shown += [record_block(record)] if len(shown) < MAX_IMAGES else []
        briefs.append(record.brief())
    blocks = [_settings(run)]
    if briefs:
        means = ", ".join(f"{name} {value:.4g}" for name, value in mean_metrics(briefs).items())
        blocks.append(paragraph(f"{len(briefs)} images. Means: {means}."))
    if failed := run.get("failed"):
        blocks.append(section("Failed", table([{"file": name, "why": why} for name, why in failed.items()])))
    if len(briefs) > MAX_IMAGES:
        blocks.append(paragraph(f"The first {MAX_IMAGES} of {len(briefs)} images are shown; run.json lists all."))
    path = folder / "report.html"
    write_bytes(path, page(f"gprior: {folder.resolve().name}", *blocks, *shown).encode())
    return path


def _settings(run: dict[str, Any]) -> str:
    flat = _flatten(run.get("settings", {}) | {"versions": run.get("versions", {})})
    rows = [{"setting": name, "value": value} for name, value in flat.items()]
    return f"<details><summary>Settings and versions</summary>{table(rows)}</details>"


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Nested objects as one, with dotted names."""
    if isinstance(value, dict):
        parts = [_flatten(inner, f"{name}.{key}" if name else key) for key, inner in value.items()]
        return {key: inner for part in parts for key, inner in part.items()}
    return {name: value}
