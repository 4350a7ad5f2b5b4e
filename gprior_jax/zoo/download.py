"""Published files, fetched once: continued after an interruption, verified, complete or absent.

pooch makes the folder and renames the file into its place; its own downloaders start anew after an interruption, so
:class:`Transfer` is given to it. Beside a file, ``FILE.sha256`` records what was fetched, as ``sha256sum`` writes it.
While a transfer is unfinished, ``.FILE.partial`` holds what has arrived and ``.FILE.partial.json`` of which version.
"""

import contextlib
import errno
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import CheckpointError, DownloadError, GPriorError, require
from gprior_jax.storage.atomic import named, read_json, sha256, write_bytes, write_json
from gprior_jax.storage.cache import CACHE_VARIABLE as CACHE_VARIABLE
from gprior_jax.storage.cache import named_folder
from gprior_jax.storage.locks import hold
from gprior_jax.zoo.published import Published

"""Environment variable that names the folder of fetched files."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and those that will be; None where the server does not tell."""

_CHUNK = 2**16
_TIMEOUT = (15.0, 60.0)
"""Seconds until a connection is made, and without any byte."""


class Fetched(NamedTuple):
    """A published file on this machine.

    Attributes:
        path: the file.
        sha256: its SHA-256.
        transferred: whether it came over the network just now; otherwise it was there.
    """

    path: Path
    sha256: str
    transferred: bool


def cache_folder() -> Path:
    """Folder of fetched files: ``$GPRIOR_CACHE``, else the place that the operating system has for such."""
    return named_folder() or Path(require("pooch", "zoo").os_cache("gprior-jax"))


def fetch(entry: Published, folder: str | os.PathLike | None = None, progress: Progress | None = None) -> Fetched:
    """Fetch a published file, unless it is there and verified.

    Args:
        entry: the file, from :func:`gprior_jax.zoo.find`.
        folder: where to put it; :func:`cache_folder` unless given.
        progress: called after every piece.

    Returns:
        The file, with its SHA-256, which is checked where one is published.

    Raises:
        GPriorError: the file has no direct address.
        DownloadError: it did not arrive; nothing is under its name.
        MissingExtraError: pooch is not installed.
    """
    if not entry.address:
        note = f" ({entry.note})" if entry.note else ""
        raise GPriorError(f"{entry.name} has no direct address{note}: see {entry.page}{_then(entry)}.")
    path = Path(folder if folder is not None else cache_folder()) / entry.file
    if digest := _verified(path, entry.sha256):
        return Fetched(path, digest, transferred=False)
    pooch = require("pooch", "zoo")
    transfer = Transfer(entry, path, progress)
    lock = hold(path.parent / ".locks" / path.name)
    if lock is None:
        raise DownloadError(f"{path} is being fetched by another process: run again when that has ended.")
    with lock, _quiet(pooch.get_logger()):
        path.unlink(missing_ok=True)  # Damaged since it was fetched.
        pooch.retrieve(entry.address, None, fname=path.name, path=path.parent, downloader=transfer)
    return Fetched(path, transfer.sha256, transferred=True)


def by_hand(entry: Published) -> str:
    """What to do without this module, the end of a sentence."""
    return f"download {entry.file} by hand from {entry.page}{_then(entry)}"


def _then(entry: Published) -> str:
    return f" and run 'gprior convert {entry.file}'" if entry.layout else ""


def _verified(path: Path, expected: str) -> str:
    """SHA-256 of a file that is there and is neither what it should not be nor changed since; empty otherwise."""
    if not path.is_file():
        return ""
    record = _record(path)
    recorded = record.read_text(encoding="utf-8").split(" ")[0] if record.is_file() else ""
    digest = sha256(path)
    return digest if digest.startswith(expected) and digest.startswith(recorded) else ""


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch's own messages from the terminal."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class Transfer:
    """A downloader for pooch that goes on where an earlier one stopped and hands over only what it has verified."""

    def __init__(self, entry: Published, path: Path, progress: Progress | None = None):
        """Prepare the transfer of ``entry`` towards ``path``; nothing is written yet."""
        self._entry, self._path, self._progress = entry, path, progress
        self._partial = path.with_name(f".{path.name}.partial")
        self._facts = path.with_name(f".{path.name}.partial.json")
        self.sha256 = ""
        """SHA-256 of the file, once it is there."""

    def __call__(self, url: str, output_file: str | os.PathLike, pooch: Any) -> None:
        """Fetch ``url`` into ``output_file``, as pooch calls it.

        Raises:
            DownloadError: the file did not arrive, or is another one.
        """
        start, facts = self._earlier(url)
        if not start or start != facts.get("total"):
            self._receive(url, start, facts)
        self.sha256 = sha256(self._partial)
        if not self.sha256.startswith(self._entry.sha256):
            self._discard()
            raise DownloadError(
                f"{url} sent another file, with the SHA-256 {self.sha256} where {self._entry.sha256} is published; it "
                f"was removed: run again, or {by_hand(self._entry)}."
            )
        write_bytes(_record(self._path), f"{self.sha256}  {self._path.name}\n".encode())
        self._partial.replace(output_file)
        self._discard()

    def _earlier(self, url: str) -> tuple[int, dict[str, Any]]:
        """How much of an unfinished transfer is there to go on from, and of which version of the file."""
        try:
            size, facts = self._partial.stat().st_size, read_json(self._facts)
        except (OSError, CheckpointError):
            return 0, {}
        total = facts.get("total")
        usable = facts.get("address") == url and facts.get("version") and (total is None or size <= total)
        return (size, facts) if usable else (0, {})

    def _discard(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)

    def _receive(self, url: str, start: int, facts: dict[str, Any]) -> None:
        """Ask for the file, or for what is missing of it, and append what comes."""
        requests = require("requests", "zoo")
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": facts["version"]}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
                self._check(response, url, start, facts)
                self._append(response, url, start)
        except requests.exceptions.RequestException as error:
            raise self._broken(url, error) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._no_space() from error

    def _check(self, response: Any, url: str, start: int, facts: dict[str, Any]) -> None:
        """Refuse an answer that is not the file."""
        code = response.status_code
        if code in (404, 410):
            raise DownloadError(f"{url} is gone ({code} {response.reason}): {by_hand(self._entry)}.")
        if code == 416 or (code == 206 and not _continues(response, start, facts.get("total"))):
            self._discard()
            raise DownloadError(f"{url} changed since the transfer began; what had arrived was removed: run again.")
        if code not in (200, 206):
            raise DownloadError(
                f"{url} cannot be had now ({code} {response.reason}): run again later, or {by_hand(self._entry)}."
            )
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise self._web_page(url)

    def _append(self, response: Any, url: str, start: int) -> None:
        """Write what comes, after what is there or in its place."""
        pieces = response.iter_content(_CHUNK)
        piece = next(pieces, b"")
        if response.status_code == 200:
            if piece.lstrip().startswith(b"<"):
                raise self._web_page(url)
            self._discard()
            start, total = 0, _length(response)
            write_json(self._facts, {"address": url, "version": _version(response), "total": total})
        else:
            _, total = _range(response)
        if total is not None and total - start > shutil.disk_usage(self._path.parent).free:
            raise self._no_space()
        done = start
        with self._partial.open("ab") as file:
            while piece:
                with named(self._path):
                    file.write(piece)
                done += len(piece)
                if self._progress is not None:
                    self._progress(done, total)
                piece = next(pieces, b"")
        if not done or (total is not None and done != total):
            raise self._broken(url, None)
        if not self._partial.is_file() or self._partial.stat().st_size != done:
            self._discard()
            raise DownloadError(
                f"{self._path} was being fetched twice at once; what had arrived was removed: run again."
            )

    def _web_page(self, url: str) -> DownloadError:
        return DownloadError(
            f"{url} sent a web page in place of {self._entry.file}, as Google Drive and Dropbox do to ask for a "
            f"confirmation or after too many transfers: open it in a browser, or {by_hand(self._entry)}."
        )

    def _no_space(self) -> DownloadError:
        return DownloadError(
            f"the disk of {self._path.parent} has no room for {self._entry.file}: free space, or name another folder "
            f"in ${CACHE_VARIABLE}, and run again."
        )

    def _broken(self, url: str, error: Exception | None) -> DownloadError:
        """That the server was not reached, or the connection ended early."""
        size, _ = self._earlier(url)
        reason = type(error).__name__ if error is not None else "the server stopped"
        if size:
            return DownloadError(
                f"{url} could not be fetched beyond {size / 2**20:.1f} MiB ({reason}): run again, it goes on there."
            )
        return DownloadError(
            f"{url} could not be fetched ({reason}): run again when there is a connection, or {by_hand(self._entry)}."
        )


def _length(response: Any) -> int | None:
    """Size of the whole file, where an answer tells it."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None


def _range(response: Any) -> tuple[int, int | None]:
    """First byte and size of the whole file, of an answer with a part; the first is -1 where it cannot be read."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None:
        return -1, None
    return int(match[1]), int(match[2]) if match[2] != "*" else None


def _continues(response: Any, start: int, total: int | None) -> bool:
    """Whether an answer with a part goes on at ``start``, in a file of the size that the first answer told."""
    first, size = _range(response)
    return first == start and total in (None, size)


def _version(response: Any) -> str:
    """What tells one version of a file from another, for ``If-Range``; empty where the server tells nothing."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
