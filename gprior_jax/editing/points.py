"""Points of latent spaces: their codes in a common space, and their images."""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_finite, check_one
from gprior_jax.editing.paths import Path, lerp, morph, slerp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import as_styles, check_styles
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.inversion.batching import in_batches
from gprior_jax.latents import Parametrization, Sphere, Z
from gprior_jax.latents.tuning import PIVOT
from gprior_jax.typing import Array

Variables = dict[str, np.ndarray]
"""Of a code: ``"z": [z_dim]``, ``"w": [w_dim]`` or ``"w_plus": [num_styles, w_dim]``. Of an inversion: those of its
parametrisation. Of a z or an inversion of a conditional prior also its class, ``"label": [num_classes]``."""


class Point(NamedTuple):
    """One point of a latent space.

    Attributes:
        name: where it comes from, for messages.
        variables: see :data:`Variables`.
        parametrization: of an inversion; None for a code.
        model: what an inversion's run calls its prior.
        weights: the fingerprint of its weights, see :func:`gprior_jax.summary.fingerprint`.

    >>> import gprior_jax as gp
    >>> point = gp.editing.Point("mine", {"z": np.zeros(128, np.float32)})
    >>> gp.editing.codes(gp.load("builtin"), [point])["z"].shape
    (1, 128)
    """

    name: str
    variables: Variables
    parametrization: Parametrization | None = None
    model: str | None = None
    weights: str | None = None


def codes(
    prior: Prior,
    points: Sequence[Point],
    space: Literal["z", "w"] | None = None,
    truncation_psi: float = 1.0,
) -> Variables:
    """Codes of points in one space. Noise maps that an inversion has found are left out.

    Args:
        prior: the generator.
        points: K of them, of any spaces that lead there: z maps to styles, w is repeated for every style.
        space: ``"z"``, or ``"w"`` for styles of their own for every layer; None takes styles where the prior has them.
        truncation_psi: of styles that are mapped from a plain z; inversions stay as they were found. Codes z are given
            as they are: :func:`render` truncates them, inversions among them too.

    Returns:
        ``{"w_plus": [K, num_styles, w_dim]}``, or ``{"z": [K, z_dim]}``, with the ``"label": [K, num_classes]`` of a
        conditional prior.

    Raises:
        ValueError: a point without such a code (several composed codes, or styles where z is asked for), or with those
            of several.

    >>> import gprior_jax as gp
    >>> points = [Point("one", {"z": np.zeros(128, np.float32)}), Point("other", {"z": np.ones(128, np.float32)})]
    >>> codes(gp.load("builtin"), points)["z"].shape
    (2, 128)
    >>> {name: code.shape for name, code in codes(gp.load("builtin:portraits"), points).items()}
    {'w_plus': (2, 10, 128)}
    """
    for point in points:
        check_point(prior, point)
    if (space or ("w" if prior.num_styles else "z")) == "w":
        check_styles(prior)
        return {"w_plus": np.stack([_styles(prior, point, truncation_psi) for point in points])}
    for point in points:
        if "z" not in point.variables:
            raise ArgumentError(_has_no_z(point))
    names = ("z", "label") if prior.num_classes else ("z",)
    return {name: np.stack([point.variables[name] for point in points]) for name in names}


def check_point(prior: Prior, point: Point) -> None:
    """Raise ``ValueError`` where a point holds the codes of several.

    >>> import gprior_jax as gp
    >>> check_point(gp.load("builtin"), Point("both", {"z": np.zeros((2, 128))}))
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: z of shape (2, 128): give that of one image, (128,); make a point of each.
    """
    shapes: dict[str, tuple[int, ...]] = {"z": (prior.z_dim,)}
    if prior.num_styles:
        shapes |= {"w": (prior.w_dim,), "w_plus": (prior.num_styles, prior.w_dim)}
    for name, value in point.variables.items():
        if name in shapes:
            check_one(name, value, shapes[name], "make a point of each")


def _styles(prior: Prior, point: Point, truncation_psi: float) -> np.ndarray:
    found = jax.tree.map(jnp.asarray, point.variables)
    for space in ("w_plus", "w"):
        if space in found:
            return np.asarray(as_styles(prior, found[space], space))
    if PIVOT in found:  # Of a tuned generator, whose model folder draws it.
        return np.asarray(as_styles(prior, found[PIVOT], "w_plus"))
    if "z" in found:
        psi = truncation_psi if point.parametrization is None else 1.0
        return np.asarray(map_latents(prior, found["z"], label=found.get("label"), truncation_psi=psi))
    if isinstance(point.parametrization, Sphere):
        return np.asarray(point.parametrization.styles(prior, found))
    raise ArgumentError(_has_no_code(point))


def _has_no_z(point: Point) -> str:
    if {"w", "w_plus", PIVOT} & point.variables.keys() or isinstance(point.parametrization, Sphere):
        return f"{point.name} holds styles, from which no way leads back to z: use another space."
    return _has_no_code(point)


def _has_no_code(point: Point) -> str:
    return (
        f"{point.name} holds the variables of {type(point.parametrization).__name__}, no single code: invert with one "
        "(method z, or w_plus of a prior with styles), or morph it with inversions that were made in the same way."
    )


def common_parametrization(points: Sequence[Point]) -> Parametrization | None:
    """The parametrisation that all points share, where their variables are more than a code z.

    Args:
        points: at least one.

    Returns:
        what renders their variables as they are; None of codes z and of points that differ, which have to be led to
        one space first (:func:`codes`).

    >>> import gprior_jax as gp
    >>> points = [Point(name, {}, gp.latents.MultiCode(2, 4)) for name in "ab"]
    >>> common_parametrization(points).num_codes
    2
    >>> common_parametrization([*points, Point("c", {})]) is None
    True
    """
    first = points[0].parametrization
    same = all(point.parametrization == first for point in points)
    return first if same and not isinstance(first, Z) else None


def stack(points: Sequence[Point]) -> Variables:
    """The variables of points of one parametrisation, joined.

    Args:
        points: K of them, whose variables have the same names and shapes.

    Returns:
        ``{name: [K, ...]}``.

    Raises:
        ValueError: their names or shapes differ.

    >>> points = [Point("one", {"z": np.zeros(128)}), Point("other", {"z": np.ones(128)})]
    >>> stack(points)["z"].shape
    (2, 128)
    """
    return jax.tree.map(lambda *leaves: np.stack(leaves), *(point.variables for point in points))


def morph_variables(
    prior: Prior, keys: Variables, steps: int, *, closed: bool = False, ease: bool = False
) -> Variables:
    """Variables along a path through key points, see :func:`gprior_jax.editing.paths.morph`.

    Normal codes z, truncated or not, go along arcs; all else (uniform z, styles, composed codes and weights, noise) on
    straight lines.

    Args:
        prior: the generator.
        keys: ``{name: [K, ...]}``.
        steps: from one key to the next.
        closed: go on from the last key to the first.
        ease: slow down at every key.

    Returns:
        ``{name: [(K - 1) * steps + 1, ...]}``; closed ``[K * steps, ...]``.

    Raises:
        ValueError: fewer than two keys, or no steps.

    >>> import gprior_jax as gp
    >>> keys = {"z": np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)}
    >>> morph_variables(gp.load("builtin"), keys, steps=4)["z"].shape  # Both ends with it.
    (9, 128)
    """
    return {
        name: np.asarray(morph(values, steps, closed=closed, ease=ease, path=_path(prior, name)))
        for name, values in keys.items()
    }


def _path(prior: Prior, name: str) -> Path:
    """What joins two values of a variable."""
    return slerp if name == "z" and prior.latent.kind != "uniform" else lerp


def between(
    prior: Prior, first: Point, second: Point, at: float, space: Literal["z", "w"] | None = None, psi: float = 1.0
) -> Point:
    """A point on the way from one to another, which :func:`morph_variables` goes along.

    Two inversions that were made in the same way go by all that they consist of, others by their codes.

    Args:
        prior: the generator.
        first: at 0.
        second: at 1.
        at: how far.
        space: of the codes, see :func:`codes`; given, nothing but codes goes.
        psi: truncation of styles that are mapped from a plain z.

    Raises:
        ValueError: a point without a code in the space, or no number.

    >>> import gprior_jax as gp
    >>> ends = [Point("", {"z": np.full(128, number, np.float32)}) for number in (1.0, 3.0)]
    >>> float(between(gp.load("builtin"), *ends, 0.5).variables["z"][0])
    2.0
    """
    check_finite(at=at)
    for point in (first, second):
        check_point(prior, point)
    shared = common_parametrization([first, second]) if space is None else None
    keys = codes(prior, [first, second], space, psi) if shared is None else stack([first, second])
    found = {
        name: np.asarray(_path(prior, name)(jnp.asarray(ends[0]), jnp.asarray(ends[1]), jnp.float32(at)))
        for name, ends in keys.items()
    }
    return Point(first.name, found, shared, first.model, first.weights)


def render(
    prior: Prior,
    variables: Variables,
    parametrization: Parametrization | None = None,
    *,
    truncation_psi: float = 1.0,
    noise: Literal["const", "none"] = "const",
    batch_size: int = 8,
) -> np.ndarray:
    """Images of many points, ``[T, R, R, C]`` float32, on the host.

    Args:
        prior: the generator; faster when prepared (:func:`gprior_jax.generators.prior.prepare`).
        variables: ``[T, ...]`` each, as :func:`codes` or :func:`stack` give them.
        parametrization: of inversions; None for codes.
        truncation_psi: of z.
        noise: of codes: what is stored with the weights, or ``"none"``.
        batch_size: images at once.

    Returns:
        about [-1, 1], as the generator gives them; :func:`gprior_jax.images.arrays.to_uint8` clips.

    Raises:
        ValueError: codes without an axis of points.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> render(prior, {"z": gp.sample_z(prior, jax.random.key(0), 2)}).shape
    (2, 64, 64, 3)
    """

    def of_codes(part: Variables) -> Array:
        if "z" in part:
            return synthesize(prior, part["z"], label=part.get("label"), noise=noise, truncation_psi=truncation_psi)
        return synthesize(prior, part["w_plus"], space="w_plus", noise=noise)

    for name, axes in (("z", 2), ("w_plus", 3)):
        if parametrization is None and name in variables and np.ndim(variables[name]) != axes:
            raise ArgumentError(f"{name} of shape {np.shape(variables[name])}: give codes of points, one a row.")
    function = of_codes if parametrization is None else partial(_render, parametrization, prior)
    count = len(next(iter(variables.values())))
    return in_batches(function, min(batch_size, count), variables).astype(np.float32)


@partial(jax.jit, static_argnums=0)
def _render(parametrization: Parametrization, prior: Prior, variables: dict[str, Array]) -> Array:
    def one(own: dict[str, Array]) -> Array:
        return parametrization.render(with_label(prior, own["label"]) if "label" in own else prior, own)

    return jax.vmap(one)(variables)
