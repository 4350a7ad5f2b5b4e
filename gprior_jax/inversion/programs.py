"""The programs of an inversion: start, steps and end of a batch of rows.

Images and restarts share one axis of rows, image by image: XLA:CPU emits much slower loops for arrays of higher rank.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AbstractMesh, Mesh, PartitionSpec

from gprior_jax.compiling import jit
from gprior_jax.inversion import solver
from gprior_jax.inversion.devices import IMAGES, row_shardings
from gprior_jax.inversion.problem import Evaluation, Measurement, Problem, held
from gprior_jax.inversion.solver import Solution, SolverConfig, State
from gprior_jax.keys import is_one, purpose
from gprior_jax.latents import Variables
from gprior_jax.latents.split_codes import SplitCodes
from gprior_jax.objectives import Observation
from gprior_jax.operators import Forward
from gprior_jax.typing import Array, Key, PyTree


@partial(jit, use="once", kept=True, static_argnums=(1, 2))
def start(
    problem: Problem,
    config: SolverConfig,
    rows: int,
    key: Key,
    ids: Array,
    observed: Array,
    operator: Forward,
    hints: Variables,
    labels: Array | None,
) -> tuple[State, Measurement]:
    """States and measurements ``[B * rows]`` of images ``[B]``; hints are ``[B, samples or 1, ...]``.

    The key is the run's, or ``[B]``.
    """
    keys = jax.vmap(jax.random.fold_in, in_axes=(None if is_one(key) else 0, 0))(key, ids)
    encoded = None if problem.encoder is None else jax.vmap(problem.encoder.encode)(observed)
    # Not of one image: what follows from these alone, such as the codes' features, is computed once.
    shared = {} if problem.encoder is None else problem.encoder.shared()

    def begin(
        key: Key, pixels: Array, operator: Forward, hint: Variables, label: Array | None, code: Variables | None
    ) -> tuple[State, Variables, Measurement]:
        folded = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(rows))
        each = jax.tree.map(lambda leaf: jnp.repeat(leaf, rows // len(leaf), axis=0), hint)
        if code is not None:
            prior, keys = held(problem, label), jax.vmap(lambda key: purpose(key, "encoded"))(folded)
            each = jax.vmap(lambda key: problem.parametrization.start_at(prior, key, code | shared))(keys) | each
        states, constants = jax.vmap(partial(solver.begin, problem, config, label=label))(folded, each)
        targets = problem.objective.targets(Observation(pixels, operator))
        return states, constants, Measurement(operator, targets, label, {})

    states, constants, measurements = jax.vmap(begin)(keys, observed, operator, hints, labels, encoded)
    states, constants = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), (states, constants))
    measurements = jax.tree.map(lambda leaf: jnp.repeat(leaf, rows, axis=0), measurements)
    return states, measurements._replace(constants=constants)


@partial(jit, use="often", static_argnums=(1, 2, 3), donate_argnums=4)
def advance(
    problem: Problem,
    config: SolverConfig,
    length: int,
    mesh: AbstractMesh | None,
    states: State,
    measurements: Measurement,
) -> tuple[State, Evaluation]:
    """``length`` steps of all rows; evaluations are ``[length, B * R]``. The mesh is that of :func:`_of_own_rows`."""

    def own(problem: Problem, states: State, measurements: Measurement) -> tuple[State, Evaluation]:
        batched = jax.vmap(partial(solver.step, problem, config))
        if length == 1:
            states, evaluation = batched(states, measurements)
            return _placed(problem, states), jax.tree.map(lambda leaf: leaf[None], evaluation)
        states, evaluations = jax.lax.scan(lambda states, _: batched(states, measurements), states, length=length)
        return _placed(problem, states), evaluations

    return _of_own_rows(mesh, own)(problem, states, measurements)


def _of_own_rows(mesh: AbstractMesh | None, steps: Any) -> Any:
    """``(problem, states, measurements)`` of each device's own rows, where a mesh splits rows alone; None leaves it be.

    Rows need nothing of each other, but the partitioner knows that only of operations that it can split: of a Fourier
    transform (a blur) it gathered the rows of all devices on each of them, in every step.
    """
    if mesh is None:
        return steps
    rows = PartitionSpec(IMAGES)
    takes, gives = (PartitionSpec(), rows, rows), (rows, PartitionSpec(None, IMAGES))
    return jax.shard_map(steps, mesh=mesh, in_specs=takes, out_specs=gives, check_vma=False)


def _placed(problem: Problem, states: State) -> State:
    """States where a step finds them, for the next one: where codes are split, the partitioner may have other ideas."""
    if not isinstance(problem.parametrization, SplitCodes):
        return states
    mesh = problem.parametrization.mesh
    return jax.lax.with_sharding_constraint(states, row_shardings(mesh, problem.parametrization, states))


@partial(jit, use="once", kept=True, static_argnums=1)
def finish(problem: Problem, restarts: int, states: State, measurements: Measurement) -> tuple[Solution, Array]:
    """The best restart of every image (and sample), and its row."""
    losses = states.best_loss.reshape(-1, restarts)
    best = jnp.argmin(jnp.where(jnp.isfinite(losses), losses, jnp.inf), axis=1)

    def chosen(leaf: Array) -> Array:
        # Among an image's own rows: taken from all rows they were first gathered from all devices.
        return jax.vmap(lambda own, place: own[place])(leaf.reshape(-1, restarts, *leaf.shape[1:]), best)

    solutions = jax.vmap(partial(solver.finalize, problem))(*jax.tree.map(chosen, (states, measurements.constants)))
    return solutions, jnp.arange(len(best)) * restarts + best


@partial(jit, use="often", static_argnums=(1, 2, 3), donate_argnums=5)
def advance_to(
    problem: Problem,
    config: SolverConfig,
    length: int,
    mesh: AbstractMesh | None,
    last: Array,
    states: State,
    measurements: Measurement,
) -> tuple[State, Evaluation]:
    """:func:`advance`, in which rows that have taken ``last`` steps stay as they are."""

    def own(given: tuple[Problem, Array], states: State, measurements: Measurement) -> tuple[State, Evaluation]:
        problem, last = given

        def step(states: State, _: None) -> tuple[State, Evaluation]:
            moved, evaluation = jax.vmap(partial(solver.step, problem, config))(states, measurements)
            return jax.vmap(solver.select)(states.step < last, moved, states), evaluation

        states, evaluations = jax.lax.scan(step, states, length=length)
        return _placed(problem, states), evaluations

    return _of_own_rows(mesh, own)((problem, last), states, measurements)


# Rows of one image on every device: what enters the places of a stream and leaves them stays on its device.


@partial(jit, use="once", static_argnums=(0, 1))
def filled(mesh: Mesh, places: int, rows: PyTree) -> PyTree:
    """Arrays with ``places`` places on every device, all of them as the one image that each device has in ``rows``."""

    def own(rows: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: jnp.tile(leaf, (places,) + (1,) * (leaf.ndim - 1)), rows)

    return _on_each(mesh, own)(rows)


@partial(jit, use="once", static_argnums=0, donate_argnums=1)
def put(mesh: Mesh, all_rows: PyTree, rows: PyTree, places: Array, is_new: Array) -> PyTree:
    """Put one image on every device into a place of it, where it is a new one.

    Args:
        mesh: D devices.
        all_rows: arrays of all places, ``[D * places * rows, ...]``; donated.
        rows: ``[D * rows, ...]``, an image on every device.
        places: ``[D]``, where it goes.
        is_new: ``[D]``, whether it does.
    """

    def own(all_rows: PyTree, rows: PyTree, place: Array, is_new: Array) -> PyTree:
        def one(whole: Array, part: Array) -> Array:
            start = place[0] * len(part)
            old = jax.lax.dynamic_slice_in_dim(whole, start, len(part))
            return jax.lax.dynamic_update_slice_in_dim(whole, jnp.where(is_new[0], part, old), start, 0)

        return jax.tree.map(one, all_rows, rows)

    return _on_each(mesh, own)(all_rows, rows, places, is_new)


@partial(jit, use="once", static_argnums=(0, 1))
def taken(mesh: Mesh, count: int, all_rows: PyTree, places: Array) -> PyTree:
    """The ``count`` rows of one place of every device, ``[D * count, ...]``."""

    def own(all_rows: PyTree, place: Array) -> PyTree:
        return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, place[0] * count, count), all_rows)

    return _on_each(mesh, own)(all_rows, places)


def _on_each(mesh: Mesh, function: Any) -> Any:
    """A function of each device's own rows."""
    rows = PartitionSpec(IMAGES)
    return jax.shard_map(function, mesh=mesh, in_specs=rows, out_specs=rows, axis_names={IMAGES})
