"""Figures and tables of the experiments, drawn from their CSV files alone."""

import io
from pathlib import Path
from typing import Any

from benchmarks.experiments import tables
from benchmarks.experiments.mganprior import PARTS
from benchmarks.experiments.tables import Row
from gprior_jax.errors import GPriorError, require
from gprior_jax.storage.atomic import write_bytes

CURVES = {"codes": "codes", "layers": "layer"}
"""Experiments that are shown as a curve over this column."""


def draw(folder: Path) -> list[Path]:
    """Draw ``FIGURE.png`` for the curves and write ``tables.md`` for everything that has a CSV file in ``folder``.

    Returns:
        What was written.

    Raises:
        GPriorError: there is no CSV file, or a damaged one.
    """
    found = {name: tables.read_csv(folder / f"{name}.csv") for name in PARTS if (folder / f"{name}.csv").exists()}
    if not found:
        raise GPriorError(f"{folder} holds no CSV file of an experiment: run one first.")
    written = [_curve(folder, name, column, found[name]) for name, column in CURVES.items() if name in found]
    if "domains" in found:
        written.append(_domains(folder, found["domains"]))
    text = "".join(
        f"## {name}\n\n{tables.markdown(tables.means(rows, PARTS[name][1]))}\n" for name, rows in found.items()
    )
    write_bytes(folder / "tables.md", text.encode())
    return [*written, folder / "tables.md"]


def _curve(folder: Path, name: str, column: str, rows: list[Row]) -> Path:
    """PSNR over a column: the mean as a line, every image as a dot."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    mean = tables.means(rows, [column])
    axes.scatter([r[column] for r in rows], [r["psnr"] for r in rows], s=8, alpha=0.4, color="#999999")
    axes.plot([r[column] for r in mean], [r["psnr"] for r in mean], marker="o", color="#0072b2")
    if name == "codes":
        axes.set_xscale("log", base=2)
        axes.set_xticks([r[column] for r in mean], [f"{r[column]:.0f}" for r in mean])
    axes.set_xlabel({"codes": "latent codes", "layer": "composing layer"}[column])
    axes.set_ylabel("PSNR (dB)")
    return _save(figure, folder / f"figure_{name}.png")


def _domains(folder: Path, rows: list[Row]) -> Path:
    """PSNR over layers, a line for every pair of prior and images."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    mean = tables.means(rows, ["prior", "images", "layer"])
    for pair in dict.fromkeys((r["prior"], r["images"]) for r in mean):
        line = [r for r in mean if (r["prior"], r["images"]) == pair]
        axes.plot(
            [r["layer"] for r in line],
            [r["psnr"] for r in line],
            marker="o",
            label=f"{pair[0]} prior, {pair[1]} images",
        )
    axes.set_xlabel("composing layer")
    axes.set_ylabel("PSNR (dB)")
    figure.legend(loc="outside upper center", ncols=2)
    return _save(figure, folder / "figure_domains.png")


def _pyplot() -> Any:
    matplotlib = require("matplotlib", "plot")
    matplotlib.use("Agg")
    return require("matplotlib.pyplot", "plot")


def _save(figure: Any, path: Path) -> Path:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=140)
    require("matplotlib.pyplot", "plot").close(figure)
    write_bytes(path, buffer.getvalue())
    return path
