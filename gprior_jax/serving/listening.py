"""Listening for requests, in a thread of its own, with no patience for clients that dawdle."""

import asyncio
import socket
import threading
import time
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.serving.limits import Limits

_LOOK_S = 1.0
"""Seconds between two looks at a connection."""

_BEGIN_S = 30.0
"""Seconds in which a server starts to listen."""


class Hurried(H11Protocol):
    """A connection that is closed when a request's head, or the taking of an answer, takes too long.

    A body is timed where it is read (:func:`gprior_jax.serving.bodies.read_body`), and one that is idle by uvicorn.
    """

    patience = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to look."""
        super().connection_made(transport)
        now = time.monotonic()
        self._idle_since, self._flushed = now, now
        self._looking = self.loop.call_later(_LOOK_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some; a head that begins is timed from here."""
        was_idle = self.timeout_keep_alive_task is not None
        if was_idle:
            self._idle_since = time.monotonic()
        super().data_received(data)

    def _look(self) -> None:
        now = time.monotonic()
        if not self.transport.get_write_buffer_size():
            self._flushed = now
        waits_for_head = self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None
        if not waits_for_head:
            self._idle_since = now
        if now - self._idle_since > self.patience or now - self._flushed > self.patience:
            self.transport.abort()
            return
        self._looking = self.loop.call_later(_LOOK_S, self._look)


class Listener:
    """A server that listens.

    Attributes:
        address: where, ``http://127.0.0.1:8000``.
    """

    def __init__(self, app: Any, host: str, port: int, limits: Limits):
        """Take the port; 0 takes any.

        Raises:
            ArgumentError: it cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=256)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ArgumentError(f"cannot listen on {host} port {port} ({why}): choose another.") from None
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=type("Connection", (Hurried,), {"patience": limits.patience}),
            ws="none",
            lifespan="off",
            log_config=None,  # Its own would end and replace the handlers that the process has.
            log_level="error",
            access_log=False,  # Names of jobs are in paths, and whoever knows one may see the job.
            server_header=False,
            limit_concurrency=limits.connections,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="gprior listener", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def start(self) -> None:
        """Answer requests from now on.

        Raises:
            GPriorError: it does not start.
        """
        self._thread.start()
        until = time.monotonic() + _BEGIN_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise GPriorError(f"the server does not start to listen on {self.address}: see its log.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Answer what was asked, and no more."""
        self._server.should_exit = True
        self._thread.join(timeout=15.0)
