"""What ``gprior geometry`` measures between two codes, and its figures."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gprior_jax import geometry
from gprior_jax.compiling import jit
from gprior_jax.editing.points import Variables
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.geometry.functions import Outputs, Space
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.runs.html import curves, heat_map, page, paragraph, picture, section, table
from gprior_jax.storage.atomic import write_arrays, write_text
from gprior_jax.typing import Array

MOST_NUMBERS = 1024
"""Of a latent, up to which its whole spectrum is taken; of a longer one the first values."""

STRENGTHS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Along singular directions, in half the way between the two codes."""

_BLOCK = 8
"""Pixels of a cell of the slice."""

_geodesic = jit(geometry.geodesic, use="often", static_argnames=("num_segments", "steps"))
_measure = jit(geometry.measure, use="once")
_spectrum = jit(geometry.spectrum, use="once", static_argnames=("num",))
_metric = jit(geometry.metric, use="once", static_argnames=("by",))
_plane = jit(geometry.plane_metric, use="once", static_argnames=("num",))


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        segments: of the curves.
        steps: of the geodesic, a level.
        directions: singular directions that are drawn.
        cells: of the slice, a side; 0 for none.
    """

    segments: int
    steps: int
    directions: int
    cells: int


def ends_of(prior: Prior, codes: Variables, one_w: bool | None = None) -> tuple[Prior, Space, np.ndarray]:
    """The prior, held to the class of two codes where they are z; the space of curves between them; and the two.

    Args:
        prior: the generator.
        codes: ``{"z": [2, ...]}`` with their label, or ``{"w_plus": [2, ...]}``.
        one_w: of styles: True wants one w for all layers, False a w for every layer; None goes by the codes.

    Raises:
        ArgumentError: codes of different classes, or styles of layers where one w is wanted.
    """
    if "z" in codes:
        labels = codes.get("label")
        if labels is None:
            return prior, "z", codes["z"]
        if not np.array_equal(labels[0], labels[1]):
            raise ArgumentError("the two codes are of different classes: name codes of one class, or use the space w.")
        return with_label(prior, jnp.asarray(labels[0])), "z", codes["z"]
    styles = codes["w_plus"]
    one = bool((styles == styles[:, :1]).all())
    if one_w and not one:
        raise ArgumentError("the codes are styles of layers: use the space w_plus.")
    return (prior, "w", styles[:, 0]) if one and one_w is not False else (prior, "w_plus", styles)


def codes_of(prior: Prior, space: Space, latents: np.ndarray) -> Variables:
    """Latents of a curve as codes that are drawn: ``{"z": [T, ...]}`` or ``{"w_plus": [T, ...]}``."""
    if space == "w":
        latents = np.broadcast_to(latents[:, None], (len(latents), prior.num_styles, latents.shape[-1]))
    return {"z" if space == "z" else "w_plus": latents}


class Measured(NamedTuple):
    """What lies between two codes.

    Attributes:
        straight: the line, measured: ``[T + 1, ...]`` and its measures.
        geodesic: the curve of least energy.
        lines: latents of the line.
        along: distances of neighbours on the geodesic, ``[T]``.
        spectra: singular values at the two codes.
        whole: whether they are all of them.
        directions: at the first code.
        area: of the slice, ``[n, n]``; None where none is wanted, or both codes are one.
    """

    straight: geometry.CurveMeasures
    geodesic: geometry.Geodesic
    lines: np.ndarray
    along: np.ndarray
    spectra: tuple[np.ndarray, np.ndarray]
    whole: bool
    directions: geometry.Spectrum
    area: np.ndarray | None


def explore(function: Outputs, start: Array, end: Array, plan: Plan) -> Measured:
    """Measure the way between two codes, the spectra at both, and a slice through the first.

    Args:
        function: of a latent.
        start: a latent.
        end: another.
        plan: how much.
    """
    found = _geodesic(function, start, end, num_segments=plan.segments, steps=plan.steps)
    lines = geometry.line(start, end, plan.segments)
    directions = _spectrum(function, start, num=plan.directions)
    whole = start.size <= MOST_NUMBERS
    spectra = tuple(np.asarray(_values(function, latent, whole)) for latent in (start, end))
    area = None
    if plan.cells and bool(jnp.any(start != end)):  # Else there is no plane.
        towards = end - start
        across = directions.directions[0] - _share(directions.directions[0], towards) * towards
        across = across * jnp.linalg.norm(towards) / jnp.linalg.norm(across)
        area = np.asarray(_plane(function, start, towards, across, num=plan.cells).area)
    return Measured(
        _measure(function, lines),
        found,
        np.asarray(lines),
        np.asarray(_measure(function, found.curve).distances),
        (spectra[0], spectra[1]),
        whole,
        directions,
        area,
    )


def _share(vector: Array, along: Array) -> Array:
    return jnp.vdot(vector, along) / jnp.vdot(along, along)


def _values(function: Outputs, latent: Array, whole: bool) -> Array:
    """All singular values at a latent, or the first ten."""
    if not whole:
        return _spectrum(function, latent, num=10).values
    return geometry.singular_values(_metric(function, latent, by="columns"))


def moved(measured: Measured) -> np.ndarray:
    """Latents moved from the first code along its singular directions: ``[directions * strengths, ...]``."""
    start = measured.lines[0]
    far = float(np.linalg.norm(measured.lines[-1] - start)) / 2
    steps = [s * far * np.asarray(d) for d in measured.directions.directions for s in STRENGTHS]
    return (start + np.stack(steps)).astype(np.float32)


def facts(measured: Measured) -> dict[str, Any]:
    """What was measured, as JSON."""
    straight, curve = measured.straight, measured.geodesic

    def spectrum(values: np.ndarray) -> dict[str, Any]:
        own: dict[str, Any] = {"singular_values": values.tolist()}
        if measured.whole:
            own["effective_rank"] = float(geometry.effective_rank(jnp.asarray(values)))
            own["log_volume"] = float(np.sum(np.log(values))) if values[-1] > 0 else None
            own["condition_number"] = float(values[0] / values[-1]) if values[-1] > 0 else None
        return own

    def path(found: Any, distances: np.ndarray) -> dict[str, Any]:
        return {
            "energy": float(found.energy),
            "length": float(found.length),
            "speed_variation": float(found.speed_variation),
            "distances": np.asarray(distances).tolist(),
        }

    return {
        "line": path(straight, np.asarray(straight.distances)),
        "geodesic": path(curve, measured.along),
        "energy_ratio": float(curve.energy / straight.energy) if straight.energy > 0 else None,
        "start": spectrum(measured.spectra[0]),
        "end": spectrum(measured.spectra[1]),
    }


def write(folder: Path, measured: Measured, strips: np.ndarray, directions: np.ndarray) -> None:
    """Write pictures, arrays and ``report.html``.

    Args:
        folder: that exists.
        measured: what was found.
        strips: pictures of the line, then of the geodesic, uint8 ``[2 * (T + 1), S, S, C]``.
        directions: pictures of :func:`moved`.
    """
    strip = im.grid(strips, len(strips) // 2)
    rows = im.grid(directions, len(STRENGTHS))
    save_image(folder / "strips.png", strip)
    save_image(folder / "directions.png", rows)
    blocks = [_of_curves(measured, strip), _of_directions(measured, rows)]
    if measured.area is not None:
        drawn = slice_picture(measured.area)
        save_image(folder / "slice.png", drawn)
        blocks.append(_of_slice(measured.area, drawn))
    arrays = {"line": measured.lines, "geodesic": np.asarray(measured.geodesic.curve)}
    arrays |= {"directions": np.asarray(measured.directions.directions)}
    write_arrays(folder / "curves.npz", arrays | ({} if measured.area is None else {"area": measured.area}))
    write_text(folder / "report.html", page("Between two codes", *blocks))


def slice_picture(area: np.ndarray) -> np.ndarray:
    """The logarithm of an area element as a heat map, the smallest black and the largest white."""
    logs = np.log(np.maximum(area, np.finfo(np.float32).tiny))
    levels = (logs - logs.min()) / max(float(np.ptp(logs)), 1e-6)
    return heat_map(np.kron(levels, np.ones((_BLOCK, _BLOCK))))


def _of_curves(measured: Measured, strip: np.ndarray) -> str:
    straight, curve = measured.straight, measured.geodesic
    rows = [
        {
            "curve": name,
            "energy": float(each.energy),
            "length": float(each.length),
            "variation of speed": float(each.speed_variation),
        }
        for name, each in (("line", straight), ("geodesic", curve))
    ]
    gone = {"line": np.asarray(straight.distances), "geodesic": measured.along}
    passed = {name: np.concatenate([[0.0], np.cumsum(each)]) for name, each in gone.items()}
    return section(
        "Geodesic and line",
        paragraph("Above the straight line, below the curve of least energy, at the same times."),
        picture(strip, "line above, geodesic below", side=strip.shape[1]),
        table(rows),
        curves(gone, up="distance of neighbours"),
        curves(passed, up="distance gone"),
    )


def _of_directions(measured: Measured, rows: np.ndarray) -> str:
    names = ("first code", "second code")
    return section(
        "Spectrum",
        curves(dict(zip(names, measured.spectra, strict=True)), up="singular value"),
        picture(rows, "rows: the first singular directions at the first code", side=rows.shape[1]),
    )


def _of_slice(area: np.ndarray, drawn: np.ndarray) -> str:
    told = (
        "Area element of the plane through the first code (in the middle) and the second (in the middle of the right "
        "side); up and down it goes along the first singular direction. Logarithmic, from "
        f"{area.min():.3g} (black) to {area.max():.3g} (white)."
    )
    return section("Slice", paragraph(told), picture(drawn, "area element", side=drawn.shape[1]))
