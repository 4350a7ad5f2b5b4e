"""One session of a training run in a folder: alone in it, what it goes on from, and what an interrupt tells."""

import contextlib
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from gprior_jax.errors import GPriorError
from gprior_jax.storage.atomic import new_folder
from gprior_jax.storage.checkpoint import save_tree
from gprior_jax.storage.locks import Lock, hold
from gprior_jax.training.log import TensorBoard

_KEEP_STATES = 2


def alone(out: Path) -> Lock:
    """The lock of a run's folder.

    Raises:
        GPriorError: another process holds it.
    """
    lock = hold(out / ".locks" / "run")
    if lock is None:
        raise GPriorError(f"another process trains into {out}: wait until it ends, or give another folder.")
    return lock


@contextlib.contextmanager
def in_order(out: Path, batches: Generator[Any, None, None], board: TensorBoard | None) -> Iterator[None]:
    """Close what the steps of a run have opened, however they end; an interrupt is told what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        # A step donates its state, so an interrupt inside one leaves nothing to save but the last snapshot.
        kept = f"goes on from the last snapshot in {out}" if states(out) else "starts afresh: there is no snapshot yet"
        raise KeyboardInterrupt(f"interrupted; the same command {kept}.") from None
    finally:
        batches.close()
        if board:
            board.close()


def states(out: Path) -> list[Path]:
    """Complete training states, oldest first."""
    return sorted(path for path in (out / "state").glob("[0-9]*") if path.is_dir() and path.name.isdigit())


def seen(out: Path) -> int:
    """Images that the run in a folder has seen."""
    return max((int(path.name) for path in states(out)), default=0)


def save_state(out: Path, count: int, state: Any) -> None:
    """Write a training state after so many images, and remove all but the last ones."""
    with new_folder(out / "state" / f"{count:09d}", overwrite=True) as folder:
        save_tree(folder, state)
    for old in states(out)[:-_KEEP_STATES]:
        shutil.rmtree(old)
