"""``gprior bench inversion``."""

import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from gprior_jax import glibc
from gprior_jax.cli.checking import check_positive, values
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.errors import ArgumentError, require


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchInversion(JsonFlag):
    """Time an inversion step of a random PGGAN against a plain PyTorch statement of the published loop, in turns.

    Both run as processes of their own that take a few steps in turn, so that a noisy machine slows both. The PyTorch
    loop inverts one image at a time, as published; with several images its time is counted for each. Either has its
    memory as it comes to those who run it: this library in large pages, as gprior asks for them.

    Attributes:
        resolution: side of the images, pixels; channels are those of the published networks.
        codes: latent codes per image.
        layer: composing layer.
        images: images at once (PyTorch: one after the other).
        perceptual: vgg (relu3_3 at 256 px, as published) or none.
        rounds: turns of each.
        steps: steps a turn.
        codes_per_call: codes that go through the first layers at once, here.
        remat: recompute activations in the backward pass, here.
        benchmarks: folder of the programs, in a checkout of the repository.
    """

    resolution: int = 256
    codes: int = 20
    layer: int = 6
    images: int = 1
    perceptual: Literal["vgg", "none"] = "vgg"
    rounds: int = 5
    steps: int = 1
    codes_per_call: int | None = None
    remat: bool = False
    benchmarks: Path = Path("benchmarks")

    def run(self) -> int:
        """Run both in turns and print medians."""
        require("torch", "convert")
        check_positive(self, "rounds", "steps", "images", "codes")
        if not (self.benchmarks / "torch_loop.py").is_file():
            raise ArgumentError(
                f"{self.benchmarks} holds no torch_loop.py: run in a checkout or give --benchmarks DIR."
            )
        rival = _Worker(self._command("torch_loop.py"), glibc.as_found(os.environ))
        ours = _Worker(self._command("jax_loop.py"), os.environ)
        try:
            for worker in (rival, ours):
                worker.take(1)  # The first steps allocate and warm up.
            for _ in range(self.rounds):
                rival.measure(self.steps * self.images)
                ours.measure(self.steps)
        finally:
            rival.close()
            ours.close()
        self._tell(rival, ours)
        return 0

    def _command(self, program: str) -> list[str]:
        flags = values(self, "resolution", "codes", "layer", "perceptual")
        words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        if program == "jax_loop.py":
            words += ["--images", str(self.images)]
            words += ["--codes-per-call", str(self.codes_per_call)] if self.codes_per_call else []
            words += ["--remat"] if self.remat else []
        return [sys.executable, str(self.benchmarks / program), *words]

    def _tell(self, rival: "_Worker", ours: "_Worker") -> None:
        theirs = statistics.median(rival.seconds)
        mine = statistics.median(ours.seconds) / self.images
        facts: dict[str, Any] = values(self, "resolution", "codes", "layer", "images", "perceptual")
        facts |= {
            "machine": platform.processor() or platform.machine(),
            "torch": rival.ready["ready"],
            "jax": ours.ready["ready"],
            "torch_seconds_per_step_and_image": theirs,
            "jax_seconds_per_step_and_image": mine,
            "speedup": theirs / mine,
            "first_call_seconds": ours.ready["first_call_seconds"],
            "torch_peak_bytes": rival.peak,
            "jax_peak_bytes": ours.peak,
        }
        if self.json:
            print_json(facts)
            return
        say(f"PyTorch, published loop: {theirs:.3f} s per step and image, peak {rival.peak / 1e9:.2f} GB")
        say(f"gprior_jax:              {mine:.3f} s per step and image, peak {ours.peak / 1e9:.2f} GB")
        say(f"{theirs / mine:.2f} times as fast; first call with compilation {facts['first_call_seconds']:.1f} s")


class _Worker:
    """A benchmark program that takes steps on request.

    Attributes:
        ready: its first message.
        seconds: time of every measured step.
        peak: peak memory of the process, bytes.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str]):
        """Start the program and wait until it is ready."""
        pipe = subprocess.PIPE
        # Ctrl-C is for this process alone, which ends the other in order.
        alone = os.name == "posix"
        self._process = subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, text=True, start_new_session=alone
        )
        self.ready = self._read()
        self.seconds: list[float] = []
        self.peak = 0

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ArgumentError(f"{self._process.args!r} ended early; its message is above.")
        return json.loads(line)

    def take(self, steps: int) -> dict[str, Any]:
        """Have it take steps."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"steps": steps}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def measure(self, steps: int) -> None:
        """Have it take steps and keep their times."""
        reply = self.take(steps)
        self.seconds += reply["seconds"]
        self.peak = max(self.peak, reply["peak_bytes"])

    def close(self) -> None:
        """End the program."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
