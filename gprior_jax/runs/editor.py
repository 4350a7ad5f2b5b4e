"""Edits of pictures: what ``gprior edit`` does with each; moves, draws, blends and measures."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from gprior_jax import editing
from gprior_jax.editing import Point
from gprior_jax.editing.points import Variables
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import resized
from gprior_jax.images.masks import Gray
from gprior_jax.images.pasting import Seam, blended_seam
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.latents import MultiCode, default_layer
from gprior_jax.objectives import Network, Perceptual, Pixel, Term
from gprior_jax.operators.masks import looks_inverted, missing_share
from gprior_jax.runs.edits import Before, before, edited_region
from gprior_jax.runs.keeping import Light, Measured, Stays, kept_in
from gprior_jax.runs.pasting import Photograph, keeping_luma
from gprior_jax.storage.atomic import write_bytes

Tell = Callable[[str], None]


class Plan(NamedTuple):
    """What is done with every picture; see :class:`gprior_jax.cli.editing.EditingFlags`.

    Attributes:
        strengths: a picture each.
        mode: relative, absolute, or by the point.
        several: directions are taken together: they are not absolute.
        mask: file or folder; None edits everywhere.
        invert_mask: white is edited.
        gray: what gray values of a mask mean.
        turn: what turns a mask round, for messages.
        feather: pixels; None is a sixteenth of the side.
        blend: where an edit meets what stays.
        layer: of features that are blended.
        keep: what is measured.
        network: that measures features.
        photographs: those of inversions are wanted, to paste into.
        noise: of plain codes.
        size: side of pictures, pixels.
        batch_size: images at once.
        check_images: raises where images are no numbers.
    """

    strengths: tuple[float, ...]
    mode: Literal["auto", "absolute", "relative"]
    several: bool
    mask: Path | None
    invert_mask: bool
    gray: Gray
    turn: str
    feather: int | None
    blend: Literal["image", "features", "both"]
    layer: int | None
    keep: tuple[str, ...]
    network: Network | None
    photographs: bool
    noise: Literal["const", "none"]
    size: int | None
    batch_size: int | None
    check_images: Callable[[np.ndarray], None]


class Edited(NamedTuple):
    """One point, edited.

    Attributes:
        target: what was moved.
        absolute: whether strengths are where it ends.
        share: ``[R, R, 1]``, of the edit in the image; None is all.
        before: ``[R, R, C]``, what stays outside.
        photograph: to be pasted into.
        measured: what stays of a restored picture, whatever is edited.
        variables: ``[S, ...]`` each.
        pictures: uint8 ``[S, size, size, C]``.
        row: for the record.
    """

    target: editing.Movable
    absolute: bool
    share: np.ndarray | None
    before: np.ndarray | None
    photograph: Photograph | None
    measured: Stays | None
    variables: Variables
    pictures: np.ndarray
    row: dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Editor:
    """Edits points of one prior by one step.

    Attributes:
        plan: what is done.
        prior: prepared.
        step: of strength 1.
        psi: truncation of plain codes.
        tell: called with a sentence about what looks wrong.
    """

    plan: Plan
    prior: Prior
    step: editing.Step
    psi: float
    tell: Tell

    def edit(self, point: Point, target: editing.Movable, name: str) -> Edited:
        """One point at all strengths."""
        plan = self.plan
        absolute = plan.mode == "absolute" or (plan.mode == "auto" and target.single and not plan.several)
        share = None if plan.mask is None else self._share(plan.mask, point, target, name)
        known = before(point, plan.photographs)
        if known is not None and known.doubt:
            self.tell(known.doubt)
        own = (None, None) if known is None else (known.photograph, known.measured)
        edit = Edited(target, absolute, share, None, *own, {}, np.zeros(0), {"name": name})
        edit = edit._replace(before=self._before(edit, known))
        variables = editing.moved(self.prior, target, plan.strengths, self.step, absolute=absolute)
        images = self._images(edit, variables)
        row = {"name": name, "source": point.name, "mode": "absolute" if absolute else "relative"}
        row |= {"moved": target.moved, "changes": self._changes(edit, images)}
        row |= {} if share is None else {"edited": 1.0 - missing_share(share)}
        row |= self._mask_seams(edit, images)
        return edit._replace(variables=variables, pictures=self._as_pictures(images), row=row)

    def pictures(self, edit: Edited, strengths: Sequence[float] | np.ndarray) -> np.ndarray:
        """Pictures of a point at other strengths, uint8."""
        variables = editing.moved(self.prior, edit.target, strengths, self.step, absolute=edit.absolute)
        return self._as_pictures(self._images(edit, variables))

    def paste(self, path: Path, edit: Edited, picture: np.ndarray) -> Seam | None:
        """Write the photograph of a point with a picture; under a mask, only where it is edited. Gives its seam.

        Of an inpainted picture what was known is that of the photograph, which may be larger, under a mask too; of a
        colourised one its light and shade.
        """
        assert edit.photograph is not None
        share, finish = edit.share, None
        if isinstance(edit.measured, Measured):
            share = edit.measured.missing * (1.0 if share is None else share)
        elif isinstance(edit.measured, Light):
            finish = keeping_luma(edit.measured.part)
        content, seam = edit.photograph.pasted(picture, share, finish)
        write_bytes(path, content)
        return seam

    def _as_pictures(self, images: np.ndarray) -> np.ndarray:
        return np.stack([resized(picture, self.plan.size) for picture in im.to_uint8(images)])

    def _share(self, mask: Path, point: Point, target: editing.Movable, name: str) -> np.ndarray:
        plan = self.plan
        region = edited_region(mask, point, name, self.prior.resolution, plan.invert_mask, plan.gray)
        if looks_inverted(1.0 - region):
            self.tell(f"{mask}: the edit covers all but a part inside; if that is meant to be edited, {plan.turn}.")
        if self.plan.blend != "image":
            editing.check_composable(self.prior, target.parametrization, self._layer(target), target.name)
        width = max(1, self.prior.resolution // 16) if self.plan.feather is None else self.plan.feather
        return editing.soft_region(region, width)

    def _layer(self, target: editing.Movable) -> int:
        if self.plan.layer is not None:
            return self.plan.layer
        if isinstance(target.parametrization, MultiCode) and target.parametrization.layer is not None:
            return target.parametrization.layer
        return default_layer(self.prior)

    def _before(self, edit: Edited, known: Before | None) -> np.ndarray | None:
        """What stays outside of a mask: the photograph, or the picture of the code as it is."""
        if edit.share is None and not self.plan.keep:
            return None
        return known.picture if known and edit.share is not None else self._plain(edit)

    def _plain(self, edit: Edited) -> np.ndarray:
        """The picture of the variables as they are."""
        own = {name: value[None] for name, value in edit.target.variables.items()}
        return self._kept(edit, self._render(own, edit.target))[0]

    def _kept(self, edit: Edited, images: np.ndarray) -> np.ndarray:
        """Images with what is kept of an inpainted picture."""
        return kept_in(images, edit.measured)

    def _render(self, variables: Variables, target: editing.Movable) -> np.ndarray:
        return editing.render(
            self.prior,
            variables,
            target.parametrization,
            truncation_psi=self.psi,
            noise=self.plan.noise,
            batch_size=self._batch_size(len(next(iter(variables.values())))),
        )

    def _batch_size(self, count: int) -> int:
        return self.plan.batch_size or default_batch_size(self.prior.resolution, count)

    def _images(self, edit: Edited, variables: Variables) -> np.ndarray:
        """Images of moved variables, ``[S, R, R, C]``, blended as planned."""
        if edit.share is None or self.plan.blend == "image":
            images = self._render(variables, edit.target)
        else:
            images = editing.composed_images(
                self.prior,
                edit.target.variables,
                variables,
                edit.target.parametrization,
                self._layer(edit.target),
                edit.share,
                noise=self.plan.noise,
                batch_size=self._batch_size(len(next(iter(variables.values())))),
            )
        self.plan.check_images(images)
        images = self._kept(edit, images)
        if edit.share is None or edit.before is None or self.plan.blend == "features":
            return images
        return editing.composite(np.clip(images, -1, 1), edit.before, edit.share)

    def _mask_seams(self, edit: Edited, images: np.ndarray) -> dict[str, Any]:
        """Where pictures were blended into what stays, how visible the edge of the edit is in each."""
        if edit.share is None or edit.before is None or self.plan.blend == "features":
            return {}
        before, share = im.to_uint8(edit.before), edit.share[..., 0]
        found = [blended_seam(before, picture, share) for picture in im.to_uint8(images)]
        return {"mask_seams": [None if seam is None else seam._asdict() for seam in found]}

    def _changes(self, edit: Edited, images: np.ndarray) -> dict[str, list[float]]:
        """What changed of what should have stayed, of every picture."""
        if not self.plan.keep or edit.before is None:
            return {}
        terms: list[Term] = [Pixel(kind="l1")] if "pixel" in self.plan.keep else []
        network = self.plan.network if "perceptual" in self.plan.keep else None
        perceptual = None if network is None else Perceptual(network).fit(self.prior)
        terms += [perceptual] if perceptual is not None else []
        kept = None if edit.share is None else (edit.share == 0).astype(np.float32)
        reference = self._plain(edit) if self.plan.blend == "features" else edit.before
        found = editing.changes(terms, reference, images, kept, self._batch_size(len(images)))
        return {name: [float(value) for value in values] for name, values in found.items()}
