"""The studio's application: its page, and what the page asks."""

import logging
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from gprior_jax._version import __version__
from gprior_jax.errors import GPriorError
from gprior_jax.serving.app import add_service, told_error
from gprior_jax.serving.gate import Gate
from gprior_jax.serving.intake import Intake
from gprior_jax.serving.metrics import Metrics
from gprior_jax.studio.door import Door, refuse
from gprior_jax.studio.edit_routes import add_edits
from gprior_jax.studio.item_routes import add_items
from gprior_jax.studio.quiet import Quiet
from gprior_jax.studio.room import NoRoomError
from gprior_jax.studio.session_routes import add_sessions
from gprior_jax.studio.told import about
from gprior_jax.studio.workspace import Workspace

LOG = logging.getLogger("gprior_jax.studio")

PAGE = Path(__file__).parent / "page"
"""The page, as it is served: nothing of it is built, and nothing is loaded from elsewhere."""

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""Types of the page's files; the system's table may have others."""


def make_studio(workspace: Workspace, token: str | None = None) -> FastAPI:
    """The application.

    Args:
        workspace: its sessions.
        token: that requests must have, or have sent once for a cookie; None answers to this machine alone.
    """
    app = FastAPI(title="gprior studio", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    metrics = Metrics(workspace.engine)
    app.add_middleware(Gate, token=token, metrics=metrics, refuse=refuse)
    app.add_middleware(Door, token=token)
    app.add_middleware(Quiet)
    _add_errors(app, workspace)
    add_service(app, workspace.engine, metrics)
    add_sessions(app, workspace)
    intake = Intake(workspace.engine.limits)
    add_items(app, workspace, intake)
    app.state.edits = add_edits(app, workspace, intake)
    _add_page(app, workspace)
    return app


def _add_errors(app: FastAPI, workspace: Workspace) -> None:
    """Errors as answers: a sentence, in which files are called as on the page."""

    async def told(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            first = error.errors()[0]
            return JSONResponse({"detail": f"{'.'.join(map(str, first['loc']))}: {first['msg']}."}, 422)
        answer = await told_error(request, error)
        if isinstance(error, GPriorError):
            again = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
            status = 507 if isinstance(error, NoRoomError) else answer.status_code
            # Of a folder that is full its place is told: whoever makes room has to find it.
            told = str(error) if status == 507 else shown(str(error), workspace.path)
            answer = JSONResponse({"detail": told}, status, again)
        return answer

    async def unwritten(request: Request, error: Exception) -> Response:
        if isinstance(error, FileNotFoundError):  # Its folder, as of a session that was removed while it was written.
            return JSONResponse({"detail": "it was removed meanwhile: choose another."}, 404)
        LOG.error("a file cannot be written", exc_info=error)
        why = getattr(error, "strerror", None) or "the system refused"
        return JSONResponse({"detail": f"nothing could be written ({why}): free space or check permissions."}, 507)

    for kind in (GPriorError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, told)
    app.add_exception_handler(OSError, unwritten)


def shown(sentence: str, folder: Path) -> str:
    """A sentence of a command as the page says it: without the places of files, and flags as settings.

    >>> shown("/home/a/studio/3f/photographs/2/cat.jpg is damaged: leave out --factor.", Path("/home/a/studio"))
    'cat.jpg is damaged: leave out factor.'
    """
    inside = re.compile(re.escape(f"{folder}/") + r"(?:[\w-]+/)*")
    return re.sub(r"(?<!\S)--(?=[a-z])", "", inside.sub("", sentence))


def _add_page(app: FastAPI, workspace: Workspace) -> None:
    """The page, and what it asks first."""

    @app.get("/")
    def page() -> Response:
        return _page_file("index.html")

    @app.get("/page/{name:path}")
    def page_file(name: str) -> Response:
        return _page_file(name)

    @app.get("/favicon.ico")
    def icon() -> Response:
        return _page_file("icon.svg")

    @app.get("/studio/alive")
    def alive() -> Response:
        """With what tells a page that the prior has become another, whatever it is called."""
        return JSONResponse({"weights": workspace.weights}, headers={"Cache-Control": "no-store"})

    @app.get("/studio/about")
    def told() -> dict[str, Any]:
        return about(workspace)


def _page_file(name: str) -> Response:
    """A file of the page, by its name among those that are there: no name is made a path.

    Raises:
        HTTPException: 404, it has none of this name.
    """
    files = {path.relative_to(PAGE).as_posix(): path for path in PAGE.rglob("*") if path.suffix in _KINDS}
    if name not in files:
        raise HTTPException(404, "there is no such page.")
    return Response(files[name].read_bytes(), media_type=_KINDS[files[name].suffix])
