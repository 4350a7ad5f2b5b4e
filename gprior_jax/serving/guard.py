"""Who may ask: a token, or whoever is on this machine and no page of the web."""

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from gprior_jax.errors import ArgumentError

OPEN = ("/healthz", "/readyz")
"""What everybody may ask: whoever watches over the process has no token."""

SHORTEST = 16
"""Characters of a token."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_token(token: str | None, host: str) -> None:
    """Check that whoever listens beyond this machine has a token, and that it is one.

    Raises:
        ArgumentError: it has none, or one that can be guessed or not be sent.
    """
    if token is None:
        if not is_loopback(host):
            raise ArgumentError(f"listening on {host} lets other machines ask: give a token, or listen on 127.0.0.1.")
    elif len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise ArgumentError(f"the token is too short or odd: use at least {SHORTEST} ASCII characters without spaces.")


def refusal(path: str, headers: Mapping[str, str], token: str | None) -> tuple[int, str] | None:
    """Why a request is not answered: status and sentence; None where it is.

    Args:
        path: what is asked for.
        headers: of the request, by names in small letters.
        token: that is wanted; without one, only this machine is listened to.
    """
    if path in OPEN:
        return None
    if token is not None:
        kind, _, given = headers.get("authorization", "").partition(" ")
        right = kind.lower() == "bearer" and is_same(given.strip(), token)
        return None if right else (401, "a token is wanted: send Authorization: Bearer.")
    # A page of the web may send its reader's browser here, under a name of its own that it lets point to this machine.
    for name in ("host", "origin"):
        given = headers.get(name)
        if given is not None and not is_loopback(_host(given)):
            return 403, f"{name} {given!r} is not this machine: ask 127.0.0.1, or let the server have a token."
    return None


def is_same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in constant time, so that one cannot be found letter by letter."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _host(given: str) -> str:
    """The host in a header.

    >>> _host("[::1]:8000"), _host("http://localhost:3000"), _host("null")
    ('::1', 'localhost', 'null')
    """
    try:
        return urlsplit(given if "//" in given else f"//{given}").hostname or ""
    except ValueError:
        return ""
