"""What is kept of one image, in memory and in its ``.npz`` file."""

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import CheckpointError, Status
from gprior_jax.images import arrays as im
from gprior_jax.images.frames import Frame
from gprior_jax.inversion.result import Result
from gprior_jax.runs.names import as_text
from gprior_jax.storage.atomic import write_arrays

_DICTS = {
    "variable_": "variables",
    "term_": "terms",
    "metric_": "metrics",
    "history_": "history",
    "picture_": "pictures",
}
"""Prefix in the file of every field of a record that is a dict."""


class Record(NamedTuple):
    """What is stored of one image.

    Attributes:
        name: stem of its files.
        source: the input, as text that can be written anywhere.
        target: uint8 ``[H, W, C]``, the input as it was inverted.
        image: float32 ``[R, R, C]``, the result, in [-1, 1].
        variables: ``{name: array}``, the best iterate; with several samples their axis comes first.
        terms: ``{name: value}`` at the best iterate, and ``"loss"``; of the best sample.
        metrics: ``{name: value}``: ``"psnr"`` (dB) and others, where there is something to compare with.
        step: the step the best iterate was found at.
        status: how it ended.
        history: ``{"loss" or a term: [T]}``, of the best sample.
        pictures: uint8 ``[H, W, C]`` by name: ``"measured"``, ``"reconstruction"``, ``"mean"``, ``"std"``, ``"truth"``,
            ``"low"``, ``"high"``, ``"width"``, ``"unknown"``.
        samples: uint8 ``[K, R, R, C]``, the best first; K is 0 where there is one result only.
        sample_losses: ``[K]``, the objective that ranks them.
        styles: ``[num_styles, w_dim]`` of what was found, where it has some; of the best sample. In the file it is
            ``w`` ``[1, num_styles, w_dim]``, as NVIDIA's programs want it.
        frame: ``[4]``, the square of the photograph that was taken where that is its own, see
            :class:`gprior_jax.images.frames.Frame`.
        known: uint8 ``[R, R, 1]``, of an inpainting: 255 where a pixel was known, 0 where it was missing; of an edited
            colourisation that keeps its photograph's light in part 255 times that part, everywhere.
    """

    name: str
    source: str
    target: np.ndarray
    image: np.ndarray
    variables: dict[str, np.ndarray]
    terms: dict[str, float]
    metrics: dict[str, float]
    step: int
    status: Status
    history: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]
    samples: np.ndarray
    sample_losses: np.ndarray
    styles: np.ndarray | None = None
    frame: np.ndarray | None = None
    known: np.ndarray | None = None


def record_of(
    name: str, source: str | os.PathLike, observed: np.ndarray, result: Result, metrics: dict[str, float]
) -> Record:
    """The record of one image's result.

    Args:
        name: stem of its files.
        source: the input, a path.
        observed: ``[H, W, C]`` in [-1, 1], what was inverted.
        result: of :func:`gprior_jax.invert`, of this image alone: without the axis of images.
        metrics: see :class:`Record`.
    """
    return Record(
        name=name,
        source=as_text(source),
        target=im.to_uint8(observed),
        image=result.images,
        variables=result.variables,
        terms={"loss": float(result.loss)} | {name: float(value) for name, value in result.terms.items()},
        metrics=metrics,
        step=int(result.step),
        status=Status(int(result.status)),
        history=result.history,
        pictures={},
        samples=np.zeros((0, *result.images.shape), np.uint8),
        sample_losses=np.zeros(0, np.float32),
    )


def write_record(path: str | os.PathLike, record: Record, about: dict[str, Any]) -> None:
    """Write a record, whole or not at all; ``about`` says what it was made from, as JSON."""
    write_arrays(path, record_arrays(record, about))


def record_arrays(record: Record, about: dict[str, Any]) -> dict[str, Any]:
    """What :func:`write_record` writes of a record, by name."""
    about = about | {"name": record.name, "source": record.source}
    arrays: dict[str, Any] = {"about": json.dumps(about), "status": int(record.status)}
    arrays |= {name: getattr(record, name) for name in ("target", "image", "step", "samples", "sample_losses")}
    for prefix, field in _DICTS.items():
        arrays |= {prefix + key: value for key, value in getattr(record, field).items()}
    arrays |= {} if record.styles is None else {"w": record.styles[None]}
    own = {"frame": record.frame, "known": record.known}
    return arrays | {name: array for name, array in own.items() if array is not None}


@contextlib.contextmanager
def _reading(path: str | os.PathLike) -> Iterator[np.lib.npyio.NpzFile]:
    """The arrays of a file; whatever is wrong with it becomes one sentence."""
    try:
        # np.load leaves the file open when it is no zip file; this does not.
        with open(path, "rb") as file, np.load(file) as arrays:
            yield arrays
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no result of this program, or damaged: {error}") from error


def read_about(path: str | os.PathLike) -> dict[str, Any]:
    """What a record says about itself.

    Raises:
        CheckpointError: not such a file, or damaged.
    """
    with _reading(path) as arrays:
        return json.loads(str(arrays["about"]))


def read_frame(path: str | os.PathLike) -> Frame | None:
    """The square of a photograph that a record is of, where that is its own.

    Raises:
        CheckpointError: not such a file, or damaged.
    """
    with _reading(path) as arrays:
        return Frame(*map(float, arrays["frame"])) if "frame" in arrays.files else None


def read_record(path: str | os.PathLike) -> Record:
    """Read what :func:`write_record` stored of one image.

    Raises:
        CheckpointError: not such a file, or damaged.

    >>> import gprior_jax as gp, jax, tempfile
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[:1]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, out)
    ...     record = gp.runs.read_record(f"{out}/portrait_1.npz")
    >>> record.name, record.variables["codes"].shape, record.image.shape
    ('portrait_1', (2, 128), (64, 64, 3))
    """
    with _reading(path) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
        about = json.loads(str(stored["about"]))
        fields: dict[str, Any] = {name: stored[name] for name in ("target", "image", "samples", "sample_losses")}
        for prefix, field in _DICTS.items():
            own = {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
            numbers = field in ("terms", "metrics")
            fields[field] = {name: float(value) for name, value in own.items()} if numbers else own
        status = Status(int(stored["status"]))
        fields["styles"] = stored["w"][0] if "w" in stored else None
        fields |= {name: stored.get(name) for name in ("frame", "known")}
        return Record(name=about["name"], source=about["source"], step=int(stored["step"]), status=status, **fields)
