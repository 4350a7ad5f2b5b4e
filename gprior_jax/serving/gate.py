"""What every request goes through: who asks, and what was answered."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gprior_jax.serving.guard import refusal
from gprior_jax.serving.metrics import Metrics

_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
"""Of every answer: pictures of people are nobody else's, and a picture is no page."""


class Gate:
    """An ASGI application around another: refuses who may not ask, and counts what is answered."""

    def __init__(
        self,
        app: ASGIApp,
        token: str | None,
        metrics: Metrics,
        refuse: Callable[[str, Mapping[str, str], str | None], tuple[int, str] | None] = refusal,
    ):
        """Stand before an application; see :func:`gprior_jax.serving.guard.refusal`."""
        self._app, self._token, self._metrics, self._refuse = app, token, metrics, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                # By the route: paths hold the names of jobs.
                route = getattr(scope.get("route"), "path", "none")
                self._metrics.answered(route, message["status"])
            await send(message)

        refused = self._refuse(scope["path"], headers_of(scope), self._token)
        if refused is None:
            await self._app(scope, receive, counted)
            return
        status, why = refused
        content = json.dumps({"detail": why}).encode()
        start: dict[str, Any] = {"type": "http.response.start", "status": status}
        start["headers"] = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        start["headers"] += [(b"www-authenticate", b"Bearer")] if status == 401 else []
        await counted(start)
        await counted({"type": "http.response.body", "body": content})


def headers_of(scope: Scope) -> dict[str, str]:
    """Headers of a request, by names in small letters."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
