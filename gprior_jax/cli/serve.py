"""``gprior serve``."""

import dataclasses
import gc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprior_jax.cli.compiled import hand_on_now
from gprior_jax.cli.flags import PriorFlags
from gprior_jax.cli.listening import GARBAGE, LimitFlags, ListenFlags, places, require_serving, wait_for_signal
from gprior_jax.cli.telling import print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.images.files import encode_png
from gprior_jax.keys import seeded
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.engine import Engine
from gprior_jax.serving.making import Maker
from gprior_jax.serving.pictures import Sent
from gprior_jax.serving.saved import SavedJobs

if TYPE_CHECKING:
    from gprior_jax.serving.listening import Listener


@dataclasses.dataclass(frozen=True, kw_only=True)
class Serve(ListenFlags, LimitFlags, PriorFlags):
    """Answer requests over HTTP until it is told to stop.

    Attributes:
        seed: of the server; a job's random numbers are folded from it and the job's own.
        batch_size: images at once in a lane; by resolution unless given, on a CPU no more than cores.
        devices: devices that a lane is spread over; unless given one, or on a CPU its cores.
        grace: seconds that jobs have to end when the server is told to stop.
        state: folder for what has not ended by then, to go on with when the server is started again with it: pictures
            are on disk meanwhile. Unless given, such jobs are cancelled.
    """

    port: int = 8000
    devices: int | None = None
    grace: float = 30.0
    state: Path | None = None

    def run(self) -> int:
        """Serve until a signal comes."""
        require_serving("serve")
        from gprior_jax.serving.app import make_app
        from gprior_jax.serving.listening import Listener

        token = self.checked_token()
        saved = None if self.state is None else SavedJobs(self.state)
        prior = self.load_prior()
        slots = self.batch_size or places(prior.resolution)
        engine = Engine(Maker(prior, seeded(self.seed), self.limits(), slots, self.devices, self.model), saved)
        listener = Listener(make_app(engine, self.model, token), self.host, self.port, self.limits())
        self._warm(engine)
        if went_on := engine.go_on(warn):
            say(f"{went_on} jobs of {saved} go on.", self.json)
        gc.set_threshold(*GARBAGE)
        listener.start()
        if self.json:
            print_json({"address": listener.address})
        else:
            say(f"{prior.name} is served at {listener.address}")
        return self._stopped(engine, listener)

    def check(self) -> None:
        """Of what goes with jobs, too."""
        super().check()
        if self.grace < 0:
            raise ArgumentError(f"--grace {self.grace}: use seconds, from 0 up.")

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
        wait_for_signal()
        say("no more jobs are taken; those that were are finished.", self.json)
        cancelled, saved = engine.close(self.grace)
        listener.stop()
        hand_on_now()
        told = f"jobs had not ended within {self.grace:g} s"
        if saved:
            say(f"{saved} {told}: they go on when the server is started again with --state {self.state}.", self.json)
        if cancelled:
            warn(f"{cancelled} {told} and were cancelled; their clients are told.")
        return 1 if cancelled else 0
