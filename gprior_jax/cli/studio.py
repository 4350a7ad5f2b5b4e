"""``gprior studio``."""

import dataclasses
import gc
import os
import sys
import threading
import webbrowser
from pathlib import Path

import jax
import numpy as np

from gprior_jax.cli.compiled import hand_on_now
from gprior_jax.cli.flags import PriorFlags
from gprior_jax.cli.listening import GARBAGE, LimitFlags, ListenFlags, places, require_serving, wait_for_signal
from gprior_jax.cli.telling import print_json, say, warn
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.keys import seeded
from gprior_jax.serving.engine import Engine
from gprior_jax.studio.making import StudioMaker
from gprior_jax.studio.owned import finish
from gprior_jax.studio.room import GIGABYTES
from gprior_jax.studio.unfinished import Unfinished
from gprior_jax.studio.warming import Restorations, warm
from gprior_jax.studio.workspace import Workspace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Studio(ListenFlags, LimitFlags, PriorFlags):
    """Invert and edit photographs on a page, which this machine serves to your browser, until it is told to stop.

    Attributes:
        folder: for sessions, folders like those of gprior invert; those of earlier times are there again.
        batch_size: images at once in a lane; by resolution unless given, on a CPU one.
        port: to listen on; 0 takes any that is free.
        no_browser: open no browser, say the address only.
        devices: devices that images are spread over; unless given one, or on a CPU its cores.
        timeout: seconds of an image, with its waiting; one under way then ends with the best found.
        max_megabytes: of a photograph's file.
        max_megapixels: of a photograph.
        keep_gigabytes: that the folder may hold: nothing more is taken then, and nothing but what was removed goes.
    """

    folder: Path = Path("studio")
    port: int = 8100
    no_browser: bool = False
    devices: int | None = None
    timeout: float = 3600.0
    max_megabytes: float = 40.0
    max_megapixels: float = 50.0
    keep_gigabytes: float = GIGABYTES

    def run(self) -> int:
        """Serve until a signal comes."""
        require_serving("studio")
        from gprior_jax.serving.listening import Listener
        from gprior_jax.studio.app import make_studio

        token = self.checked_token()
        prior = self.load_prior()
        on_cpu = jax.default_backend() == "cpu"  # There sessions have lanes of their own instead.
        slots = self.batch_size or (1 if on_cpu else places(prior.resolution))
        maker = StudioMaker(prior, seeded(self.seed), self.limits(), slots, self.devices, self.model)
        engine = Engine(maker, Unfinished(self.folder.absolute(), maker), finish)
        workspace = Workspace(engine, self.folder, self.model, self.keep_gigabytes)
        app = make_studio(workspace, token)
        listener = Listener(app, self.host, self.port, self.limits())
        gray = np.full(prior.image_shape, 128, np.uint8)
        self._warm(workspace, gray)
        gc.set_threshold(*GARBAGE)
        listener.start()
        app.state.edits.start()
        self._tell(prior.name, listener.address, token is not None)
        self._go_on(workspace)
        Restorations(workspace, gray).start()
        wait_for_signal()
        _, saved = engine.close(0.0)
        under_way = "1 photograph is" if saved == 1 else f"{saved} photographs are"
        told = f"; {under_way} under way, to go on when it is started again" if saved else ""
        say(f"the studio ends, its sessions are kept{told}.", self.json)
        listener.stop()
        workspace.close()
        hand_on_now()
        return 0

    def _go_on(self, workspace: Workspace) -> None:
        """Work on what was under way when an earlier studio was stopped, beside what is asked for now."""
        threading.Thread(target=workspace.go_on, args=(warn,), name="gprior going on", daemon=True).start()

    def check(self) -> None:
        """Of what is kept, too."""
        super().check()
        if not self.keep_gigabytes > 0:
            raise ArgumentError(f"--keep-gigabytes {self.keep_gigabytes}: use more than 0.")

    def _tell(self, name: str, address: str, has_token: bool) -> None:
        """Say where the page is, and open it."""
        if self.json:
            print_json({"address": address, "folder": str(self.folder)})
        elif has_token:
            say(f"the studio of {name} is at {address}/?token=... with your token, its sessions in {self.folder}")
        else:
            say(f"the studio of {name} is at {address}, its sessions in {self.folder}")
        if not (self.no_browser or self.json or has_token) and _has_windows():
            webbrowser.open(address)

    def _warm(self, workspace: Workspace, gray: np.ndarray) -> None:
        """Compile what a photograph needs first: the encoder's answer, and an inversion with the page's settings."""
        try:
            warm(workspace, gray)
        except GPriorError as error:
            warn(f"nothing is compiled beforehand: {error}")


def _has_windows() -> bool:
    """Whether a browser would be a window, and not a program in this terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
