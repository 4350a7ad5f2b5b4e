"""The results of an output folder as tar files, in the layout of WebDataset: few large files instead of many small."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from gprior_jax.errors import ArgumentError, CheckpointError, OccupiedError
from gprior_jax.runs.entries import read_run
from gprior_jax.storage.atomic import new_folder, read_json, write_json

MANIFEST = "pack.json"

FORMAT = 1

MAX_BYTES = 2**30
"""Of a tar file, before which the next is begun: what object stores and readers of WebDataset like."""


def pack(folder: str | os.PathLike, to: str | os.PathLike, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Write the images that ``run.json`` of an output folder lists into ``results-00000.tar`` and so on.

    Of every image there are ``NAME.png``, ``NAME.npz`` and ``NAME.json`` (its row of ``run.json``), one after the
    other. A dot in a name is ``%2E`` there: readers take what comes before the first as the name. ``pack.json`` holds
    the settings, and what is in which file. The same results give the same bytes.

    Args:
        folder: the output folder.
        to: a new folder, or one that this has written, which is replaced when all is there.
        max_bytes: of a file; an image is not divided.

    Returns:
        The tar files.

    Raises:
        ArgumentError: the two folders are one, or a number out of range.
        CheckpointError: no output folder, or a damaged one.
        OccupiedError: there is something else in the folder.
    """
    folder, to = Path(folder), Path(to)
    check_pack(folder, to)
    if max_bytes < 1:
        raise ArgumentError(f"max_bytes {max_bytes}: use at least 1.")
    run = read_run(folder)
    shards: list[dict[str, Any]] = []
    with new_folder(to, overwrite=True) as made:
        archive: tarfile.TarFile | None = None
        try:
            for row in run.get("images", []):
                content = _content(folder, row)
                size = sum(map(len, content.values()))
                if archive is None or shards[-1]["bytes"] + size > max_bytes:
                    if archive is not None:
                        archive.close()
                    shards.append({"file": f"results-{len(shards):05}.tar", "images": 0, "bytes": 0})
                    archive = tarfile.open(made / shards[-1]["file"], "w")  # noqa: SIM115
                for name, value in content.items():
                    archive.addfile(_member(name, len(value)), io.BytesIO(value))
                shards[-1] |= {"images": shards[-1]["images"] + 1, "bytes": shards[-1]["bytes"] + size}
        finally:
            if archive is not None:
                archive.close()
        write_json(made / MANIFEST, {"format": FORMAT, "settings": run["settings"], "shards": shards})
    return [to / shard["file"] for shard in shards]


def check_pack(folder: Path, to: Path) -> None:
    """Check that packed results can be written into a folder, before there are any.

    Raises:
        ArgumentError: it is the output folder itself.
        OccupiedError: there is something in it that is none.
    """
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


def _content(folder: Path, row: dict[str, Any]) -> dict[str, bytes]:
    """The files of an image, by their names in the tar file."""
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
