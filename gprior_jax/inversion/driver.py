"""The driver: batches, restarts, devices, progress and history around the pure solver.

Axes, outermost first: images, restarts, codes. Every image's result is a function of its pixels, the run's key and its
id alone: batches are padded to one shape, and optimiser states are per image.
"""

import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import Status
from gprior_jax.generators.base import Prior
from gprior_jax.inversion import solver
from gprior_jax.inversion.devices import image_mesh, replicate, shard_images
from gprior_jax.inversion.notice import Notice
from gprior_jax.inversion.problem import Evaluation, Observation, Problem, observe
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import Solution, SolverConfig, State
from gprior_jax.latents import Variables
from gprior_jax.operators import Identity
from gprior_jax.typing import Array, ArrayLike, Key, Progress

_STEPS_PER_CALL = {"cpu": 1}
"""Convolutions inside a loop run two to three times slower on XLA:CPU (jax issue 12868): there, one step a call."""

_ACCELERATOR_STEPS_PER_CALL = 25


class Result(NamedTuple):
    """Results of a batch of images, on the host; with ``samples=K`` every array has an axis of K after the first.

    Of a recipe of several stages, all is that of the last one.

    Attributes:
        images: ``[B, R, R, C]``, about [-1, 1].
        variables: ``{name: [B, ...]}``, the best iterate.
        loss: ``[B]``, its loss.
        terms: ``{name: [B]}``, its terms, unweighted.
        step: ``[B]``, the step it was found at.
        status: ``[B]``, :class:`gprior_jax.errors.Status`.
        history: ``{"loss" or a term: [B, T]}``, every evaluation; an image that has stopped repeats its last.
    """

    images: np.ndarray
    variables: dict[str, np.ndarray]
    loss: np.ndarray
    terms: dict[str, np.ndarray]
    step: np.ndarray
    status: np.ndarray
    history: dict[str, np.ndarray]


def invert(
    prior: Prior,
    images: ArrayLike,
    recipe: Recipe,
    *,
    key: Key,
    ids: ArrayLike | None = None,
    operator: Any = None,
    init: Variables | None = None,
    samples: int | None = None,
    batch_size: int | None = None,
    devices: int | None = None,
    steps_per_call: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Find the latent codes that explain images.

    Args:
        prior: the generator.
        images: ``[B, R, R, C]`` in [-1, 1], what was observed; of the shape that ``operator`` gives.
        recipe: how, see :mod:`gprior_jax.recipes`.
        key: the run's key; each image's is folded from it and the image's id.
        ids: ``[B]`` integers from 0; the index in ``images`` unless given. An image inverted alone under its id gives
            what it gives in the batch.
        operator: forward operator, a pytree whose leaves have a leading axis of images; None observes images as such.
        init: ``{name: [B, ...]}``, variables to start from instead of drawn ones (for every restart).
        samples: independent solutions of every image, from keys of their own, sorted by their loss; the first drawn is
            the one that is found without ``samples``. None finds one, without an axis for it.
        batch_size: images at once; None takes all. Fewer take less memory.
        devices: devices of this process to use; None takes one.
        steps_per_call: steps in one XLA call; None chooses by platform.
        progress: called about twice a second with ``batch``, ``batches``, ``step``, ``num_steps``, ``loss`` and (where
            the mean square of pixels is a term) ``psnr`` of what was observed, averaged over the batch, and
            ``seconds_left``.

    Returns:
        One :class:`Result` for all images, in their order.

    Raises:
        ValueError: shapes that do not fit the prior or each other, non-finite pixels, or a recipe that does not fit.

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin")
        >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 2))
        >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
        >>> gp.invert(prior, images, recipe, key=jax.random.key(0)).images.shape == images.shape
        True
    """
    operator = Identity() if operator is None else operator
    observed = _check_images(prior, images, operator)
    count = len(observed)
    numbers = _check_ids(ids, count)
    mesh = image_mesh(devices or 1)
    recipe.check(prior)
    run = _runs(prior, recipe, key, mesh, steps_per_call, 1 if samples is None else samples)
    parts = (observed, operator, {name: np.asarray(value)[:, None] for name, value in (init or {}).items()})
    joined = _joined(run.batches(numbers, parts, run.batch_size(count, batch_size), progress))
    return joined if samples is None else _sorted_samples(joined, count)


_NEXT_STAGE = (1 << 32) - 1
"""Folded into the key for the next stage; no image has this id."""


def _runs(prior: Prior, recipe: Recipe, key: Key, mesh: jax.sharding.Mesh, calls: int | None, samples: int) -> "Run":
    """The run of a recipe, followed by those of its later stages."""
    following = None
    if recipe.then is not None:
        next_key = jax.random.fold_in(key, np.uint32(_NEXT_STAGE))
        following = _runs(prior, recipe.then, next_key, mesh, calls, samples)
    return Run(recipe.problem(prior), recipe, key, mesh, calls, samples, following)


def _joined(results: list[Result]) -> Result:
    """All batches in one; histories of batches that stopped early repeat their last entry up to the longest."""
    longest = max(result.history["loss"].shape[1] for result in results)
    padded = [
        result._replace(
            history={
                name: np.pad(values, ((0, 0), (0, longest - values.shape[1])), mode="edge")
                for name, values in result.history.items()
            }
        )
        for result in results
    ]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *padded)


def _sorted_samples(result: Result, count: int) -> Result:
    """Samples on an axis of their own, the least loss first."""
    split = jax.tree.map(lambda leaf: leaf.reshape(count, -1, *leaf.shape[1:]), result)
    order = np.argsort(np.where(np.isfinite(split.loss), split.loss, np.inf), axis=1, kind="stable")
    images = np.arange(count)[:, None]
    return jax.tree.map(lambda leaf: leaf[images, order], split)


def _check_ids(ids: ArrayLike | None, count: int) -> np.ndarray:
    numbers = np.arange(count) if ids is None else np.asarray(ids)
    if numbers.shape != (count,) or not np.issubdtype(numbers.dtype, np.integer) or (numbers < 0).any():
        raise ValueError(f"ids must be {count} integers from 0, one for each image; got shape {numbers.shape}.")
    return numbers


def _check_images(prior: Prior, images: ArrayLike, operator: Any) -> np.ndarray:
    observed = np.asarray(images, np.float32)
    if not len(observed):
        raise ValueError("images is empty: give at least one.")
    shape = _observed_shape(prior, operator, len(observed))
    if observed.shape[1:] != shape:
        of = "" if isinstance(operator, Identity) else " observed through this operator"
        raise ValueError(f"images of shape {observed.shape}: this prior inverts [B, {', '.join(map(str, shape))}]{of}.")
    finite = np.isfinite(observed).reshape(len(observed), -1).all(axis=1)
    if not finite.all():
        bad = ", ".join(map(str, np.flatnonzero(~finite)[:10]))
        raise ValueError(f"images {bad} hold NaN or infinite pixels: give finite numbers in [-1, 1].")
    return observed


def _observed_shape(prior: Prior, operator: Any, count: int) -> tuple[int, ...]:
    """Shape of one image seen through the operator of a batch."""
    if bad := [leaf for leaf in jax.tree.leaves(operator) if np.shape(leaf)[:1] != (count,)]:
        raise ValueError(
            f"the operator has a leaf of shape {np.shape(bad[0])} for {count} images: every leaf needs a leading axis "
            "of images, see gprior_jax.operators.broadcast and stack."
        )
    image = jax.ShapeDtypeStruct((count, *prior.image_shape), jnp.float32)
    return jax.eval_shape(jax.vmap(lambda op, x: op(x)), operator, image).shape[1:]


# Images and restarts share one axis of rows, image by image: XLA:CPU emits much slower loops for arrays of higher rank.


@partial(jax.jit, static_argnums=(1, 2))
def _start(
    problem: Problem, config: SolverConfig, rows: int, keys: Key, observed: Array, operator: Any, hints: Variables
) -> tuple[State, Observation]:
    """States and observations ``[B * rows]`` of images ``[B]``; hints are ``[B, samples or 1, ...]``."""

    def states(key: Key, hint: Variables) -> State:
        folded = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(rows))
        each = jax.tree.map(lambda leaf: jnp.repeat(leaf, rows // len(leaf), axis=0), hint)
        return jax.vmap(partial(solver.init, problem, config))(folded, each)

    observations = jax.vmap(partial(observe, problem))(observed, operator)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), jax.vmap(states)(keys, hints))
    return flat, jax.tree.map(lambda leaf: jnp.repeat(leaf, rows, axis=0), observations)


def _advance(
    problem: Problem, config: SolverConfig, length: int, states: State, observations: Observation
) -> tuple[State, Evaluation]:
    """``length`` steps of all rows; evaluations are ``[length, B * R]``."""
    batched = jax.vmap(partial(solver.step, problem, config))
    if length == 1:
        states, evaluation = batched(states, observations)
        return states, jax.tree.map(lambda leaf: leaf[None], evaluation)
    return jax.lax.scan(lambda states, _: batched(states, observations), states, length=length)


_CPU_OPTIONS: dict[str, str | bool] = {
    # XLA:CPU's default order of operations keeps up to twice the temporaries alive, and is no faster (PGGAN-1024: 0.99
    # against 0.51 GB).
    "xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED",
    # Its newer code generator for fusions compiles a PGGAN-256 step in 14 s where the older one takes 9, and the steps
    # take the same time.
    "xla_cpu_use_fusion_emitters": False,
}
"""Compiler options that pay on the CPU, see ``benchmarks/RESULTS.md``."""


@functools.cache
def _compiled_advance(platform: str) -> Callable:
    """:func:`_advance`, jitted with the options that pay on a platform."""
    wanted = _CPU_OPTIONS if platform == "cpu" else {}
    options = {name: value for name, value in wanted.items() if _is_known(name, value)}
    return jax.jit(_advance, static_argnums=(1, 2), donate_argnums=3, compiler_options=options)


def _is_known(name: str, value: str | bool) -> bool:
    """Whether this version of XLA takes a compiler option: they are not part of JAX's stable interface."""
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except Exception:
        return False
    return True


@partial(jax.jit, static_argnums=1)
def _finish(problem: Problem, restarts: int, states: State) -> tuple[Solution, Array]:
    """The best restart of every image (and sample), rendered, and its row."""
    best = jax.vmap(solver.best_restart)(states.best_loss.reshape(-1, restarts))
    rows = jnp.arange(len(best)) * restarts + best
    chosen = jax.tree.map(lambda leaf: leaf[rows], states)
    return jax.vmap(partial(solver.finalize, problem))(chosen), rows


class Run:
    """A problem placed on devices, and the loop over its steps.

    Attributes:
        steps_per_call: steps in one XLA call.
    """

    def __init__(
        self,
        problem: Problem,
        recipe: Recipe,
        key: Key,
        mesh: jax.sharding.Mesh,
        steps_per_call: int | None = None,
        samples: int = 1,
        following: "Run | None" = None,
    ):
        """Place ``problem`` on the devices of ``mesh``; see :func:`invert` for the other arguments.

        ``following`` goes on from what this run finds.
        """
        if steps_per_call is not None and steps_per_call < 1:
            raise ValueError(f"steps_per_call {steps_per_call}: use at least 1.")
        if samples < 1:
            raise ValueError(f"samples {samples}: use at least 1.")
        platform = mesh.devices.flat[0].platform
        self._problem = replicate(mesh, problem)
        self._recipe, self._key, self._mesh, self._samples = recipe, key, mesh, samples
        self._following = following
        self._advance = _compiled_advance(platform)
        self.steps_per_call = steps_per_call or _STEPS_PER_CALL.get(platform, _ACCELERATOR_STEPS_PER_CALL)

    def batch_size(self, count: int, wanted: int | None) -> int:
        """Images a batch: a multiple of the number of devices."""
        if wanted is not None and wanted < 1:
            raise ValueError(f"batch_size {wanted}: use at least 1.")
        devices = self._mesh.devices.size
        return -(-(wanted or count) // devices) * devices

    def start(self, ids: np.ndarray, observed: np.ndarray, operator: Any, hints: Any) -> tuple[State, Observation]:
        """States and observations ``[B * samples * restarts]`` of one batch; hints are ``[B, samples or 1, ...]``."""
        keys = jax.vmap(partial(jax.random.fold_in, self._key))(jnp.asarray(ids))
        inputs = shard_images(self._mesh, (keys, observed, operator, hints))
        return _start(self._problem, self._recipe.solver, self._samples * self._recipe.restarts, *inputs)

    def advance(self, length: int, states: State, observations: Observation) -> tuple[State, Evaluation]:
        """Take ``length`` steps; ``states`` is donated, evaluations are ``[length, B * samples * restarts]``."""
        return self._advance(self._problem, self._recipe.solver, length, states, observations)

    def batches(
        self, ids: np.ndarray, parts: tuple[np.ndarray, Any, Any], size: int, progress: Progress | None
    ) -> list[Result]:
        """Invert ``size`` images at once; ``parts`` are observed images, operators and hints, see :meth:`start`."""
        count, results = len(ids), []
        total = sum(stage.solver.num_steps for stage in self._recipe.stages)
        for start in range(0, count, size):
            rows = np.minimum(np.arange(start, start + size), count - 1)  # The last is padded with its last image.
            notice = Notice(progress, start // size, -(-count // size), count, total)
            part = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], parts)
            result = self.batch(ids[rows], *part, notice=notice)
            keep = (count - start) * self._samples
            results.append(jax.tree.map(lambda leaf, keep=keep: leaf[:keep], result))
        return results

    def batch(
        self, ids: np.ndarray, observed: np.ndarray, operator: Any, hints: Any, notice: Notice, before: int = 0
    ) -> Result:
        """Invert one batch; ``before`` are the steps of earlier stages."""
        states, observations = self.start(ids, observed, operator, hints)
        evaluations: list[Evaluation] = []
        config = self._recipe.solver
        for length, done in self._calls():
            states, evaluation = self.advance(length, states, observations)
            evaluations.append(evaluation)
            notice(before + done, evaluation)
            if config.stops and self._all_stopped(done, length, states):
                break
        solution, chosen = _finish(self._problem, self._recipe.restarts, states)
        result = _collect(solution, chosen, evaluations)
        if self._following is None:
            return result
        found = jax.tree.map(lambda leaf: leaf.reshape(-1, self._samples, *leaf.shape[1:]), result.variables)
        return self._following.batch(ids, observed, operator, found, notice, before + config.num_steps)

    def _calls(self) -> Iterator[tuple[int, int]]:
        """(steps in the call, steps done after it)."""
        total, size = self._recipe.solver.num_steps, self.steps_per_call
        for begin in range(0, total, size):
            length = min(size, total - begin)
            yield length, begin + length

    def _all_stopped(self, done: int, length: int, states: State) -> bool:
        # States change at multiples of the patience only; asking the device in between would wait for nothing.
        patience = self._recipe.solver.patience
        crossed = done // patience > (done - length) // patience
        return crossed and not bool((np.asarray(states.status) == Status.MAX_STEPS).any())


def _collect(solution: Solution, chosen: Array, evaluations: list[Evaluation]) -> Result:
    """Gather a batch on the host; ``chosen`` holds the row of every image's best restart."""
    found, rows, parts = jax.device_get((solution, chosen, evaluations))
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:, rows].T, *parts)
    history: dict[str, np.ndarray] = {"loss": joined.loss} | joined.terms
    images = np.arange(len(rows))
    terms = {name: history[name][images, found.step] for name in joined.terms}
    return Result(found.image, found.variables, found.loss, terms, found.step, found.status, history)


def result_psnr(result: Result, images: ArrayLike) -> np.ndarray:
    """PSNR of every reconstruction against its image, dB ``[B]``, both clipped to [-1, 1]."""
    difference = np.clip(result.images, -1, 1) - np.clip(np.asarray(images), -1, 1)
    error = np.mean(np.square(difference.astype(np.float64)), axis=(1, 2, 3))
    return 10 * np.log10(4.0 / np.maximum(error, 1e-12))
