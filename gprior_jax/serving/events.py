"""Waiting for jobs, and telling how far they are by server-sent events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import Request

from gprior_jax.serving.engine import Engine
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.shelf import UnknownJobError

_LOOK_S = 0.02
"""Seconds between two looks at a job that is waited for: a client that goes leaves nothing behind."""

EVENT_S = 0.2
"""Seconds between two events."""

COMMENT_S = 15.0
"""Seconds without an event after which a comment is sent, so that nothing between takes the connection for dead."""


async def wait_for(engine: Engine, job: Job, seconds: float, request: Request) -> None:
    """Wait for a job's end; where the client goes before, which knows no name of it, the job is cancelled."""
    until = time.monotonic() + seconds
    while not job.has_ended and time.monotonic() < until:
        if await request.is_disconnected():
            with suppress(UnknownJobError):
                engine.cancel(job.id, "its client went.")
            return
        await asyncio.sleep(_LOOK_S)


async def events(engine: Engine, job: Job) -> AsyncIterator[str]:
    """``progress`` whenever something has changed, ``end`` with what came of it; the data is a job as JSON."""
    before, spoke = "", time.monotonic()
    while not job.has_ended:
        told = json.dumps(engine.told(job))
        if told != before:
            before, spoke = told, time.monotonic()
            yield f"event: progress\ndata: {told}\n\n"
        elif time.monotonic() - spoke > COMMENT_S:
            spoke = time.monotonic()
            yield ": still there\n\n"
        await asyncio.sleep(EVENT_S)
    yield f"event: end\ndata: {json.dumps(engine.told(job))}\n\n"
