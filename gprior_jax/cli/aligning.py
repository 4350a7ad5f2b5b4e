"""The flags that turn the face in a photograph to where the prior wants it, and that put what was made of it back."""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.telling import warn
from gprior_jax.errors import ArgumentError
from gprior_jax.images.faces import check_detector
from gprior_jax.images.landmarks import face_points, read_faces
from gprior_jax.images.placement import Crop
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Aligner, Cropper, find_alignment, match_faces


@dataclasses.dataclass(frozen=True, kw_only=True)
class PasteFlag:
    """The flag of everything that makes new squares of photographs.

    Attributes:
        paste: write pasted/NAME.png, too: the photograph at its own size, with the result where its square was cut out,
            feathered at the border; how sharp the seam is, is among the metrics.
    """

    paste: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlignFlags:
    """Which square of a photograph is taken, where it is that of a face.

    Attributes:
        align: take the square of the face in every photograph, turned and scaled so that eyes and mouth are where the
            prior has them: auto (as the model's folder says), ffhq (of FFHQ and CelebA-HQ, as published), or a JSON
            file with a template, {"eyes": [[x, y], [x, y]], "mouth": [x, y]} in parts of the side. A photograph without
            a face fails. Finding faces takes the extra align.
        face: which of several faces, by size, from 0; the largest unless given.
        face_box: instead of finding the face: its box in the photograph, left, top, width and height in pixels.
        landmarks: instead of finding faces: a JSON or CSV file with a box (4 numbers), two eyes and the mouth (6), five
            points (10) or the 68 of dlib (136) for every photograph, by name.
    """

    align: Annotated[str | None, conf.arg(metavar="auto|ffhq|FILE")] = None
    face: int | None = None
    face_box: tuple[float, float, float, float] | None = None
    landmarks: Path | None = None

    def cropper(self, items: list[Item], model: str, crop: Crop, value_range: str) -> Cropper:
        """How pictures become square: by their faces if that is asked for.

        Raises:
            GPriorError: flags that do not go together, no alignment, or a file that cannot be used.
        """
        given = {"--face": self.face, "--face-box": self.face_box, "--landmarks": self.landmarks}
        named = [flag for flag, value in given.items() if value is not None]
        if self.align is None:
            if named:
                raise ArgumentError(f"{named[0]} is for --align: add --align auto, or leave it out.")
            return crop
        if crop != "center":
            raise ArgumentError(f"--crop {crop} is for pictures as they are: leave it out, or --align.")
        if len(named) > 1:
            raise ArgumentError(f"{' and '.join(named)}: say once which face is meant.")
        if self.face is not None and self.face < 0:
            raise ArgumentError(f"--face {self.face}: faces are numbered from 0, the largest.")
        provenance = zoo.read_config(zoo.resolve(model)).get("provenance", {})
        alignment = find_alignment(self.align, provenance, f"--model {model}")
        points = self._points(items)
        if points is None:
            check_detector()
        return Aligner(alignment, points, self.face, value_range, warn)

    def _points(self, items: list[Item]) -> dict[Path, np.ndarray] | None:
        if self.landmarks is not None:
            return match_faces(read_faces(self.landmarks), items)
        if self.face_box is None:
            return None
        if len(items) > 1:
            raise ArgumentError(f"--face-box is of one photograph, these are {len(items)}: give --landmarks FILE.")
        return {items[0].source: face_points(np.array(self.face_box), "--face-box")} if items else {}
