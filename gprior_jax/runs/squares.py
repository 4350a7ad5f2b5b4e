"""Results of a run compared with what they were made of: the same square of a reference and of the photograph."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from gprior_jax.errors import CheckpointError, ImageFileError
from gprior_jax.images.arrays import psnr_of
from gprior_jax.images.covering import covered, inside
from gprior_jax.images.files import ValueRange, load_unscaled
from gprior_jax.images.frames import Frame
from gprior_jax.images.opening import mode_of, size_of
from gprior_jax.images.placement import Crop, Cropping, placed
from gprior_jax.runs.entries import read_run
from gprior_jax.runs.folder import PASTED
from gprior_jax.runs.pairs import Pair
from gprior_jax.runs.record import read_about, read_frame
from gprior_jax.storage.atomic import sha256

INSIDE = {"psnr": "pasted_psnr", "l1": "pasted_l1"}
"""Figures of what was pasted into a photograph, by those of the square that they go with."""


def cut_alike(pairs: Iterable[Pair], failed: dict[str, str]) -> list[Pair]:
    """Pairs whose references become square as the run that made the results did it with its inputs, and gray.

    So they do beside the results of an output folder; other references are cut to their centre. The square of a face is
    taken out of references of the photograph's proportions, at any size; those that are square already stay as they
    are.

    Args:
        pairs: of results and references.
        failed: ``{result: sentence}``, to be filled with those whose square cannot be found.
    """
    crops: dict[Path, tuple[Cropping | None, bool]] = {}
    found = []
    for pair in pairs:
        folder = pair.result.parent
        if folder not in crops:
            crops[folder] = _crop_of(folder)
        try:
            crop, is_run = crops[folder]
            crop = crop or _square_of_face(pair)
            gray = is_run and mode_of(pair.result, smallest=1) == "L"
        except (ImageFileError, CheckpointError) as error:
            failed[str(pair.result)] = str(error)
            continue
        found.append(pair._replace(crop=crop, gray=gray))
    return found


def _crop_of(folder: Path) -> tuple[Cropping | None, bool]:
    """How the run of a folder made its inputs square, None of each by its face; and whether it is of a run."""
    try:
        crop = read_run(folder)["settings"].get("crop", "center")
    except CheckpointError:  # No output folder.
        return "center", False
    return cast(Crop, crop) if isinstance(crop, str) else None, True


def _square_of_face(pair: Pair) -> Cropping:
    record = pair.result.with_suffix(".npz")
    about, frame = read_about(record), read_frame(record)
    if frame is None or about.get("sha256", [""])[0] == sha256(pair.reference):
        return frame or "center"
    source, size = Path(about["source"]), size_of(pair.reference, smallest=1)
    told = f"{pair.reference} is {size[0]}x{size[1]} pixels"
    if source.is_file():
        known, side = size_of(source, smallest=1), size_of(pair.result, smallest=1)
        scale = size[0] / known[0]
        if abs(scale * known[1] - size[1]) <= 1 and (size != side or size == known):
            return frame.scaled(scale)
        told += f", {source}, whose face was cut out, {known[0]}x{known[1]}"
    else:
        told += f", and {source}, whose face was cut out, is not there to compare it with"
    if size[0] != size[1]:
        raise ImageFileError(f"{told}: give that photograph, at any size, or the square of the face.")
    return "center"


def pasted_figures(pair: Pair, names: Sequence[str], value_range: ValueRange = "auto") -> dict[str, float]:
    """Figures of a photograph with a result in it, over the pixels of its square, at the photograph's own size.

    Args:
        pair: the result, which may have been pasted, and its reference.
        names: of :data:`INSIDE`; others are passed over.
        value_range: of files of more than 8 bits a sample.

    Returns:
        ``{figure: number}``; none where nothing was pasted, NaN where the reference is of another size.

    Raises:
        ImageFileError: a picture cannot be read.
    """
    path = pair.result.parent / PASTED / pair.result.name
    wanted = [name for name in INSIDE if name in names]
    if not wanted or not path.is_file() or not (pair.result.parent / "run.json").is_file():
        return {}
    size = size_of(path, smallest=1)
    if size != size_of(pair.reference, smallest=1):
        return {INSIDE[name]: float("nan") for name in wanted}
    place = placed(size, size_of(pair.result, smallest=1)[0], pair.crop)
    rows, columns = covered(place)
    within = inside(np.ones((rows.stop - rows.start, columns.stop - columns.start), np.float32), place) > 0
    done, reference = (
        load_unscaled(file, value_range=value_range)[rows, columns][within] for file in (path, pair.reference)
    )
    apart = done - reference  # Of 2, from black to white.
    figures = {"psnr": psnr_of(np.mean(np.square(apart))), "l1": np.abs(apart).mean() / 2.0}
    return {INSIDE[name]: float(figures[name]) for name in wanted}


def told_of(crop: Cropping) -> dict[str, object]:
    """How a reference became square, for JSON; nothing of one that was cut to its centre."""
    if isinstance(crop, Frame):
        return {"frame": list(crop)}
    return {} if crop == "center" else {"crop": crop}
