"""The results of an output folder in few large files instead of many small: tar in WebDataset's layout, ArrayRecord."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from gprior_jax.errors import ArgumentError, CheckpointError, OccupiedError
from gprior_jax.images.array_records import check_installed, write_records
from gprior_jax.runs.entries import read_run
from gprior_jax.storage.atomic import new_folder, read_json, write_json

MANIFEST = "pack.json"

FORMAT = 1

MAX_BYTES = 2**30
"""Of a tar file, before which the next is begun: what object stores and readers of WebDataset like."""


Kind = Literal["tar", "arrayrecord"]
"""Of the files that results are packed into, and their ending."""


def pack(
    folder: str | os.PathLike, to: str | os.PathLike, max_bytes: int = MAX_BYTES, kind: Kind = "tar"
) -> list[Path]:
    """Write the images that ``run.json`` of an output folder lists into ``results-00000.tar`` and so on.

    Of every image there are ``NAME.png``, ``NAME.npz`` and ``NAME.json`` (its row of ``run.json``), one after the
    other. A dot in a name is ``%2E`` there: readers take what comes before the first as the name. ``pack.json`` holds
    the settings, and what is in which file. The same results give the same bytes. In an ArrayRecord file every image is
    a record: a tar file of its three.

    Args:
        folder: the output folder.
        to: a new folder, or one that this has written, which is replaced when all is there.
        max_bytes: of a file, before compression; an image is not divided.
        kind: of the files.

    Returns:
        The files.

    Raises:
        ArgumentError: the two folders are one, or a number out of range.
        CheckpointError: no output folder, or a damaged one.
        OccupiedError: there is something else in the folder.
        MissingExtraError: ``"arrayrecord"`` without its extra.

    >>> import gprior_jax as gp, jax, tempfile
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[:1]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, f"{out}/results")
    ...     files = gp.runs.pack(f"{out}/results", f"{out}/packed")
    >>> [file.name for file in files]
    ['results-00000.tar']
    """
    folder, to = Path(folder), Path(to)
    check_pack(folder, to, kind)
    if max_bytes < 1:
        raise ArgumentError(f"max_bytes {max_bytes}: use at least 1.")
    run = read_run(folder)
    shards: list[dict[str, Any]] = []
    with new_folder(to, overwrite=True) as made:
        every = (_content(folder, row) for row in run.get("images", []))
        sized = ((content, sum(map(len, content.values()))) for content in every)
        for images in _shards(sized, max_bytes):
            shards.append({"file": f"results-{len(shards):05}.{kind}", "images": 0, "bytes": 0})
            _WRITERS[kind](made / shards[-1]["file"], _counted(images, shards[-1]))
        write_json(made / MANIFEST, {"format": FORMAT, "settings": run["settings"], "shards": shards})
    return [to / shard["file"] for shard in shards]


Content = dict[str, bytes]
"""The files of an image, by their names in a shard."""


def _shards(images: Iterator[tuple[Content, int]], max_bytes: int) -> Iterator[Iterator[tuple[Content, int]]]:
    """Images by shards; each is to be taken to its end before the next one."""
    waiting = next(images, None)

    def shard() -> Iterator[tuple[Content, int]]:
        nonlocal waiting
        size = 0
        while waiting is not None and (not size or size + waiting[1] <= max_bytes):
            size += waiting[1]
            yield waiting
            waiting = next(images, None)

    while waiting is not None:
        yield shard()


def _counted(images: Iterator[tuple[Content, int]], shard: dict[str, Any]) -> Iterator[Content]:
    """Images, counted in what the manifest says of their shard."""
    for content, size in images:
        shard |= {"images": shard["images"] + 1, "bytes": shard["bytes"] + size}
        yield content


def _write_tar(path: Path, images: Iterator[Content]) -> None:
    with tarfile.open(path, "w") as archive:
        for content in images:
            _add(archive, content)


def _add(archive: tarfile.TarFile, content: Content) -> None:
    for name, value in content.items():
        archive.addfile(_member(name, len(value)), io.BytesIO(value))


def _write_records(path: Path, images: Iterator[Content]) -> None:
    write_records(path, map(_as_tar, images))


def _as_tar(content: Content) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add(archive, content)
    return buffer.getvalue()


_WRITERS: dict[Kind, Callable[[Path, Iterator[Content]], None]] = {"tar": _write_tar, "arrayrecord": _write_records}


def check_pack(folder: Path, to: Path, kind: Kind = "tar") -> None:
    """Check that packed results can be written into a folder, before there are any.

    Raises:
        ArgumentError: it is the output folder itself, or there are no such files.
        OccupiedError: there is something in it that is none.
        MissingExtraError: the package that writes such files is not installed.
    """
    if kind not in _WRITERS:
        raise ArgumentError(f"kind {kind!r}: use {' or '.join(_WRITERS)}.")
    if kind == "arrayrecord":
        check_installed()
    if os.path.realpath(folder) == os.path.realpath(to):
        raise ArgumentError(f"packed results replace the folder {to}: name another one than that of the results.")
    if not os.path.lexists(to):
        return
    try:
        names = set(os.listdir(to))
        own = {shard["file"] for shard in read_json(to / MANIFEST)["shards"]} | {MANIFEST} if names else set()
    except (NotADirectoryError, CheckpointError, KeyError, TypeError):
        names, own = {to.name}, set()
    if names - own:
        raise OccupiedError(f"{to} holds something else than packed results: name another folder or remove it first.")


def _content(folder: Path, row: dict[str, Any]) -> Content:
    key = row["name"].replace(".", "%2E")
    found = {f"{key}.{ending}": folder / f"{row['name']}.{ending}" for ending in ("png", "npz")}
    try:
        content = {name: path.read_bytes() for name, path in found.items()}
    except FileNotFoundError as error:
        raise CheckpointError(f"{error.filename} is missing: run the command that made it again.") from error
    return content | {f"{key}.json": f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")}


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member
