"""Edits of a session's items: what the page asks for, as points and pictures. All of it is a function of its codes."""

import collections
import dataclasses
import functools
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import jax
import numpy as np
from pydantic import Field

from gprior_jax import editing
from gprior_jax.compiling import jit
from gprior_jax.editing import Point, Slider
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images import arrays as im
from gprior_jax.keys import seeded
from gprior_jax.latents import Parametrization, WPlus, Z
from gprior_jax.runs.keeping import Stays, Way, kept_in
from gprior_jax.serving.asked import Asked
from gprior_jax.studio.workspace import Workspace
from gprior_jax.typing import Array

LOG = logging.getLogger("gprior_jax.studio")

_MOST_READY = 64
"""Items whose codes are kept ready to be moved; and kinds of codes whose programs are."""

MOST_SLIDERS = 32
"""Directions that are moved along at once."""

FARTHEST = 100.0
"""Deviations: nothing is left of a picture long before."""

Strength = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]

FORBID: Any = {"extra": "forbid"}
"""Fields that nothing knows are mistakes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SliderAsked:
    """A slider of the page."""

    __pydantic_config__: ClassVar[Any] = FORBID

    direction: str
    strength: Strength
    layers: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mix:
    """Styles of another item."""

    __pydantic_config__: ClassVar[Any] = FORBID

    item: str
    layers: str = "4-"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Morph:
    """The way to another item."""

    __pydantic_config__: ClassVar[Any] = FORBID

    item: str
    at: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Edit:
    """What is done to an item: in the order of :func:`gprior_jax.editing.combined`."""

    __pydantic_config__: ClassVar[Any] = FORBID

    sliders: Annotated[tuple[SliderAsked, ...], Field(max_length=MOST_SLIDERS)] = ()
    psi: Annotated[float, Field(ge=-2.0, le=2.0, allow_inf_nan=False)] = 1.0
    mix: Mix | None = None
    morph: Morph | None = None

    @property
    def is_none(self) -> bool:
        """Whether it leaves everything as it is."""
        moves = any(slider.strength for slider in self.sliders)
        return not moves and self.psi == 1.0 and self.mix is None and self.morph is None

    def at(self, direction: str, strength: float, layers: str | None) -> "Edit":
        """The same with a direction at another strength."""
        others = tuple(slider for slider in self.sliders if slider.direction != direction)
        return dataclasses.replace(
            self, sliders=(*others, SliderAsked(direction=direction, strength=strength, layers=layers))
        )


NO_EDIT = Edit()


class Edits:
    """Edits items of a workspace. For any number of threads."""

    def __init__(self, workspace: Workspace):
        """Work with the codes and directions of a workspace."""
        self.workspace = workspace
        self._ready: collections.OrderedDict[tuple[str, str], tuple[Point, Point]] = collections.OrderedDict()
        self._programs: dict[Any, Callable[..., Array]] = {}
        self._lock = threading.Lock()

    @functools.cached_property
    def prior(self) -> Prior:
        """Prepared."""
        return jax.device_put(prepare(self.workspace.prior))

    def point(self, session: str, item: str, edit: Edit) -> Point:
        """The codes of an item, edited.

        Raises:
            GPriorError: no such item, direction or layers, or no way from these codes to what is asked for.
        """
        sliders = [self._slider(session, each) for each in edit.sliders]
        alone = edit.morph is None and edit.mix is None
        of_w = alone and all(slider.direction.space != "z" for slider in sliders)
        own = self._styled(session, item) if of_w else self._named(session, item)
        towards = None if edit.morph is None else (self._named(session, edit.morph.item), edit.morph.at)
        styles = None if edit.mix is None else (self._named(session, edit.mix.item), edit.mix.layers)
        return editing.combined(self.prior, own, sliders, towards=towards, styles=styles, psi=edit.psi)

    def picture(self, session: str, item: str, edit: Edit) -> np.ndarray:
        """Its picture, uint8 ``[R, R, C]``."""
        return self.draw([self.point(session, item, edit)], self.measured(session, item, edit))[0]

    def measured(self, session: str, item: str, edit: Edit) -> Stays | Way | None:
        """What stays of an item's picture in its edits, as in its result; on the way to another, see :class:`Way`."""
        own = self.workspace.codes(session, item).measured
        if edit.morph is None:
            return own
        other = self.workspace.codes(session, edit.morph.item).measured
        return None if own is None and other is None else Way.between(own, other, edit.morph.at)

    def draw(self, points: Sequence[Point], measured: Stays | Way | None = None) -> np.ndarray:
        """Pictures of points, uint8 ``[K, R, R, C]``; with what stays of them.

        Raises:
            ArgumentError: a picture is no numbers.
        """
        return im.to_uint8(self.images(points, measured))

    def images(self, points: Sequence[Point], measured: Stays | Way | None = None) -> np.ndarray:
        """Images of points, float32 ``[K, R, R, C]``, one after the other: one program serves them all."""
        drawn = np.stack([np.asarray(self._program(each)(self.prior, each.variables)) for each in points])
        if not np.isfinite(drawn).all():
            raise ArgumentError("so far away the prior draws no picture: move the sliders back.")
        return kept_in(drawn.astype(np.float32), measured)

    def _program(self, point: Point) -> Callable[..., Array]:
        """What draws points of the kind of one. To look it up by all that it is made of takes longer than it runs."""
        shapes = tuple(sorted((name, np.shape(value)) for name, value in point.variables.items()))
        key = point.parametrization, shapes
        found = self._programs.get(key)
        if found is None:
            found = _image.program(point.parametrization, self.prior, point.variables)
            if len(self._programs) >= _MOST_READY:
                self._programs.clear()
            self._programs[key] = found
        return found

    def start(self) -> threading.Thread:
        """Compile what the first slider takes, then find directions, in a thread of its own."""
        thread = threading.Thread(target=self._prepare, name="edits", daemon=True)
        thread.start()
        return thread

    def _prepare(self) -> None:
        try:
            self.draw([_any_point(self.prior, kind) for kind in self._kinds()])
        except Exception:  # They are compiled when they are needed, then.
            LOG.exception("the programs of edits could not be compiled")
        self.workspace.book.find()

    def _kinds(self) -> list[Parametrization]:
        """Of drawn items, and of what the page's settings find."""
        maker, prior = self.workspace.maker, self.prior
        asked = Asked(method=maker.first, label=0 if prior.num_classes else None)
        found = maker.recipe(asked).stages[-1].parametrization.fit(maker.labelled(prior.num_classes > 0))
        return [WPlus() if prior.num_styles else Z(), found]

    def _styled(self, session: str, item: str) -> Point:
        """An item's codes as those of w, where they lead there: so one program draws it with and without sliders."""
        own = self._named(session, item)
        if not self.prior.num_styles:
            return own
        with self._lock:
            before, ready = self._ready.get((session, item), (None, own))
        if before is None or before.variables is not own.variables:
            ready = as_styled(self.prior, own)
        with self._lock:
            self._ready[session, item] = own, ready
            self._ready.move_to_end((session, item))
            while len(self._ready) > _MOST_READY:
                self._ready.popitem(last=False)
        return ready

    def _named(self, session: str, item: str) -> Point:
        """An item's codes, under its name in sentences."""
        point = self.workspace.point(session, item)
        return point._replace(name=Path(point.name).stem)

    def _slider(self, session: str, asked: SliderAsked) -> Slider:
        known = self.workspace.book.known(self.workspace.folder(session))
        if asked.direction not in known:
            raise ArgumentError(f"there is no direction {asked.direction[:60]!r} here: use one that is listed.")
        direction = known[asked.direction].direction
        if asked.layers is None:
            return Slider(direction, asked.strength)
        if direction.space == "z":
            raise ArgumentError(f"{direction.name} is of z, which all layers come from: leave the layers out.")
        return Slider(direction, asked.strength, editing.style_layers(asked.layers, self.prior.num_styles))


def as_styled(prior: Prior, point: Point) -> Point:
    """A point as sliders of w move it; as it is, where no way leads there."""
    try:
        found = editing.movable(prior, point, "w")
    except ArgumentError:
        return point
    return point._replace(variables=found.variables, parametrization=found.parametrization)


def _any_point(prior: Prior, kind: Parametrization) -> Point:
    """Some codes of a kind."""
    held = with_label(prior, 0) if prior.num_classes else prior
    variables = dict(jax.tree.map(np.asarray, kind.init(held, seeded(0))))
    variables |= {"label": np.asarray(held.label)} if prior.num_classes and "label" not in variables else {}
    point = Point("", variables, kind)
    return as_styled(prior, point) if prior.num_styles else point


def _draw(parametrization: Parametrization | None, prior: Prior, variables: Any) -> Array:
    if parametrization is not None:
        return parametrization.render(
            with_label(prior, variables["label"]) if "label" in variables else prior, variables
        )
    if "w_plus" in variables:
        return synthesize(prior, variables["w_plus"], space="w_plus")
    return synthesize(prior, variables["z"], label=variables.get("label"))


_image = jit(_draw, use="often", kept=True, static_argnums=0)
