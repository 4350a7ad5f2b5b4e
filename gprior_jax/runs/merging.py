"""Output folders of the same settings put together: those of array jobs that wrote a folder each."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.abouts import About, abouts, fingerprint_of
from gprior_jax.runs.ending import Ending, end
from gprior_jax.runs.entries import Entry, read_run
from gprior_jax.runs.folder import FILMS, FORMAT, PASTED, WRITTEN_PICTURES, OutputFolder
from gprior_jax.runs.names import same_name
from gprior_jax.runs.tuned import MODELS
from gprior_jax.storage.atomic import new_folder, temporary_name, write_json
from gprior_jax.storage.names import listed
from gprior_jax.summary import check_same

_TOLD = 5
"""Names in a sentence."""


class _Part(NamedTuple):
    """An output folder and what is in it.

    Attributes:
        path: the folder.
        run: what its ``run.json`` holds.
        records: what its records of these settings say of themselves, by name.
    """

    path: Path
    run: dict[str, Any]
    records: dict[str, About]


def merge(
    folders: Sequence[str | os.PathLike],
    to: str | os.PathLike,
    *,
    blocks: Callable[[list[Entry]], Iterable[str]] = lambda entries: (),
    tell: Callable[[str], None] = lambda sentence: None,
) -> Ending:
    """Put the images of several output folders into one, and write its ``run.json``, ``history.csv``, ``report.html``.

    Files are linked where the file system can, and copied elsewhere, the record of an image last: what is there is
    whole, whenever this is killed. It may be done again at any time, while the folders grow, too; what is there
    already stays.

    Args:
        folders: that runs of the same settings wrote.
        to: one of these, a folder of an earlier merge, or a new one.
        blocks: makes HTML that comes first in the report.
        tell: called with sentences.

    Raises:
        ArgumentError: folders of other settings, or two images of one name that are not the same; nothing was written.
        CheckpointError: no output folder, or a damaged one.

    >>> import gprior_jax as gp, jax, tempfile
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[:2]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = [gp.runs.run(job, part, f"{out}/{name}") for name, part in (("a", items[:1]), ("b", items[1:]))]
    ...     ending = gp.runs.merge([f"{out}/a", f"{out}/b"], f"{out}/all")
    ...     names = [record.name for record in gp.runs.read_records(f"{out}/all")[1]]
    >>> names
    ['portrait_1', 'portrait_2']
    """
    parts = [_part(Path(folder)) for folder in folders]
    settings = parts[0].run["settings"]
    for part in parts[1:]:
        check_same(part.run["settings"], settings, f"{part.path} holds a run", "merge folders of the same settings")
    target = Path(to)
    if (target / "run.json").exists():
        parts.insert(0, _part(target))
        check_same(parts[0].run["settings"], settings, f"{target} holds a run", "name another folder to merge into")
    _check_names(parts)
    versions = {str(part.run["versions"]) for part in parts if "versions" in part.run}
    if len(versions) > 1:
        tell("the folders were made with several versions of programs: their results may differ in the last digits.")
    folder = OutputFolder(target, settings)
    with folder.at_work():
        there = {*folder.records()}
        for part in parts:
            for name in part.records.keys() - there:
                _take(part.path, target, name)
            there |= part.records.keys()
        failed = _failed(parts)
        with folder.locked():
            write_json(target / "run.json", {"format": FORMAT, "settings": folder.settings})
        return end(folder, [], {}, failed, _facts(parts), blocks, tell)


def _part(path: Path) -> _Part:
    run = read_run(path)
    fingerprint = fingerprint_of(run["settings"])
    records = {name: about for name, about in abouts(path).items() if about["fingerprint"] == fingerprint}
    return _Part(path, run, records)


def _check_names(parts: Sequence[_Part]) -> None:
    """Check that a name stands for one image.

    Raises:
        ArgumentError: it does not.
    """
    owners: dict[str, tuple[_Part, About]] = {}
    clashes: dict[tuple[Path, Path], list[str]] = {}
    for part in parts:
        for name, about in part.records.items():
            first, other = owners.setdefault(same_name(name), (part, about))
            if any(about.get(field) != other.get(field) for field in ("name", "id", "sha256")):
                clashes.setdefault((first.path, part.path), []).append(name)
    if clashes:
        (first, second), names = next(iter(clashes.items()))
        raise ArgumentError(
            f"{first} and {second} have other images of the same names ({listed(names, _TOLD)}): merge shares of one "
            "list, or rename the inputs."
        )


def _failed(parts: Sequence[_Part]) -> dict[str, str]:
    """Inputs that no part could use; one that has a record by now is none."""
    done = {about["source"] for part in parts for about in part.records.values()}
    every = itertools.chain.from_iterable(part.run.get("failed", {}).items() for part in parts)
    return {source: why for source, why in every if source not in done}


def _facts(parts: Sequence[_Part]) -> Mapping[str, Any]:
    """What else the parts tell: the first's, but for the seconds, which add up."""
    own = {"format", "settings", "images", "failed"}
    facts = {name: value for part in reversed(parts) for name, value in part.run.items() if name not in own}
    seconds = [part.run["seconds"] for part in parts if isinstance(part.run.get("seconds"), int | float)]
    return facts | ({"seconds": round(sum(seconds), 2)} if seconds else {})


def _take(source: Path, target: Path, name: str) -> None:
    """Take over the files of an image, its record last."""
    for file in _pictures(source, name):
        _place(file, target / file.relative_to(source))
    if (source / MODELS / name).is_dir():
        (target / MODELS).mkdir(exist_ok=True)
        with new_folder(target / MODELS / name, overwrite=True) as made:
            shutil.copytree(source / MODELS / name, made, dirs_exist_ok=True)
    _place(source / f"{name}.npz", target / f"{name}.npz")


def _pictures(folder: Path, name: str) -> Iterator[Path]:
    """The pictures and films of an image that are there."""
    samples = (folder / "samples" / f"{name}_{number}.png" for number in itertools.count(1))
    fixed = [folder / f"{name}.png", *(folder / place / f"{name}.png" for place in (*WRITTEN_PICTURES, PASTED))]
    films = [folder / FILMS / f"{name}.{ending}" for ending in ("webp", "gif", "mp4")]
    yield from (path for path in (*fixed, *films) if path.exists())
    yield from itertools.takewhile(Path.exists, samples)


def _place(source: Path, target: Path) -> None:
    """Link a file, or copy it: programs of this package replace files, and never write into one."""
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_name(temporary_name())
    try:
        with contextlib.suppress(OSError):
            os.link(source, temporary)
        if not temporary.exists():
            shutil.copy2(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # Two names of one file are left as they are.
