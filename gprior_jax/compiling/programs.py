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
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
from jax.experimental import serialize_executable

from gprior_jax.compiling.exactly import UnknownError, structure_text, text_of
from gprior_jax.compiling.operations import operations
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.summary import versions
from gprior_jax.typing import PyTree

R = TypeVar("R")

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
    settle()
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
    path = _path(function, settings, given, fixed)
    if path is None:
        return None
    if path not in _loaded:
        _loaded[path] = _read(path, _devices(given)) or _begun(path, jitted, args).done()
    return _loaded[path]


class Begun(NamedTuple):
    """A program that another thread compiles.

    Attributes:
        gives: what it will give, a tree of ``jax.ShapeDtypeStruct`` without shardings.
        done: waits for it.
    """

    gives: PyTree
    done: Callable[[], Compiled]


def begin(
    function: Callable, jitted: Any, settings: Any, args: tuple, given: tuple, fixed: dict[int, Any]
) -> Begun | None:
    """Trace a program, and compile it in another thread, while this one traces what comes after it; see :func:`find`.

    Compiling leaves Python alone, tracing is nothing else. None where a program is kept for such arguments, so that
    there is nothing to wait for, or where it cannot be.
    """
    path = _path(function, settings, given, fixed)
    if path is None or path in _loaded or path.is_file():
        return None
    return _begun(path, jitted, args)


def _begun(path: Path, jitted: Any, args: tuple) -> Begun:
    traced = jitted.trace(*args)
    # Lowered in this thread, whose settings of JAX are those of the caller.
    compiling = _in_background(_compiled_anew, traced.lower())

    def done() -> Compiled:
        counted = operations(traced.jaxpr)  # Meanwhile.
        call, is_new = compiling.result()
        _loaded[path] = made = Compiled(call, counted)
        if is_new:
            _in_background(_keep, path, made)
        return made

    gives = jax.tree.map(lambda out: jax.ShapeDtypeStruct(out.shape, out.dtype), traced.out_info)
    return Begun(gives, done)


def _path(function: Callable, settings: Any, given: tuple, fixed: dict[int, Any]) -> Path | None:
    """The file of a program; None where it cannot be kept."""
    if not _folders:
        return None
    try:
        told = " ".join((text_of(function), text_of(settings), text_of(fixed), structure_text(given)))
    except UnknownError:
        return None
    return _folders[0] / f"{PREFIX}{hashlib.sha256(f'{_surroundings()} {told}'.encode()).hexdigest()}"


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


def _compiled_anew(lowered: jax.stages.Lowered) -> tuple[jax.stages.Compiled, bool]:
    """What was lowered, compiled; and whether it can be kept.

    What came out of JAX's own cache cannot be written again: XLA:CPU would leave its functions out, without a word
    (findings/jax_cpu_serialize_cached.sh). It is found there the next time too.
    """
    with _cache_hits() as hits:
        made = lowered.compile()
    return made, not hits


def _keep(path: Path, made: Compiled) -> None:
    # One that holds arrays of its own cannot be kept (yet), and a full disk keeps nothing.
    with contextlib.suppress(NotImplementedError, ValueError, OSError, pickle.PicklingError):
        write_bytes(path, pickle.dumps((*serialize_executable.serialize(made.call), made.operations)))


_unsettled: list[Future] = []
"""What other threads are doing for the programs of this process, which ends when they have."""


def _in_background(function: Callable[..., R], *args: Any) -> Future[R]:
    """A call in another thread: most of what compilers and serialisers do leaves Python alone."""
    worker = ThreadPoolExecutor(1, "gprior compiler")
    try:
        begun = worker.submit(function, *args)
    except RuntimeError:  # No thread can begin any more: the interpreter is ending, or there are too many.
        begun = Future()
        begun.set_result(function(*args))
    worker.shutdown(wait=False)
    _unsettled[:] = [other for other in _unsettled if not other.done()] + [begun]
    return begun


def settle() -> None:
    """Wait until all programs that were made are in the folder; a process that ends does so itself."""
    while unfinished := [begun for begun in _unsettled if not begun.done()]:
        wait(unfinished)


_hits: dict[int, list[str]] = {}
"""What JAX's own cache gave to the threads that are compiling, by these."""

_CHANGING = threading.Lock()


@contextlib.contextmanager
def _cache_hits() -> Iterator[list[str]]:
    """Inside, what this thread finds in JAX's own cache.

    One listener is there for all threads, as long as any compiles: JAX goes through its listeners as they are, and
    where another thread took one of its own away meanwhile, the next would not be called.
    """
    own: list[str] = []
    with _CHANGING:
        if not _hits:
            jax.monitoring.register_event_listener(_listen)
        _hits[threading.get_ident()] = own
    try:
        yield own
    finally:
        with _CHANGING:
            del _hits[threading.get_ident()]
            if not _hits:
                jax.monitoring.unregister_event_listener(_listen)


def _listen(event: str, **_: Any) -> None:
    if event.endswith("/cache_hits") and (own := _hits.get(threading.get_ident())) is not None:
        own.append(event)


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
