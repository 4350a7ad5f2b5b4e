"""What a request sends: its settings and files, whichever way it sends them, bounded in size and time."""

import asyncio
import base64
import binascii
import dataclasses
import json
from collections.abc import AsyncGenerator, Iterable
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gprior_jax.errors import ArgumentError
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.pictures import Sent

SETTINGS = TypeAdapter(Asked)

IMAGES = ("image/png", "image/jpeg", "application/octet-stream")
JSON, FORM = "application/json", "multipart/form-data"

BESIDE = ("mask", "kernel")
"""Files beside a picture."""

_NOT_SETTINGS = ("wait",)
"""Parameters of the query that are no settings."""


class Order(NamedTuple):
    """What a request for a job sends."""

    asked: Asked
    sent: Sent


async def read_order(request: Request, limits: Limits) -> Order:
    """Read a request for a job.

    Raises:
        HTTPException: 408 too slow, 413 too large, 415 of another type, 400 malformed.
        ArgumentError: settings that are none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (*IMAGES, JSON, FORM):
        raise HTTPException(415, f"content type {kind!r}: use {', '.join((*IMAGES, JSON, FORM))}.")
    query = _each_once((name, value) for name, value in request.query_params.multi_items() if name not in _NOT_SETTINGS)
    content = await read_body(request, limits)
    if kind == JSON:
        settings, sent = _of_json(content)
    elif kind == FORM:
        settings, sent = await _of_form(request, content)
    else:
        settings, sent = {}, Sent(content)
    if doubled := sorted(query.keys() & settings.keys()):
        raise ArgumentError(f"{doubled[0]} is given twice: leave it out of the query.")
    return Order(settings_of(query | settings), sent)


def _each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """What is given by name; of two pictures or settings of one name none would be more right than the other.

    Raises:
        ArgumentError: there are two.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ArgumentError(f"{name[:40]} is given twice: send it once.")
        found[name] = value
    return found


SMALL = 1.0
"""Megabytes of a body without files."""


async def read_small(request: Request, limits: Limits) -> bytes:
    """The body of a request that sends no files, which needs no room; see :func:`read_body`."""
    return await read_body(request, dataclasses.replace(limits, megabytes=min(SMALL, limits.megabytes)))


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body, if it is no larger and no later than it may be; with files, in the room of the server's intake.

    Raises:
        HTTPException: 413 or 408.
    """
    most = int(limits.megabytes * 1e6)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.patience):
            async for part in request.stream():
                size += len(part)
                if size <= most:
                    parts.append(part)
                elif size > _HEARD_OUT * most:
                    break
    except TimeoutError:
        why = f"the request took longer than {limits.patience:g} s: send it faster."
        raise HTTPException(408, why, {"Connection": "close"}) from None
    if size > most:
        why = f"the request is too large: send at most {limits.megabytes:g} MB."
        raise HTTPException(413, why, {"Connection": "close"})
    return b"".join(parts)


_HEARD_OUT = 4
"""Times the largest body that is read, and not kept: who is cut short while sending does not hear why."""


def settings_of(given: dict[str, Any]) -> Asked:
    """Settings, from words or from JSON.

    Raises:
        ArgumentError: something is none.

    >>> settings_of({"task": "upscale", "steps": "20"}).steps
    20
    """
    try:
        return SETTINGS.validate_python(given)
    except ValidationError as error:
        raise ArgumentError(sentence_of(error)) from None


def sentence_of(error: ValidationError) -> str:
    """The first of what is wrong."""
    first = error.errors(include_url=False)[0]
    name, value = ".".join(map(str, first["loc"])) or "the body", first.get("input")
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no setting {name[:40]!r}: leave it out."
    if isinstance(inner := first.get("ctx", {}).get("error"), ArgumentError):
        return str(inner)
    if first["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{name} is missing: send it."
    use = _wanted(first["type"], first.get("ctx", {})) or first["msg"]
    return f"{name} {str(value)[:40]!r}: use {use}."


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "bool": "true or false",
    "tuple": "a list",
    "dataclass": "an object",
}
"""What is wanted, by how pydantic's names of errors begin."""


def _wanted(kind: str, known: dict[str, Any]) -> str | None:
    """What is to be used instead of what is wrong in pydantic's words.

    >>> _wanted("int_parsing", {}), _wanted("less_than_equal", {"le": 2.0})
    ('a whole number', 'at most 2')
    """
    bounds = {"ge": "at least {:g}", "le": "at most {:g}", "min_length": "{} or more", "max_length": "at most {}"}
    for name, words in bounds.items():
        if name in known:
            return words.format(known[name])
    return known.get("expected") or _KINDS.get(kind.partition("_")[0])


def _of_json(content: bytes) -> tuple[dict[str, Any], Sent]:
    try:
        told = json.loads(content, object_pairs_hook=_each_once)
    except ArgumentError:
        raise
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is no JSON: send an object.") from None
    if not isinstance(told, dict):
        raise HTTPException(400, "the body is no JSON object: send one with an image in base64.")
    beside = {name: told.pop(name, None) for name in BESIDE}
    image = _decoded(told.pop("image", None), "image")
    return told, Sent(image, **{name: _decoded(each, name) for name, each in beside.items() if each is not None})


def _decoded(text: Any, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise HTTPException(400, f"{name} is no base64: send the content of its file in it.") from None


async def _of_form(request: Request, content: bytes) -> tuple[dict[str, Any], Sent]:
    """Settings and files of a form.

    Raises:
        HTTPException: 400, it is none.
    """
    settings, files = await read_form(request, content)
    if not files.keys() <= {"image", *BESIDE} or "image" not in files:
        why = "the form holds no file of the name image: send one, and at most a mask or a kernel beside it."
        raise HTTPException(400, why)
    return settings, Sent(**files)


async def read_form(request: Request, content: bytes, most_files: int = 2) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Fields and files of a form, by their names in it; under what names the client has files is of no interest.

    Raises:
        HTTPException: 400, it is none.
        ArgumentError: one name stands for two.
    """
    try:
        form = await _Parser(request.headers, _once(content), max_files=most_files, max_fields=32).parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from None
    try:
        parts = _each_once(form.multi_items())
        files = {name: await value.read() for name, value in parts.items() if isinstance(value, UploadFile)}
    finally:
        await form.close()
    return {name: value for name, value in parts.items() if name not in files}, files


class _Parser(MultiPartParser):
    """Starlette's, which would put files of more than 1 MB on disk; ours are no larger than a body may be."""

    spool_max_size = 2**62


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content
