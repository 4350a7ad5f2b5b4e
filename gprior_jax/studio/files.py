"""What the page lets one keep of an edited item: its picture, its codes, what makes it again, a report."""

import copy
import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gprior_jax.editing import Point
from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png
from gprior_jax.latents import WPlus, Z
from gprior_jax.runs.abouts import fingerprint_of
from gprior_jax.runs.entries import run_of
from gprior_jax.runs.html import Cell, compared, listing, page, paragraph, section, table
from gprior_jax.runs.keeping import Light, Measured, Stays, Way
from gprior_jax.runs.record import Record, read_about, read_record, record_arrays
from gprior_jax.storage.atomic import arrays_bytes
from gprior_jax.studio.attachments import Attachment, anywhere, text_of
from gprior_jax.studio.edits import Edit, Edits
from gprior_jax.studio.words import Told, command, python
from gprior_jax.summary import summarise
from gprior_jax.tasks import Blend

Kind = Literal["png", "npz", "command", "python", "report"]


def attachment(edits: Edits, session: str, item: str, edit: Edit, kind: Kind) -> Attachment:
    """A file of an edited item.

    Raises:
        GPriorError: see :meth:`Edits.point`.
    """
    point = edits.point(session, item, edit)
    told = _told(edits, session, item, edit)
    stem = Path(told.picture).stem
    if kind == "npz":
        content = _codes(edits, told, point, edits.measured(session, item, edit))
        return Attachment(f"{stem}.npz", "application/octet-stream", content)
    if kind == "python":
        return text_of(f"{stem}.py", python(told))
    if kind == "command":
        own = edits.workspace.session(session)
        return text_of(f"{stem}.txt", command(told, own, own.find(item)))
    # What a restoration shows is not what its codes draw, as where it is pasted in.
    picture = im.to_uint8(read_record(told.source).image) if told.is_restored else edits.picture(session, item, edit)
    if kind == "png":
        return Attachment(told.picture, "image/png", encode_png(picture))
    return Attachment(f"{stem}.html", "text/html; charset=utf-8", _report(edits, session, item, told, picture).encode())


def _told(edits: Edits, session: str, item: str, edit: Edit) -> Told:
    workspace = edits.workspace
    others = {each.item for each in (edit.mix, edit.morph) if each is not None}
    # Absolute: it shall run wherever the text is kept.
    source, *more = (Path(workspace.point(session, each).name).absolute() for each in (item, *others))
    known = workspace.book.known(workspace.folder(session))
    task = workspace.session(session).find(item).about["task"]
    keeps = edits.measured(session, item, edit) is not None
    return Told(anywhere(workspace.model), source, task, edit, known, dict(zip(others, more, strict=True)), keeps)


def _codes(edits: Edits, told: Told, point: Point, measured: Stays | Way | None) -> bytes:
    """The item's record, with the codes and the picture of the edit: every command takes it as it takes the item's."""
    if told.edit.is_none:
        return told.source.read_bytes()
    record, about, run = read_record(told.source), read_about(told.source), run_of(told.source)
    kind = point.parametrization or (WPlus() if "w_plus" in point.variables else Z())
    settings = copy.deepcopy(run["settings"])
    recipe = settings["recipe"]
    while "then" in recipe:  # The result is the last stage's.
        recipe = recipe["then"]
    recipe["parametrization"] = summarise(kind)
    label = {"label"} - record.variables.keys()
    variables = {name: np.asarray(value) for name, value in point.variables.items() if name not in label}
    image = edits.images([point], measured)[0]
    edited = _edited(record, variables, image)
    if isinstance(measured, Way):
        edited, blend = _on_the_way(edited, measured)
        settings |= {} if blend is None else {"blend": blend}
        about |= _doubt(measured)
    about |= {"fingerprint": fingerprint_of(settings), "model": told.model, "edit": dataclasses.asdict(told.edit)}
    return arrays_bytes(record_arrays(edited, about))


def _edited(record: Record, variables: dict[str, np.ndarray], image: np.ndarray) -> Record:
    """What holds of an edited result: what was measured of the item does not."""
    return record._replace(
        name=f"{record.name}_edited",
        image=image,
        variables=variables,
        terms={},
        metrics={},
        history={},
        pictures={},
        samples=np.zeros((0, *image.shape), np.uint8),
        sample_losses=np.zeros(0, np.float32),
        styles=variables.get("w_plus"),
    )


def _on_the_way(record: Record, way: Way) -> tuple[Record, Blend | None]:
    """A record with what stays at its place, and how that meets what is edited; None where it is as it was.

    A record tells what stays of its own restoration: what another result's adds is in the picture alone.
    """
    own, kept = way.keys[0], way.pasted
    if isinstance(own, Light):
        return _in_light(record, way.light)
    if not isinstance(own, Measured) or record.known is None:
        return record, None
    if kept is None:
        return record, "none"
    target, known = im.to_uint8(kept.observed), np.round(255 * kept.known).astype(np.uint8)
    return record._replace(target=target, known=known), "paste"


def _in_light(record: Record, light: Light | None) -> tuple[Record, Blend | None]:
    """A colourised record with the light that stays of it, all or a part."""
    if light is None:
        return record, "none"
    part = None if light.part >= 1.0 else np.full((*light.observed.shape[:2], 1), round(255 * light.part), np.uint8)
    return record._replace(target=im.to_uint8(light.observed), known=part), None


def _doubt(way: Way) -> dict[str, str]:
    """What the codes of a picture on the way do not draw again as it is, in the record's own words."""
    if not any(isinstance(key, Measured) and key.blend == "poisson" for key in way.keys):
        return {}
    return {
        "approximate": "its filling met what was known by Poisson's equation; in pictures that are drawn of this file "
        "what was known is pasted in."
    }


def _report(edits: Edits, session: str, item: str, told: Told, picture: np.ndarray) -> str:
    own = edits.workspace.session(session)
    piece = own.find(item)
    record = read_record(told.source)
    cells = [Cell("target", record.target, "what was sent")] if record.target.shape == record.image.shape else []
    cells.append(Cell("result", im.to_uint8(record.image), "result", "target"))
    if not told.edit.is_none:
        cells.append(Cell("edited", picture, "edited", "result", slides=True))
    found = piece.about.get("result") or {}
    numbers = {name: value for name, value in found.items() if isinstance(value, float | str) or name == "step"}
    return page(
        piece.about["name"],
        section(
            "Pictures",
            compared(cells),
            table([{"task": piece.about["task"]} | numbers]),
            *(paragraph(str(remark)) for remark in found.get("remarks", [])),
        ),
        section("Edit", *_edit_blocks(told)),
        section("Settings", table([dict(piece.about["settings"]) or {"settings": "as they are"}])),
        section("The same picture again", listing(command(told, own, piece)), listing(python(told))),
    )


def _edit_blocks(told: Told) -> list[str]:
    edit = told.edit
    if edit.is_none:
        return [paragraph("None: this is the result as it was found.")]
    rows: list[dict[str, Any]] = []
    if edit.morph is not None:
        rows.append({"what": f"towards {told.others[edit.morph.item].stem}", "how far": edit.morph.at, "layers": "all"})
    if edit.mix is not None:
        rows.append({"what": f"styles of {told.others[edit.mix.item].stem}", "how far": 1.0, "layers": edit.mix.layers})
    for slider in edit.sliders:
        known = told.known[slider.direction]
        rows.append({"what": known.title, "how far": slider.strength, "layers": slider.layers or "its own"})
    if edit.psi != 1.0:
        rows.append({"what": "truncation", "how far": edit.psi, "layers": "all"})
    return [table(rows), paragraph("Directions go as far as so many standard deviations of the prior's own codes.")]
