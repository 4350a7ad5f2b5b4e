"""The flags of ``gprior edit`` that decide pictures, and what it tells of them."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from gprior_jax.cli.checking import check_positive, mask_gray
from gprior_jax.cli.codes import CodeCommand
from gprior_jax.cli.recipe_flags import PerceptualFlag
from gprior_jax.cli.telling import check_drawn
from gprior_jax.errors import ArgumentError
from gprior_jax.images.pasting import Seam
from gprior_jax.runs.editor import Edited, Plan
from gprior_jax.runs.evaluation import mean
from gprior_jax.runs.pasting import SEAM


@dataclasses.dataclass(frozen=True, kw_only=True)
class EditingFlags(PerceptualFlag, CodeCommand):
    """What decides the pictures of an edit.

    Attributes:
        along: directions or boundaries, each a file (w:FILE says the space of one that does not; FILE:3 is number 3,
            from 0, of several in one); all move at once.
        strengths: how far to go, a column each; negative ones the other way.
        weights: factor of every direction; 1 unless given.
        units: of strengths: deviation (standard deviations of the prior's own codes along a direction), or length (the
            direction's vector as it is, as the published programs).
        mode: relative (the strength is added to a code), absolute (it is where the code ends, whatever it has of the
            direction: from the middle of the prior's codes, or from the boundary), or auto: absolute for one code z or
            w, relative for a w for every layer, several codes and several directions.
        layers: styles that move, instead of those that a direction is meant for: 0-5, coarse, 0-2,5 or all.
        condition: directions along which nothing is to change; they are projected out.
        mask: edit where this image is black, keep the picture (of an inversion the photograph) where it is white; or a
            folder with a mask of the name of each source.
        invert_mask: edit where the mask is white.
        threshold: gray pixels of a mask are white from this part of white up; a half unless given.
        soft_mask: gray pixels of a mask say how much of the edit is in the result.
        feather: width of the band around the mask's region over which the edit fades, pixels of the prior; a sixteenth
            of its side unless given.
        blend: with --mask: in the image, in the features of --layer, or in both.
        layer: features are blended after so many layers; the middle of the prior unless given.
        keep: measure how much changed of what should have stayed, outside of the mask where there is one: pixel (mean
            absolute difference, of 2), perceptual (of features, see --perceptual).
        paste: also write pasted/NAME_STRENGTH.png: the photographs of inversions, with the result in their square.
    """

    along: tuple[str, ...]
    strengths: tuple[float, ...] = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    weights: tuple[float, ...] = ()
    units: Literal["deviation", "length"] = "deviation"
    mode: Literal["auto", "absolute", "relative"] = "auto"
    layers: str | None = None
    condition: tuple[str, ...] = ()
    mask: Path | None = None
    invert_mask: bool = False
    threshold: float | None = None
    soft_mask: bool = False
    feather: int | None = None
    blend: Literal["image", "features", "both"] = "image"
    layer: int | None = None
    keep: tuple[Literal["pixel", "perceptual"], ...] = ()
    paste: bool = False

    def check(self) -> None:
        """Raise :class:`ArgumentError` where flags are out of range or do not go together."""
        check_positive(self, "size", "batch_size")
        if not self.along or not self.strengths:
            raise ArgumentError("nothing to move along: name a direction in --along, and a number in --strengths.")
        given = {"--invert-mask": self.invert_mask, "--feather": self.feather is not None}
        given |= {"--threshold": self.threshold is not None, "--soft-mask": self.soft_mask}
        given |= {"--blend": self.blend != "image", "--layer": self.layer is not None}
        if foreign := [flag for flag, is_given in given.items() if is_given and self.mask is None]:
            raise ArgumentError(f"{foreign[0]} is for --mask: leave it out.")
        if self.layer is not None and self.blend == "image":
            raise ArgumentError(f"--layer {self.layer} is for --blend features or both: leave it out.")
        if self.feather is not None and self.feather < 0:
            raise ArgumentError(f"--feather {self.feather}: use 0 pixels or more.")
        mask_gray(self.threshold, self.soft_mask)
        if self.mode == "absolute" and self.several:
            raise ArgumentError("--mode absolute is for one direction without --weights: leave it out.")
        if self.paste and self.size is not None:
            raise ArgumentError(f"--size {self.size}: with --paste the photograph keeps its own, leave it out.")

    @property
    def several(self) -> bool:
        """Whether several directions are taken together."""
        return len(self.along) > 1 or bool(self.weights)

    def plan(self) -> Plan:
        """What is done with every picture."""
        return Plan(
            strengths=self.strengths,
            mode=self.mode,
            several=self.several,
            mask=self.mask,
            invert_mask=self.invert_mask,
            gray=mask_gray(self.threshold, self.soft_mask),
            turn="leave out --invert-mask" if self.invert_mask else "--invert-mask turns it round",
            feather=self.feather,
            blend=self.blend,
            layer=self.layer,
            keep=self.keep,
            network=self.network() if "perceptual" in self.keep else None,
            photographs=self.paste,
            noise=self.noise,
            size=self.size,
            batch_size=self.batch_size,
            check_images=check_drawn,
        )


def told_changes(strengths: Sequence[float], edits: Sequence[Edited]) -> list[str]:
    """A table of changes and seams, means over the points: a line for every strength; none where nothing was measured.

    Seams are those in the photographs, where results are pasted, else those of the mask.
    """
    rows = [edit.row["changes"] | _seam_columns(edit.row) for edit in edits]
    if not rows or not rows[0]:
        return []
    names = list(rows[0])
    lines = ["strength  " + "  ".join(f"{name:>12}" for name in names)]
    for index, strength in enumerate(strengths):
        means = (mean([row[name][index] for row in rows if name in row])[0] for name in names)
        lines.append(f"{strength:>+8g}  " + "  ".join(f"{value:>12.4g}" for value in means))
    return lines


def _seam_columns(row: dict[str, Any]) -> dict[str, list[float]]:
    """The seams of one point by strengths, under the names that they have among metrics; NaN where there is none."""
    seams = row.get("seams", row.get("mask_seams"))
    if seams is None:
        return {}
    fields = zip(SEAM, Seam._fields, strict=True)
    return {name: [math.nan if seam is None else seam[field] for seam in seams] for name, field in fields}
