"""Sessions, items and the studio itself, as JSON."""

import functools
from typing import Any

from gprior_jax._version import __version__
from gprior_jax.cli.model_facts import class_names
from gprior_jax.errors import ArgumentError
from gprior_jax.images.opening import MAX_ASPECT, MIN_SIDE
from gprior_jax.recipes import METHODS
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.making import Maker
from gprior_jax.studio import known
from gprior_jax.studio.answers import told_answers
from gprior_jax.studio.damaged import Damaged
from gprior_jax.studio.making import StudioMaker
from gprior_jax.studio.owned import of_another
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.placing import guides_of, how_aligned
from gprior_jax.studio.sessions import Session
from gprior_jax.studio.workspace import Workspace

_LIMITS = ("steps", "codes", "samples", "megabytes", "megapixels")

_OPTIONS = {"num_steps": "steps", "num_codes": "codes", "layer": "layer", "preset": "preset"}
"""Arguments of recipes that the page may set, as settings."""

_TITLES = {
    "mganprior": "Several codes",
    "z": "One code z",
    "w": "One style w",
    "w_plus": "A style for every layer",
    "features": "Styles and features",
    "image2stylegan": "Image2StyleGAN",
    "image2stylegan_pp": "Image2StyleGAN++",
    "in_domain": "In-domain",
    "projector": "StyleGAN2's projector",
    "pulse": "PULSE",
}

_ON_ITS_WAY = {"done": "running", "saved": "queued"}
"""What is told of a job that is about to be written, and of one that goes on with the next start."""

ABOUT = ("name", "task", "state", "settings", "created")


def about(workspace: Workspace) -> dict[str, Any]:
    """What the studio is, and what it can do."""
    maker, limits = workspace.maker, workspace.engine.limits
    prior = maker.prior
    height, width, channels = prior.image_shape
    methods = _methods(maker)
    own = next(method["defaults"] for method in methods if method["name"] == maker.first)
    return {
        "name": workspace.model,
        "weights": workspace.weights,
        "version": __version__,
        "size": [width, height],
        "channels": channels,
        "classes": prior.num_classes,
        "class_names": class_names(workspace.model) if prior.num_classes else [],
        "tasks": maker.tasks,
        "methods": methods,
        "default": {"method": maker.first, "perceptual": True, "seed": 0} | own,
        "default_methods": {task: maker.first if task == "invert" else "mganprior" for task in maker.tasks},
        "encoder": prior.encoder is not None,
        "align": how_aligned(workspace.model),
        "guides": guides_of(workspace.model),
        "styles": prior.num_styles or None,
        "layers": list(range(1, prior.num_layers)),
        "truncation": bool(prior.num_styles),
        "directions": known.told(workspace.book.known()),
        "limits": {name: getattr(limits, name) for name in _LIMITS} | {"side": MIN_SIDE, "aspect": MAX_ASPECT},
    }


@functools.lru_cache(maxsize=4)
def _methods(maker: StudioMaker) -> list[dict[str, Any]]:
    """All methods, which takes a while."""
    return [_method(maker, name) for name in maker.methods]


def _method(maker: Maker, name: str) -> dict[str, Any]:
    """A method, what can be set of it, and what it takes unless that is."""
    method, prior = METHODS[name], maker.prior
    options = [told for argument, told in _OPTIONS.items() if argument in method.options]
    stage = maker.unchecked(Asked(method=name, label=0 if prior.num_classes else None)).fit(
        maker.labelled(prior.num_classes > 0)
    )
    kind = stage.parametrization
    known = {"steps": stage.solver.num_steps, "codes": getattr(kind, "num_codes", None)}
    known |= {"layer": getattr(kind, "layer", None), "preset": "fast"}
    encoder = kind.encoder_of(prior)
    has_encoder = encoder is not None and encoder.module.space in kind.starts_at
    return {
        "name": name,
        "title": _TITLES.get(name, name),
        "summary": method.summary,
        "options": options + (["start"] if has_encoder else []),
        "starts": ["encoder", *(["random"] if "start" in method.options else [])] if has_encoder else [],
        "defaults": {option: known[option] for option in options if known[option] is not None},
        "perceptual": "perceptual" in method.options and bool(stage.terms) and _compares(maker, name),
        "encoder": has_encoder,
    }


def _compares(maker: Maker, name: str) -> bool:
    """Whether a method compares features of the prior's network, unless told not to."""
    label = 0 if maker.prior.num_classes else None
    prior = maker.labelled(maker.prior.num_classes > 0)
    try:
        with_it, without = (
            maker.unchecked(Asked(method=name, label=label, perceptual=given)).fit(prior) for given in (True, False)
        )
    except ArgumentError:
        return False
    return len(with_it.terms) > len(without.terms)


def address(session: Session, piece: Piece) -> str:
    """Where an item is asked for."""
    return f"/studio/sessions/{session.id}/items/{piece.id}"


def told_item(workspace: Workspace, session: Session, piece: Piece) -> dict[str, Any]:
    """An item."""
    own, place = piece.about, address(session, piece)
    numbers = {name: own.get(name) for name in ("step", "steps", "loss", "psnr", "error")}
    told = {"id": piece.id} | {name: own.get(name) for name in ABOUT} | numbers
    told |= {"seconds_left": None, "place": None}
    job = piece.job
    if job is not None and own["state"] in ("queued", "running"):
        now = workspace.engine.told(job)
        known = ("state", "step", "steps", "loss", "psnr", "seconds_left", "place", "error")
        told |= {name: now[name] for name in known if name in now}
        told["state"] = _ON_ITS_WAY.get(str(told["state"]), told["state"])
    shown = piece.view.picture is not None and told["state"] in ("queued", "running")
    told["preview"] = f"{place}/preview.png?v={piece.view.version}" if shown else None
    told["images"] = _images(place, own)
    told["result"] = own.get("result")
    told["again"] = piece.can_begin_again
    told["answers"] = told_answers(place, piece)
    for name, otherwise in (("editable", False), ("why_not", None), ("explainable", False), ("edits", None)):
        told[name] = own.get(name, otherwise)
    if own.get("weights") not in (None, workspace.weights):  # It was done when the studio had another prior.
        told |= {
            "editable": False,
            "why_not": of_another(own.get("model", session.about["model"]), workspace.model),
            "explainable": False,
        }
    return told | {"edit": piece.edit}


def _images(place: str, own: dict[str, Any]) -> dict[str, Any]:
    """Where pictures of an item are."""
    files = own.get("files", {})
    found: dict[str, Any] = {name: f"{place}/images/{name}" for name in ("photograph", "placed") if own.get(name)}
    found |= {name: f"{place}/images/{name}.png" for name in files if name != "samples"}
    count = len(files.get("samples", ()))
    return found | ({"samples": [f"{place}/images/samples/{k}.png" for k in range(1, count + 1)]} if count else {})


def told_session(workspace: Workspace, session: Session) -> dict[str, Any]:
    """A session with its items."""
    own = {"id": session.id} | {name: session.about[name] for name in ("title", "created", "model")}
    return own | {"items": [told_item(workspace, session, piece) for piece in list(session.items.values())]}


def told_damaged(damaged: Damaged) -> dict[str, Any]:
    """What is left of a session that cannot be read, in the list of all."""
    return {"id": damaged.id, "created": damaged.created, "why": damaged.why}


def told_briefly(session: Session) -> dict[str, Any]:
    """A session in the list of all."""
    pieces = list(session.items.values())
    picture = next((_images(address(session, piece), piece.about).get("result") for piece in pieces[::-1]), None)
    own = {"id": session.id} | {name: session.about[name] for name in ("title", "created", "model")}
    return own | {"items": len(pieces), "picture": picture}
