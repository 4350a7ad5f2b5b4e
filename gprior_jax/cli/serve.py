"""``gprior serve``."""

import dataclasses
import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import jax
import numpy as np
from tyro import conf

from gprior_jax import interrupts
from gprior_jax.cli.flags import PriorFlags, check_positive
from gprior_jax.cli.telling import print_json, say, warn
from gprior_jax.errors import ArgumentError, require
from gprior_jax.images.files import encode_png
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.inversion.devices import cores
from gprior_jax.keys import seeded
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.engine import Engine
from gprior_jax.serving.guard import check_token
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.making import Maker
from gprior_jax.serving.pictures import Sent
from gprior_jax.serving.saved import SavedJobs

_GARBAGE = (2_000, 10, 10)
"""A command that soon ends hardly looks for garbage; a server leaves some with every connection."""

if TYPE_CHECKING:
    from gprior_jax.serving.listening import Listener

_MOST_PORT = 65535


def _places(resolution: int) -> int:
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
class Serve(LimitFlags, PriorFlags):
    """Answer requests over HTTP until it is told to stop.

    Attributes:
        seed: of the server; a job's random numbers are folded from it and the job's own.
        batch_size: images at once in a lane; by resolution unless given, on a CPU no more than cores.
        host: address to listen on; beyond this machine only with a token.
        port: to listen on; 0 takes any that is free.
        token: that every request must have; better in the variable GPRIOR_TOKEN, as others see flags.
        devices: devices that a lane is spread over; unless given one, or on a CPU its cores.
        grace: seconds that jobs have to end when the server is told to stop.
        state: folder for what has not ended by then, to go on with when the server is started again with it: pictures
            are on disk meanwhile. Unless given, such jobs are cancelled.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: Annotated[str | None, conf.arg(metavar="TOKEN")] = dataclasses.field(default=None, repr=False)
    devices: int | None = None
    grace: float = 30.0
    state: Path | None = None

    def run(self) -> int:
        """Serve until a signal comes."""
        for module in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
            require(module, "serve")
        from gprior_jax.serving.app import make_app
        from gprior_jax.serving.listening import Listener

        token = self.token if self.token is not None else os.environ.get("GPRIOR_TOKEN") or None
        self._check(token)
        saved = None if self.state is None else SavedJobs(self.state)
        prior = self.load_prior()
        slots = self.batch_size or _places(prior.resolution)
        engine = Engine(Maker(prior, seeded(self.seed), self.limits(), slots, self.devices, self.model), saved)
        listener = Listener(make_app(engine, self.model, token), self.host, self.port, self.limits())
        self._warm(engine)
        if went_on := engine.go_on(warn):
            say(f"{went_on} jobs of {saved} go on.", self.json)
        gc.set_threshold(*_GARBAGE)
        listener.start()
        if self.json:
            print_json({"address": listener.address})
        else:
            say(f"{prior.name} is served at {listener.address}")
        return self._stopped(engine, listener)

    def _check(self, token: str | None) -> None:
        """Flags that cannot be right; the token is in no message."""
        check_positive(self, "batch_size", "devices")
        if not 0 <= self.port <= _MOST_PORT:
            raise ArgumentError(f"--port {self.port}: use 0 to {_MOST_PORT}.")
        if self.grace < 0:
            raise ArgumentError(f"--grace {self.grace}: use seconds, from 0 up.")
        check_token(token, self.host)

    def _warm(self, engine: Engine) -> None:
        """Compile what a plain inversion needs, where the limits take one."""
        maker = engine.maker
        asked = Asked(label=0 if maker.prior.num_classes else None)
        gray = encode_png(np.full(maker.prior.image_shape, 128, np.uint8))
        try:
            ready = maker.read(asked, Sent(gray))
        except ArgumentError as error:
            warn(f"nothing is compiled beforehand, as a plain inversion is beyond the limits: {error}")
            return
        engine.warm(asked, ready)

    def _stopped(self, engine: Engine, listener: "Listener") -> int:
        """Wait for a signal; then end in order: 0, or 1 where jobs were cancelled; saved ones go on later."""
        try:
            while True:
                time.sleep(3600.0)
        except KeyboardInterrupt:
            interrupts.end_in_order()
            say("no more jobs are taken; those that were are finished.", self.json)
        cancelled, saved = engine.close(self.grace)
        listener.stop()
        told = f"jobs had not ended within {self.grace:g} s"
        if saved:
            say(f"{saved} {told}: they go on when the server is started again with --state {self.state}.", self.json)
        if cancelled:
            warn(f"{cancelled} {told} and were cancelled; their clients are told.")
        return 1 if cancelled else 0
