"""Photographs as they are: where the face in each is, and the square of it that a prior wants."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError, ImageFileError
from gprior_jax.images.faces import DETECTOR, find_faces
from gprior_jax.images.files import load_image
from gprior_jax.images.frames import FFHQ, Alignment, Frame, Template
from gprior_jax.images.landmarks import three_points
from gprior_jax.images.opening import open_picture, size_of, to_rgb
from gprior_jax.images.placement import Crop, Cropping
from gprior_jax.images.remarks import collected
from gprior_jax.images.samples import ValueRange
from gprior_jax.runs.items import Item
from gprior_jax.runs.names import result_name
from gprior_jax.storage.atomic import read_json
from gprior_jax.tasks import Arrays

_LEAST = 8.0
"""Side of the square of a face below which there is nothing to see, pixels."""


@dataclasses.dataclass(frozen=True, eq=False)
class Aligner:
    """Finds the square of the face in every photograph.

    Attributes:
        alignment: where faces are in the prior's images.
        given: points of faces, ``[3, 2]``, by the items' sources; None finds them.
        face: which of several that are found, by size: 0 is the largest; None is that too, and says so.
        value_range: of files of more than 8 bits a sample.
        tell: called with a sentence about photographs of several faces.
        known: squares that were found already, by source.
    """

    alignment: Alignment
    given: Mapping[Path, np.ndarray] | None = None
    face: int | None = None
    value_range: ValueRange = "auto"
    tell: Callable[[str], None] = lambda sentence: None
    known: dict[Path, Frame] = dataclasses.field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """What decides squares, as JSON."""
        own = "ffhq" if self.alignment == FFHQ else self.alignment._asdict()
        found = {"detector": DETECTOR, "face": self.face or 0} if self.given is None else {"detector": None}
        return {"align": own} | found

    def told(self, item: Item) -> str:
        """What decides the square of an item and not those of others; empty where it is found."""
        points = None if self.given is None else self.given.get(item.source)
        if points is None:
            return ""
        return f"face {hashlib.sha256(np.asarray(points, np.float64).tobytes()).hexdigest()[:16]}"

    def frame(self, item: Item) -> Frame:
        """The square of an item.

        Raises:
            ImageFileError: it cannot be read, has no face, or not so many.
        """
        if item.source not in self.known:
            self.known[item.source] = self._frame(item.source)
        return self.known[item.source]

    def _frame(self, source: Path) -> Frame:
        if self.given is None:
            frame, size = self._found(source)
        elif source in self.given:
            frame, size = self.alignment.frame(self.given[source]), size_of(source)
        else:
            raise ImageFileError(f"{source} is not among the faces that were given: add it to their file.")
        if frame.side < _LEAST:
            raise ImageFileError(f"{source}: its face is {frame.side:.1f} pixels wide: use a larger photograph.")
        if not (0 <= frame.x < size[0] and 0 <= frame.y < size[1]):
            raise ImageFileError(f"{source} is {size[0]}x{size[1]} pixels, its face was given outside of it.")
        return frame

    def _found(self, source: Path) -> tuple[Frame, tuple[int, int]]:
        with collected():  # What there is to say of the file is said when it is read to be solved.
            image = open_picture(source, to_rgb, value_range=self.value_range)
        faces = find_faces(image)
        if not faces:
            raise ImageFileError(
                f"{source}: no face was found in it; say where it is by a box or points, or leave the alignment out."
            )
        number = self.face or 0
        if number >= len(faces):
            there = "1 face was" if len(faces) == 1 else f"{len(faces)} faces were"
            raise ImageFileError(f"{source}: {there} found in it, numbers from 0: there is no face {number}.")
        if len(faces) > 1 and self.face is None:
            others = ", ".join(f"{i} at {_place(face.box)}" for i, face in enumerate(faces[:5]))
            self.tell(f"{source.name} has {len(faces)} faces ({others}): the largest is taken, face 0.")
        return self.alignment.frame(three_points(faces[number].points)), image.size


def _place(box: tuple[float, float, float, float]) -> str:
    return f"{box[0] + box[2] / 2:.0f},{box[1] + box[3] / 2:.0f}"


Cropper = Crop | Aligner
"""How pictures become square: all alike, or each by its face."""


def cropping(crop: Cropper, item: Item) -> Cropping:
    """How an item becomes square; see :meth:`Aligner.frame`."""
    return crop.frame(item) if isinstance(crop, Aligner) else crop


def crop_setting(crop: Cropper) -> str | dict[str, Any]:
    """How pictures become square, as JSON."""
    return crop.summary() if isinstance(crop, Aligner) else crop


def framed(crop: Cropper, item: Item) -> dict[str, np.ndarray]:
    """``{"frame": [4]}``, the square of an item's face, where it has one of its own."""
    return {"frame": np.array(crop.frame(item))} if isinstance(crop, Aligner) else {}


def read_square(item: Item, shape: tuple[int, ...], crop: Cropper, value_range: ValueRange) -> Arrays:
    """What is inverted of an item: ``{"observed": [R, R, C]}``, and :func:`framed`."""
    return {"observed": load_image(item.source, shape, cropping(crop, item), value_range)} | framed(crop, item)


def with_faces(items: list[Item], crop: Cropper) -> list[Item]:
    """Items with what is given of the face of each, as it decides their results."""
    if not isinstance(crop, Aligner):
        return items
    return [item._replace(given=" ".join(filter(None, [item.given, crop.told(item)]))) for item in items]


def match_faces(faces: Mapping[str, np.ndarray], items: list[Item]) -> dict[Path, np.ndarray]:
    """Points of faces by the sources of items: of the item's name below its input, its file's, or its stem's.

    Raises:
        ArgumentError: none is of any item.
    """
    found = {}
    for item in items:
        for name in (item.below, item.source.name, str(item.source), result_name(item.source.name)):
            if name in faces:
                found[item.source] = faces[name]
                break
    if not found:
        raise ArgumentError(f"the faces of {', '.join(list(faces)[:3])} are of no input: name them as the files.")
    return found


def read_template(content: Any, name: str) -> Template:
    """A template out of JSON: ``{"eyes": [[x, y], [x, y]], "mouth": [x, y]}``, parts of the side of images.

    Raises:
        CheckpointError: it is none.
    """
    try:
        eyes, mouth = np.array(content["eyes"], np.float64), np.array(content["mouth"], np.float64)
        points = np.vstack([eyes, mouth])
    except (KeyError, TypeError, ValueError):
        points = np.zeros((0, 2))
    if points.shape != (3, 2) or not np.isfinite(points).all() or not points[0, 0] < points[1, 0]:
        raise CheckpointError(
            f'{name} is no template of faces: give {{"eyes": [[x, y], [x, y]], "mouth": [x, y]}}, as parts of the side.'
        )
    (left, right, middle) = [(float(x), float(y)) for x, y in points]
    return Template((left, right), middle)


def find_alignment(name: str, provenance: Mapping[str, Any], model: str) -> Alignment:
    """The alignment of a name.

    Args:
        name: ``"ffhq"``, ``"auto"`` for what the model's folder says, or a JSON file with a template.
        provenance: of the model.
        model: its name, for messages.

    Raises:
        GPriorError: there is none.
    """
    if name == "ffhq":
        return FFHQ
    if name != "auto":
        if not Path(name).is_file():
            raise ArgumentError(f"align {name}: use auto, ffhq, or a JSON file with a template of eyes and mouth.")
        return read_template(read_json(name), name)
    told = provenance.get("alignment")
    if told is None:
        raise ArgumentError(
            f"{model} does not say where faces are in its images: align as ffhq if it was trained on FFHQ or "
            "CelebA-HQ, or by a JSON file with a template of eyes and mouth."
        )
    return FFHQ if told == "ffhq" else read_template(told, f"the alignment of {model}")
