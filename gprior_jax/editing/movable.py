"""What of a point is moved: which of its variables, and how the moved ones are rendered."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.editing.moving import Step, strengths_for
from gprior_jax.editing.points import Point, Variables, check_point, codes
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import map_code
from gprior_jax.latents import MultiCode, Parametrization, Projector, Sphere, W, WPlus
from gprior_jax.latents.styled import NOISE


class Movable(NamedTuple):
    """A point, ready to be moved.

    Attributes:
        name: of the point.
        variables: without an axis of points; what is not moved keeps its value.
        parametrization: that renders them; None for a plain code.
        moved: the variable that moves: ``"z"``, ``"w_plus"`` or ``"codes"``.
        single: it is one code, z or one w for all layers, which absolute moves are meant for.
    """

    name: str
    variables: Variables
    parametrization: Parametrization | None
    moved: str
    single: bool


def movable(prior: Prior, point: Point, space: str, truncation_psi: float = 1.0) -> Movable:
    """A point as it can be moved along directions of a space.

    Of an inversion everything stays that is not its code: noise maps, channel weights (as mGANprior edits: every code
    moves, alpha is kept), the features beside a code.

    Args:
        prior: the generator.
        point: of any space that leads there: z maps to w, one w becomes one for each layer.
        space: of the directions, ``"z"`` or ``"w"`` (W+ too).
        truncation_psi: of styles that are mapped from a plain z.

    Raises:
        ValueError: no way leads from the point to the space, or it holds codes of several.

    >>> import gprior_jax as gp
    >>> target = movable(gp.load("builtin"), Point("mine", {"z": np.zeros(128, np.float32)}), "z")
    >>> target.moved, target.single
    ('z', True)
    """
    check_point(prior, point)
    if isinstance(point.parametrization, MultiCode):
        return _several(prior, point, point.parametrization, space)
    if space == "z":
        if "z" not in point.variables:
            raise ArgumentError(
                f"{point.name} holds no code z, and no way leads back to one: use a direction of w, or codes z."
            )
        return Movable(point.name, dict(point.variables), point.parametrization, "z", True)
    found = _styled(prior, point, truncation_psi)
    styles = found.variables["w_plus"]
    return found._replace(single=bool(np.all(styles == styles[:1])))


def _styled(prior: Prior, point: Point, truncation_psi: float) -> Movable:
    """With a w for every layer, and with the noise that was found."""
    held, kind = dict(point.variables), point.parametrization
    if kind is not None and "w_plus" in held:
        return Movable(point.name, held, kind, "w_plus", False)
    styles = codes(prior, [point], "w", truncation_psi)["w_plus"][0]
    rendering: Parametrization | None = None
    noise: Mapping[str, np.ndarray] = {}
    if isinstance(kind, W):
        rendering = WPlus(kind.start, kind.noise)
    elif isinstance(kind, Projector | Sphere):
        rendering = WPlus(noise="fitted" if prior.noise_sizes else "const")
    if rendering is not None:
        noise = {n.lstrip("_"): v for n, v in held.items() if n.lstrip("_").startswith(NOISE)}
    label = {"label": held["label"]} if "label" in held and rendering is not None else {}
    return Movable(point.name, {"w_plus": styles} | dict(noise) | label, rendering, "w_plus", False)


def _several(prior: Prior, point: Point, kind: MultiCode, space: str) -> Movable:
    """Composed codes; those z are mapped where the directions are of w."""
    variables = dict(point.variables)
    if kind.space == "w" and space == "z":
        raise ArgumentError(f"{point.name} holds codes w, from which no way leads back to z: use a direction of w.")
    if kind.space == "z" and space == "w":
        held = with_label(prior, variables["label"]) if "label" in variables else prior
        styles = np.asarray(jax.vmap(partial(map_code, held))(jnp.asarray(variables["codes"])))
        if not np.all(styles == styles[:, :1]):
            raise ArgumentError(
                f"{point.name} holds several codes z, and {prior} maps each to a w of its own for every layer: use a "
                "direction of z."
            )
        variables["codes"], kind = styles[:, 0], dataclasses.replace(kind, space="w")
    return Movable(point.name, variables, kind, "codes", False)


def moved(
    prior: Prior, target: Movable, strengths: Sequence[float] | np.ndarray, step: Step, *, absolute: bool = False
) -> Variables:
    """The variables of a point at several strengths, ``[S, ...]`` each.

    Args:
        prior: the generator.
        target: the point.
        strengths: ``[S]``.
        step: of strength 1, see :func:`gprior_jax.editing.step_for`.
        absolute: see :func:`gprior_jax.editing.move`; for one code.

    Raises:
        ValueError: a step that not all layers take alike, of several codes w.

    >>> import gprior_jax as gp
    >>> prior, step = gp.load("builtin"), Step(np.eye(128, dtype=np.float32)[0], np.float32(0.0))
    >>> target = movable(prior, Point("mine", {"z": np.zeros(128, np.float32)}), "z")
    >>> moved(prior, target, [-1.0, 2.0], step)["z"][:, 0].tolist()
    [-1.0, 2.0]
    """
    vector, at = step.vector, np.asarray(strengths, np.float32)
    values = {name: np.repeat(value[None], len(at), 0) for name, value in target.variables.items()}
    if target.moved == "codes" and vector.ndim == 2:
        if not np.all(vector == vector[:1]):
            raise ArgumentError(
                f"{target.name} holds several codes w, each for all layers: move all layers alike, or use an inversion "
                "with a w for every layer."
            )
        step = Step(vector[0], step.origin.reshape(-1)[0])
        if "styles" in values:  # Of the later layers, where they are variables of their own.
            values["styles"] = values["styles"] + at[:, None, None] * vector[0]
    held = target.variables[target.moved]
    values[target.moved] = np.asarray(strengths_for(held, at, step, absolute=absolute))
    return values


def gross_weight(alpha: np.ndarray) -> float:
    """How large the weights of composed codes are, whatever they add up to: the mean over channels of sum ``|alpha|``.

    It is 1 for an average. Where it is large, features of codes cancel each other, and a change of all codes adds up.

    Args:
        alpha: ``[N, C]``.

    >>> gross_weight(np.full((4, 2), 0.25)), gross_weight(np.array([[5.0], [-4.0]]))
    (1.0, 9.0)
    """
    return float(np.abs(alpha).sum(axis=0).mean())
