"""Asking for sessions."""

import json
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from gprior_jax.serving.bodies import read_small
from gprior_jax.studio.damaged import Damaged
from gprior_jax.studio.told import told_briefly, told_damaged, told_session
from gprior_jax.studio.workspace import Workspace


async def read_object(request: Request, workspace: Workspace) -> dict[str, Any]:
    """The JSON object that a request sends; an empty one where it sends nothing.

    Raises:
        HTTPException: 400, it sends something else; see also :func:`gprior_jax.serving.bodies.read_small`.
    """
    content = await read_small(request, workspace.engine.limits)
    try:
        told = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise HTTPException(400, "the body is no JSON object: send one.")
    return told


def add_sessions(app: FastAPI, workspace: Workspace) -> None:
    """Sessions: all of them, one, a new one, another title, away and back."""

    @app.get("/studio/sessions")
    def sessions() -> dict[str, Any]:
        used = workspace.used()
        told = [told_briefly(session) | {"bytes": used.get(session.id)} for session in workspace.sessions()]
        damaged = [told_damaged(each) | {"bytes": used.get(each.id)} for each in workspace.damaged()]
        whole = {"bytes": sum(used.values()), "most_bytes": workspace.most_bytes}
        return {"sessions": told, "damaged": damaged} | whole

    @app.post("/studio/sessions", status_code=201)
    async def begin(request: Request) -> dict[str, Any]:
        told = await read_object(request, workspace)
        return told_session(workspace, await run_in_threadpool(workspace.begin, told.get("title") or ""))

    @app.get("/studio/sessions/{name}")
    def session(name: str) -> dict[str, Any]:
        return told_session(workspace, workspace.session(name))

    @app.patch("/studio/sessions/{name}")
    async def rename(name: str, request: Request) -> dict[str, Any]:
        told = await read_object(request, workspace)
        return told_session(workspace, await run_in_threadpool(workspace.rename, name, told.get("title")))

    @app.delete("/studio/sessions/{name}")
    def remove(name: str) -> dict[str, Any]:
        if (damaged := workspace.put_damaged_away(name)) is not None:
            return told_damaged(damaged)
        return told_briefly(workspace.remove(name))

    @app.post("/studio/sessions/{name}/restore")
    def restore(name: str) -> dict[str, Any]:
        back = workspace.restore(name)
        return told_damaged(back) if isinstance(back, Damaged) else told_session(workspace, back)
