"""The flags of commands that listen, and how these begin and end."""

import dataclasses
import os
import time
from typing import Annotated

import jax
from tyro import conf

from gprior_jax import interrupts
from gprior_jax.cli.checking import check_positive
from gprior_jax.errors import ArgumentError, require
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.inversion.devices import cores
from gprior_jax.serving.guard import check_token
from gprior_jax.serving.limits import Limits

GARBAGE = (2_000, 10, 10)
"""A command that soon ends hardly looks for garbage; a server leaves some with every connection."""

_MOST_PORT = 65535


def require_serving(extra: str) -> None:
    """Make sure, before any work, that what listens is installed.

    Raises:
        MissingExtraError: it is not.
    """
    for module in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
        require(module, extra)


def wait_for_signal() -> None:
    """Wait until the program is told to stop; another signal from then on ends it at once."""
    try:
        while True:
            time.sleep(3600.0)
    except KeyboardInterrupt:
        interrupts.end_in_order()


def places(resolution: int) -> int:
    """Images at once where nobody names a number.

    A program computes all of its places, taken or not. On a CPU a job alone would wait for them, so there are no more
    than cores, each of which has one (``benchmarks/serving.py``).
    """
    most = default_batch_size(resolution, 8)
    return min(cores(), most) if jax.default_backend() == "cpu" else most


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimitFlags:
    """What the server takes on.

    Attributes:
        queue: jobs that wait at once; more are asked to come again.
        lanes: kinds of jobs (task, recipe, size) ready to run at once, each with a program and its memory.
        max_steps: optimisation steps of a job.
        max_codes: latent codes of a job.
        max_samples: answers of a restoration.
        max_megabytes: of a request.
        max_megapixels: of a picture.
        timeout: seconds of a job, with its waiting; one under way then ends with the best found.
        keep_minutes: how long finished jobs are kept.
        keep_megabytes: how much of their results is kept.
        connections: open at once.
    """

    queue: int = Limits.queue
    lanes: int = Limits.lanes
    max_steps: int = Limits.steps
    max_codes: int = Limits.codes
    max_samples: int = Limits.samples
    max_megabytes: float = Limits.megabytes
    max_megapixels: float = Limits.megapixels
    timeout: float = Limits.timeout
    keep_minutes: float = Limits.keep_minutes
    keep_megabytes: float = Limits.keep_megabytes
    connections: int = Limits.connections

    def limits(self) -> Limits:
        """As the engine takes them."""
        names = [field.name for field in dataclasses.fields(LimitFlags)]
        return Limits(**{name.removeprefix("max_"): getattr(self, name) for name in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListenFlags:
    """Where a server listens, and to whom.

    Attributes:
        host: address to listen on; beyond this machine only with a token.
        port: to listen on; 0 takes any that is free.
        token: that every request must have; better in the variable GPRIOR_TOKEN, as others see flags.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: Annotated[str | None, conf.arg(metavar="TOKEN")] = dataclasses.field(default=None, repr=False)

    def checked_token(self) -> str | None:
        """The token, from the flag or the variable; flags that cannot be right are told, the token is in no message."""
        self.check()
        token = self.token if self.token is not None else os.environ.get("GPRIOR_TOKEN") or None
        check_token(token, self.host)
        return token

    def check(self) -> None:
        """Raise :class:`ArgumentError` where a flag cannot be right."""
        check_positive(self, "batch_size", "devices")
        if not 0 <= self.port <= _MOST_PORT:
            raise ArgumentError(f"--port {self.port}: use 0 to {_MOST_PORT}.")
