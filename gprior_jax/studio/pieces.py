"""An item of a session."""

import dataclasses
import threading
from typing import Any

from gprior_jax.serving.jobs import Job
from gprior_jax.studio.making import Prepared
from gprior_jax.studio.views import View

UNDER_WAY = ("queued", "running")
"""States of items that have not ended."""

_ENDED = ("error", "step", "steps", "loss", "psnr", "result", "files", "goes_on")
"""What is told of an item that has ended; not of one that begins."""


@dataclasses.dataclass(eq=False)
class Piece:
    """An item of a session: a photograph and what came of it, or a picture that was drawn.

    Attributes:
        id: its number, from 1.
        about: what is stored of it, JSON.
        job: that works on it, as long as it is under way.
        prepared: what was read of it, likewise.
        view: its latest picture, likewise.
        edit: what the page keeps of it, JSON.
        lock: held while its files come or go.
        is_removed: nothing is written of it.
    """

    id: str
    about: dict[str, Any]
    job: Job | None = None
    prepared: Prepared | None = None
    view: View = dataclasses.field(default_factory=View)
    edit: Any = None
    lock: threading.RLock = dataclasses.field(default_factory=threading.RLock)
    is_removed: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether more is to come of it."""
        return self.about["state"] in UNDER_WAY and (self.job is None or not self.job.has_ended)

    @property
    def can_begin_again(self) -> bool:
        """Whether it has ended without a result, and what it was asked with is there."""
        is_under_way = self.about["state"] in UNDER_WAY and self.job is None
        return self.about["state"] != "done" and "photograph" in self.about and not (is_under_way or self.is_under_way)

    def begin_again(self) -> None:
        """It has not ended, and nothing is known of it."""
        self.about = {name: told for name, told in self.about.items() if name not in _ENDED} | {"state": "queued"}
        self.view.begin()
