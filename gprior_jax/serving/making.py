"""From what is asked for and a picture to an image on its way into a stream, and from its result to what is kept."""

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import recipes, tasks
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import as_labels, with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.images.remarks import collected
from gprior_jax.inversion import starts
from gprior_jax.inversion.devices import spread
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.operators import Blur, Forward
from gprior_jax.recipes import METHODS, find_method
from gprior_jax.runs.abouts import fingerprint_of
from gprior_jax.runs.inversion import inversion_settings, labelled, psnr_metric, with_styles
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import Record, record_of
from gprior_jax.runs.restoration import restored_record
from gprior_jax.serving.asked import TASKS, Asked, Task
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.pictures import Sent
from gprior_jax.serving.reading import arrays_of
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Key

LaneKey = tuple[Asked, tuple[int, ...]]
"""What jobs of one lane have in common: :meth:`Asked.of_lane`, and the shapes of what was observed and of a kernel, one
after the other."""

_NAME = Path("image")
"""What a result is called: clients name no files here."""


class Ready(NamedTuple):
    """A picture that was read.

    Attributes:
        lane: where it is worked on.
        arrays: ``"observed"`` ``[H, W, C]``, ``"known"`` and ``"kernel"``.
        operator: that it went through; its leaves are this image's.
        label: ``[num_classes]``, its class.
        digests: of the files.
        remarks: what was said of them.
        id: the image's random key is folded from it.
    """

    lane: LaneKey
    arrays: Arrays
    operator: Forward | None
    label: np.ndarray | None
    digests: list[str]
    remarks: list[str]
    id: int


@dataclasses.dataclass(frozen=True, eq=False)
class Maker:
    """Makes jobs of a prior ready, and results of streams complete.

    Attributes:
        prior: the generator.
        key: of everything that is drawn: a job's own is folded from it and the job's seed, so that its result is that
            of :func:`gprior_jax.invert` with this key and the seed as the image's id.
        limits: what is taken on.
        slots: images at once.
        devices: that they are spread over; None takes the cores of a CPU, else one.
        model: what the command line calls the prior.
    """

    prior: Prior
    key: Key
    limits: Limits
    slots: int = 8
    devices: int | None = None
    model: str | None = None

    @property
    def tasks(self) -> list[Task]:
        """What can be done with pictures of the prior."""
        return [task for task in TASKS if task != "colorize" or self.prior.image_shape[-1] >= 3]

    @functools.cached_property
    def methods(self) -> tuple[str, ...]:
        """Those that fit the prior, and whose results are codes, not weights of a generator."""
        names = [name for name, method in METHODS.items() if method.batch_size is None]
        return tuple(name for name in names if self._fits(name))

    def _fits(self, method: str) -> bool:
        try:
            METHODS[method].recipe().fit(self.labelled(self.prior.num_classes > 0))
        except ArgumentError:
            return False
        return True

    def labelled(self, has_label: bool) -> Prior:
        """The prior, with any class where every image will have one."""
        return with_label(self.prior, 0) if has_label else self.prior

    def plan(self, lane: LaneKey) -> "Plan":
        """How jobs of a lane are worked on."""
        asked, shape = lane
        return Plan(self, asked, self.recipe(asked), task_of(asked, self.prior.resolution // shape[0]))

    def recipe(self, asked: Asked) -> Recipe:
        """The recipe that settings describe.

        Raises:
            ArgumentError: they do not fit the method, the prior or the limits.
        """
        if asked.method not in self.methods:
            raise ArgumentError(f"method {asked.method!r}: use {', '.join(self.methods)}.")
        recipe, most = self.unchecked(asked), self.limits
        steps = sum(stage.solver.num_steps for stage in recipe.stages)
        if steps > most.steps:
            raise ArgumentError(f"{steps} steps are more than this server takes: use at most {most.steps}.")
        codes = max(getattr(stage.parametrization, "num_codes", 1) for stage in recipe.stages)
        if codes > most.codes:
            raise ArgumentError(f"{codes} codes are more than this server takes: use at most {most.codes}.")
        if (asked.samples or 1) > most.samples:
            raise ArgumentError(f"{asked.samples} samples are more than this server takes: use at most {most.samples}.")
        recipe.fit(self.labelled(asked.label is not None), starting(asked)).check_samples(asked.samples or 1)
        return recipe

    def unchecked(self, asked: Asked) -> Recipe:
        """The recipe that settings describe, whatever the limits are."""
        method, task = find_method(asked.method), task_of(asked, 1)
        given = {"num_steps": asked.steps, "num_codes": asked.codes, "layer": asked.layer}
        given |= {"start": "random" if asked.start == "random" else None}  # The encoder is for every method.
        arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if foreign := [name.removeprefix("num_") for name in arguments if name not in method.options]:
            raise ArgumentError(f"{foreign[0]} is not for the method {asked.method}: leave it out.")
        network = {"perceptual": "auto" if asked.perceptual else None}
        arguments |= {"preset": asked.preset} | (network if "perceptual" in method.options else {})
        if task is not None and asked.method == "mganprior":
            made = recipes.restoration(task.name, self.prior, **task.pixels._asdict(), **arguments)
        else:
            made = method.recipe(**arguments)
            made = made if task is None else recipes.with_pixels(made, task.pixels)
        return made.from_encoder() if asked.start == "encoder" else made

    def read(self, asked: Asked, sent: Sent) -> Ready:
        """Read a job's files.

        Raises:
            ArgumentError: settings that do not fit.
            ImageFileError: files that cannot be used.
        """
        self.recipe(asked)
        with collected() as remarks:
            arrays = arrays_of(self.prior, self.key, self.limits.megapixels, asked, sent)
        digests = [hashlib.sha256(content).hexdigest() for content in sent if content is not None]
        return self.ready(asked, arrays, digests, remarks)

    def ready(self, asked: Asked, arrays: Arrays, digests: list[str], remarks: list[str]) -> Ready:
        """A job of what was read of its files; see :class:`Ready`.

        Raises:
            ArgumentError: settings that do not fit.
        """
        label = as_labels(self.prior, asked.label, ())
        task = task_of(asked, self.prior.resolution // arrays["observed"].shape[0])
        batch = {name: array[None] for name, array in arrays.items()}
        operator = None if task is None else jax.tree.map(lambda leaf: np.asarray(leaf)[0], task.operator(batch))
        if operator is not None:  # A filter that does not fit says so here.
            jax.eval_shape(operator, jax.ShapeDtypeStruct(self.prior.image_shape, np.float32))
        own = None if label is None else np.asarray(label)
        shapes = arrays["observed"].shape + (arrays["kernel"].shape if "kernel" in arrays else ())
        return Ready((asked.of_lane(), shapes), arrays, operator, own, digests, remarks, asked.seed)


_DEBLUR = tasks.Task(
    "deblur", lambda arrays: Blur(jnp.asarray(arrays["kernel"])), lambda image, key: image, seen="blurred"
)
"""The task of :func:`gprior_jax.tasks.deblur`, with a kernel of every image."""


def task_of(asked: Asked, factor: int) -> tasks.Task | None:
    """The restoration that is asked for; None for plain inversion."""
    if asked.task == "colorize":
        return tasks.COLORIZE
    if asked.task == "upscale":
        return tasks.upscaling(factor, asked.filter or "bicubic")
    if asked.task == "inpaint":
        return tasks.inpainting(asked.blend or "paste")
    if asked.task == "deblur":
        return _DEBLUR
    return tasks.denoising(asked.noise or "gaussian") if asked.task == "denoise" else None


def starting(asked: Asked) -> starts.Asked:
    """What of it decides where images start."""
    task = task_of(asked, 1)
    return starts.ONE_ANSWER if task is None else task.asked(asked.samples or 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """How the jobs of a lane are worked on.

    Attributes:
        maker: that made it.
        asked: what they have in common.
        recipe: how they are inverted.
        task: what is restored; None for plain inversion.
    """

    maker: Maker
    asked: Asked
    recipe: Recipe
    task: tasks.Task | None

    @property
    def num_steps(self) -> int:
        """Of a job, in all stages."""
        return sum(stage.solver.num_steps for stage in self.recipe.stages)

    def key_of(self, asked: Asked) -> Key | None:
        """The key of a job that has one of its own; those of others are the maker's."""
        return None

    @property
    def samples(self) -> int | None:
        """Of its stream."""
        return self.asked.samples

    @functools.cached_property
    def inverter(self) -> Inverter:
        """The recipe made ready for the prior."""
        devices, labels = spread(self.maker.devices, self.maker.slots), self.asked.label is not None
        return Inverter(self.maker.prior, self.recipe, devices=devices, labels=labels)

    @functools.cached_property
    def fingerprint(self) -> str:
        """The settings of its results."""
        own = {} if self.task is None else {"task": self.task.name}
        own |= {} if self.asked.blend is None else {"blend": self.asked.blend}
        labels = self.asked.label is not None
        settings = inversion_settings(self.maker.prior, self.recipe, self.maker.key, labels, asked=starting(self.asked))
        return fingerprint_of(settings | own)

    def about(self, asked: Asked, ready: Ready) -> dict[str, Any]:
        """What a result says of itself, as those of a folder do; it has no folder that says the model."""
        about = {"sha256": ready.digests, "fingerprint": self.fingerprint, "id": asked.seed}
        return about | ({} if self.maker.model is None else {"model": self.maker.model})

    def record(self, asked: Asked, ready: Ready, result: Result) -> Record:
        """What is kept of a job.

        Args:
            asked: its settings.
            ready: its picture.
            result: of the stream, of this image alone.
        """
        observed = ready.arrays["observed"]
        if self.task is None:
            found = psnr_metric(result.images[None], observed[None])
            metrics = {name: float(values[0]) for name, values in found.items()}
            record = record_of(_NAME.name, _NAME, observed, result, metrics)
            return with_styles(self.inverter, record if ready.label is None else labelled(record, ready.label))
        operator: Any = jax.tree.map(lambda leaf: leaf[None], ready.operator)
        axes = (None,) if self.asked.samples else (None, None)
        sampled = jax.tree.map(lambda leaf: np.asarray(leaf)[axes], result)
        restored = tasks.complete(sampled, observed[None], operator, self.task.finish)
        metrics = {"consistency": float(restored.consistency[0])}
        item = Item(asked.seed, _NAME, _NAME.name)
        own = {} if ready.label is None else {"label": ready.label}
        return with_styles(self.inverter, restored_record(item, ready.arrays | own, restored, 0, metrics))
