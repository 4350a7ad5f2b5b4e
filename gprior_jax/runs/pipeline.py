"""Around the solver: inputs read ahead of it and results written behind it, in threads, so that devices never wait.

What is read ahead and what waits to be written is bounded, so that memory does not grow with the number of images.
"""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")

_LOOK_S = 0.005
"""How long one that has other work waits for the next input."""


class Clock:
    """Seconds that have been waited.

    >>> clock = Clock()
    >>> with clock.running():
    ...     pass
    >>> clock.seconds < 1
    True
    """

    def __init__(self) -> None:
        """None yet."""
        self.seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count what a ``with`` block takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started


class Ahead(Generic[T]):
    """An iterator that a thread runs ahead of whoever wants what it gives; to be closed.

    >>> with Ahead(iter(range(5)), 2) as numbers:
    ...     list(numbers)
    [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        source: Iterator[T],
        depth: int,
        stop: Callable[[], None] = lambda: None,
        clock: "Clock | None" = None,
    ):
        """Start.

        Args:
            source: run in a thread of its own, from now on.
            depth: how many items may wait.
            stop: called when nobody wants more; lets a source end that waits.
            clock: counts how long whoever wants an item waits for it.
        """
        self._source, self._stop, self._clock = source, stop, clock or Clock()
        self._waiting: queue.Queue[tuple[str, Any]] = queue.Queue()
        # Nothing is begun that nobody has room for: it may be in the hands of this process for that long.
        self._room = threading.Semaphore(depth)
        self._closed = threading.Event()
        self._end: tuple[str, Any] | None = None
        self._thread = threading.Thread(target=self._run, name="gprior reader", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while self._has_room():
                self._waiting.put(("item", next(self._source)))
        except StopIteration:
            self._waiting.put(("end", None))
        except BaseException as error:  # Whatever it is, it is the business of whoever wants the items.
            self._waiting.put(("error", error))
        finally:
            if isinstance(self._source, Generator):
                self._source.close()

    def _has_room(self) -> bool:
        """Wait for room; whether anybody still wants items."""
        self._room.acquire()
        return not self._closed.is_set()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._clock.running():
            message = self._end or self._waiting.get()
        return self._taken(message)

    def polled(self) -> Iterator[T | None]:
        """The same, with None wherever the next takes a while."""
        while True:
            try:
                with self._clock.running():
                    message = self._end or self._waiting.get(timeout=_LOOK_S)
            except queue.Empty:
                yield None
                continue
            try:
                yield self._taken(message)
            except StopIteration:
                return

    def _taken(self, message: tuple[str, Any]) -> T:
        kind, content = message
        if kind == "item":
            self._room.release()
            return content
        self._end = message
        if kind == "error":
            raise content
        raise StopIteration

    def close(self) -> None:
        """Stop; what nobody has taken is dropped."""
        self._closed.set()
        self._room.release()
        if self._end is None:
            self._stop()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Behind:
    """Calls that threads make, begun in their order, up to the first that fails; our next call, or the end, raises.

    >>> done = []
    >>> with Behind(1) as behind:
    ...     for number in range(3):
    ...         behind(lambda number=number: done.append(number))
    >>> done
    [0, 1, 2]
    """

    def __init__(self, depth: int, clock: "Clock | None" = None, threads: int = 1):
        """Start; at most ``depth`` calls wait, and ``clock`` counts how long we do for room."""
        self._clock = clock or Clock()
        self._pool, self._depth = ThreadPoolExecutor(threads, thread_name_prefix="gprior writer"), depth
        self._waiting: deque[Future[None]] = deque()
        self._error: BaseException | None = None

    def __call__(self, function: Callable[[], Any], then: Callable[[], Any] = lambda: None) -> None:
        """Have a function called, and when it and all before it are through, ``then``: one after the other."""
        with self._clock.running():
            while len(self._waiting) >= self._depth:
                self._waiting.popleft().result()
        self._raise()
        before = self._waiting[-1] if self._waiting else None
        self._waiting.append(self._pool.submit(self._run, function, then, before))

    def _run(self, function: Callable[[], Any], then: Callable[[], Any], before: "Future[None] | None") -> None:
        try:
            if self._error is None:
                function()
            if before is not None:
                before.result()  # It was begun earlier, so that it ends.
            if self._error is None:
                then()
        except BaseException as error:  # For the thread that wants the work done.
            self._error = self._error or error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown()  # What was found is written, also where something else has failed since.
        if error is None:
            self._raise()
