"""Compiled programs kept whole from one process to the next, so that they need not be traced to be found again.

JAX's own persistent cache looks a program up by its operations, for which Python has to run through all of it: a second
or two for a generator and its gradient. Here a program is looked up by what it is made of: the function, the
structure of its arguments with all that is static in them, shapes and devices, the sources of this package, versions,
and JAX's settings. What cannot be told exactly (code of a user's own) is not kept.
"""

import contextlib
import functools
import hashlib
import os
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.experimental import serialize_executable

from gprior_jax.compiling.exactly import UnknownError, structure_text, text_of
from gprior_jax.compiling.operations import operations
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.summary import versions

PREFIX = "whole-"
"""Of the names of files."""

_folders: list[Path] = []
"""Where programs are kept, at most one folder."""


class Compiled(NamedTuple):
    """A compiled program, and what tracing it told.

    Attributes:
        call: the program.
        operations: see :func:`gprior_jax.compiling.operations.operations`.
    """

    call: jax.stages.Compiled
    operations: float


_loaded: dict[Path, Compiled] = {}
"""Programs of this process."""


def keep_in(folder: Path | None) -> None:
    """Keep programs in a folder from here on, or nowhere. Whoever can write into it runs code in this process."""
    _folders[:] = [] if folder is None else [folder]
    _loaded.clear()


def forget() -> None:
    """Let go of all programs of this process, whose memory nothing else frees; those that are kept are read again."""
    _loaded.clear()
    jax.clear_caches()


def are_kept() -> bool:
    """Whether programs are kept."""
    return bool(_folders)


def find(
    function: Callable, jitted: Any, settings: Any, args: tuple, given: tuple, fixed: dict[int, Any]
) -> Compiled | None:
    """The program for arguments: from the folder, or compiled and put there; None where it cannot be kept.

    Args:
        function: what was jitted.
        jitted: it, jitted.
        settings: of the compilation.
        args: all arguments.
        given: those that are not static, which the program takes.
        fixed: those that are, by their places.
    """
    if not _folders:
        return None
    try:
        told = " ".join((text_of(function), text_of(settings), text_of(fixed), structure_text(given)))
    except UnknownError:
        return None
    path = _folders[0] / f"{PREFIX}{hashlib.sha256(f'{_surroundings()} {told}'.encode()).hexdigest()}"
    if path not in _loaded:
        _loaded[path] = _read(path, _devices(given)) or _made(path, jitted, args)
    return _loaded[path]


def _devices(given: tuple) -> list[Any]:
    """Those that the arguments lie on; the first where all are the host's."""
    arrays = [leaf for leaf in jax.tree.leaves(given) if isinstance(leaf, jax.Array)]
    found = {device for array in arrays for device in array.sharding.device_set}
    return sorted(found, key=lambda device: device.id) or jax.local_devices()[:1]


def _read(path: Path, devices: list[Any]) -> Compiled | None:
    """The program in a file; None where there is none that can be used."""
    try:
        payload, takes, gives, told = pickle.loads(path.read_bytes())
        found = serialize_executable.deserialize_and_load(payload, takes, gives, execution_devices=devices)
        return Compiled(found, told)
    except FileNotFoundError:
        return None
    except Exception:  # Half a file, another machine's: it is made again.
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def compiled(jitted: Any, args: tuple) -> Compiled:
    """The program for arguments of what was jitted, which from then on is compiled."""
    traced = jitted.trace(*args)
    return Compiled(traced.lower().compile(), operations(traced.jaxpr))


def _made(path: Path, jitted: Any, args: tuple) -> Compiled:
    """The program, compiled and put into a file."""
    hits = []
    listen = partial(_listen, hits)
    jax.monitoring.register_event_listener(listen)
    try:
        made = compiled(jitted, args)
    finally:
        jax.monitoring.unregister_event_listener(listen)
    # What came out of JAX's own cache cannot be written again: XLA:CPU would leave its functions out, without a word
    # (findings/jax_cpu_serialize_cached.sh). It is found there the next time too.
    if hits:
        return made
    # One that holds arrays of its own cannot be kept (yet), and a full disk keeps nothing.
    with contextlib.suppress(NotImplementedError, ValueError, OSError, pickle.PicklingError):
        write_bytes(path, pickle.dumps((*serialize_executable.serialize(made.call), made.operations)))
    return made


def _listen(hits: list[str], event: str, **_: Any) -> None:
    if event.endswith("/cache_hits"):
        hits.append(event)


@functools.cache
def _sources() -> str:
    """A digest of this package's sources."""
    total = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        total.update(path.relative_to(package).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()


_BESIDE = ("jax_compilation_cache", "jax_persistent_cache", "jax_log", "jax_traceback", "jax_explain")
"""Beginnings of the names of JAX's settings that change no program."""


def _surroundings() -> str:
    """What programs depend on beside what they are made of."""
    settings = {name: getattr(jax.config, name, value) for name, value in sorted(jax.config.values.items())}
    told = {name: str(value) for name, value in settings.items() if not name.startswith(_BESIDE)}
    return repr((_sources(), versions(), told, os.environ.get("XLA_FLAGS"), jax.default_backend(), jax.device_count()))
