"""A recipe made ready: the programs of its stages, for arrays of images on some devices.

Axes, outermost first: images, restarts, codes.
"""

import copy
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gprior_jax.compiling.jitted import Jitted
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import as_labels, with_label
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.inversion import programs
from gprior_jax.inversion.batching import core_batch_size
from gprior_jax.inversion.devices import (
    IMAGES,
    Devices,
    fill_cores,
    image_mesh,
    images_mesh,
    instead,
    replicate,
    row_shardings,
    shard_images,
)
from gprior_jax.inversion.inputs import Inputs, check_concrete, check_starts, checked_ids, checked_images
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.problem import Evaluation, Measurement, Problem
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import Solution, State
from gprior_jax.inversion.starts import ONE_ANSWER, Asked
from gprior_jax.keys import is_one
from gprior_jax.latents import Variables
from gprior_jax.latents.split_codes import split
from gprior_jax.objectives import Objective
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import ArrayLike, Key

S = TypeVar("S", bound="Stages")
T = TypeVar("T")

Meanwhile = Callable[[State, Measurement], object]
"""What is done while the first states are made, with what stands for them."""

_STEPS_PER_CALL = {"cpu": 1}
"""Convolutions inside a loop run two to three times slower on XLA:CPU (jax issue 12868): there, one step a call."""

_ACCELERATOR_STEPS_PER_CALL = 25


NEXT_STAGE = "next stage"
"""What the key of a run is folded with from one stage to the next."""


class Stages:
    """A recipe's stages made ready for a prior on some devices: what starts, steps and ends arrays of images in each.

    Attributes:
        prior: the generator, as given.
        recipe: fitted to it.
        mesh: the devices.
        meter: of its steps, if there is one.
        steps_per_call: steps in one XLA call.
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
        self._on_cores = mesh is None and self.mesh.axis_names == (IMAGES,) and fill_cores(self.mesh.size)
        self.prior, self.meter = prior, meter
        self._fits = with_label(prior, 0) if labels and prior.num_classes else prior
        self._unstarted = recipe.unstarted(self._fits)
        platform = self.mesh.devices.flat[0].platform
        self.steps_per_call = steps_per_call or _STEPS_PER_CALL.get(platform, _ACCELERATOR_STEPS_PER_CALL)
        self._image_shape = prior.image_shape
        self._configs = [stage.solver.of_program() for stage in self._unstarted.stages]
        with instead(self.mesh):
            # The solver needs the generator alone: a discriminator or an encoder that is used is in the recipe.
            bare = replicate(
                self.mesh, prepare(dataclasses.replace(prior, critic=None, encoder=None, multi_encoder=None))
            )
            self._bare = [replicate(self.mesh, self._made(bare, stage)) for stage in self._unstarted.stages]
        self._start(self._unstarted.starting(self._fits, ONE_ANSWER))

    def _made(self, bare: Prior, stage: Recipe) -> Problem:
        """What a stage solves, wherever it starts; where the mesh has an axis of codes, with codes split over it."""
        return Problem(bare, Objective(stage.terms), None, split(stage.parametrization, self.mesh))

    def _start(self, recipe: Recipe) -> None:
        """Solve what a fitted recipe says, from where it says."""
        self.recipe, self._stages = recipe, recipe.stages
        with instead(self.mesh):
            encoders = [replicate(self.mesh, stage.fitted_encoder) for stage in self._stages]
        each = zip(self._bare, encoders, self._stages, strict=True)
        self._problems = [
            dataclasses.replace(problem, encoder=encoder, coordinates=stage.coordinates)
            for problem, encoder, stage in each
        ]

    def starting(self: S, asked: Asked) -> S:
        """Itself; or the same with or without an encoder that nobody asked for, as images start from it or not.

        Where they start is not all: their steps may be measured by the encoder's metric.
        """
        recipe = self._unstarted.starting(self._fits, asked)
        if all(own.encoder is now.encoder for own, now in zip(recipe.stages, self._stages, strict=True)):
            return self
        other = copy.copy(self)
        other._start(recipe)
        return other

    @property
    def places(self) -> int:
        """How many parts the images of a batch are split into."""
        return self.mesh.shape[IMAGES]

    def at_once(self, images: int, samples: int) -> int:
        """Of so many images that are asked for at once, how many are: a multiple of :attr:`places`.

        All, but on the cores of a CPU, see :func:`gprior_jax.inversion.batching.core_batch_size`.
        """
        if not self._on_cores or images < 1:
            return -(-images // self.places) * self.places
        rows = samples * max(stage.restarts for stage in self._stages)
        return core_batch_size(self._image_shape[0], images, self.places, rows)

    def inputs(
        self,
        images: ArrayLike,
        ids: ArrayLike | None = None,
        operator: Forward | None = None,
        init: Variables | None = None,
        label: ArrayLike | None = None,
    ) -> Inputs:
        """What images start from, checked, see :func:`invert`; of :meth:`starting`, where that is another."""
        check_concrete(images, operator, init, label)
        observed = checked_images(images, self._image_shape, operator)
        numbers = checked_ids(ids, len(observed))
        labels: Any = None if label is None else np.asarray(as_labels(self.prior, label, (len(observed),)))
        if init or self._problems[0].encoder is not None:
            with instead(self.mesh):
                check_starts(self._problems[0], self.prior, init or {}, observed)
        hints: dict[str, Any] = {name: np.asarray(value)[:, None] for name, value in (init or {}).items()}
        return Inputs(numbers, observed, Identity() if operator is None else operator, hints, labels)

    def start(
        self, stage: int, key: Key, inputs: Inputs, samples: int, meanwhile: Meanwhile | None = None
    ) -> tuple[State, Measurement]:
        """States and measurements ``[B * samples * restarts]`` of one batch; the key is the run's, or ``[B]``.

        Args:
            stage: of the recipe.
            key: see above.
            inputs: of the batch.
            samples: of every image.
            meanwhile: called with what stands for the states and the measurements while they are still to come, where
                that takes compiling.
        """
        key = (replicate if is_one(key) else shard_images)(self.mesh, key)
        rows, placed = samples * self._stages[stage].restarts, shard_images(self.mesh, tuple(inputs))
        args = self._problems[stage], self._configs[stage], rows, key, *placed
        if meanwhile is not None and (begun := programs.start.begun(*args)) is not None:
            meanwhile(*self._to_come(stage, begun.gives))
            begun.done()
        # XLA leaves on every device what depends on no image, and a step splits it: the second were another program.
        return self.place(stage, programs.start(*args))

    def _to_come(self, stage: int, rows: T) -> T:
        """What stands for arrays that :meth:`place` will have put in their places."""
        placed = row_shardings(self.mesh, self._problems[stage].parametrization, rows)
        return jax.tree.map(lambda x, at: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=at), rows, placed)

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
            return self._for_devices(programs.advance), fixed, (problem,)
        return self._for_devices(programs.advance_to), fixed, (problem, jnp.int32(last))

    def _for_devices(self, program: Jitted) -> Jitted:
        """A program as it is best on these devices."""
        return program.on_one_core if self._on_cores else program

    def finish(self, stage: int, states: State, measurements: Measurement) -> tuple[Solution, np.ndarray]:
        """Solutions ``[B * samples]`` of a stage, and the rows that they are of, on the host."""
        return jax.device_get(
            programs.finish(self._problems[stage], self._stages[stage].restarts, states, measurements)
        )

    def lower(self, stage: int, length: int, states: State, measurements: Measurement) -> jax.stages.Lowered:
        """The program of :meth:`steps`, not run; ``.compile().memory_analysis()`` tells what memory it takes."""
        step, fixed, (problem,) = self._step(stage, length, None)
        return step.lower(problem, *fixed, states, measurements)
