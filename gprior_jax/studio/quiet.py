"""Refusals that a browser does not note: it calls every answer of 400 and more an error of the page in its console."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gprior_jax.serving.gate import headers_of

ASKS = "studio-page"
"""The header by which the page asks to be refused so."""

REFUSED = b"studio-refused"
"""The header of a refusal with what its status would be."""

_BY_ITSELF = ("image", "empty")
"""What a browser asks for without the page's header: pictures, and streams of events (``Sec-Fetch-Dest``)."""


class Quiet:
    """An ASGI application around another: the page's refusals come with the status 200, and their own in a header.

    Pictures, and streams of events, which a page cannot ask for with a header of its own, are refused with no content
    (204). Whoever is no page of ours gets the status as it is.
    """

    def __init__(self, app: ASGIApp):
        """Stand before an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = headers_of(scope) if scope["type"] == "http" else {}
        is_asked, is_empty = ASKS in headers, False
        by_itself = headers.get("sec-fetch-site") == "same-origin" and headers.get("sec-fetch-dest") in _BY_ITSELF

        async def quietly(message: Message) -> None:
            nonlocal is_empty
            if message["type"] == "http.response.start" and (status := message["status"]) >= 400:
                own = [*message.get("headers", ()), (REFUSED, str(status).encode())]
                if is_asked:
                    message = {**message, "status": 200, "headers": own}
                elif by_itself:
                    is_empty = True
                    kept = [(name, value) for name, value in own if not name.lower().startswith(b"content-")]
                    message = {**message, "status": 204, "headers": kept}
            elif is_empty:
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, quietly if is_asked or by_itself else send)
