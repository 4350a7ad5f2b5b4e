"""The report of an output folder: one self-contained HTML file."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.images import arrays as im
from gprior_jax.runs import html
from gprior_jax.runs.entries import Entry, entry_of, read_records
from gprior_jax.runs.html import ERROR_RANGE, WIDTH_RANGE
from gprior_jax.runs.names import as_text
from gprior_jax.runs.record import Record
from gprior_jax.runs.tables import more_is_better, shown
from gprior_jax.runs.template import Html, joined
from gprior_jax.runs.verdict import verdict
from gprior_jax.storage.atomic import write_text
from gprior_jax.summary import flatten

MAX_IMAGES = 200
"""Pictures shown in one report; the table lists all images."""

CAPTIONS = {
    "reconstruction": "the generator's image",
    "mean": "mean of the samples",
    "std": f"deviation of the samples, white from {ERROR_RANGE:.0%} of the range",
    "low": "lower ends of the intervals",
    "high": "upper ends of the intervals",
    "width": f"widths: 0 is black, {WIDTH_RANGE / 3:.0%} of the range red, {2 * WIDTH_RANGE / 3:.0%} yellow, "
    f"{WIDTH_RANGE:.0%} white",
}
"""Pictures of a restoration beside its result."""

COLUMNS = ("input", "result", "truth", "error", *CAPTIONS)
"""Where the pictures of an image stand, from the left."""


def record_block(record: Record) -> str:
    """Input, result, error map, curves and metrics of one image, and what a restoration made beside."""
    result = im.to_uint8(record.image)
    figures: dict[str, Any] = {"status": record.status.name, "best step": record.step}
    if "label" in record.variables:
        figures["class"] = int(np.argmax(np.atleast_2d(record.variables["label"])[0]))
    figures |= record.metrics | record.terms
    shown_first = html.row([html.compared(_cells(record, result)), html.curves(record.history)])
    return html.image_section(record.name, shown_first, _samples(record, result), html.table([figures]))


def _cells(record: Record, result: np.ndarray) -> list[html.Cell]:
    """The pictures of an image; the result is compared with the ground truth, or else with the input."""
    decibels = f", {record.metrics['psnr']:.2f} dB" if "psnr" in record.metrics else ""
    truth = record.pictures.get("truth")
    reference = "input" if truth is None else "truth"
    cells = [
        html.Cell("input", record.target, "input", other="result"),
        html.Cell("result", result, f"result{decibels}", other=reference, slides=True),
    ]
    if truth is not None:
        cells.append(html.Cell("truth", truth, "ground truth", other="result"))
    against = truth if truth is not None else None if record.pictures else record.target
    if against is not None:
        caption = f"error, white from {ERROR_RANGE:.0%} of the range"
        cells.append(html.Cell("error", html.error_map(result, against), caption, other="result"))
    # A picture that is the result itself is not shown twice.
    beside = {n: p for n in CAPTIONS if (p := record.pictures.get(n)) is not None and not np.array_equal(p, result)}
    return cells + [html.Cell(name, picture, CAPTIONS[name], other=reference) for name, picture in beside.items()]


def _samples(record: Record, result: np.ndarray) -> Html:
    """The samples, the best first, and which that is; it is not shown again where it is the result."""
    losses = [float(loss) for loss in record.sample_losses]
    if not losses:
        return Html("")
    rows = [{"sample": f"sample {i}", "loss": loss} for i, loss in enumerate(losses, start=1)]
    told = f"Sample 1 is the result. {verdict(rows, 'sample', ['loss']).capitalize()}".strip()
    drawn = [
        html.sample(sample, f"sample {i}, loss {shown(loss)}")
        for i, (sample, loss) in enumerate(zip(record.samples, losses, strict=True), start=1)
        if i > 1 or not np.array_equal(sample, result)
    ]
    return joined([html.paragraph(told), html.samples(drawn)])


def mean_metrics(entries: Sequence[Entry]) -> dict[str, float]:
    """Mean over the images that have it of every metric; infinite where one is."""
    names = dict.fromkeys(name for entry in entries for name in entry.metrics)
    return {name: float(np.mean([e.metrics[name] for e in entries if name in e.metrics])) for name in names}


def images_table(entries: Sequence[Entry]) -> Html:
    """Figures of all images, the best of every column marked, means in the last row; which is best, and why, above."""
    rows = [{n: value for n, value in (e.row | e.metrics).items() if n != "source"} for e in entries]
    rows = [{"image": row.pop("name"), "status": row.pop("status"), "best step": row.pop("step")} | row for row in rows]
    names = dict.fromkeys(name for row in rows for name in row)
    kinds = [name for name in names if more_is_better(name) is not None]
    means = {name: _mean([row[name] for row in rows if row.get(name) is not None]) for name in kinds}
    foot = {"image": f"mean of {len(rows)}"} | means if len(rows) > 1 else None
    links = {entry.row["name"]: html.anchor(entry.row["name"]) for entry in entries if entry.block}
    # Metrics first, the loss before its parts: losses of images with other masks are not of the same pixels.
    measured = mean_metrics(entries)
    criteria = sorted(kinds, key=lambda name: (name not in measured, name != "loss" and name not in measured))
    # The distance of a projection says where an image is from, and is judged by what stands above.
    told = "" if "distance" in measured else verdict(rows, "image", criteria)
    return joined([html.conclusion(told), html.table(rows, foot, links, best=True)])


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def write_report(
    folder: str | os.PathLike, run: dict[str, Any], entries: Sequence[Entry], blocks: Iterable[str] = ()
) -> Path:
    """Write ``report.html`` of an output folder.

    Args:
        folder: the output folder.
        run: what its ``run.json`` holds.
        entries: of all images that are done.
        blocks: HTML that comes first.

    Returns:
        The report's path.
    """
    settings = flatten({"settings": run.get("settings", {}), "versions": run.get("versions", {})})
    rows = html.table([{"setting": n.removeprefix("settings."), "value": str(v)} for n, v in settings.items()])
    parts = [*blocks, html.details("Settings and versions", rows)]
    if entries:
        means = ", ".join(f"{name} {value:.4g}" for name, value in mean_metrics(entries).items())
        count = f"{len(entries)} image{'s' if len(entries) > 1 else ''}."
        parts.append(html.paragraph(f"{count} Means: {means}." if means else count))
        parts.append(images_table(entries))
    if failed := run.get("failed"):
        parts.append(html.section("Failed", html.table([{"file": n, "why": why} for n, why in failed.items()])))
    if len(entries) > MAX_IMAGES:
        parts.append(html.paragraph(f"The first {MAX_IMAGES} of {len(entries)} images are shown; the table lists all."))
    if any(entry.block for entry in entries):
        parts.append(html.paragraph(_HOW))
    if (stages := _stages(run.get("settings", {}).get("recipe"))) > 1:
        parts.append(html.paragraph(f"Of {stages} stages, curves and steps are those of the last one."))
    path = Path(folder) / "report.html"
    title = f"gprior: {os.path.basename(os.path.realpath(folder))}"
    write_text(path, html.page(as_text(title), *parts, *(e.block for e in entries), columns=COLUMNS))
    return path


_HOW = (
    "Point at a picture to see what it is compared with in its place; move the slider below a result to lay the other "
    "over it in part. Point at a curve to read its values. Large pictures are reduced here; the files hold them whole."
)


def _stages(recipe: Any) -> int:
    """How many stages a recipe has, from its summary."""
    return 1 + _stages(recipe["then"]) if isinstance(recipe, dict) and recipe.get("then") else 1


def rewrite_report(
    folder: str | os.PathLike, blocks: Callable[[list[Entry]], Iterable[str]] = lambda entries: ()
) -> Path:
    """Write ``report.html`` again from what is stored in an output folder, ``blocks`` of all images first.

    Raises:
        CheckpointError: not an output folder, or a damaged one.

    >>> import gprior_jax as gp, jax, tempfile
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[:1]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, out)
    ...     page = gp.runs.rewrite_report(out, lambda entries: [f"<p>{len(entries)} of them</p>"])
    ...     told = "<p>1 of them</p>" in page.read_text()
    >>> page.name, told
    ('report.html', True)
    """
    run, records = read_records(folder)
    entries: list[Entry] = []
    for record in records:
        entries.append(entry_of(record, record_block(record) if len(entries) < MAX_IMAGES else ""))
    return write_report(folder, run, entries, blocks(entries))
