"""``gprior edit``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from tyro import conf

from gprior_jax import editing
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.editing import EditingFlags, told_changes
from gprior_jax.cli.telling import warn
from gprior_jax.editing import Direction, Point
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.images.video import check, save_video
from gprior_jax.latents import MultiCode, Tuning
from gprior_jax.runs.editor import Edited, Editor
from gprior_jax.runs.edits import one_direction, result_names
from gprior_jax.storage.atomic import check_free, new_folder, write_arrays, write_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Edit(EditingFlags):
    """Move codes along directions and boundaries, and draw what becomes of their pictures.

    Attributes:
        sources: codes, as for gprior morph: seed:7, draw:5, results of gprior invert (their folder or .npz), .npz, .npy
            or .pt of codes.
        out: folder to make: sheet.png (rows: pictures, columns: strengths), every picture, the codes, edit.json.
        animation: also write NAME.webp, .gif or .mp4 of every source, there and back.
        frames: of an animation.
        fps: pictures a second.
    """

    sources: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    animation: Literal["none", "webp", "gif", "mp4"] = "none"
    frames: int = 60
    fps: float = 30.0

    def run(self) -> int:
        """Move, draw and write."""
        self.check()
        prior = self.prior()
        space = None if self.space == "auto" else self.space
        directions, conditions = (
            [one_direction(prior, source, space, warn, self.model) for source in sources]
            for sources in (self.along, self.condition)
        )
        layers = None if self.layers is None else self._layers(prior)
        step = editing.step_for(
            prior,
            directions,
            weights=self.weights or None,
            conditions=conditions,
            layers=layers,
            deviations=self.units == "deviation",
        )
        points = self.points(prior, self.sources)
        if not points:
            raise ArgumentError("nothing to edit: name codes or inversions, as in gprior edit seed:1,2.")
        space = "z" if directions[0].space == "z" else "w"
        targets = [self._movable(prior, point, space) for point in points]
        editor = Editor(self.plan(), prior, step, self.psi, warn)
        with new_folder(self.out) as folder:
            edits = [
                self._edit(editor, folder, *each) for each in zip(points, targets, result_names(points), strict=True)
            ]
            sheet = np.concatenate([edit.pictures for edit in edits])
            save_image(folder / "sheet.png", im.grid(sheet, len(self.strengths)))
            facts = self._facts(prior, directions, conditions, step, edits)
            write_json(folder / "edit.json", facts)
        told = f"{len(edits)}x{len(self.strengths)} pictures of {prior.name} in {self.out / 'sheet.png'}"
        return self.tell("\n".join([told, *told_changes(self.strengths, edits)]), {"out": str(self.out)} | facts)

    def check(self) -> None:
        """Of an animation, too."""
        super().check()
        check_positive(self, "frames")
        check_free(self.out)
        if self.animation != "none":
            check(f"x.{self.animation}", self.fps)
        elif (self.frames, self.fps) != (Edit.frames, Edit.fps):
            raise ArgumentError("--frames and --fps are for --animation: add --animation webp, or leave them out.")

    def _layers(self, prior: Prior) -> tuple[int, ...]:
        if not prior.num_styles:
            raise ArgumentError(f"--layers {self.layers}: {prior} has no styles, leave it out.")
        return editing.style_layers(str(self.layers), prior.num_styles)

    def _movable(self, prior: Prior, point: Point, space: str) -> editing.Movable:
        if isinstance(point.parametrization, Tuning):
            self.tell_of_tuned(point)
        target = editing.movable(prior, point, space, self.psi)
        if isinstance(target.parametrization, MultiCode):
            weight = editing.gross_weight(target.variables["alpha"])
            if weight > LARGE:
                warn(
                    f"{point.name} holds drawn codes whose weights are {weight:.0f} times an average's: where all of "
                    "them move it soon falls apart; invert with --free-codes for edits that hold."
                )
        return target

    def _edit(self, editor: Editor, folder: Path, point: Point, target: editing.Movable, name: str) -> Edited:
        """Edit one point and write its files."""
        edited = editor.edit(point, target, name)
        for kind in ("pictures", "codes"):
            (folder / kind).mkdir(exist_ok=True)
        for strength, picture in zip(self.strengths, edited.pictures, strict=True):
            save_image(folder / "pictures" / f"{name}_{strength:+g}.png", picture)
            if edited.photograph is not None:
                (folder / "pasted").mkdir(exist_ok=True)
                seam = editor.paste(folder / "pasted" / f"{name}_{strength:+g}.png", edited, picture)
                edited.row.setdefault("seams", []).append(None if seam is None else seam._asdict())
        own = edited.variables | {"strengths": np.asarray(self.strengths, np.float32)}
        write_arrays(folder / "codes" / f"{name}.npz", own)
        if self.animation != "none":
            low, high = min(self.strengths), max(self.strengths)
            along = low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frames) / self.frames))
            save_video(folder / f"{name}.{self.animation}", editor.pictures(edited, along), self.fps)
        return edited

    def _facts(
        self,
        prior: Prior,
        directions: list[Direction],
        conditions: list[Direction],
        step: editing.Step,
        edits: list[Edited],
    ) -> dict[str, Any]:
        def told(each: Direction, source: str) -> dict[str, Any]:
            own = None if each.layers is None else list(each.layers)
            return {"source": source, "name": each.name, "space": each.space, "layers": own}

        rows = np.linalg.norm(np.atleast_2d(step.vector), axis=1)
        moving = np.flatnonzero(rows)
        return {
            "model": self.model,
            "prior": prior.name,
            "along": [told(*pair) for pair in zip(directions, self.along, strict=True)],
            "weights": list(self.weights) or [1.0] * len(directions),
            "condition": [told(*pair) for pair in zip(conditions, self.condition, strict=True)],
            "strengths": list(self.strengths),
            "units": self.units,
            "length_of_1": float(np.sqrt(np.mean(np.square(rows[moving])))),
            "layers": moving.tolist() if step.vector.ndim == 2 else None,
            "truncation": getattr(prior.module, "truncation", self.psi),
            "seed": self.seed,
            "mask": None if self.mask is None else str(self.mask),
            "blend": None if self.mask is None else self.blend,
            "images": [edit.row for edit in edits],
        }


LARGE = 10.0
"""Gross weight of composed codes above which a warning is due: those of 20 drawn codes at layer 6 of the bundled prior
weigh 15 to 18 on photographs of faces, of codes that moved 6 to 7, and only the first fall apart at 3 deviations."""
