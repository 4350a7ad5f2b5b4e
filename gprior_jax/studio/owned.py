"""An item on its way through the engine, and the codes that come of it."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.editing import movable
from gprior_jax.editing.points import Point
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.result import Result
from gprior_jax.runs.entries import run_of
from gprior_jax.runs.explaining import check_explainable
from gprior_jax.runs.keeping import Stays, doubt, measured_of
from gprior_jax.runs.record import read_record
from gprior_jax.runs.sources import read_points
from gprior_jax.serving.jobs import Job, Kept, State, finite
from gprior_jax.serving.making import Plan, Ready
from gprior_jax.studio.making import Prepared
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session
from gprior_jax.summary import fingerprint


def finish(plan: Plan, job: Job, ready: Ready, result: Result) -> Kept:
    """Write the files of an item that has left its lane; nothing is kept in memory."""
    if isinstance(job.owner, Owned):
        job.owner.finish(plan, job, result)
    return Kept(b"", b"", {}, {})


@dataclasses.dataclass(frozen=True, eq=False)
class Owned:
    """An item on its way through the engine.

    Attributes:
        prior: the generator.
        model: what commands call it.
        session: where the item is.
        piece: the item.
        after: called when it has ended and all is written.
    """

    prior: Prior
    model: str
    session: Session
    piece: Piece
    after: Callable[[], None] = lambda: None

    def finish(self, plan: Plan, job: Job, result: Result) -> None:
        """Write what came of it, all or nothing; an item is cancelled before, or not at all."""
        piece = self.piece
        with piece.lock:
            prepared = piece.prepared
            if prepared is None or piece.is_removed or job.has_ended:
                return
            before = dict(piece.about)
            try:
                self._write(prepared, plan, job, result)
            except BaseException:  # A full disk, say.
                piece.about, piece.prepared = before, prepared
                shutil.rmtree(prepared.files.out, ignore_errors=True)
                raise
            piece.view.end()

    def _write(self, prepared: Prepared, plan: Plan, job: Job, result: Result) -> None:
        """The files, and what the session tells of them."""
        piece, entry = self.piece, prepared.write(plan, result, job.step)
        numbers = {name: finite(value) for name, value in entry.row.items() if isinstance(value, float)}
        told = {"status": entry.row["status"], "step": entry.row["step"], "stopped": job.is_stopped}
        told |= {"late": job.is_late, "remarks": prepared.remarks} | numbers
        told |= _losses(prepared.files.out / f"{prepared.name}.npz", job)
        about = {"state": "done", "step": job.step, "steps": job.num_steps, "result": told}
        about |= {"loss": numbers.get("loss"), "psnr": numbers.get("psnr", job.psnr)}
        about |= {"files": _files(prepared.files.out, prepared.name)}
        about |= uses(self.prior, self.model, self.session, prepared.files.out / f"{prepared.name}.npz")
        piece.about |= about  # At once: whoever is told that it is done is told all of it.
        piece.prepared = None
        self.session.save()

    def ended(self, job: Job) -> None:
        """Note how it ended, unless it was written; of one that was saved, that it goes on with the next start."""
        piece = self.piece
        with piece.lock:
            if piece.job in (job, None):  # It may have begun again meanwhile.
                piece.prepared = None
                if piece.about["state"] not in ("done", "failed", "cancelled"):
                    told: dict[str, Any] = {"state": job.state.value, "error": job.why}
                    if job.state is State.SAVED:
                        told = {"goes_on": fingerprint(self.prior.params)}
                    piece.about |= told | {"step": job.step, "steps": job.num_steps}
                    if not piece.is_removed:
                        self.session.save()
                piece.view.end()
        self.after()


def _losses(path: Path, job: Job) -> dict[str, Any]:
    """How good each of several answers is."""
    if (job.asked.samples or 1) < 2:
        return {}
    return {"losses": [finite(float(loss)) for loss in read_record(path).sample_losses]}


def _files(folder: Path, stem: str) -> dict[str, Any]:
    """The pictures that a command has written of a photograph, below its folder."""
    own = {"result": f"{stem}.png"} | {name: f"{name}/{stem}.png" for name in ("measured", "mean", "std")}
    found: dict[str, Any] = {name: path for name, path in own.items() if (folder / path).is_file()}
    samples = sorted((folder / "samples").glob("*.png"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return found | ({"samples": [f"samples/{path.name}" for path in samples]} if samples else {})


class Codes(NamedTuple):
    """What is edited of an item.

    Attributes:
        point: its codes.
        measured: what stays of its picture.
        remark: on edits of a restoration, where they are not all that its result is, or less; empty of others.
    """

    point: Point
    measured: Stays | None
    remark: str


_REMARKS = {
    "colorize": "Edits change colours: the light and shade of the photograph stay. Invert the coloured picture to edit "
    "all of it.",
    "upscale": "Edits show what the codes draw: they are not held to the small photograph.",
}


def codes_of(prior: Prior, model: str, session: Session, path: Path) -> Codes:
    """The codes in the file of an item that is done.

    Of the same prior are those of the same weights, whatever it is called: a folder has many paths.

    Args:
        prior: the studio's.
        model: what commands call that.
        session: where the item is.
        path: the file.

    Raises:
        GPriorError: they are of another prior, or damaged.
    """
    run = run_of(path)
    settings = run["settings"]
    if settings.get("prior", {}).get("weights") != fingerprint(prior.params):
        raise ArgumentError(of_another(run.get("model", session.about["model"]), model))
    (point,) = read_points(prior, str(path))
    record = read_record(path)
    remark = doubt(record, settings) or _REMARKS.get(str(settings.get("task")), "")
    return Codes(point, measured_of(record, settings), remark)


def of_another(model: str, own: str) -> str:
    """Why nothing is done with a result of another prior, by what commands call that and the studio's."""
    if model == own:
        told = f"this result was found with other weights than those that {model} has now"
        return f"{told}: start the studio with those, or drop the photograph again."
    return f"this result is of {model}, and the studio has another prior: start it with {model}."


def uses(prior: Prior, model: str, session: Session, path: Path) -> dict[str, Any]:
    """Whether an item that is done can be edited, and explained; JSON."""
    told: dict[str, Any] = {"editable": True, "why_not": None, "explainable": True, "edits": None}
    told |= {"weights": fingerprint(prior.params)}
    try:
        point, _, remark = codes_of(prior, model, session, path)
        movable(prior, point, "w" if prior.num_styles else "z")
    except GPriorError as error:
        return told | {"editable": False, "why_not": str(error), "explainable": False}
    told["edits"] = remark or None
    try:
        check_explainable(point)
    except GPriorError:
        told["explainable"] = False
    return told
