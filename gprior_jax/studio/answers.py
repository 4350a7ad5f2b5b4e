"""The answers of a restoration: each as files to keep, and what they have in common and where they differ."""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.runs.record import Record, read_about, read_record, record_arrays
from gprior_jax.storage.atomic import arrays_bytes
from gprior_jax.studio.attachments import Attachment, anywhere, text_of
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session, UnknownItemError
from gprior_jax.studio.words import finding, one_line, reading

Kind = Literal["png", "npz", "command", "python"]

KINDS: tuple[Kind, ...] = ("png", "npz", "command", "python")

SHARED = ("mean", "std")
"""Of all answers: pictures without codes of their own."""

_NAME = re.compile(r"(?:answer_([1-9]\d{0,2})|(mean|std))\.(png|npz|command|python)")


class Answer(NamedTuple):
    """One of the answers of a restoration, or what they are together.

    Attributes:
        name: what its files are called in addresses.
        number: from 1, the best; None of :data:`SHARED`.
        picture: its file below the folder of results.
    """

    name: str
    number: int | None
    picture: str


def answers_of(piece: Piece) -> list[Answer]:
    """All that there are of an item; none where it has one result alone."""
    files = piece.about.get("files", {})
    samples = files.get("samples", [])
    own = [Answer(f"answer_{number}", number, path) for number, path in enumerate(samples, start=1)]
    return own + [Answer(name, None, files[name]) for name in SHARED if name in files]


def told_answers(place: str, piece: Piece) -> list[dict[str, Any]]:
    """The answers of an item, JSON: what each is, how good, and where its files are."""
    losses = dict(enumerate((piece.about.get("result") or {}).get("losses", ()), start=1))
    found: list[dict[str, Any]] = []
    for name, number, _ in answers_of(piece):
        kinds = [kind for kind in KINDS if number is not None or kind != "npz"]
        about = {"name": name, "answer": number, "loss": None if number is None else losses.get(number)}
        found.append(about | {"files": {kind: f"{place}/files/{name}.{kind}" for kind in kinds}})
    return found


def answer_file(model: str, session: Session, piece: Piece, name: str) -> Attachment:
    """A file of one answer.

    Args:
        model: what commands call the prior.
        session: where the item is.
        piece: the item.
        name: of the file, as :func:`told_answers` tells it.

    Raises:
        UnknownItemError: there is none of this name.
    """
    matched = _NAME.fullmatch(name)
    own = name.rpartition(".")[0]
    answer = next((each for each in answers_of(piece) if each.name == own), None)
    if matched is None or answer is None:
        raise UnknownItemError("the item has no such answer: ask for those that it names.")
    kind, source = cast(Kind, matched[3]), session.codes(piece)
    stem = f"{source.stem}_{answer.number or answer.name}"
    if kind == "png":
        return Attachment(f"{stem}.png", "image/png", (session.results(piece) / answer.picture).read_bytes())
    if kind == "npz":
        if answer.number is None:
            raise ArgumentError("these are several answers together, without codes: take those of one of them.")
        return Attachment(f"{stem}.npz", "application/octet-stream", _codes(source, answer.number, model))
    if kind == "python":
        what = f"record.samples[{answer.number - 1}]" if answer.number else f"record.pictures[{answer.name!r}]"
        return text_of(f"{stem}.py", reading(source.absolute(), f"{stem}.png", what))
    found = finding(anywhere(model), session, piece)
    about = one_line(f"# {piece.about['name']}: results/{answer.picture} is")
    return text_of(f"{stem}.txt", f"{about}\n{found}\n")


def _codes(source: Path, number: int, model: str) -> bytes:
    """The record of one answer alone: every command takes it."""
    record, about = read_record(source), read_about(source)
    return arrays_bytes(record_arrays(alone(record, number), about | {"model": anywhere(model), "answer": number}))


def alone(record: Record, number: int) -> Record:
    """One of the answers of a record, without the others; what was measured of the best holds of no other.

    Args:
        record: with answers.
        number: from 1.
    """
    k = number - 1
    variables = {name: np.asarray(values[k]) for name, values in record.variables.items()}
    told: dict[str, Any] = {} if k == 0 else {"metrics": {}, "history": {}, "terms": {}}
    return record._replace(
        **told,
        name=f"{record.name}_{number}",
        image=record.image if k == 0 else np.asarray(from_uint8(record.samples[k]), np.float32),
        variables=variables,
        pictures={name: picture for name, picture in record.pictures.items() if name in ("measured", "truth")},
        samples=record.samples[:0],
        sample_losses=record.sample_losses[:0],
        styles=record.styles if k == 0 else variables.get("w_plus"),
    )
