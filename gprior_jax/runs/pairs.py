"""Which pictures are compared: results with the references of their names."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images.listing import Found, list_images
from gprior_jax.images.placement import Cropping
from gprior_jax.runs.names import result_name
from gprior_jax.storage.atomic import read_json


class Pair(NamedTuple):
    """A result and its reference.

    Attributes:
        result: the file.
        reference: likewise.
        crop: how the reference becomes the square that the result is of.
        gray: the result is of a prior of one channel: both are compared by their luma.
    """

    result: Path
    reference: Path
    crop: Cropping = "center"
    gray: bool = False


def match(
    results: Path,
    references: Path,
    failed: dict[str, str],
    recursive: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
) -> list[Pair]:
    """Pair the pictures of two folders by their stems; a result without reference goes to ``failed``, with a sentence.

    Args:
        results: an output folder, of which the pictures at its top count, another folder of pictures, or one.
        references: a folder of pictures, or one.
        failed: ``{result: sentence}``, to be filled.
        recursive: search the folders in folders, too; not in those of an output folder.
        tell: called with a sentence about each folder of which something was left out.

    Raises:
        ArgumentError: a folder without pictures, or nothing in common.
    """
    sources = _sources(results)
    ours = list_images([results], recursive and not sources)
    theirs = list_images([references], recursive)
    # Folders of results hold more than pictures: what runs and evaluations have written.
    known = sources or (results / "evaluation.json").exists()
    for sentence in (*(() if known else ours.left_out), *theirs.left_out):
        tell(sentence)
    if not results.is_dir() and not references.is_dir():
        return [Pair(result, reference) for result, reference in zip(ours.paths, theirs.paths, strict=True)]
    by_name: dict[str, list[Path]] = {}
    for path, below in theirs.files:
        by_name.setdefault(result_name(below), []).append(path)
    pairs = []
    for found in ours.files:
        if reference := _reference_of(found, sources.get(found.path.stem), by_name):
            pairs.append(Pair(found.path, reference))
        else:
            failed[str(found.path)] = (
                f"{found.path} is left out: {references} has no image named {PurePosixPath(found.below).stem}."
            )
    if not pairs:
        raise ArgumentError(
            f"{results} and {references} have no image of the same name: files are paired by their stem."
        )
    return pairs


def _sources(results: Path) -> dict[str, str]:
    """Names of the files that an output folder's pictures were made from, by their own; empty for other folders."""
    try:
        run = read_json(results / "run.json")
        return {row["name"]: Path(row["source"]).name for row in run["images"]}
    except (CheckpointError, KeyError, TypeError):
        return {}


def _reference_of(found: Found, source: str | None, by_name: dict[str, list[Path]]) -> Path | None:
    """The reference of a picture: of several the one that it was made from, else of its suffix, else the first."""
    candidates = by_name.get(result_name(found.below), [])
    if not candidates and source is not None:
        candidates = by_name.get(result_name(source), [])
    wanted = found.path.name if source is None else source
    ranked = [(path.name != wanted, path.suffix != found.path.suffix, path) for path in candidates]
    return min(ranked)[-1] if ranked else None
