"""Work done ahead of whoever wants it, in threads, and handed over in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

THREADS = 4
"""Pillow lets other threads run while it decodes."""


def in_threads(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], ahead: int, threads: int = THREADS
) -> Generator[T, None, None]:
    """What a function gives for arguments, in their order.

    Args:
        function: called in several threads.
        arguments: of every call; taken as they are wanted.
        ahead: calls that are under way, or done, beyond the one that is waited for: what memory has room for.
        threads: how many.

    >>> list(in_threads(lambda a, b: a + b, zip(range(3), range(3), strict=True), ahead=2))
    [0, 2, 4]
    """
    pool, waiting = ThreadPoolExecutor(threads), deque[Future[T]]()
    try:
        for each in arguments:
            waiting.append(pool.submit(function, *each))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
