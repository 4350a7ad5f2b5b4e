"""The driver: batches, restarts, devices, progress and history around the pure solver.

Axes, outermost first: images, restarts, codes. Every image's result is a function of its pixels, the run's key and its
id alone: batches are padded to one shape, and optimiser states are per image.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gprior_jax.compiling.jitted import Jitted
from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.labels import as_labels, with_label
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.inversion import programs
from gprior_jax.inversion.batching import batches
from gprior_jax.inversion.devices import (
    IMAGES,
    Devices,
    image_mesh,
    images_mesh,
    instead,
    replicate,
    row_shardings,
    shard_images,
    unbound,
)
from gprior_jax.inversion.filming import Film
from gprior_jax.inversion.inputs import Inputs, check_concrete, check_starts, checked_ids, checked_images
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.problem import Evaluation, Measurement, Problem
from gprior_jax.inversion.progress import Reporter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result, by_loss, joined, result_of
from gprior_jax.inversion.solver import Solution, State
from gprior_jax.keys import check_key, is_one, purpose
from gprior_jax.latents import Variables
from gprior_jax.latents.split_codes import split
from gprior_jax.objectives import Objective
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import ArrayLike, Key, Progress

T = TypeVar("T")

_STEPS_PER_CALL = {"cpu": 1}
"""Convolutions inside a loop run two to three times slower on XLA:CPU (jax issue 12868): there, one step a call."""

_ACCELERATOR_STEPS_PER_CALL = 25


def invert(
    prior: Prior,
    images: ArrayLike,
    recipe: Recipe,
    *,
    key: Key,
    ids: ArrayLike | None = None,
    operator: Forward | None = None,
    init: Variables | None = None,
    label: ArrayLike | None = None,
    samples: int | None = None,
    batch_size: int | None = None,
    devices: Devices | None = None,
    mesh: Mesh | None = None,
    steps_per_call: int | None = None,
    progress: Progress | None = None,
    film: Film | None = None,
) -> Result:
    """Find the latent codes that explain images.

    Args:
        prior: the generator.
        images: ``[B, R, R, C]`` in [-1, 1], what was observed; of the shape that ``operator`` gives.
        recipe: how, see :mod:`gprior_jax.recipes`.
        key: the run's key; each image's is folded from it and the image's id.
        ids: ``[B]`` integers from 0 to 2 ** 31 - 1; the index in ``images`` unless given. An image inverted alone under
            its id gives what it gives in the batch; images of one id start from the same random numbers.
        operator: forward operator, a pytree whose leaves have a leading axis of images; None observes images as such.
        init: ``{name: [B, ...]}``, variables to start from instead of drawn ones (for every restart).
        label: class of every image, integers ``[B]`` or one for all, of a prior with classes that is held to none.
        samples: independent solutions of every image, from keys of their own, sorted by their loss; the first drawn is
            the one that is found without ``samples``. None finds one, without an axis for it.
        batch_size: images at once; None takes all. Fewer take less memory.
        devices: devices of this process to use; None takes one. Two numbers are those of images and of the codes of
            every image, of recipes with several: 2 times 4 devices for (2, 4).
        mesh: instead of ``devices``, those of a mesh, however many axes it has and of whatever type these are; images
            are split over all of them but an axis named ``codes``, which splits the codes of every image. The last
            batch is filled up with copies.
        steps_per_call: steps in one XLA call; None chooses by platform.
        progress: called about twice a second with ``batch``, ``batches``, ``images``, ``step``, ``num_steps``, ``loss``
            and (where the mean square of pixels is a term) ``psnr`` of what was observed, averaged over the batch, and
            ``seconds_left``.
        film: takes pictures on the way.

    Returns:
        One :class:`Result` for all images, in their order.

    Raises:
        ValueError: shapes that do not fit the prior or each other, pixels that are not finite or of another range, or a
            recipe that does not fit.

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin")
        >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 2))
        >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
        >>> gp.invert(prior, images, recipe, key=jax.random.key(0)).images.shape == images.shape
        True
    """
    check_concrete(prior, images, operator, init, label, key)
    inverter = Inverter(
        prior, recipe, devices=devices, mesh=mesh, steps_per_call=steps_per_call, labels=label is not None
    )
    return inverter.invert(
        images,
        key=key,
        ids=ids,
        operator=operator,
        init=init,
        label=label,
        samples=samples,
        batch_size=batch_size,
        progress=progress,
        film=film,
    )


NEXT_STAGE = "next stage"
"""What the key of a run is folded with from one stage to the next."""


class Inverter:
    """A recipe made ready for a prior on some devices, once, for as many batches as there are.

    Attributes:
        prior: the generator, as given.
        recipe: fitted to it.
        mesh: the devices.
        meter: of its steps, if there is one.
        steps_per_call: steps in one XLA call.

    >>> import gprior_jax as gp, jax
    >>> prior, recipe = gp.load("builtin"), gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> inverter = gp.Inverter(prior, recipe)
    >>> batches = [jax.numpy.full((1, 64, 64, 3), gray) for gray in (-0.5, 0.5)]
    >>> found = [inverter.invert(batch, key=jax.random.key(0)) for batch in batches]  # Compiled once.
    >>> [result.images.shape for result in found]
    [(1, 64, 64, 3), (1, 64, 64, 3)]
    """

    def __init__(
        self,
        prior: Prior,
        recipe: Recipe,
        *,
        devices: Devices | None = None,
        mesh: Mesh | None = None,
        steps_per_call: int | None = None,
        labels: bool = False,
        meter: Meter | None = None,
    ):
        """Fit and prepare; see :func:`invert`.

        Args:
            prior: the generator.
            recipe: how.
            devices: see :func:`invert`.
            mesh: see :func:`invert`.
            steps_per_call: see :func:`invert`.
            labels: every image will come with its class.
            meter: looks whether steps fit into memory, and measures them.
        """
        if steps_per_call is not None and steps_per_call < 1:
            raise ArgumentError(f"steps_per_call {steps_per_call}: use at least 1.")
        if mesh is not None and devices is not None:
            raise ArgumentError("devices and mesh both say what images are split over: give one of them.")
        self.mesh = image_mesh(devices or 1) if mesh is None else images_mesh(mesh)
        self.prior, self.meter = prior, meter
        self.recipe = recipe.fit(with_label(prior, 0) if labels and prior.num_classes else prior)
        platform = self.mesh.devices.flat[0].platform
        self.steps_per_call = steps_per_call or _STEPS_PER_CALL.get(platform, _ACCELERATOR_STEPS_PER_CALL)
        self._optional = [stage.encoder == "auto" for stage in recipe.stages]
        self._image_shape, self._stages = prior.image_shape, self.recipe.stages
        self._configs = [stage.solver.of_program() for stage in self._stages]
        with instead(self.mesh):
            # The solver needs the generator alone: a discriminator or an encoder that is used is in the recipe.
            bare = replicate(self.mesh, prepare(dataclasses.replace(prior, critic=None, encoder=None)))
            self._problems = [replicate(self.mesh, self._made(bare, stage)) for stage in self._stages]

    def _made(self, bare: Prior, stage: Recipe) -> Problem:
        """What a fitted stage solves; where the mesh has an axis of codes, with codes split over it."""
        parametrization = split(stage.parametrization, self.mesh)
        return Problem(bare, Objective(stage.terms), stage.fitted_encoder, parametrization, stage.coordinates)

    @property
    def places(self) -> int:
        """How many parts the images of a batch are split into."""
        return self.mesh.shape[IMAGES]

    def invert(
        self,
        images: ArrayLike,
        *,
        key: Key,
        ids: ArrayLike | None = None,
        operator: Forward | None = None,
        init: Variables | None = None,
        label: ArrayLike | None = None,
        samples: int | None = None,
        batch_size: int | None = None,
        progress: Progress | None = None,
        film: Film | None = None,
    ) -> Result:
        """Invert images in batches; see :func:`invert`."""
        if samples is not None and samples < 1:
            raise ArgumentError(f"samples {samples}: use at least 1.")
        check_key(key)
        everything = self.inputs(images, ids, operator, init, label)
        with instead(self.mesh):
            key = unbound(self.mesh, key)
        count = len(everything.ids)
        asked = count if batch_size is None else batch_size
        parts = list(batches(count, -(-asked // self.places) * self.places))
        total = sum(stage.solver.num_steps for stage in self._stages)
        results = []
        for index, (rows, own) in enumerate(parts):
            reporter = Reporter(progress, total, {"batch": index, "batches": len(parts), "images": count})
            part = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], everything)
            with instead(self.mesh):
                result = self._invert_batch(key, part, samples=samples or 1, images=asked, reporter=reporter, film=film)
            results.append(jax.tree.map(lambda leaf, own=own: leaf[: own * (samples or 1)], result))
        return joined(results) if samples is None else by_loss(joined(results), count)

    def inputs(
        self,
        images: ArrayLike,
        ids: ArrayLike | None = None,
        operator: Forward | None = None,
        init: Variables | None = None,
        label: ArrayLike | None = None,
    ) -> Inputs:
        """What images start from, checked; see :func:`invert`."""
        check_concrete(images, operator, init, label)
        observed = checked_images(images, self._image_shape, operator)
        numbers = checked_ids(ids, len(observed))
        labels: Any = None if label is None else np.asarray(as_labels(self.prior, label, (len(observed),)))
        if init or self._problems[0].encoder is not None:
            check_starts(self._problem(0, operator), self.prior, init or {}, observed)
        hints: dict[str, Any] = {name: np.asarray(value)[:, None] for name, value in (init or {}).items()}
        return Inputs(numbers, observed, Identity() if operator is None else operator, hints, labels)

    def _problem(self, stage: int, operator: Forward | None) -> Problem:
        """What a stage starts on: an encoder that nobody asked for is for images that were observed as they are."""
        problem = self._problems[stage]
        if not self._optional[stage] or operator is None or isinstance(operator, Identity):
            return problem
        return dataclasses.replace(problem, encoder=None)

    def start(self, stage: int, key: Key, inputs: Inputs, samples: int) -> tuple[State, Measurement]:
        """States and measurements ``[B * samples * restarts]`` of one batch; the key is the run's, or ``[B]``."""
        key = (replicate if is_one(key) else shard_images)(self.mesh, key)
        rows, placed = samples * self._stages[stage].restarts, shard_images(self.mesh, tuple(inputs))
        started = programs.start(self._problem(stage, inputs.operator), self._configs[stage], rows, key, *placed)
        # XLA leaves on every device what depends on no image, and a step splits it: the second were another program.
        return self.place(stage, started)

    def place(self, stage: int, rows: T) -> T:
        """States or measurements ``[rows, ...]`` on the devices that a step has them on."""
        return jax.device_put(rows, row_shardings(self.mesh, self._problems[stage].parametrization, rows))

    def steps(
        self,
        stage: int,
        length: int,
        states: State,
        measurements: Measurement,
        *,
        images: int,
        last: int | None = None,
    ) -> Callable[[State, Measurement], tuple[State, Evaluation]]:
        """What takes ``length`` steps of arrays like these; evaluations are ``[length, B * samples * restarts]``.

        It is looked up once, and donates the states that it is given.

        Args:
            stage: of the recipe.
            length: steps in one call.
            states: as :meth:`start` gives them.
            measurements: likewise.
            images: that were asked for at once; copies fill a batch up to the number of devices.
            last: rows that have taken so many steps stay as they are; None where all have taken the same.

        Raises:
            TooManyImagesError: by the meter, it takes more memory than there is.
        """
        step, fixed, given = self._step(stage, length, last)
        args = (given[0], *fixed, *given[1:], states, measurements)
        if self.meter is not None:
            self.meter.look(stage, length, partial(step.compiled, *args), self.mesh, images, args[-2:])
        program = step.program(*args)
        return lambda states, measurements: program(*given, states, measurements)

    def _step(self, stage: int, length: int, last: int | None) -> tuple[Jitted, tuple, tuple]:
        """A program, its static arguments, and those before the states."""
        # Rows are apart; codes that are split are not.
        apart = self.mesh.abstract_mesh if self.mesh.axis_names == (IMAGES,) and self.mesh.size > 1 else None
        problem, fixed = self._problems[stage], (self._configs[stage], length, apart)
        if last is None or length == 1:
            return programs.advance, fixed, (problem,)
        return programs.advance_to, fixed, (problem, jnp.int32(last))

    def finish(self, stage: int, states: State, measurements: Measurement) -> tuple[Solution, np.ndarray]:
        """Solutions ``[B * samples]`` of a stage, and the rows that they are of, on the host."""
        return jax.device_get(
            programs.finish(self._problems[stage], self._stages[stage].restarts, states, measurements)
        )

    def lower(self, stage: int, length: int, states: State, measurements: Measurement) -> jax.stages.Lowered:
        """The program of :meth:`steps`, not run; ``.compile().memory_analysis()`` tells what memory it takes."""
        step, fixed, (problem,) = self._step(stage, length, None)
        return step.lower(problem, *fixed, states, measurements)

    def _invert_batch(
        self,
        key: Key,
        inputs: Inputs,
        *,
        samples: int,
        images: int,
        reporter: Reporter,
        film: Film | None = None,
    ) -> Result:
        """All stages of one batch, for which ``images`` were asked; arrays of the result are ``[B * samples, ...]``."""
        before, result = 0, None
        total = sum(stage.solver.num_steps for stage in self._stages)
        for stage, recipe in enumerate(self._stages):
            states, measurements = self.start(stage, key, inputs, samples)

            def look(
                begin: int, done: int, states: State, by: Evaluation, before: int = before, recipe: Any = recipe
            ) -> None:
                reporter(before + done, by)
                if film is not None:
                    film.look(before + begin, before + done, total, samples * recipe.restarts, states)

            states, evaluations = self._take_all(stage, images, states, measurements, look)
            found = programs.finish(self._problems[stage], recipe.restarts, states, measurements)
            (solution, rows), parts = jax.device_get((found, evaluations))
            seen = jax.tree.map(lambda *leaves, rows=rows: np.concatenate(leaves)[:, rows].T, *parts)
            result = result_of(solution, seen)
            before += recipe.solver.num_steps
            if stage + 1 < len(self._stages):
                inputs, key = inputs.of_next_stage(result, samples), purpose(key, NEXT_STAGE)
        assert result is not None
        return result

    def _take_all(
        self,
        stage: int,
        images: int,
        states: State,
        measurements: Measurement,
        look: Callable[[int, int, State, Evaluation], None],
    ) -> tuple[State, list[Evaluation]]:
        """All steps of a stage, ``look(begin, done, states, evaluation)`` after every call of them."""
        config, evaluations = self._stages[stage].solver, []
        can_stop = config.tolerance > 0.0 or config.goal is not None
        looked_up = functools.cache(partial(self.steps, stage, images=images, states=states, measurements=measurements))
        looked_up(min(self.steps_per_call, config.num_steps))
        if self.meter is not None and (rest := config.num_steps % self.steps_per_call):
            looked_up(rest)  # What is measured compiles nothing.
        done, started = 0, time.perf_counter()
        for begin in range(0, config.num_steps, self.steps_per_call):
            done = min(begin + self.steps_per_call, config.num_steps)
            states, evaluation = looked_up(done - begin)(states, measurements)
            evaluations.append(evaluation)
            look(begin, done, states, evaluation)
            # States change at multiples of the patience only; asking the device in between waits for nothing.
            looked = done // config.patience > begin // config.patience
            if can_stop and looked and not (np.asarray(states.status) == Status.MAX_STEPS).any():
                break
        if self.meter is not None:
            jax.block_until_ready(states)
            self.meter.add(stage, done, time.perf_counter() - started)
        return states, evaluations
