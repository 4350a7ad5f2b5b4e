"""Jobs: what a client has asked for, how far it is, and what came of it."""

import dataclasses
import enum
import math
import secrets
import time
from typing import Any, NamedTuple

from gprior_jax.inversion.filming import Film
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.making import LaneKey, Ready


class State(enum.StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SAVED = "saved"


class Kept(NamedTuple):
    """What came of a job.

    Attributes:
        png: the picture.
        npz: the codes and all numbers, as ``gprior invert`` writes them.
        numbers: how it ended, JSON.
        more: of several answers all, the best first, and their mean and deviation: PNG by what follows the job's path.
    """

    png: bytes
    npz: bytes
    numbers: dict[str, Any]
    more: dict[str, bytes]

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.png) + len(self.npz) + sum(map(len, self.more.values()))


@dataclasses.dataclass(eq=False)
class Job:
    """A job. Its lane writes how far it is; states are changed by the engine alone.

    Attributes:
        asked: its settings.
        lane: where it is worked on.
        ready: its picture; None once it has ended.
        num_steps: that it takes, at most.
        deadline: when it ends at the latest, on :func:`time.monotonic`'s clock.
        most_steps: steps after which it leaves with what it has; a warming-up takes one.
        id: cannot be guessed: whoever knows it may see the job.
        created: when it was accepted, likewise.
        started: when it entered its lane.
        ended: when it ended.
        state: where it is.
        seen: when it was last told of a step.
        step: steps taken.
        loss: latest.
        psnr: latest, dB, where pixels are compared by their mean square.
        why: why it failed or was cancelled, in a sentence.
        is_late: it has left at its deadline.
        is_stopped: whoever asked for it wants what has been found so far.
        is_saved: it is where a server that starts again finds it.
        told: a client has heard of its end.
        kept: what came of it.
        film: takes pictures on the way.
        owner: whatever the one who submitted it knows it by.
    """

    asked: Asked
    lane: LaneKey
    ready: Ready | None
    num_steps: int
    deadline: float
    most_steps: float = math.inf
    id: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(16))
    created: float = dataclasses.field(default_factory=time.monotonic)
    started: float | None = None
    ended: float | None = None
    state: State = State.QUEUED
    seen: float | None = None
    step: int = 0
    loss: float | None = None
    psnr: float | None = None
    why: str = ""
    is_late: bool = False
    is_stopped: bool = False
    is_saved: bool = False
    told: bool = False
    kept: Kept | None = None
    film: Film | None = None
    owner: Any = None
    _before: int = 0
    _latest: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it, in this process."""
        return self.state not in (State.QUEUED, State.RUNNING)

    @property
    def is_clients(self) -> bool:
        """Whether somebody has asked for it: not of a warming-up."""
        return self.most_steps == math.inf

    @property
    def counted(self) -> tuple[int, int]:
        """Steps of the stages that are behind it, and of the one that it is in."""
        return self._before, self._latest

    @counted.setter
    def counted(self, steps: tuple[int, int]) -> None:
        self._before, self._latest = steps
        self.step = sum(steps)

    def answer(self, place: int, seconds_left: float | None) -> dict[str, Any]:
        """How far it is, JSON.

        Args:
            place: how many are before it in the queue; -1 where it does not wait.
            seconds_left: until its end, if that is known.
        """
        about: dict[str, Any] = {"id": self.id, "state": self.state.value, "settings": self.asked.given()}
        about |= {"step": self.step, "steps": self.num_steps, "loss": self.loss, "psnr": self.psnr}
        if self.state is State.QUEUED:
            about["place"] = place + 1
        if not self.has_ended:
            return about | {"seconds_left": None if seconds_left is None else round(seconds_left, 2)}
        self.told = True
        return about | ({"error": self.why} if self.why else {}) | ({"result": self.kept.numbers} if self.kept else {})

    def saw(self, step: int, numbers: dict[str, float]) -> bool:
        """Take how far a stage is, from a stream's watch; whether the job leaves now."""
        if step < self._latest:  # A stage has begun.
            self._before += self._latest
        self._latest, self.step = step, self._before + step
        self.loss = finite(numbers["loss"])
        if "pixel_mse" in numbers:
            self.psnr = psnr(numbers["pixel_mse"])
        self.seen = time.monotonic()
        self.is_late = self.is_late or self.seen > self.deadline
        leaves = self.is_late or self.is_stopped or self.state is State.CANCELLED
        return leaves or self.step >= self.most_steps


def finite(number: float) -> float | None:
    """A number as JSON has it: None for NaN and infinity."""
    return number if math.isfinite(number) else None


def psnr(mse: float) -> float | None:
    """Of pixels in [-1, 1], dB, as JSON has it.

    >>> psnr(0.04), psnr(0.0)
    (20.0, None)
    """
    return finite(-10.0 * math.log10(mse / 4.0)) if mse > 0 and math.isfinite(mse) else None
