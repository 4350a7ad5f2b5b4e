"""What the tests of serving share: pictures as files, and engines of a tiny prior."""

import contextlib
import io
import time

import numpy as np
from cli import priors
from PIL import Image

from gprior_jax.keys import seeded
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.engine import Engine
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.making import Maker
from gprior_jax.serving.pictures import Sent
from gprior_jax.serving.saved import SavedJobs

SIDE = 8
LONG = 100_000
"""Steps of a job that does not end by itself within a test."""


def png(seed: int = 0, size: tuple[int, int] = (SIDE, SIDE), kind: str = "PNG") -> bytes:
    """A file of noise."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def limits(**own) -> Limits:
    return Limits(**({"steps": LONG, "timeout": 60.0} | own))


@contextlib.contextmanager
def engine(slots: int = 2, seed: int = 0, prior=None, model=None, state=None, **own):
    """An engine, closed in the end."""
    maker = Maker(prior or priors.plain(), seeded(seed), limits(**own), slots, devices=1, model=model)
    made = Engine(maker, None if state is None else SavedJobs(state))
    try:
        yield made
    finally:
        made.close(0.0)


def asked(**own) -> Asked:
    return Asked(**({"steps": 3, "codes": 2} | own))


def submit(made: Engine, picture: bytes | None = None, mask: bytes | None = None, kernel: bytes | None = None, **own):
    """A job of an engine."""
    settings = asked(**own)
    sent = Sent(png(settings.seed) if picture is None else picture, mask, kernel)
    return made.submit(settings, made.maker.read(settings, sent))


def until(condition, seconds: float = 60.0):
    """Wait for something; it must come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)
