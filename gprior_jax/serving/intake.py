"""Places for requests that send files, so that any number of them at once takes no more memory than a few."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

P = ParamSpec("P")
R = TypeVar("R")

READERS = 4
"""Bodies that are in memory at once, each twice while its parts are told apart; others wait unread. More than are
decoded, as some clients are slow."""

DECODERS = 2
"""Pictures that are decoded at once: one of the largest takes 100 MB and more meanwhile."""


class Intake:
    """Places of one server; for its event loop alone."""

    def __init__(self, readers: int = READERS, decoders: int = DECODERS):
        """Have so many places."""
        self._readers, self._decoders = asyncio.Semaphore(readers), asyncio.Semaphore(decoders)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for a body, as long as it is in memory: wait for one before the first byte is read."""
        async with self._readers:
            yield

    async def decoded(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What a function that decodes pictures gives, in a thread."""
        async with self._decoders:
            return await run_in_threadpool(work, *args, **kwargs)
