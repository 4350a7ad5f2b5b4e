"""``gprior demo``."""

import dataclasses
import os
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax import recipes, zoo
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import StepBar, print_json, say
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.synthesis import sample_z, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.images.files import load_image, save_image
from gprior_jax.images.listing import list_images
from gprior_jax.inversion.devices import spread
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.result import Result
from gprior_jax.keys import seeded
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.runs import html
from gprior_jax.runs.verdict import verdict
from gprior_jax.storage.atomic import check_folder, write_bytes, write_json
from gprior_jax.summary import versions

_SAMPLES = 24

TRIALS = ((1, 0), (5, 4), (10, 4), (20, 4), (10, 2), (10, 6))
"""(codes, composing layer) of every trial; layer 0 stands for one code without channel weights."""


class Trial(NamedTuple):
    """One way to invert the demo's images, and what came of it.

    Attributes:
        title: over its column.
        result: of all images.
        metrics: of every image, ``{name: [B]}``: PSNR in dB, and SSIM.
        seconds: with compilation.
    """

    title: str
    result: Result
    metrics: dict[str, np.ndarray]
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demo(JsonFlag):
    """Invert the bundled photographs with the bundled prior: one code against several, and several composing layers.

    Attributes:
        out: folder for report.html, comparison.png and results.json.
        steps: optimisation steps of every trial.
        seed: seed of the run.
    """

    out: Path = Path("demo_output")
    steps: int = 100
    seed: int = 0

    def run(self) -> int:
        """Invert, compare, and write the report."""
        check_positive(self, "steps")
        check_folder(self.out)
        self.out.mkdir(parents=True, exist_ok=True)
        prior = prepare(zoo.load("builtin"))
        groups = {name: load_group(name, prior.resolution) for name in ("portraits", "photographs")}
        names = [name for group in groups.values() for name in group]
        images = np.stack([image for group in groups.values() for image in group.values()])
        in_domain = np.arange(len(names)) < len(groups["portraits"])
        trials = [self._trial(codes, layer, prior, images) for codes, layer in TRIALS]
        rows = [summary_row(trial, in_domain) for trial in trials]
        save_image(self.out / "comparison.png", comparison(images, trials))
        write_json(self.out / "results.json", {"images": names, "trials": rows, "versions": versions()})
        path = self.out / "report.html"
        write_bytes(path, demo_page(prior, names, images, trials, rows).encode())
        if self.json:
            print_json({"report": str(path), "trials": rows})
        else:
            say(f"report: {os.path.realpath(path)}")
        return 0

    def _trial(self, codes: int, layer: int, prior: Prior, images: np.ndarray) -> Trial:
        title = "one code" if layer == 0 else f"{codes} codes at layer {layer}"
        recipe = recipes.mganprior(codes, layer, num_steps=self.steps)
        bar, started = StepBar(title), time.monotonic()
        devices = spread(None, len(images))
        result = invert(prior, images, recipe, key=seeded(self.seed), devices=devices, progress=bar)
        bar({})
        return Trial(title, result, fidelity(result.images, images), time.monotonic() - started)


def load_group(name: str, size: int) -> dict[str, np.ndarray]:
    """The bundled ``"portraits"`` or ``"photographs"``: ``{name: [size, size, 3]}`` in [-1, 1], sorted."""
    folder = Path(str(resources.files("gprior_jax"))) / "data" / name
    return {path.stem: load_image(path, size) for path in list_images([folder]).paths}


def summary_row(trial: Trial, in_domain: np.ndarray) -> dict[str, Any]:
    """A trial's mean figures, for the table."""
    means = {NAMES[name]: float(values.mean()) for name, values in trial.metrics.items()}
    psnr = trial.metrics["psnr"]
    return {
        "method": trial.title,
        **means,
        "portraits, PSNR (dB)": float(psnr[in_domain].mean()),
        "photographs, PSNR (dB)": float(psnr[~in_domain].mean()),
        "steps": trial.result.history["loss"].shape[1],
        "seconds, with compilation": round(trial.seconds, 1),
    }


NAMES = {"psnr": "PSNR (dB)", "ssim": "SSIM"}
"""Columns of the table by the names of metrics."""


def comparison(images: np.ndarray, trials: Sequence[Trial]) -> np.ndarray:
    """A sheet with a row for every image: the input, then every trial's result; uint8."""
    columns = [im.to_uint8(images), *(im.to_uint8(trial.result.images) for trial in trials)]
    cells = np.stack(columns, axis=1)
    return im.grid(cells.reshape(-1, *cells.shape[2:]), len(columns))


def demo_page(
    prior: Prior, names: Sequence[str], images: np.ndarray, trials: Sequence[Trial], rows: Sequence[dict[str, Any]]
) -> str:
    """The report as HTML."""
    sheet = im.grid(im.to_uint8(synthesize(prior, sample_z(prior, seeded(7), _SAMPLES))), 12)
    rows = [{_TITLES.get(name, name): value for name, value in row.items()} for row in rows]
    criteria = [name for name in rows[0] if name not in ("method", "steps")]
    series = {trial.title: trial.result.history["pixel_mse"].mean(axis=0) for trial in trials}
    means = html.section(
        "Which method is best",
        html.conclusion(verdict(rows, "method", criteria)),
        html.table(rows, best=True),
        html.paragraph(f"Means over {len(names)} pictures; below, their mean squared error over the steps."),
        html.curves(series, "mean squared error", 720, 320),
    )
    blocks = [
        html.paragraph(
            f"{len(names)} pictures inverted with the prior '{prior.name}' ({prior.resolution} px). The portraits were "
            "drawn by an earlier checkpoint of its training, so that it has not drawn them itself; the photographs are "
            "a face, and three things that it has never seen. Point at a picture to see the other of input and result "
            "in its place; move a slider to lay the input over a result in part. Point at a curve to read its values."
        ),
        means,
        html.section("The prior", html.picture(sheet, f"{_SAMPLES} random samples", side=sheet.shape[1])),
    ]
    for i, name in enumerate(names):
        blocks.append(html.image_section(name, html.compared(_cells(i, im.to_uint8(images[i]), trials))))
    return html.page("gprior demo", *blocks)


_TITLES = {
    "portraits, PSNR (dB)": "PSNR of portraits (dB)",
    "photographs, PSNR (dB)": "PSNR of photographs (dB)",
    "seconds, with compilation": "seconds with compilation",
}
"""Columns that have other names on the page: without a comma, so that a sentence can list them."""


def _cells(i: int, target: np.ndarray, trials: Sequence[Trial]) -> list[html.Cell]:
    """The input, every trial's result and the error of the best one, which the input is compared with."""
    best = int(np.argmax([np.nan_to_num(trial.metrics["psnr"][i], nan=-np.inf, posinf=np.inf) for trial in trials]))
    results = [im.to_uint8(trial.result.images[i]) for trial in trials]
    cells = [html.Cell("input", target, "input", other=f"trial-{best}")]
    for k, (trial, result) in enumerate(zip(trials, results, strict=True)):
        ahead = "; the best" if k == best and len(trials) > 1 else ""
        caption = f"{trial.title}, {trial.metrics['psnr'][i]:.1f} dB{ahead}"
        cells.append(html.Cell(f"trial-{k}", result, caption, other="input", slides=True))
    error = html.error_map(results[best], target)
    return [*cells, html.Cell("error", error, f"error of {trials[best].title}", other=f"trial-{best}")]
