"""Edits of one point, one after the other: towards another, another's styles, along directions, truncated."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_finite
from gprior_jax.editing.directions import Direction
from gprior_jax.editing.mixing import crossover, style_range
from gprior_jax.editing.movable import movable, moved
from gprior_jax.editing.moving import Step, deviation_of
from gprior_jax.editing.points import Point, between, codes
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles, mean_styles
from gprior_jax.latents import MultiCode


class Slider(NamedTuple):
    """How far codes are moved along a direction.

    Attributes:
        direction: of any space that the codes lead to.
        strength: standard deviations of the prior's own codes along it.
        layers: styles that move; None moves those that the direction is meant for.

    >>> import gprior_jax as gp
    >>> smile = Direction(np.eye(128)[0], "z", deviation=1.0)
    >>> point = gp.editing.Point("mine", {"z": np.zeros(128, np.float32)})
    >>> moved = gp.editing.combined(gp.load("builtin"), point, [gp.editing.Slider(smile, -1.5)])
    >>> float(moved.variables["z"][0])
    -1.5
    """

    direction: Direction
    strength: float
    layers: tuple[int, ...] | None = None


def combined(
    prior: Prior,
    point: Point,
    sliders: Sequence[Slider] = (),
    *,
    towards: tuple[Point, float] | None = None,
    styles: tuple[Point, str] | None = None,
    psi: float = 1.0,
    truncation_psi: float = 1.0,
) -> Point:
    """A point after several edits, in this order.

    Args:
        prior: the generator.
        point: of any source. Without edits it stays as it is.
        sliders: directions that it is moved along: those of z first, then those of styles. A strength is added to what
            the codes have, as by ``gprior edit --mode relative``.
        towards: first of all, another point and how far there (:func:`gprior_jax.editing.between`), as by ``gprior
            morph``.
        styles: then, another point and which of its styles are taken (:func:`gprior_jax.editing.style_range`), as
            ``gprior mix``.
        psi: in the end, styles are moved towards their mean; 1 leaves them. Inversions' too.
        truncation_psi: of styles that are mapped from a plain z.

    Returns:
        a point that is drawn with its own parametrisation (:func:`gprior_jax.editing.render`).

    Raises:
        ValueError: no way leads from the point to what is asked for.

    >>> import gprior_jax as gp
    >>> up = Direction(np.eye(128)[0], "z", deviation=1.0)
    >>> point = combined(gp.load("builtin"), Point("", {"z": np.zeros(128, np.float32)}), [Slider(up, 2.0)])
    >>> float(point.variables["z"][0])
    2.0
    """
    check_finite(psi=psi, strengths=[slider.strength for slider in sliders])
    if towards is not None:
        point = between(prior, point, *towards, psi=truncation_psi)
    if styles is not None:
        check_styles(prior)
        other, layers = styles
        both = jnp.asarray(codes(prior, [point, other], "w", truncation_psi)["w_plus"])
        mixed = crossover(both[0], both[1], *style_range(layers, prior.num_styles))
        point = Point(point.name, {"w_plus": np.asarray(mixed)}, None, point.model, point.weights)
    for space in ("z", "w"):
        own = [each for each in sliders if each.strength and (each.direction.space == "z") == (space == "z")]
        if own:
            point = _moved(prior, point, own, space, truncation_psi)
    return point if psi == 1.0 else _truncated(prior, point, psi, truncation_psi)


def _moved(prior: Prior, point: Point, sliders: Sequence[Slider], space: str, truncation_psi: float) -> Point:
    steps = np.stack([np.float32(each.strength) * deviation_of(prior, each.direction, each.layers) for each in sliders])
    target = movable(prior, point, space, truncation_psi)
    found = moved(prior, target, [1.0], Step(np.asarray(steps.sum(axis=0)), np.zeros((), np.float32)))
    return point._replace(variables={n: v[0] for n, v in found.items()}, parametrization=target.parametrization)


def _truncated(prior: Prior, point: Point, psi: float, truncation_psi: float) -> Point:
    """Styles moved towards their mean; of several codes each, and the later layers' styles of their own."""
    check_styles(prior, mean=True)
    target = movable(prior, point, "w", truncation_psi)
    found, kind = dict(target.variables), target.parametrization
    mean = np.asarray(_mean(prior, found.get("label")))
    means = {"w_plus": mean, "codes": mean[:1]}
    if isinstance(kind, MultiCode):
        means["styles"] = mean[kind.layer :]
    for name in means.keys() & found.keys():
        found[name] = (means[name] + np.float32(psi) * (found[name] - means[name])).astype(np.float32)
    return point._replace(variables=found, parametrization=kind)


_mean = jax.jit(mean_styles)
