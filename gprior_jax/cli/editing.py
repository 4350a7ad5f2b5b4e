"""What ``gprior edit`` does with one picture: moves, draws, blends and measures."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from gprior_jax import editing
from gprior_jax.cli.codes import CodeCommand, write_picture
from gprior_jax.cli.flags import PerceptualFlag, check_positive
from gprior_jax.cli.telling import check_drawn, warn
from gprior_jax.editing import Point
from gprior_jax.editing.points import Variables
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import resized
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.latents import MultiCode, default_layer
from gprior_jax.objectives import Perceptual, Pixel, Term
from gprior_jax.operators.masks import looks_inverted, missing_share
from gprior_jax.runs.edits import Before, before, edited_region
from gprior_jax.runs.pasting import Photograph


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
        given |= {"--blend": self.blend != "image", "--layer": self.layer is not None}
        if foreign := [flag for flag, is_given in given.items() if is_given and self.mask is None]:
            raise ArgumentError(f"{foreign[0]} is for --mask: leave it out.")
        if self.layer is not None and self.blend == "image":
            raise ArgumentError(f"--layer {self.layer} is for --blend features or both: leave it out.")
        if self.feather is not None and self.feather < 0:
            raise ArgumentError(f"--feather {self.feather}: use 0 pixels or more.")
        if self.mode == "absolute" and self.several:
            raise ArgumentError("--mode absolute is for one direction without --weights: leave it out.")
        if self.paste and self.size is not None:
            raise ArgumentError(f"--size {self.size}: with --paste the photograph keeps its own, leave it out.")

    @property
    def several(self) -> bool:
        """Whether several directions are taken together."""
        return len(self.along) > 1 or bool(self.weights)


class Edited(NamedTuple):
    """One point, edited.

    Attributes:
        target: what was moved.
        absolute: whether strengths are where it ends.
        share: ``[R, R, 1]``, of the edit in the image; None is all.
        before: ``[R, R, C]``, what stays outside.
        photograph: to be pasted into.
        variables: ``[S, ...]`` each.
        pictures: uint8 ``[S, size, size, C]``.
        row: for the record.
    """

    target: editing.Movable
    absolute: bool
    share: np.ndarray | None
    before: np.ndarray | None
    photograph: Photograph | None
    variables: Variables
    pictures: np.ndarray
    row: dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Editor:
    """Edits points of one prior by one step.

    Attributes:
        flags: of the command.
        prior: prepared.
        step: of strength 1.
        psi: truncation of plain codes.
    """

    flags: EditingFlags
    prior: Prior
    step: editing.Step
    psi: float

    def edit(self, point: Point, target: editing.Movable, name: str) -> Edited:
        """One point at all strengths."""
        flags = self.flags
        absolute = flags.mode == "absolute" or (flags.mode == "auto" and target.single and not flags.several)
        share = None if flags.mask is None else self._share(flags.mask, point, target, name)
        known = before(point, flags.paste)
        edit = Edited(
            target, absolute, share, None, known.photograph if known else None, {}, np.zeros(0), {"name": name}
        )
        edit = edit._replace(before=self._before(edit, known))
        variables = editing.moved(self.prior, target, flags.strengths, self.step, absolute=absolute)
        images = self._images(edit, variables)
        row = {"name": name, "source": point.name, "mode": "absolute" if absolute else "relative"}
        row |= {"moved": target.moved, "changes": self._changes(edit, images)}
        row |= {} if share is None else {"edited": 1.0 - missing_share(share)}
        return edit._replace(variables=variables, pictures=self._as_pictures(images), row=row)

    def pictures(self, edit: Edited, strengths: Sequence[float] | np.ndarray) -> np.ndarray:
        """Pictures of a point at other strengths, uint8."""
        variables = editing.moved(self.prior, edit.target, strengths, self.step, absolute=edit.absolute)
        return self._as_pictures(self._images(edit, variables))

    def paste(self, path: Path, edit: Edited, picture: np.ndarray) -> None:
        """Write the photograph of a point with a picture; under a mask, only where it is edited."""
        assert edit.photograph is not None
        write_picture(path, picture, edit.photograph, edit.share)

    def _as_pictures(self, images: np.ndarray) -> np.ndarray:
        return np.stack([resized(picture, self.flags.size) for picture in im.to_uint8(images)])

    def _share(self, mask: Path, point: Point, target: editing.Movable, name: str) -> np.ndarray:
        region = edited_region(mask, point, name, self.prior.resolution, self.flags.invert_mask)
        if looks_inverted(1.0 - region):
            turn = "leave out --invert-mask" if self.flags.invert_mask else "--invert-mask turns it round"
            warn(f"{mask}: the edit covers all but a part inside; if that is meant to be edited, {turn}.")
        if self.flags.blend != "image":
            editing.check_composable(self.prior, target.parametrization, self._layer(target), target.name)
        width = max(1, self.prior.resolution // 16) if self.flags.feather is None else self.flags.feather
        return editing.soft_region(region, width)

    def _layer(self, target: editing.Movable) -> int:
        if self.flags.layer is not None:
            return self.flags.layer
        if isinstance(target.parametrization, MultiCode) and target.parametrization.layer is not None:
            return target.parametrization.layer
        return default_layer(self.prior)

    def _before(self, edit: Edited, known: Before | None) -> np.ndarray | None:
        """What stays outside of a mask: the photograph, or the picture of the code as it is."""
        if edit.share is None and not self.flags.keep:
            return None
        return known.picture if known and edit.share is not None else self._plain(edit)

    def _plain(self, edit: Edited) -> np.ndarray:
        """The picture of the variables as they are."""
        own = {name: value[None] for name, value in edit.target.variables.items()}
        return self._render(own, edit.target)[0]

    def _render(self, variables: Variables, target: editing.Movable) -> np.ndarray:
        return editing.render(
            self.prior,
            variables,
            target.parametrization,
            truncation_psi=self.psi,
            noise=self.flags.noise,
            batch_size=self._batch_size(len(next(iter(variables.values())))),
        )

    def _batch_size(self, count: int) -> int:
        return self.flags.batch_size or default_batch_size(self.prior.resolution, count)

    def _images(self, edit: Edited, variables: Variables) -> np.ndarray:
        """Images of moved variables, ``[S, R, R, C]``, blended as the flags say."""
        if edit.share is None or self.flags.blend == "image":
            images = self._render(variables, edit.target)
        else:
            images = editing.composed_images(
                self.prior,
                edit.target.variables,
                variables,
                edit.target.parametrization,
                self._layer(edit.target),
                edit.share,
                noise=self.flags.noise,
                batch_size=self._batch_size(len(next(iter(variables.values())))),
            )
        check_drawn(images)
        if edit.share is None or edit.before is None or self.flags.blend == "features":
            return images
        return editing.composite(np.clip(images, -1, 1), edit.before, edit.share)

    def _changes(self, edit: Edited, images: np.ndarray) -> dict[str, list[float]]:
        """What changed of what should have stayed, of every picture."""
        if not self.flags.keep or edit.before is None:
            return {}
        terms: list[Term] = [Pixel(kind="l1")] if "pixel" in self.flags.keep else []
        network = self.flags.network() if "perceptual" in self.flags.keep else None
        perceptual = None if network is None else Perceptual(network).fit(self.prior)
        terms += [perceptual] if perceptual is not None else []
        kept = None if edit.share is None else (edit.share == 0).astype(np.float32)
        reference = self._plain(edit) if self.flags.blend == "features" else edit.before
        found = editing.changes(terms, reference, images, kept, self._batch_size(len(images)))
        return {name: [float(value) for value in values] for name, values in found.items()}


def told_changes(strengths: Sequence[float], edits: Sequence[Edited]) -> list[str]:
    """A table of the changes, means over the points: a line for every strength; none where nothing was measured."""
    rows = [edit.row["changes"] for edit in edits]
    if not rows or not rows[0]:
        return []
    names = list(rows[0])
    lines = ["strength  " + "  ".join(f"{name:>12}" for name in names)]
    for index, strength in enumerate(strengths):
        means = (np.mean([row[name][index] for row in rows]) for name in names)
        lines.append(f"{strength:>+8g}  " + "  ".join(f"{mean:>12.4g}" for mean in means))
    return lines
