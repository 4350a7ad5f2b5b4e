"""``gprior explain``."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.checking import check_positive, mask_gray
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import check_drawn, counted, print_json, say, warn
from gprior_jax.editing import Point
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import prepare
from gprior_jax.metrics.explain import THRESHOLD
from gprior_jax.runs.edits import result_names
from gprior_jax.runs.explain_files import row_of, write_result, write_tables
from gprior_jax.runs.explaining import DRAWN, Explained, Explainer, check_explainable
from gprior_jax.runs.region_names import read_region_names
from gprior_jax.runs.regions import read_classes, read_regions
from gprior_jax.runs.sources import read_points
from gprior_jax.runs.tables import shown
from gprior_jax.storage.atomic import check_free, new_folder, write_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explain(JsonFlag):
    """Say what each of the codes of a result does: where it acts, which channels it carries, what is lost without it.

    Of an inpainted picture codes act on what was missing alone.

    Attributes:
        results: of gprior invert with several codes: .npz files or their folders; several, of other composing layers,
            say, are compared.
        out: folder to make: explain.json, codes.csv, ablation.csv, and NAME/ with sheet.png (target, result,
            territories; a row for each code: its own picture, the result without it, its map, its region), every
            picture, and the maps. The most important code is that of the largest mean of its map; what is lost without
            a code, in PSNR, is told beside it, and may name another.
        model: bundled name ("builtin", "builtin:portraits", "builtin:cells") or model folder that they were made with.
        masks: regions to compare maps with, white inside: a mask, or a folder of masks; of a folder in it that is
            called like a result, its own.
        label_maps: regions, too: every class of a label map, a PNG in gray or with a palette whose values are numbers
            of classes; or a folder of label maps that are called like the results.
        region_names: a file with names of these classes: .json ({"1": "skin"} or a list), or lines (1,skin). Classes of
            one name are one region, those of an empty name none.
        invert_mask: regions are black.
        threshold: gray pixels of a mask are white from this part of white up; a half unless given.
        by: what a code's influence is: alpha (the change where its channels of a weight above --alpha-threshold are
            left out, as published), image (what it adds to the picture, to first order), or auto: image for large
            weights, as drawn codes have them, else alpha.
        alpha_threshold: channel weights above it are left out; not taken by image.
        batch_size: images at once; chosen by resolution unless given.
    """

    results: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    model: str = "builtin"
    masks: Path | None = None
    label_maps: Path | None = None
    region_names: Path | None = None
    invert_mask: bool = False
    threshold: float | None = None
    by: Literal["auto", "alpha", "image"] = "auto"
    alpha_threshold: float = THRESHOLD
    batch_size: int | None = None

    def run(self) -> int:
        """Explain all results and write what was found."""
        self._check()
        prior = prepare(zoo.load(self.model))
        points = [point for result in self.results for point in read_points(prior, result, tell=warn)]
        for point in points:
            check_explainable(point)
        names = result_names(points)
        classes = None if self.region_names is None else read_region_names(self.region_names)
        regions = [
            self._regions(point, name, prior.resolution, classes) for point, name in zip(points, names, strict=True)
        ]
        explainer = Explainer(prior, self.by, self.alpha_threshold, self.batch_size, check_drawn)
        rows = []
        with new_folder(self.out) as folder:
            for point, name, own in zip(points, names, regions, strict=True):
                found = explainer.explain(point, name, own)
                self._remark(found)
                (folder / name).mkdir()
                write_result(folder / name, found)
                rows.append(row_of(found))  # Without the pictures: those of many results need not fit in memory.
            write_tables(folder, rows)
            facts = {"model": self.model, "prior": prior.name, "alpha_threshold": self.alpha_threshold, "results": rows}
            write_json(folder / "explain.json", facts)
        if self.json:
            print_json({"out": str(self.out)} | facts)
        else:
            say("\n".join([*told(rows), f"{counted(len(rows), 'result')} explained: {self.out}"]))
        return 0

    def _check(self) -> None:
        check_positive(self, "batch_size")
        check_free(self.out)
        if not self.results:
            raise ArgumentError("nothing to explain: name results of gprior invert, .npz files or their folder.")
        if not 0 <= self.alpha_threshold < math.inf:
            raise ArgumentError(f"--alpha-threshold {self.alpha_threshold}: use a channel weight, 0 or more.")
        given = {"--invert-mask": self.invert_mask, "--threshold": self.threshold is not None}
        if foreign := [flag for flag, is_given in given.items() if is_given and self.masks is None]:
            raise ArgumentError(f"{foreign[0]} is for --masks: leave it out.")
        if self.region_names is not None and self.label_maps is None:
            raise ArgumentError(f"--region-names {self.region_names} is for --label-maps: leave it out.")
        mask_gray(self.threshold, False)
        if self.by == "image" and self.alpha_threshold != THRESHOLD:
            raise ArgumentError(f"--alpha-threshold {self.alpha_threshold} is for --by alpha: leave one of them out.")

    def _regions(self, point: Point, name: str, resolution: int, classes: dict[int, str] | None) -> dict[str, Any]:
        """Of masks, then of classes."""
        found: dict[str, Any] = {}
        if self.masks is not None:
            gray = mask_gray(self.threshold, False)
            found = read_regions(self.masks, point, name, resolution, self.invert_mask, gray)
        if self.label_maps is None:
            return found
        more = read_classes(self.label_maps, point, name, resolution, classes)
        if both := [region for region in more if region in found]:
            raise ArgumentError(f"{both[0]} is a mask and a class of {name}: give one of them another name.")
        return found | more

    def _remark(self, found: Explained) -> None:
        """Say what a reader of the maps should know."""
        if found.by == "alpha" and found.gross > DRAWN:
            warn(
                f"{found.source} holds drawn codes whose weights are {found.gross:.0f} times an average's: without "
                "some channels the picture falls apart; use --by image, or invert with --free-codes."
            )
        elif self.by == "auto" and found.by == "image":
            warn(
                f"{found.source} holds drawn codes whose weights are {found.gross:.0f} times an average's: maps show "
                "what each adds to the picture, not the picture without it; --free-codes inverts as the paper does."
            )


def ranked(codes: Sequence[dict[str, Any]]) -> str:
    """Which codes matter most and least by their maps, and which one does by the PSNR, which may be another.

    >>> ranked([{"code": 2, "psnr_without": 20.0}, {"code": 0, "psnr_without": 11.0}])
    'by its map code 2 matters most (psnr 20 without it), code 0 least (11); by what is lost it is code 0'
    """
    first, last = codes[0], codes[-1]
    told = (
        f"by its map code {first['code']} matters most (psnr {shown(first['psnr_without'])} without it), code "
        f"{last['code']} least ({shown(last['psnr_without'])})"
    )
    without = {code["code"]: code["psnr_without"] for code in codes if code["psnr_without"] is not None}
    lost = min(without, key=lambda code: without[code], default=first["code"])
    if lost == first["code"]:
        return f"{told}, and by what is lost too"
    between = "" if lost == last["code"] else f" ({shown(without[lost])})"
    return f"{told}; by what is lost it is code {lost}{between}"


def told(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What was found, in lines: the results by their composing layers, their regions, and what is lost."""
    lines = []
    for row in sorted(rows, key=lambda row: (row["layer"], row["name"])):
        lines.append(
            f"{row['name']}: {len(row['codes'])} codes at layer {row['layer']}, psnr {shown(row['psnr'])}; "
            f"{ranked(row['codes'])}; maps are alike by {shown(row['similarity'])}"
        )
        for name, region in row["regions"].items():
            lines.append(
                f"  {name} ({region['share']:.0%} of the picture): code {region['code']}, IoU {region['iou']:.2f}; of "
                f"all codes {region['mean_iou']:.2f}"
            )
    return lines
