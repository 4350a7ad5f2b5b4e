"""Compiled programs kept from one command to the next, in JAX's persistent compilation cache.

JAX looks a program up by its operations, its compiler options, XLA's flags and the versions of JAX and of the platform.
What a CPU can do is not among them, so that every kind of processor has a folder of its own here. JAX also writes an
entry in place: a process that is killed, or reads while another writes, meets the half of one. So every process has a
folder of its own, begun with links to what there is, and hands on what it added when it ends.
"""

import atexit
import contextlib
import hashlib
import os
import platform
import shutil
import sys
import time
from pathlib import Path

import jax

from gprior_jax._version import __version__
from gprior_jax.compiling import programs
from gprior_jax.storage.atomic import remove_leftovers, temporary_name
from gprior_jax.storage.cache import is_off, named_folder

MOST_BYTES = 512 << 20
"""Entries that were not used for longest are removed above this: a command adds 1 to 10 MB."""


def keep_programs() -> Path | None:
    """Make JAX keep what it compiles from here on, and take from what is kept; before its first use.

    Nothing changes where the user has a cache of JAX's own, wants none, or no folder can be written that is ours alone:
    whoever can write into it runs code here.

    Returns:
        This process's folder, or None.
    """
    if jax.config.values["jax_compilation_cache_dir"] or (shared := _shared_folder()) is None:
        return None
    try:
        shared.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_ours(shared):
            return None
        remove_leftovers(shared, folders=True)
        own = shared / temporary_name()
        own.mkdir()
    except OSError:
        return None  # A read-only home, a full disk: compile as ever.
    for entry in _entries(shared):
        with contextlib.suppress(OSError):
            _link(entry, own / entry.name)
    jax.config.update("jax_compilation_cache_dir", str(own))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # XLA's own caches would be in our folder too, whose path becomes part of what programs are looked up by.
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    programs.keep_in(own)
    atexit.register(hand_on, own, shared)
    _folders[:] = [(own, shared)]
    return own


_folders: list[tuple[Path, Path]] = []
"""This process's folder, and that of all."""

_SETTLED_S = 1.0
"""A file that is older is written whole."""


def hand_on_now() -> None:
    """Give what was compiled to all before a signal ends the program, after which nothing at its exit is run.

    What other threads are writing at the moment stays behind.
    """
    for own, shared in _folders:
        hand_on(own, shared, _SETTLED_S)
    _folders.clear()


def hand_on(own: Path, shared: Path, age: float = 0.0) -> None:
    """Give what a process added to its folder to all, whole files of an age in seconds, and remove the folder."""
    with contextlib.suppress(OSError):
        latest = time.time() - age
        for entry in _entries(own):
            if age and entry.stat().st_mtime > latest:
                continue
            if not entry.is_symlink() and _is_new(entry, shared / entry.name):
                os.replace(entry, shared / entry.name)
        _shrink(shared, MOST_BYTES)
    shutil.rmtree(own, ignore_errors=True)


def _is_new(entry: Path, target: Path) -> bool:
    """Whether an entry is not there yet, or was made again because what is there could not be used."""
    return not target.exists() or (entry.name.startswith(programs.PREFIX) and not entry.samefile(target))


def _shared_folder() -> Path | None:
    """Where programs of these versions for this processor are kept; None keeps none."""
    if is_off():
        return None
    return (named_folder() or _system_cache() / "gprior-jax") / "compiled" / _kind()


def _system_cache() -> Path:
    """The operating system's place for what can be made again."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def _kind() -> str:
    """A name for what compiled programs depend on and JAX does not look at; and for what makes old ones useless."""
    seen = [__version__, jax.__version__, sys.platform, platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        told = ("model name", "flags", "Features", "CPU part")
        seen += sorted({line for line in lines if line.startswith(told)})
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:16]


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can write there."""
    if os.name != "posix":
        return True  # Folders of a user's profile are.
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]


def _link(source: Path, target: Path) -> None:
    """The same file under another name, in either way that the file system has: copies would take too long."""
    try:
        os.link(source, target)
    except OSError:
        target.symlink_to(source)


def _shrink(folder: Path, most: int) -> None:
    """Remove what was not used for longest until what is left fits."""
    entries = sorted(((path.stat(), path) for path in _entries(folder)), key=lambda entry: _last_used(entry[0]))
    excess = sum(found.st_size for found, _ in entries) - most
    for found, path in entries:
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= found.st_size


def _last_used(found: os.stat_result) -> float:
    # Times of access are often kept to the day only.
    return max(found.st_atime, found.st_mtime)
