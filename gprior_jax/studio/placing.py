"""Squares of photographs: proposed by their faces, and given by hand as a command takes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, GPriorError, MissingExtraError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.faces import check_detector, find_faces
from gprior_jax.images.files import encode_png
from gprior_jax.images.frames import Alignment, Frame, Template
from gprior_jax.images.landmarks import read_faces, three_points
from gprior_jax.images.masks import HALF_WHITE, read_missing
from gprior_jax.images.opening import open_picture, size_of, to_rgb
from gprior_jax.images.remarks import collected
from gprior_jax.runs.aligning import find_alignment
from gprior_jax.serving.pictures import MASK, PICTURE
from gprior_jax.storage.atomic import write_bytes, write_json

BY_HAND = Template(((0.35, 0.4), (0.65, 0.4)), (0.5, 0.75))
"""Any three points tell a square; these are about where eyes and a mouth are."""

_MOST_FACES = 20

_LOOKED_AT = 1500
"""Side, pixels, from twice of which on a photograph is reduced before faces are looked for: that of 24 million pixels
takes seconds otherwise, and faces are found at 1280."""


def alignment_of(model: str) -> Alignment | None:
    """Where faces are in the images of a model, if its folder says so."""
    try:
        return find_alignment("auto", zoo.read_config(zoo.resolve(model)).get("provenance", {}), model)
    except GPriorError:
        return None


def how_aligned(model: str) -> str | None:
    """How squares of faces are found: ``"detector"``, ``"landmarks"`` where it is not installed, None without faces."""
    if alignment_of(model) is None:
        return None
    try:
        check_detector()
    except MissingExtraError:
        return "landmarks"
    return "detector"


OF_FFHQ = Template(((0.375, 0.475), (0.625, 0.475)), (0.5, 0.72))
"""Where eyes and mouth are in squares of FFHQ: eyes are a quarter of the side apart unless a face is long, and with
them the middle is given (:class:`gprior_jax.images.frames.Ffhq`); the mouth as in the bundled portraits."""


def guides_of(model: str) -> dict[str, Any] | None:
    """Where eyes and mouth are in the images of a model, as parts of their side, JSON; None where it does not say."""
    alignment = alignment_of(model)
    if alignment is None:
        return None
    return (alignment if isinstance(alignment, Template) else OF_FFHQ)._asdict()


def points_of(frame: Frame) -> list[float]:
    """The three points that tell a square to :data:`BY_HAND`, as files of faces have them."""
    places = 2.0 * np.array([*BY_HAND.eyes, BY_HAND.mouth]) - 1.0
    along, across = np.array([frame.right, frame.down]), np.array([-frame.down, frame.right])
    points = np.array([frame.x, frame.y]) + places[:, :1] * along + places[:, 1:] * across
    return [round(float(number), 4) for number in (points - 0.5).ravel()]


def write_square(folder: Path, photograph: str, frame: Frame) -> tuple[Path, Path]:
    """Write a square that was given by hand; the files of its template and of its points."""
    template, faces = folder / "template.json", folder / "faces.json"
    write_json(template, BY_HAND._asdict())
    write_json(faces, {photograph: points_of(frame)})
    return template, faces


def write_mask(path: Path, content: bytes, prior: Prior) -> None:
    """Write a mask that was painted on the square at the prior's resolution, white where pixels are missing.

    Raises:
        ImageFileError: it cannot be read.
        ArgumentError: nothing is painted, or everything.
    """
    with collected():  # What there is to say of paint programs' masks is no news of the page's own.
        painted = read_missing(MASK, invert=True, content=content)
    if painted.shape[0] != painted.shape[1]:
        raise ArgumentError("the mask is not square: paint it on the square of the photograph.")
    side = prior.resolution
    # As where a mask is reduced: a pixel that covers any of what is missing is missing.
    edges = np.arange(side + 1) * len(painted) / side
    low, high = np.floor(edges[:-1]).astype(int), np.maximum(np.ceil(edges[1:]).astype(int), 1)
    rows = np.stack([painted[i:j].max(axis=0) for i, j in zip(low, high, strict=True)])
    missing = np.stack([rows[:, i:j].max(axis=1) for i, j in zip(low, high, strict=True)], axis=1) >= HALF_WHITE
    if not missing.any() or missing.all():
        how = "everything is painted over: leave" if missing.any() else "nothing is painted: paint over"
        raise ArgumentError(f"{how} some of the picture.")
    write_bytes(path, encode_png(np.where(missing, 255, 0).astype(np.uint8)[..., None]))


def given_faces(path: Path, content: bytes, photograph: str) -> np.ndarray:
    """The points ``[3, 2]`` of a photograph's face in a file of faces that was sent; of one face whatever its name.

    Args:
        path: where it is put meanwhile.
        content: of the file.
        photograph: name of the photograph.

    Raises:
        ArgumentError: it holds none.
    """
    is_json = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    own = path.with_suffix(".json" if is_json else ".csv")
    try:
        write_bytes(own, content)
        found: Mapping[str, np.ndarray] = read_faces(own)
    except ArgumentError as error:
        raise ArgumentError(str(error).replace(str(own), "the file of landmarks")) from None
    finally:
        own.unlink(missing_ok=True)
    for name in (photograph, Path(photograph).stem):
        if name in found:
            return found[name]
    if len(found) == 1:
        return next(iter(found.values()))
    raise ArgumentError(f"the file of landmarks has no face of {photograph}: name the row as the photograph.")


def propose(model: str, content: bytes, points: np.ndarray | None) -> dict[str, Any]:
    """Squares of the faces of a photograph, JSON.

    Args:
        model: whose faces they are to be.
        content: of the photograph's file.
        points: of its face ``[3, 2]``, where they are given.

    Raises:
        ImageFileError: the picture cannot be used.
    """
    size, alignment = size_of(PICTURE, content=content), alignment_of(model)
    told: dict[str, Any] = {"size": list(size), "faces": [], "remark": None}
    if alignment is None:
        return told | {"remark": None if points is None else "this prior does not say where faces are in its images."}
    if points is not None:
        return told | {"faces": [_told(alignment.frame(points))]}
    image = open_picture(PICTURE, to_rgb, content=content)
    factor = max(1, max(size) // _LOOKED_AT)
    try:
        faces = find_faces(image.reduce(factor))
    except MissingExtraError as error:
        return told | {"remark": str(error)}
    found = [_told(alignment.frame(three_points(face.points)).scaled(factor)) for face in faces[:_MOST_FACES]]
    return told | {"faces": found, "remark": None if found else "no face was found: place the square by hand."}


def _told(frame: Frame) -> dict[str, Any]:
    return {"center": [frame.x, frame.y], "size": frame.side, "angle": frame.degrees}
