"""The HTTP interface to an engine."""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from gprior_jax._version import __version__
from gprior_jax.errors import GPriorError
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.bodies import BESIDE, FORM, IMAGES, JSON, SETTINGS, read_order
from gprior_jax.serving.engine import ClosingError, Engine
from gprior_jax.serving.events import events, wait_for
from gprior_jax.serving.gate import Gate
from gprior_jax.serving.intake import Intake
from gprior_jax.serving.jobs import Job, Kept, State
from gprior_jax.serving.making import Ready
from gprior_jax.serving.metrics import CONTENT_TYPE, Metrics
from gprior_jax.serving.pictures import FormatError, TooLargeError
from gprior_jax.serving.queue import FullError
from gprior_jax.serving.shelf import GoneError, UnknownJobError

_STATUS: tuple[tuple[type[GPriorError], int], ...] = (
    (FormatError, 415),
    (TooLargeError, 413),
    (FullError, 429),
    (ClosingError, 503),
    (GoneError, 410),
    (UnknownJobError, 404),
)
"""Statuses of errors; of all others 422."""

_WAIT = "seconds to wait for the end, instead of being answered at once"
Wait = Annotated[float, Query(ge=0.0, allow_inf_nan=False, description=_WAIT)]


def make_app(engine: Engine, model: str, token: str | None = None) -> FastAPI:
    """The application.

    Args:
        engine: what works.
        model: name of what it serves.
        token: that requests must have; None answers to this machine alone.
    """
    # Its pages of documentation are loaded from elsewhere: there is none of them, the description is.
    app = FastAPI(title="gprior", version=__version__, docs_url=None, redoc_url=None)
    metrics = Metrics(engine)
    app.add_middleware(Gate, token=token, metrics=metrics)
    for kind in (GPriorError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, told_error)
    add_service(app, engine, metrics)
    _add_models(app, engine, model)
    _add_orders(app, engine)
    _add_jobs(app, engine)
    return app


async def told_error(request: Request, error: Exception) -> Response:
    """An error as an answer: its sentence."""
    if isinstance(error, HTTPException):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    if isinstance(error, RequestValidationError):  # Of what is no setting: how long to wait.
        return JSONResponse({"detail": "wait is no time: use seconds, from 0 up."}, 422)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 422)
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, FullError) else None
    return JSONResponse({"detail": str(error)}, status, headers)


def add_service(app: FastAPI, engine: Engine, metrics: Metrics) -> None:
    """What whoever runs the server asks."""

    @app.get("/healthz", summary="Whether the process is alive", tags=["service"])
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", summary="Whether jobs are taken and the first program is compiled", tags=["service"])
    async def readyz() -> Response:
        ready = engine.is_ready
        return JSONResponse({"status": "ready" if ready else "not ready"}, 200 if ready else 503)

    @app.get("/metrics", summary="Metrics in Prometheus's format", tags=["service"])
    async def told() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)


_TOLD = ("steps", "codes", "samples", "megabytes", "megapixels", "timeout")
"""Limits of a job."""


def _add_models(app: FastAPI, engine: Engine, model: str) -> None:
    """What is served."""
    maker, limits = engine.maker, engine.limits
    height, width, channels = maker.prior.image_shape
    served = {
        "name": model,
        "size": [width, height],
        "channels": channels,
        "classes": maker.prior.num_classes,
        "tasks": maker.tasks,
        "methods": list(maker.methods),
        "slots": maker.slots,
        "limits": {name: getattr(limits, name) for name in _TOLD},
    }

    @app.get("/v1/models", summary="What is served, and its limits", tags=["jobs"])
    async def models() -> dict[str, Any]:
        return {"models": [served]}


def _add_orders(app: FastAPI, engine: Engine) -> None:
    """Asking for a job."""
    intake = Intake(engine.limits)

    async def read(request: Request) -> tuple[Asked, Ready]:
        async with intake.room(request):
            asked, sent = await read_order(request, engine.limits)
            engine.check_room()
            return asked, await intake.decoded(engine.maker.read, asked, sent)

    @app.post(
        "/v1/jobs",
        summary="Ask for a job",
        description="The picture is the body, and settings are in the query; or both are fields of a form, or of a "
        "JSON object (pictures in base64). Answers 202 and the job; with ?wait=SECONDS 200 and the job if it has ended "
        "by then, or its picture where image/png is accepted.",
        status_code=202,
        tags=["jobs"],
        openapi_extra=_described(),
    )
    async def ask(request: Request, wait: Wait = 0.0) -> Response:
        job = engine.submit(*await read(request))
        await wait_for(engine, job, min(wait, engine.limits.wait), request)
        told = _answer(engine, job)
        if not job.has_ended:
            return JSONResponse(told, 202, {"Location": told["self"]})
        if "image/png" in request.headers.get("accept", ""):
            return Response(_kept(job).png, media_type="image/png", headers={"Content-Location": told["self"]})
        return JSONResponse(told)


def _add_jobs(app: FastAPI, engine: Engine) -> None:
    """Asking after a job."""

    @app.get("/v1/jobs/{name}", summary="How far a job is", tags=["jobs"])
    async def job(name: str) -> dict[str, Any]:
        return _answer(engine, engine.find(name))

    @app.delete("/v1/jobs/{name}", summary="Cancel a job, or forget its result", tags=["jobs"])
    async def cancel(name: str) -> dict[str, Any]:
        return _answer(engine, engine.cancel(name))

    @app.get("/v1/jobs/{name}/image.png", summary="The picture of a job that is done", tags=["jobs"])
    async def image(name: str) -> Response:
        return Response(_kept(engine.find(name)).png, media_type="image/png")

    @app.get("/v1/jobs/{name}/samples/{number}.png", summary="One of several answers, from 1, the best", tags=["jobs"])
    async def sample(name: str, number: str) -> Response:
        return _more(engine.find(name), f"samples/{number}.png")

    @app.get("/v1/jobs/{name}/mean.png", summary="The mean of several answers", tags=["jobs"])
    async def mean(name: str) -> Response:
        return _more(engine.find(name), "mean.png")

    @app.get("/v1/jobs/{name}/std.png", summary="How far several answers are apart, pixel by pixel", tags=["jobs"])
    async def std(name: str) -> Response:
        return _more(engine.find(name), "std.png")

    @app.get("/v1/jobs/{name}/codes.npz", summary="Its codes and all numbers", tags=["jobs"])
    async def codes(name: str) -> Response:
        return Response(_kept(engine.find(name)).npz, media_type="application/octet-stream")

    @app.get("/v1/jobs/{name}/events", summary="How far it is, as server-sent events", tags=["jobs"])
    async def follow(name: str) -> StreamingResponse:
        return StreamingResponse(events(engine, engine.find(name)), media_type="text/event-stream")


def _kept(job: Job) -> Kept:
    """What came of a job.

    Raises:
        HTTPException: 409, nothing has (yet).
    """
    if job.kept is None:
        why = job.why or "it has not ended: ask after it, and again when it is done."
        raise HTTPException(409, f"the job is {job.state.value}: {why}")
    job.told = True
    return job.kept


def _more(job: Job, picture: str) -> Response:
    """One of the pictures of several answers.

    Raises:
        HTTPException: 404, there is none of this name; see also :func:`_kept`.
    """
    content = _kept(job).more.get(picture)
    if content is None:
        raise HTTPException(404, "the job has no such picture: ask for samples, and for those that its answer names.")
    return Response(content, media_type="image/png")


def _answer(engine: Engine, job: Job) -> dict[str, Any]:
    """A job as JSON, and where to ask for more."""
    place = f"/v1/jobs/{job.id}"
    links = {"self": place, "events": f"{place}/events"}
    if job.state is State.DONE:
        links |= {"image": f"{place}/image.png", "codes": f"{place}/codes.npz"}
        links |= _links(place, job)
    return engine.told(job) | links


def _links(place: str, job: Job) -> dict[str, Any]:
    """Where the pictures of several answers are; empty where there is one."""
    if job.kept is None or not job.kept.more:
        return {}
    samples = [f"{place}/{name}" for name in job.kept.more if name.startswith("samples/")]
    return {"samples": samples, "mean": f"{place}/mean.png", "std": f"{place}/std.png"}


def _described() -> dict[str, Any]:
    """How a job is asked for, in OpenAPI's words."""
    schema = SETTINGS.json_schema()
    settings: dict[str, Any] = schema["properties"]
    file = {"type": "string", "format": "binary"}
    encoded = {"type": "string", "contentEncoding": "base64"}

    def body(kind: dict[str, str]) -> dict[str, Any]:
        return {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": dict.fromkeys(("image", *BESIDE), kind) | settings,
            }
        }

    content = {kind: {"schema": file} for kind in IMAGES} | {FORM: body(file), JSON: body(encoded)}
    query = [{"in": "query", "name": name, "required": False, "schema": told} for name, told in settings.items()]
    return {"parameters": query, "requestBody": {"required": True, "content": content}}
