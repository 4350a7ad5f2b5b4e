"""The driver: batches, restarts, progress and history around the pure solver.

Axes, outermost first: images, restarts, codes. Every image's result is a function of its pixels, the run's key and its
id alone: batches are padded to one shape, and optimiser states are per image.
"""

import functools
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion import programs
from gprior_jax.inversion.batching import batches
from gprior_jax.inversion.devices import Devices, instead, unbound
from gprior_jax.inversion.filming import Film
from gprior_jax.inversion.inputs import Inputs, check_concrete
from gprior_jax.inversion.problem import Evaluation, Measurement
from gprior_jax.inversion.progress import Reporter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result, by_loss, joined, result_of
from gprior_jax.inversion.solver import State
from gprior_jax.inversion.stages import NEXT_STAGE, Stages
from gprior_jax.inversion.starts import asked_with
from gprior_jax.keys import check_key, purpose
from gprior_jax.latents import Variables
from gprior_jax.operators import Forward
from gprior_jax.typing import ArrayLike, Key, Progress


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
        init: ``{name: [B, ...]}``, variables to start from instead of drawn ones (for every restart);
            channel weights together with their codes.
        label: class of every image, integers ``[B]`` or one for all, of a prior with classes that is held to none.
        samples: independent solutions of every image, from keys of their own, sorted by their loss; the first drawn is
            the one that is found without ``samples``. None finds one, without an axis for it.
        batch_size: images at once; None takes all. Fewer take less memory. Where they are split over all cores of a
            CPU, a core takes no more rows at once than are good for it (eight images of 64 px, two of 256 px) and the
            others after them; with a film all.
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


class Inverter(Stages):
    """A recipe made ready for a prior on some devices, once, for as many batches as there are.

    >>> import gprior_jax as gp, jax
    >>> prior, recipe = gp.load("builtin"), gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> inverter = gp.Inverter(prior, recipe)
    >>> batches = [jax.numpy.full((1, 64, 64, 3), gray) for gray in (-0.5, 0.5)]
    >>> found = [inverter.invert(batch, key=jax.random.key(0)) for batch in batches]  # Compiled once.
    >>> [result.images.shape for result in found]
    [(1, 64, 64, 3), (1, 64, 64, 3)]
    """

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
        own = self.starting(asked_with(samples, operator, init))
        own.recipe.check_samples(samples or 1)
        check_key(key)
        everything = own.inputs(images, ids, operator, init, label)
        with instead(self.mesh):
            key = unbound(self.mesh, key)
        count = len(everything.ids)
        asked = count if batch_size is None else batch_size
        # Pictures of a film are of all images that were asked for.
        size = self.at_once(asked, samples or 1) if film is None else -(-asked // self.places) * self.places
        parts, asked = list(batches(count, size)), min(asked, size)
        total = sum(stage.solver.num_steps for stage in self._stages)
        results = []
        for index, (rows, filled) in enumerate(parts):
            reporter = Reporter(progress, total, {"batch": index, "batches": len(parts), "images": count})
            part = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], everything)
            with instead(self.mesh):
                result = own._invert_batch(key, part, samples=samples or 1, images=asked, reporter=reporter, film=film)
            results.append(jax.tree.map(lambda leaf, filled=filled: leaf[: filled * (samples or 1)], result))
        return joined(results) if samples is None else by_loss(joined(results), count)

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
            length = min(self.steps_per_call, recipe.solver.num_steps)
            meanwhile = partial(self.steps, stage, length, images=images)
            states, measurements = self.start(stage, key, inputs, samples, meanwhile)

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
