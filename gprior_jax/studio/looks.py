"""What the page shows beside a picture: strips, maps of what changes, what codes do, ways between items."""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gprior_jax import editing, geometry
from gprior_jax.compiling import jit
from gprior_jax.editing import Point
from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.functions import Function
from gprior_jax.geometry.relaxing import DAMPING, Relaxed
from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png, resized
from gprior_jax.latents.parametrization import FIXED
from gprior_jax.runs.explain_files import code_colours, finite, territories
from gprior_jax.runs.explaining import Explained, Explainer
from gprior_jax.runs.geometry import codes_of, ends_of
from gprior_jax.runs.keeping import Measured, Way
from gprior_jax.studio.edits import Edit, Edits
from gprior_jax.typing import Array

MOST_STRENGTHS = 16
"""Pictures of a strip."""

_VISIBLE = 0.05
"""Mean change, of pixels in [-1, 1], from which on the largest of a map is in full colour: less is hardly seen."""

_BRIGHTEST = 0.99
"""Quantile of a map that is in full colour: a few pixels would leave the rest dark."""

_COLOUR = (255, 96, 0)
"""Of what changes: an orange that is seen on skin and on hair."""

_STEPS, _PRODUCTS = 3, 5
"""Of a geodesic: Gauss-Newton steps, and products of each; on the bundled portraits a third step gains 5 %."""


def strip(
    edits: Edits,
    session: str,
    item: str,
    edit: Edit,
    direction: str,
    layers: str | None,
    strengths: Sequence[float],
    side: int | None,
) -> np.ndarray:
    """Pictures of an edit with a direction at several strengths, side by side, uint8 ``[side, K * side, C]``."""
    points = [edits.point(session, item, edit.at(direction, strength, layers)) for strength in strengths]
    return row(edits.draw(points, edits.measured(session, item, edit)), side)


def row(pictures: np.ndarray, side: int | None) -> np.ndarray:
    """Pictures side by side, uint8 ``[side, K * side, C]``."""
    return np.concatenate([resized(picture, side) for picture in pictures], axis=1)


def heat_map(
    edits: Edits, session: str, item: str, edit: Edit, direction: str, layers: str | None, strength: float
) -> tuple[np.ndarray, float]:
    """Where a direction changes the picture and how much: uint8 RGBA ``[R, R, 4]`` to lay over it, and the most.

    The change is from the edit without the direction to the edit with it, mean over channels.
    """
    points = [edits.point(session, item, edit.at(direction, at, layers)) for at in (0.0, strength)]
    before, after = np.clip(edits.images(points, edits.measured(session, item, edit)), -1.0, 1.0)
    change = np.abs(after - before).mean(axis=-1)
    full = max(float(np.quantile(change, _BRIGHTEST)), _VISIBLE)
    map_ = np.empty((*change.shape, 4), np.uint8)
    map_[..., :3] = _COLOUR
    map_[..., 3] = np.round(255 * np.clip(change / full, 0, 1))
    return map_, float(change.max())


def explained(edits: Edits, session: str, item: str) -> dict[str, Any]:
    """What each code of an item does, for the page; see :mod:`gprior_jax.runs.explaining`.

    Raises:
        ArgumentError: it is of one code, or of another prior.
    """
    point = edits.workspace.point(session, item)
    try:
        found = Explainer(edits.prior).explain(point, item, {})
    except ArgumentError as error:
        raise ArgumentError(str(error).replace(point.name, "this result")) from None
    total = float(found.importance.sum()) or 1.0
    colours = np.round(code_colours(len(found.importance))).astype(int)
    pictures = im.to_uint8(found.own)
    return {
        "codes": [
            {
                "code": int(code),
                "share": float(found.importance[code]) / total,
                "color": "#{:02x}{:02x}{:02x}".format(*colours[code]),
                "picture": data_url(pictures[code]),
                "psnr_without": finite(float(found.alone[code])),
            }
            for code in found.order
        ],
        "territories": data_url(territories(found)),
        "summary": _summary(found, isinstance(edits.workspace.codes(session, item).measured, Measured)),
    }


def _summary(found: Explained, is_filled: bool) -> str:
    first = int(found.order[0])
    share = float(found.importance[first] / (found.importance.sum() or 1.0))
    where = "what was filled" if is_filled else "the picture"
    how = f"the change of {where} without it" if found.by == "alpha" else f"what it adds to {where}"
    return (
        f"{len(found.order)} codes, composed at layer {found.parametrization.layer}: code {first} counts most, with "
        f"{share:.0%} of all influence, which is {how}."
    )


def ways(edits: Edits, session: str, item: str, other: str, pictures: int, side: int | None) -> dict[str, Any]:
    """The straight line from one item to another and the geodesic, in the pixels that the prior draws.

    Args:
        edits: of the workspace.
        session: with both.
        item: where they begin.
        other: where they end.
        pictures: on each, both ends with it.
        side: of a picture, pixels.

    Raises:
        ArgumentError: items without a code in one space.
    """
    ends = [edits.workspace.point(session, each)._replace(name=each) for each in (item, other)]
    shared = editing.common_parametrization(ends)
    if shared is None or any(name.startswith(FIXED) or name == "label" for name in ends[0].variables):
        found, points = _of_codes(edits, ends, pictures - 1)
    else:
        function, start = geometry.outputs_of(edits.prior, shared, jax.tree.map(jnp.asarray, ends[0].variables))
        end, _ = ravel_pytree(jax.tree.map(jnp.asarray, ends[1].variables))
        found = _ways(function, start, end, pictures - 1)

        def of(latents: np.ndarray) -> list[Point]:
            return [Point("", dict(function.unravel(jnp.asarray(each))), shared) for each in latents]

        points = (of(found.lines), of(found.curve))
    curves = found.straight, found.geodesic
    keys = [edits.workspace.codes(session, each).measured for each in (item, other)]
    kept = Way(keys, np.linspace(0.0, 1.0, pictures))
    told = [
        {
            "strip": data_url(row(edits.draw(own, kept), side)),
            "length": float(curve.length),
            "energy": float(curve.energy),
            "speeds": np.asarray(curve.distances).tolist(),
        }
        for own, curve in zip(points, curves, strict=True)
    ]
    remark = _remark(found) + (f" {_KEPT}" if any(key is not None for key in keys) else "")
    return {"line": told[0], "geodesic": told[1], "remark": remark}


_KEPT = "What was known of a restored picture goes over into the way by its middle; what both know alike stays."
"""Remark on ways between items of which something stays."""


class Ways(NamedTuple):
    """The straight line between two latents and the geodesic: latents ``[T + 1, ...]``, and measures of each."""

    lines: np.ndarray
    straight: geometry.CurveMeasures
    curve: np.ndarray
    geodesic: geometry.CurveMeasures


def _ways(function: Function, start: Array, end: Array, segments: int) -> Ways:
    """Step by step, each of which is one program: that of a whole geodesic takes minutes to compile."""
    straight = geometry.line(start, end, segments)
    state = Relaxed(straight, jnp.asarray(DAMPING, straight.dtype))
    for _ in range(_STEPS):
        state = _step(function, state, _PRODUCTS)
    own, found = _measure(function, straight), _measure(function, state.points)
    if not float(found.energy) < float(own.energy):  # With few points curves cut corners.
        return Ways(np.asarray(straight), own, np.asarray(straight), own)
    return Ways(np.asarray(straight), own, np.asarray(state.points), found)


_step = jit(geometry.geodesic_step, use="often", kept=True, static_argnums=2)
_measure = jit(geometry.measure, use="once", kept=True)


def _of_codes(edits: Edits, ends: Sequence[Point], segments: int) -> tuple[Ways, tuple[list[Point], list[Point]]]:
    """Ways between codes z, w or of every layer."""
    prior, space, codes = ends_of(edits.prior, editing.codes(edits.prior, ends))
    start, end = (jnp.asarray(code, jnp.float32) for code in codes)
    found = _ways(geometry.outputs(prior, space), start, end, segments)
    label = {} if space != "z" or prior.label is None else {"label": np.asarray(prior.label)}

    def of(latents: np.ndarray) -> list[Point]:
        every = codes_of(prior, space, latents)
        return [Point("", {name: rows[i] for name, rows in every.items()} | label) for i in range(len(latents))]

    return found, (of(found.lines), of(found.curve))


def _remark(found: Ways) -> str:
    straight, curve = float(found.straight.energy), float(found.geodesic.energy)
    if not straight > 0.0:
        return "Both items look the same: there is no way between them."
    return (
        f"The geodesic has {curve / straight:.0%} of the line's energy: it changes the picture more evenly, and by "
        f"{float(found.geodesic.length) / float(found.straight.length):.0%} of the line's length."
    )


def data_url(picture: np.ndarray) -> str:
    """A uint8 picture as the address of its own content."""
    return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()
