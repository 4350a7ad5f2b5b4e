"""Room for requests that send files, so that any number of them at once takes no more memory than a few."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gprior_jax.serving.limits import Limits

P = ParamSpec("P")
R = TypeVar("R")

BODIES = 4
"""Of the largest size that are in memory at once, each twice while its parts are told apart; of smaller ones more."""

DECODERS = 2
"""Pictures that are decoded at once: one of the largest takes 100 MB and more meanwhile."""


class Intake:
    """Room of one server; for its event loop alone."""

    def __init__(self, limits: Limits):
        """Have room for some bodies of the largest size."""
        self._largest = int(1e6 * limits.megabytes)
        self._free = BODIES * self._largest
        self._changed, self._turn = asyncio.Condition(), asyncio.Lock()
        self._decoders = asyncio.Semaphore(DECODERS)

    @contextlib.asynccontextmanager
    async def room(self, request: Request) -> AsyncIterator[None]:
        """Room for the body of a request, as long as it is in memory: wait for it, in turn, before a byte is read."""
        size = self._size(request)
        async with self._turn, self._changed:
            await self._changed.wait_for(lambda: size <= self._free)
            self._free -= size
        try:
            yield
        finally:
            async with self._changed:
                self._free += size
                self._changed.notify_all()

    def _size(self, request: Request) -> int:
        """What is told of a body; else it may be as large as any."""
        told = request.headers.get("content-length", "")
        return min(int(told), self._largest) if told.isdecimal() else self._largest

    async def decoded(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What a function that decodes pictures gives, in a thread."""
        async with self._decoders:
            return await run_in_threadpool(work, *args, **kwargs)
