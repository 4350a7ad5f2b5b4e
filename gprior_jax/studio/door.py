"""What stands before the studio's pages: a token that comes with the address once and is kept in a cookie."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gprior_jax.serving.gate import headers_of
from gprior_jax.serving.guard import is_same, refusal

_SECURITY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'none'"
)

_HEADERS = [
    (b"content-security-policy", _SECURITY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
"""Of every answer: a page that loads nothing from elsewhere, in no other page."""

_LOST = (401, "a token is wanted: open the address with ?token= and the token that the studio was started with.")


def cookie_of(token: str) -> tuple[str, str]:
    """Name and value of the cookie of a token: studios on other ports of one machine have others."""
    value = hmac.new(token.encode(), b"gprior studio", hashlib.sha256).hexdigest()
    return f"gprior_{value[:8]}", value[8:]


def refuse(path: str, headers: Mapping[str, str], token: str | None) -> tuple[int, str] | None:
    """Why a request is not answered; see :func:`gprior_jax.serving.guard.refusal`. A cookie is as good as a token."""
    refused = refusal(path, headers, token)
    if refused is None:
        return None if "authorization" in headers else _elsewhere(headers)
    if token is None:
        return refused
    name, value = cookie_of(token)
    # As browsers send them: other servers of this machine may have set cookies that no standard knows.
    if not is_same(cookie_parser(headers.get("cookie", "")).get(name, ""), value):
        return refused if "authorization" in headers else _LOST
    return _elsewhere(headers)


def _elsewhere(headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Refuses a page of another server, of another port of this machine too: its browser would send our cookie.

    >>> _elsewhere({"host": "localhost:8100", "origin": "http://localhost:8100"})
    >>> _elsewhere({"host": "localhost:8100", "origin": "http://localhost:3000"})
    (403, "origin 'http://localhost:3000' is no page of this studio.")
    """
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return 403, f"origin {origin!r} is no page of this studio."
    return None


class Door:
    """An ASGI application around another; see this module."""

    def __init__(self, app: ASGIApp, token: str | None):
        """Stand before an application."""
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._token is None or scope["path"] != "/" or not is_same(given, self._token):
            await self._app(scope, receive, guarded)
            return
        name, value = cookie_of(self._token)
        secure = "; Secure" if headers_of(scope).get("x-forwarded-proto") == "https" else ""
        cookie = f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"
        # The address without the token: nobody reads it in a history.
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        headers += [(b"content-length", b"0"), (b"cache-control", b"no-store")]
        await guarded({"type": "http.response.start", "status": 303, "headers": headers})
        await guarded({"type": "http.response.body", "body": b""})
