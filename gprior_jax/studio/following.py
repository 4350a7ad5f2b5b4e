"""Telling how far items are by server-sent events, as long as somebody listens."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from gprior_jax.serving.events import COMMENT_S, EVENT_S
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session
from gprior_jax.studio.told import told_item
from gprior_jax.studio.workspace import Workspace


def _event(kind: str, told: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(told)}\n\n"


def _is_over(told: dict[str, Any]) -> bool:
    return told["state"] not in ("queued", "running")


async def follow(workspace: Workspace, session: Session, piece: Piece) -> AsyncIterator[str]:
    """``progress`` whenever something of an item has changed, and ``end`` when nothing more comes; the data is it."""
    before, spoke = None, time.monotonic()
    with piece.view.watched():
        while not (_is_over(told := told_item(workspace, session, piece)) or workspace.engine.is_closing):
            if told != before:
                before, spoke = told, time.monotonic()
                yield _event("progress", told)
            elif time.monotonic() - spoke > COMMENT_S:
                spoke = time.monotonic()
                yield ": still there\n\n"
            await asyncio.sleep(EVENT_S)
    yield _event("end", told)


async def follow_all(workspace: Workspace, session: Session) -> AsyncIterator[str]:
    """``item`` whenever something of one of a session's items has changed, ``gone`` with its id when it was removed.

    A browser has few connections to a server: one for a session is enough, however many items are under way. It ends
    when the session is removed.
    """
    before: dict[str, dict[str, Any]] = {}
    spoke = time.monotonic()
    with contextlib.ExitStack() as watching:
        watched: set[str] = set()
        while workspace.has(session) and not workspace.engine.is_closing:
            items = dict(session.items)
            for name, piece in items.items():
                told = told_item(workspace, session, piece)
                if not _is_over(told) and name not in watched:
                    watched.add(name)
                    watching.enter_context(piece.view.watched())
                if told != before.get(name):
                    before[name], spoke = told, time.monotonic()
                    yield _event("item", told)
            for name in before.keys() - items.keys():
                del before[name]
                yield _event("gone", {"id": name})
            if time.monotonic() - spoke > COMMENT_S:
                spoke = time.monotonic()
                yield ": still there\n\n"
            await asyncio.sleep(EVENT_S)
