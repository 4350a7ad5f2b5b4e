"""Asking for edits: pictures, strips, maps, what codes do, ways between items, files to keep, directions to add."""

import asyncio
import dataclasses
import io
import json
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from PIL import Image
from pydantic import Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from gprior_jax.errors import ArgumentError
from gprior_jax.images.files import resized
from gprior_jax.serving.bodies import read_body, read_form, read_small, sentence_of
from gprior_jax.serving.intake import Intake
from gprior_jax.studio import files, looks
from gprior_jax.studio.edits import FORBID, NO_EDIT, Edit, Edits, Strength
from gprior_jax.studio.known import told
from gprior_jax.studio.workspace import Workspace

R = TypeVar("R")

_MOST_SIDE = 2048
"""Pixels of a picture that is asked for at another size."""

_QUICK, _SLOW = 2, 1
"""Pictures, and ways and explanations, that are worked on at once: sliders do not wait for what takes seconds."""

_MOST_WAITING = 32
"""Requests that wait for each."""

_COMPRESSION = 1
"""zlib's level, of pictures that are shown once: at 1024 pixels a third of the time of 6, and a tenth larger."""

_MOST_IN_ROW = 512
"""Likewise, of each picture of a row: one of 16 takes 13 MB, where those of the largest side would take 200."""

Side = Annotated[int | None, Field(ge=8, le=_MOST_SIDE)]
SideInRow = Annotated[int | None, Field(ge=8, le=_MOST_IN_ROW)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfItem:
    """An item, of which something is wanted: what its codes do."""

    __pydantic_config__: ClassVar[Any] = FORBID

    item: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfEdit(OfItem):
    """An edit of an item."""

    edit: Edit = NO_EDIT


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedPicture(OfEdit):
    """Its picture."""

    size: Side = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedStrip(OfEdit):
    """A direction at several strengths."""

    direction: str
    layers: str | None = None
    strengths: Annotated[tuple[Strength, ...], Field(min_length=1, max_length=looks.MOST_STRENGTHS)]
    side: SideInRow = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedMap(OfEdit):
    """What a direction changes."""

    direction: str
    layers: str | None = None
    strength: Strength


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedWays(OfItem):
    """Ways to another item; ``steps`` pictures on each."""

    other: str
    steps: Annotated[int, Field(ge=3, le=17)] = 9
    side: SideInRow = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedFile(OfEdit):
    """A file to keep."""

    kind: files.Kind


def add_edits(app: FastAPI, workspace: Workspace, intake: Intake) -> Edits:
    """Edits of items; what does them, to be started (:meth:`Edits.start`)."""
    edits = Edits(workspace)
    quick, slow = Line(_QUICK), Line(_SLOW)
    _add_pictures(app, edits, quick)
    _add_explanations(app, edits, slow)
    _add_directions(app, edits, quick, intake)

    @app.post("/studio/sessions/{name}/files")
    async def keep(name: str, request: Request) -> Response:
        asked = await _read(request, workspace, WantedFile)
        found = await quick.run(request, files.attachment, edits, name, asked.item, asked.edit, asked.kind)
        return Response(found.content, media_type=found.media, headers=found.headers)

    return edits


def _add_pictures(app: FastAPI, edits: Edits, quick: "Line") -> None:
    @app.post("/studio/sessions/{name}/render")
    async def render(name: str, request: Request) -> Response:
        asked = await _read(request, edits.workspace, WantedPicture)

        def drawn() -> bytes:
            return _png(resized(edits.picture(name, asked.item, asked.edit), asked.size))

        return _picture(await quick.run(request, drawn))

    @app.post("/studio/sessions/{name}/strip")
    async def strip(name: str, request: Request) -> Response:
        asked = await _read(request, edits.workspace, WantedStrip)
        own = asked.item, asked.edit, asked.direction, asked.layers, asked.strengths, asked.side
        return _picture(await quick.run(request, lambda: _png(looks.strip(edits, name, *own))))

    @app.post("/studio/sessions/{name}/heatmap")
    async def heat_map(name: str, request: Request) -> Response:
        asked = await _read(request, edits.workspace, WantedMap)
        own = asked.item, asked.edit, asked.direction, asked.layers, asked.strength

        def drawn() -> tuple[bytes, float]:
            found, most = looks.heat_map(edits, name, *own)
            return _png(found), most

        content, most = await quick.run(request, drawn)
        answer = _picture(content)
        answer.headers["X-Largest-Change"] = f"{most:.4g}"
        return answer


def _add_explanations(app: FastAPI, edits: Edits, slow: "Line") -> None:
    @app.post("/studio/sessions/{name}/explain")
    async def explain(name: str, request: Request) -> dict[str, Any]:
        asked = await _read(request, edits.workspace, OfItem)
        return await slow.run(request, looks.explained, edits, name, asked.item)

    @app.post("/studio/sessions/{name}/path")
    async def path(name: str, request: Request) -> dict[str, Any]:
        asked = await _read(request, edits.workspace, WantedWays)
        return await slow.run(request, looks.ways, edits, name, asked.item, asked.other, asked.steps, asked.side)


def _add_directions(app: FastAPI, edits: Edits, quick: "Line", intake: Intake) -> None:
    workspace = edits.workspace

    @app.get("/studio/sessions/{name}/directions")
    def known(name: str) -> dict[str, Any]:
        found = told(workspace.book.known(workspace.folder(name)))
        return {"directions": found, "complete": workspace.book.is_complete}

    @app.post("/studio/sessions/{name}/directions")
    async def add(name: str, request: Request) -> Response:
        session = workspace.session(name)
        folder = session.folder
        async with intake.room(request):
            content = await read_body(request, workspace.engine.limits)
            fields, sent = await read_form(request, content, most_files=1)
            if sent.keys() != {"file"}:
                raise HTTPException(400, "the form has no file of the name file: send one with directions.")
            called = str(fields.get("name") or "direction")
            added = await quick.run(request, workspace.book.add, folder, called, sent["file"])
            session.wrote()
        found = workspace.book.known(folder)
        listed = told({each: found[each] for each in added.names})
        return JSONResponse({"directions": listed, "remarks": added.remarks}, 201)


class Line:
    """Work that is done in threads, some at once; what nobody waits for any more is not begun."""

    def __init__(self, at_once: int):
        """Do so many at once."""
        self._places, self._waiting = asyncio.Semaphore(at_once), 0

    async def run(self, request: Request, work: Callable[..., R], *given: Any) -> R:
        """What a function gives.

        Raises:
            HTTPException: 429, too many wait; 499, the client has gone.
        """
        if self._waiting >= _MOST_WAITING:
            raise HTTPException(429, "too many edits are waiting: try again in a moment.", {"Retry-After": "1"})
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            if await request.is_disconnected():  # The slider has moved on: the page has asked for a newer picture.
                raise HTTPException(499, "the request was given up.")
            return await run_in_threadpool(work, *given)
        finally:
            self._places.release()


K = TypeVar("K")


async def _read(request: Request, workspace: Workspace, kind: type[K]) -> K:
    """The JSON that a request sends.

    Raises:
        HTTPException: 400, it is none.
        ArgumentError: something in it is none.
    """
    content = await read_small(request, workspace.engine.limits)
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is no JSON: send an object.") from None
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise ArgumentError(sentence_of(error)) from None


def _png(picture: np.ndarray) -> bytes:
    """A picture that is shown once."""
    buffer = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(
        buffer, "PNG", compress_level=_COMPRESSION
    )
    return buffer.getvalue()


def _picture(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers={"Cache-Control": "no-store"})
