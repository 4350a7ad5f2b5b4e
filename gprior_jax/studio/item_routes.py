"""Asking for items: sending photographs, how far they are, their pictures."""

import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from gprior_jax.images.files import encode_png
from gprior_jax.serving.bodies import FORM, JSON, read_body, read_form, read_small
from gprior_jax.serving.intake import Intake
from gprior_jax.studio.answers import answer_file
from gprior_jax.studio.following import follow, follow_all
from gprior_jax.studio.orders import Order, parse_order, told_order
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.placing import given_faces, propose
from gprior_jax.studio.session_routes import read_object
from gprior_jax.studio.sessions import Session
from gprior_jax.studio.told import told_item
from gprior_jax.studio.uploads import Uploads, check_sizes
from gprior_jax.studio.workspace import Workspace

_ITEM = "/studio/sessions/{name}/items/{number}"
_EVENTS = "text/event-stream"


async def read_uploads(request: Request, workspace: Workspace) -> tuple[Uploads, dict[str, Any]]:
    """The files and fields of a form with a photograph.

    Raises:
        HTTPException: 400, it is none, or has no photograph.
    """
    content = await read_body(request, workspace.engine.limits)
    fields, files = await read_form(request, content, most_files=3)
    if "image" not in files or not files.keys() <= set(Uploads._fields):
        raise HTTPException(400, "the form has no file of the name image: send a photograph.")
    return Uploads(**files), fields


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def add_items(app: FastAPI, workspace: Workspace, intake: Intake) -> None:
    """Items of sessions."""
    _add_orders(app, workspace, intake)
    _add_looks(app, workspace)
    _add_pictures(app, workspace)

    @app.post("/studio/expect", status_code=202)
    async def expect(request: Request) -> dict[str, Any]:
        asked = told_order(await read_object(request, workspace), workspace.maker.first).asked
        await run_in_threadpool(workspace.maker.recipe, asked)
        workspace.expected = asked
        workspace.is_chosen.set()
        return {}

    @app.post("/studio/place")
    async def place(request: Request) -> dict[str, Any]:
        async with intake.room(request):
            uploads, fields = await read_uploads(request, workspace)
            return await intake.decoded(_placed, workspace, uploads, str(fields.get("name") or "photograph"))


def _placed(workspace: Workspace, uploads: Uploads, name: str) -> dict[str, Any]:
    check_sizes(uploads, workspace.engine.limits.megapixels)
    points = None
    if uploads.landmarks is not None:
        with tempfile.TemporaryDirectory() as folder:  # Of this request alone: others come meanwhile.
            points = given_faces(Path(folder) / "landmarks", uploads.landmarks, name)
    return propose(workspace.model, uploads.image, points)


def _taken(workspace: Workspace, session: Session, order: Order, uploads: Uploads) -> Piece:
    check_sizes(uploads, workspace.engine.limits.megapixels)
    return workspace.take(session, order, uploads)


def _add_orders(app: FastAPI, workspace: Workspace, intake: Intake) -> None:
    """Coming and going."""

    @app.post("/studio/sessions/{name}/items")
    async def add(name: str, request: Request) -> Response:
        session = workspace.session(name)
        if _kind(request) == JSON:
            told = await read_object(request, workspace)
            piece = await run_in_threadpool(workspace.draw, session, told)
            return JSONResponse(told_item(workspace, session, piece), 201)
        if _kind(request) != FORM:
            raise HTTPException(415, f"content type {_kind(request)[:40]!r}: use {FORM} or {JSON}.")
        async with intake.room(request):
            uploads, fields = await read_uploads(request, workspace)
            order = parse_order(fields.get("order", "{}"), workspace.maker.first)
            workspace.engine.check_room()
            piece = await intake.decoded(_taken, workspace, session, order, uploads)
        return JSONResponse(told_item(workspace, session, piece), 202)

    @app.post(f"{_ITEM}/stop")
    def stop(name: str, number: str) -> dict[str, Any]:
        session = workspace.session(name)
        return told_item(workspace, session, workspace.stop(session, number))

    @app.delete(_ITEM)
    def discard(name: str, number: str) -> dict[str, Any]:
        session = workspace.session(name)
        return told_item(workspace, session, workspace.discard(session, number))

    @app.post(f"{_ITEM}/restore")
    def restore(name: str, number: str) -> dict[str, Any]:
        session = workspace.session(name)
        return told_item(workspace, session, session.restore(number))

    @app.post(f"{_ITEM}/again", status_code=202)
    async def again(name: str, number: str) -> dict[str, Any]:
        session = workspace.session(name)
        return told_item(workspace, session, await intake.decoded(workspace.again, session, number))

    @app.put(f"{_ITEM}/edit")
    async def edit(name: str, number: str, request: Request) -> dict[str, Any]:
        session = workspace.session(name)
        piece = session.find(number)
        content = await read_small(request, workspace.engine.limits)
        await run_in_threadpool(session.keep_edit, piece, content)
        return told_item(workspace, session, piece)


def _add_looks(app: FastAPI, workspace: Workspace) -> None:
    """How far items are."""

    @app.get(_ITEM)
    def item(name: str, number: str) -> dict[str, Any]:
        session = workspace.session(name)
        piece = session.find(number)
        piece.view.look()
        return told_item(workspace, session, piece)

    @app.get(f"{_ITEM}/events")
    async def events(name: str, number: str) -> StreamingResponse:
        session = workspace.session(name)
        return StreamingResponse(follow(workspace, session, session.find(number)), media_type=_EVENTS)

    @app.get("/studio/sessions/{name}/events")
    async def all_events(name: str) -> StreamingResponse:
        return StreamingResponse(follow_all(workspace, workspace.session(name)), media_type=_EVENTS)


def _add_pictures(app: FastAPI, workspace: Workspace) -> None:
    """Pictures of items."""

    @app.get(f"{_ITEM}/preview.png")
    def preview(name: str, number: str) -> Response:
        picture = workspace.session(name).find(number).view.picture
        if picture is None:
            raise HTTPException(404, "there is no picture of it on its way: ask for the item.")
        return Response(encode_png(picture), media_type="image/png")

    @app.get(f"{_ITEM}/images/photograph")
    def photograph(name: str, number: str) -> Response:
        session = workspace.session(name)
        piece = session.find(number)
        own = piece.about.get("photograph")
        kind = "image/png" if str(own).lower().endswith(".png") else "image/jpeg"
        return _file(None if own is None else session.photographs(piece) / own, kind)

    @app.get(f"{_ITEM}/images/placed")
    def placed(name: str, number: str) -> Response:
        session = workspace.session(name)
        return _file(session.photographs(session.find(number)) / "placed.png")

    @app.get(f"{_ITEM}/images/samples/{{place}}.png")
    def sample(name: str, number: str, place: str) -> Response:
        session = workspace.session(name)
        piece = session.find(number)
        samples = piece.about.get("files", {}).get("samples", [])
        index = int(place) if place.isdecimal() and len(place) < 4 else 0
        return _file(session.results(piece) / samples[index - 1] if 1 <= index <= len(samples) else None)

    @app.get(f"{_ITEM}/files/{{file}}")
    def kept(name: str, number: str, file: str) -> Response:
        session = workspace.session(name)
        found = answer_file(workspace.model, session, session.find(number), file)
        return Response(found.content, media_type=found.media, headers=found.headers)

    @app.get(f"{_ITEM}/images/{{picture}}.png")
    def image(name: str, number: str, picture: str) -> Response:
        session = workspace.session(name)
        piece = session.find(number)
        return _file(_result(session, piece, picture))


def _result(session: Session, piece: Piece, picture: str) -> Path | None:
    own = piece.about.get("files", {}).get(picture)
    return session.results(piece) / own if isinstance(own, str) else None


def _file(path: Path | None, kind: str = "image/png") -> Response:
    """A picture as it lies on disk.

    Raises:
        HTTPException: 404, there is none.
    """
    try:
        # All of it, before the answer begins: the item may be removed meanwhile.
        content = None if path is None else path.read_bytes()
    except FileNotFoundError:
        content = None
    if content is None:
        raise HTTPException(404, "the item has no such picture (yet): ask for those that it names.")
    return Response(content, media_type=kind)
