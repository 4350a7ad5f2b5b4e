"""``gprior evaluate``."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import JsonFlag, RangeFlag, SearchFlag
from gprior_jax.cli.telling import print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.images.frames import Frame
from gprior_jax.keys import seeded
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.runs import comparing, evaluation
from gprior_jax.runs.comparing import Comparison, compare, kept_in
from gprior_jax.runs.evaluation import Row, Sets
from gprior_jax.runs.pairs import match as pairs_of
from gprior_jax.runs.pipeline import Clock
from gprior_jax.runs.squares import INSIDE, cut_alike
from gprior_jax.storage.atomic import check_folder, write_json, write_text
from gprior_jax.summary import versions

Metric = Literal["psnr", "ssim", "ms_ssim", "l1", "auc"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate(SearchFlag, JsonFlag, RangeFlag):
    """Compare results with references: figures of every image, and of the whole sets.

    Files of the same stem belong together, whatever their suffix, with --recursive of the same stem in folders of the
    same name; the pictures of an output folder belong to files of the names that it was made from. Of two files that
    are named themselves the names do not matter. Figures of the sets (sliced Wasserstein distance times 1000, mean
    MS-SSIM of pairs within a set, FID and KID on the network of --perceptual) need two images or more, all of one size.
    Where an output folder has results pasted into photographs, these are compared within their squares, too. The same
    command goes on with an interrupted one.

    Attributes:
        results: an output folder, of which the pictures at its top count; any folder of images; or an image.
        references: the folder of the true images, or an image.
        out: folder for evaluation.csv and evaluation.json; unless given, the folder of the results, and nothing is
            written for a single image.
        metrics: figures of every image.
        perceptual: "builtin" or a model folder with EfficientNet-Lite0, VGG-16 or a discriminator: adds the distance of
            its features, and FID and KID on them (none of which compare with figures of other networks).
        lpips: model folder of LPIPS ("gprior convert --lpips-linear"): adds that distance, of pictures of at least 16
            pixels a side with VGG-16, 31 with AlexNet.
        size: side at which both are compared, pixels; the result's own unless given. References are cropped to their
            centre and resized; those of an output folder as its inputs were, to the square of the face with --align.
        seed: seed of the random patches and pairs of the figures of the sets.
        json: print all figures as JSON on standard output. There and in evaluation.json an infinite figure (the PSNR of
            equal images) is the string "inf", and one that is not defined is null.
    """

    results: Annotated[Path, conf.Positional]
    references: Annotated[Path, conf.Positional]
    out: Path | None = None
    metrics: tuple[Metric, ...] = ("psnr", "ssim", "ms_ssim", "l1", "auc")
    perceptual: str | None = None
    lpips: Path | None = None
    size: int | None = None
    seed: int = 0

    def run(self) -> int:
        """Compare and write."""
        check_positive(self, "size")
        self.check_range()
        out = self.out or (self.results if self.results.is_dir() else None)
        if out is not None:
            check_folder(out)
        failed: dict[str, str] = {}
        pairs = cut_alike(pairs_of(self.results, self.references, failed, self.recursive, warn), failed)
        network = None if self.perceptual is None else zoo.load_perceptual(self.perceptual).prepare()
        if isinstance(network, LPIPS):
            raise ArgumentError(f"--perceptual {self.perceptual} holds LPIPS, a whole distance: give it as --lpips.")
        lpips = None if self.lpips is None else zoo.load_lpips(self.lpips).prepare()
        sets = Sets(seeded(self.seed), len(pairs), self.value_range)
        how = Comparison(tuple(dict.fromkeys(self.metrics)), network, lpips, sets, self.size)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        started, clocks = time.perf_counter(), (Clock(), Clock())
        with kept_in(out, how.told()) as kept:
            rows = compare(pairs, how, kept, failed, clocks)
            figures = comparing.figures(how, rows, kept)
        waited = {name: round(clock.seconds, 2) for name, clock in zip(("input", "output"), clocks, strict=True)}
        timing = {"seconds": round(time.perf_counter() - started, 2), "waited": waited}
        for sentence in (*failed.values(), *([figures["remark"]] if "remark" in figures else [])):
            warn(sentence)
        self._finish(evaluation.evened(rows), figures, failed, out, timing)
        return 1 if failed else 0

    def _finish(
        self,
        rows: list[Row],
        figures: dict[str, Any],
        failed: dict[str, str],
        out: Path | None,
        timing: dict[str, Any],
    ) -> None:
        """Write the files and print the table or JSON."""
        content = {
            "results": str(self.results),
            "references": str(self.references),
            "perceptual": self.perceptual,
            "seed": self.seed,
            **evaluation.summary(rows),
            "sets": figures,
            "failed": failed,
            "versions": versions(),
            **timing,
        }
        content = evaluation.plain(content)
        if out is not None:
            write_text(out / "evaluation.csv", evaluation.as_csv(rows))
            write_json(out / "evaluation.json", content)
        if self.json:
            print_json(content)
            return
        say("\n".join([*table(rows), *figure_lines(figures), *square_lines(rows)]))
        if out is not None:
            say(f"written: {out / 'evaluation.csv'}, {out / 'evaluation.json'}")


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of aligned columns: every image, and the mean."""
    if not rows:
        return ["no image could be compared"]
    names = list(rows[0].values)
    means = {name: evaluation.mean([row.values[name] for row in rows]) for name in names}
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
    return f"{value:.2f}" if name.endswith("psnr") else f"{value:.4f}"


def square_lines(rows: Sequence[Row]) -> list[str]:
    """What was compared, where that is not the centres of the references."""
    framed = sum(isinstance(row.pair.crop, Frame) for row in rows)
    told = f"references cut to the square of the face, as the run cut its photographs: {framed} of {len(rows)}"
    lines = [told] if framed else []
    if any(name in INSIDE.values() for row in rows[:1] for name in row.values):
        lines.append("pasted: the same squares in the photographs that results were pasted into, at their own size")
    return lines


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
