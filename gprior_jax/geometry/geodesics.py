"""Geodesics: curves of least energy between two latents, by Gauss-Newton steps from few control points to many.

Of the ways that were measured on the bundled priors (``benchmarks/RESULTS.md``) this reaches an energy in a fraction
of the time of Adam or L-BFGS (:func:`descend` takes these), and of :mod:`gprior_jax.geometry.georce`, which needs the
whole metric at every point. Nothing here differentiates the metric: it works for networks with kinks.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec

from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.curves import evened, evened_by, line, measure, refined
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.geometry.relaxing import DAMPING, PRODUCTS, Relaxed, path, relax
from gprior_jax.inversion.devices import IMAGES, images_mesh
from gprior_jax.typing import Array

NUM_SEGMENTS = 16
COARSEST = 4
"""Segments of the first level, at least."""

STEPS = 3
"""Gauss-Newton steps of a level."""

_EVENED = 8
"""Times that a finished curve is evened: each leaves about a tenth of the variation, of a coarse curve more."""


class Geodesic(NamedTuple):
    """A curve between two latents.

    Attributes:
        curve: ``[T + 1, *latent.shape]``, of even speed, both ends with it.
        energy: see :class:`gprior_jax.geometry.curves.CurveMeasures`; the root is the distance of the ends.
        length: of the outputs.
        speed_variation: likewise.
        line_energy: of the straight line, with as many points at even times; ``energy`` is never above it.
    """

    curve: Array
    energy: Array
    length: Array
    speed_variation: Array
    line_energy: Array

    @property
    def distance(self) -> Array:
        """Of the two ends along the curve."""
        return self.length


def levels(num_segments: int) -> tuple[int, ...]:
    """Segments of the levels, rising: quarters, or halves where these are no whole numbers or too few.

    >>> levels(16), levels(8), levels(12), levels(5)
    ((4, 16), (4, 8), (6, 12), (5,))
    """
    found = [num_segments]
    for part in (4, 2):  # Every level is compiled for itself: as few as do.
        while found[0] % part == 0 and found[0] // part >= COARSEST:
            found.insert(0, found[0] // part)
    return tuple(found)


def geodesic(
    function: Function,
    start: Array,
    end: Array,
    *,
    num_segments: int = NUM_SEGMENTS,
    steps: int = STEPS,
    products: int = PRODUCTS,
    damping: float = DAMPING,
    initial: Array | None = None,
) -> Geodesic:
    """The curve of least energy between two latents; a local one, near the line that it starts from.

    Args:
        function: of a latent of any shape.
        start: a latent.
        end: another, of its shape.
        num_segments: T; with few the curve cuts corners of the outputs.
        steps: Gauss-Newton steps of every level, see :func:`levels`.
        products: with the Jacobian in a step.
        damping: of the first step.
        initial: a curve ``[K + 1, ...]`` to start from, such as an :func:`gprior_jax.geometry.curves.arc`, of as many
            segments as the first of :func:`levels`, whose ends become the two latents; None is the straight line.

    Raises:
        ValueError: latents of different shapes, fewer than two segments, or an initial curve of another length.

    >>> surface = lambda x: jnp.stack([x[0], x[1], x[0] ** 2])
    >>> found = geodesic(surface, -jnp.ones(2), jnp.ones(2), num_segments=4)
    >>> bool(found.energy < found.line_energy), bool(found.speed_variation < 0.02)
    (True, True)
    """
    start, end = as_floats(start), as_floats(end)
    check_ends(start, end, num_segments)
    sizes = levels(num_segments)
    initial = None if initial is None else as_floats(initial)
    if initial is not None and initial.shape != (sizes[0] + 1, *start.shape):
        raise ArgumentError(f"an initial curve of shape {initial.shape}: use {[sizes[0] + 1, *start.shape]}.")
    curve = line(start, end, sizes[0]) if initial is None else initial.at[0].set(start).at[-1].set(end)
    for size in sizes:
        curve = refined(curve, size // (len(curve) - 1))
        curve = _relaxed(function, evened(function, curve), steps, products, damping)
    return _finished(function, curve, line(start, end, num_segments))


def geodesic_step(function: Function, state: Relaxed, products: int = PRODUCTS) -> Relaxed:
    """One of the steps that :func:`geodesic` is made of, for whoever shows a curve on its way.

    Args:
        function: of a latent of any shape.
        state: control points ``[T + 1, ...]``, whose ends stay, and the damping
            (:data:`gprior_jax.geometry.relaxing.DAMPING` at first).
        products: with the Jacobian.

    >>> surface = lambda x: jnp.stack([x[0], x[1], x[0] ** 2])
    >>> state = geodesic_step(surface, Relaxed(line(-jnp.ones(2), jnp.ones(2), 4), jnp.array(DAMPING)))
    >>> bool(measure(surface, state.points).energy < measure(surface, line(-jnp.ones(2), jnp.ones(2), 4)).energy)
    True
    """
    moved, outputs = relax(function, path(len(state.points) - 1), state, products)
    # Evened every time: a step is found for the points as they lie, and takes them apart.
    return moved._replace(points=evened_by(outputs, moved.points))


def _relaxed(function: Function, curve: Array, steps: int, products: int, damping: float) -> Array:
    def step(state: Relaxed, _: None) -> tuple[Relaxed, None]:
        return geodesic_step(function, state, products), None

    first = Relaxed(curve, jnp.asarray(damping, curve.dtype))
    return jax.lax.scan(step, first, None, length=steps)[0].points


def _finished(function: Function, curve: Array, straight: Array) -> Geodesic:
    """The curve at even speed; the line at even speed, or as it is, where that has come out no better.

    With few points curves cut corners, and what came of them may be worse than the line.
    """
    even = jax.lax.map(lambda each: evened(function, each, _EVENED), jnp.stack([curve, straight]))
    candidates = jnp.concatenate([even, straight[None]])
    found = jax.lax.map(lambda each: measure(function, each), candidates)
    best = jnp.argmin(found.energy)
    return Geodesic(
        candidates[best], found.energy[best], found.length[best], found.speed_variation[best], found.energy[-1]
    )


def geodesics(
    function: Function,
    starts: Array,
    ends: Array,
    *,
    batch_size: int | None = None,
    mesh: Mesh | None = None,
    **settings: Any,
) -> Geodesic:
    """Geodesics between many pairs of latents at once; a pair's does not depend on the others.

    Args:
        function: of a latent of any shape.
        starts: ``[N, ...]``.
        ends: ``[N, ...]``.
        batch_size: pairs at once on a device; a pair holds what the function keeps for its derivative at T + 1 latents.
            None is all.
        mesh: each of its devices takes a part of the pairs, see :func:`gprior_jax.inversion.devices.image_mesh`; the
            cores of a CPU are devices after :func:`gprior_jax.inversion.devices.use_cores`. None leaves it to JAX.
        settings: of :func:`geodesic`.

    Returns:
        with a leading axis N.

    >>> found = geodesics(lambda x: x**2, jnp.zeros((3, 1)), jnp.ones((3, 1)), num_segments=2)
    >>> found.curve.shape, found.energy.shape
    ((3, 3, 1), (3,))
    """
    starts, ends = as_floats(starts), as_floats(ends)
    if starts.shape != ends.shape:
        raise ArgumentError(f"starts of shape {starts.shape} and ends of {ends.shape}: give one end for every start.")

    def one(pair: tuple[Array, Array]) -> Geodesic:
        return geodesic(function, *pair, **settings)

    def many(starts: Array, ends: Array) -> Geodesic:
        if batch_size is None:
            return jax.vmap(lambda start, end: one((start, end)))(starts, ends)
        return jax.lax.map(one, (starts, ends), batch_size=batch_size)

    if mesh is None or not len(starts):
        return many(starts, ends)
    own, pairs = images_mesh(mesh), PartitionSpec(IMAGES)
    rows = np.arange(-(-len(starts) // own.shape[IMAGES]) * own.shape[IMAGES]) % len(starts)
    # Pairs are independent: nothing is to be inferred about what devices share.
    spread = jax.shard_map(many, mesh=own, in_specs=pairs, out_specs=pairs, check_vma=False)
    return jax.tree.map(lambda leaf: leaf[: len(starts)], spread(starts[rows], ends[rows]))


def descend(
    function: Function,
    curve: Array,
    optimizer: optax.GradientTransformation,
    num_steps: int = 100,
) -> Array:
    """A curve whose control points any optimiser of optax has moved to less energy.

    Args:
        function: of a latent of any shape.
        curve: ``[T + 1, ...]``; its ends stay.
        optimizer: of gradients with respect to latents, such as ``optax.adam(0.02)``.
        num_steps: that many.

    >>> curve = line(-jnp.ones(2), jnp.ones(2), 4).at[2, 0].set(1.0)
    >>> found = descend(lambda x: x, curve, optax.adam(0.05), 50)
    >>> bool(measure(lambda x: x, found).energy < measure(lambda x: x, curve).energy)
    True
    """
    curve = as_floats(curve)

    def energy(moving: Array) -> Array:
        return measure(function, curve.at[1:-1].set(moving)).energy

    def step(carry: tuple[Array, optax.OptState], _: None) -> tuple[tuple[Array, optax.OptState], None]:
        moving, state = carry
        value, gradient = jax.value_and_grad(energy)(moving)
        updates, state = optax.with_extra_args_support(optimizer).update(
            gradient, state, moving, value=value, grad=gradient, value_fn=energy
        )
        return (jnp.asarray(optax.apply_updates(moving, updates)), state), None

    first = (curve[1:-1], optimizer.init(curve[1:-1]))
    return curve.at[1:-1].set(jax.lax.scan(step, first, None, length=num_steps)[0][0])


def check_ends(start: Array, end: Array, num_segments: int) -> None:
    """Raise ``ValueError`` unless two latents are of one shape, and there are segments between them."""
    if start.shape != end.shape:
        raise ArgumentError(f"latents of shapes {start.shape} and {end.shape}: a curve joins two of one shape.")
    if num_segments < 2:
        raise ArgumentError(f"num_segments {num_segments}: use at least 2.")
