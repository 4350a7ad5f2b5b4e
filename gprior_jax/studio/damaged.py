"""Folders of sessions that cannot be read: they are told of, counted, and removed when somebody says so."""

import dataclasses
import datetime
import re
from pathlib import Path

from gprior_jax.errors import CheckpointError
from gprior_jax.studio.sessions import Session, is_name

_MADE = re.compile(r"[0-9a-f]{12}")
"""Names of folders that the studio makes itself: one without a ``session.json`` has lost it."""


@dataclasses.dataclass(frozen=True)
class Damaged:
    """A folder that was a session's.

    Attributes:
        folder: where it is.
        writes: how often something of it was written: nothing is.
    """

    folder: Path
    writes: int = 0

    @property
    def id(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def created(self) -> str | None:
        """When it was last changed, ISO 8601, as when it was begun is lost; None where it is gone."""
        try:
            changed = datetime.datetime.fromtimestamp(self.folder.stat().st_mtime, datetime.UTC)
        except OSError:
            return None
        return changed.isoformat(timespec="seconds")

    @property
    def why(self) -> str:
        """What is wrong with it, a sentence."""
        return f"Its session.json is damaged or missing: the results are in the folder {self.id}, and cannot be shown."


def read_folder(folder: Path) -> Session | Damaged | None:
    """The session in a folder, what is left of one, or nothing that was one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as made:
    ...     print(read_folder(Path(made)))
    None
    """
    if not is_name(folder.name) or not folder.is_dir():
        return None
    if not (folder / "session.json").is_file():
        lost = _MADE.fullmatch(folder.name) is not None and any(folder.iterdir())
        return Damaged(folder) if lost else None
    try:
        return Session.read(folder)
    except (CheckpointError, OSError):
        return Damaged(folder)
