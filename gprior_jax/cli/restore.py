"""What the restoration commands share: flags, ground truth, simulated measurements."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import jax
import numpy as np
from tyro import conf

from gprior_jax import recipes
from gprior_jax.cli import common
from gprior_jax.cli import folder_run as runner
from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.generators.base import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import Crop, list_images, load_image
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.objectives import Distance
from gprior_jax.runs.folder import Item, OutputFolder, check_apart, name_items
from gprior_jax.tasks import BatchOptions, Options, Restoration
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class Restore:
    """Flags that all restoration commands have.

    Attributes:
        inputs: image files, folders, or quoted patterns.
        out: folder for the results: NAME.png, NAME.npz, measured/, reconstruction/, run.json, history.csv, report.html;
            with several samples also samples/, mean/ and std/.
        model: "builtin" or a model folder.
        method: mganprior: several codes, composed at a layer; for upscale also pulse, with a style-based prior.
        preset: fast (default), or official: the published constants.
        codes: latent codes per image; the preset's unless given.
        layer: composing layer; the preset's, scaled to the depth of the prior, unless given.
        steps: optimisation steps; the preset's unless given.
        samples: distinct solutions per image, ranked by their objective.
        restarts: independent starts per solution, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        distance: how pixels are compared: mse, or the robust l1 and huber; the task's unless given.
        perceptual: auto (the prior's discriminator where it has one), default (the same, and an error without), none,
            or a model folder with VGG-16, AlexNet, LPIPS or a discriminator.
        perceptual_weight: weight of the perceptual term beside the pixel term's 1; the preset's unless given.
        truth: file or folder of intact pictures of the same names, to compute metrics against.
        simulate: the inputs are intact pictures: degrade them first, and compute metrics against them.
        seed: seed of the run; each image's is folded from it and its place in the sorted list of inputs.
        batch_size: images at once; chosen by resolution unless given.
        codes_per_call: codes that go through the first layers at once, to save memory; all unless given.
        remat: recompute activations in the backward pass, to save memory.
        devices: devices to spread a batch over; unless given one, or on a CPU its cores.
        dtype: floating dtype of the network.
        crop: how a picture becomes square: center, stretch, or pad with gray.
        json: print the results as JSON on standard output.
    """

    task: ClassVar[recipes.Task]

    inputs: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    model: str = "builtin"
    method: Literal["mganprior", "pulse"] = "mganprior"
    preset: recipes.Preset = "fast"
    codes: int | None = None
    layer: int | None = None
    steps: int | None = None
    samples: int = 1
    restarts: int = 1
    tolerance: float = 0.0
    distance: Distance | None = None
    perceptual: str = "auto"
    perceptual_weight: float | None = None
    truth: Path | None = None
    simulate: bool = False
    seed: int = 0
    batch_size: int | None = None
    codes_per_call: int | None = None
    remat: bool = False
    devices: int | None = None
    dtype: common.Dtype = "float32"
    crop: Crop = "center"
    json: bool = False

    def run(self) -> int:
        """Restore all inputs."""
        numbers = common.fields(self, "codes", "steps", "samples", "restarts", "batch_size", "devices")
        common.positive(**numbers)
        if not self.inputs:
            raise GPriorError(f"nothing to {self.task}: name image files, folders or quoted patterns.")
        if self.simulate and self.truth is not None:
            raise GPriorError("--simulate takes the inputs themselves as the ground truth: leave out --truth.")
        prior = common.load_prior(self.model, self.dtype)
        named = name_items(list_images(self.inputs))
        truths, missing = self._truths(named)
        files = self.files(named)
        beside = {i: tuple(found[i] for found in (files, truths) if i in found) for i in range(len(named))}
        items = [item._replace(companions=beside[item.id]) for item in named]
        recipe = self.recipe(prior)
        recipe.parametrization.check(prior)
        job = RestoreJob(self, self.solver(prior, items, files), prior, recipe, jax.random.key(self.seed), truths)
        check_apart(self.out, items)
        folder = OutputFolder(self.out, self.settings(prior, recipe))
        batch_size = self.batch_size or self._default_batch_size(prior.resolution, len(items))
        options = runner.Options(
            batch_size=batch_size,
            devices=common.spread(self.devices, batch_size),
            size=None,
            as_json=self.json,
        )
        code = runner.run_folder(job, items, folder, options)
        for name in missing:
            common.warn(f"{name} has no ground truth of this name in {self.truth}: it was restored without metrics.")
        return max(code, 1) if missing or job.spoilt else code

    def _default_batch_size(self, resolution: int, images: int) -> int:
        """Images whose samples together are as many as a batch of an inversion has."""
        rows = common.default_batch_size(resolution, images * self.samples)
        return max(1, min(images, rows // self.samples))

    def files(self, items: list[Item]) -> dict[int, Path]:
        """Another file that the result of an item depends on (its mask), by the item's id."""
        return {}

    def solver(self, prior: Prior, items: list[Item], files: dict[int, Path]) -> "Solver":
        """What the command does; checks its own flags."""
        raise NotImplementedError

    def recipe(self, prior: Prior, **changes: Any) -> Recipe:
        """The recipe that the flags describe."""
        if self.method != "mganprior":
            raise GPriorError(f"--method {self.method} is not for {self.task}: leave it out.")
        more: dict[str, Any] = {"distance": self.distance} | changes
        return recipes.restoration(
            self.task,
            prior,
            num_codes=self.codes,
            layer=self.layer,
            perceptual_weight=self.perceptual_weight,
            **common.recipe_flags(self, prior),
            **more,
        )

    def settings(self, prior: Prior, recipe: Recipe) -> dict[str, Any]:
        """Everything that decides the results: all flags but those that only say where and how fast."""
        apart = ("inputs", "out", "batch_size", "devices", "json", "truth")
        flags = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in apart}
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in flags.items()}
        return {"task": self.task, "weights": common.weights_digest(prior, recipe), "recipe": recipe.summary()} | plain

    def _truths(self, items: list[Item]) -> tuple[dict[int, Path], list[str]]:
        """The ground truth of every item that has one, by id, and the names of those that have none."""
        if self.truth is None:
            return {}, []
        found = match_files(self.truth, items, "--truth")
        return found, [item.source.name for item in items if item.id not in found]


def match_files(path: Path, items: list[Item], flag: str) -> dict[int, Path]:
    """Files that belong to items, by id: those of the same stem in a folder, or one file for all.

    Raises:
        GPriorError: the path does not exist, or nothing in it belongs to an item.
    """
    if path.is_file():
        return {item.id: path for item in items}
    if not path.is_dir():
        raise GPriorError(f"{flag} {path} does not exist: give a file or a folder.")
    stems: dict[str, Path] = {}
    for file in list_images([path]):
        if other := stems.get(file.stem):
            raise GPriorError(f"{flag} {path} holds {other.name} and {file.name} for one picture: leave one of them.")
        stems[file.stem] = file
    found = {item.id: stems[item.source.stem] for item in items if item.source.stem in stems}
    if not found:
        raise GPriorError(f"{flag} {path} holds no file of the name of any input.")
    return found


class Solver:
    """What one restoration command does with pictures; subclasses say how.

    ``load`` reads what was observed, ``degrade`` makes it from an intact picture, ``solve`` restores a batch.
    """

    def load(self, item: Item, prior: Prior, crop: Crop) -> dict[str, np.ndarray]:
        """Read what was observed, ``"observed"``, and what else belongs to the item."""
        return {"observed": load_image(item.source, prior.resolution, crop)} | self.extras(item, prior)

    def extras(self, item: Item, prior: Prior) -> dict[str, np.ndarray]:
        """What else belongs to an item."""
        return {}

    def degrade(self, image: np.ndarray, key: Key) -> Array:
        """The observation of an intact picture."""
        raise NotImplementedError

    def solve(self, prior: Prior, batch: dict[str, np.ndarray], key: Key, options: Options) -> Restoration:
        """Restore a batch."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class RestoreJob:
    """A restoration over files, see :class:`gprior_jax.cli.folder_run.Job`.

    Attributes:
        spoilt: names of the items whose ground truth could not be read.
    """

    command: Restore
    solver: Solver
    prior: Prior
    recipe: Recipe
    key: Key
    truths: Mapping[int, Path]
    restores: bool = True
    spoilt: list[str] = dataclasses.field(default_factory=list)

    def load(self, item: Item) -> dict[str, np.ndarray]:
        """What was observed, and the ground truth where there is one."""
        crop, size = self.command.crop, self.prior.resolution
        if self.command.simulate:
            intact = load_image(item.source, size, crop)
            # Of its own stream, so that the noise is not the start of the search.
            key = jax.random.fold_in(jax.random.fold_in(self.key, item.id), 1 << 20)
            degraded = im.from_uint8(im.to_uint8(self.solver.degrade(intact, key)))  # As a file would hold it.
            return {"observed": degraded, "truth": intact} | self.solver.extras(item, self.prior)
        arrays = self.solver.load(item, self.prior, crop)
        if self.truths:
            arrays["truth"] = self._truth(item)
        return arrays

    def _truth(self, item: Item) -> np.ndarray:
        """The ground truth, or NaN where there is none that can be read: the picture is restored all the same."""
        path = self.truths.get(item.id)
        try:
            if path is not None:
                return load_image(path, self.prior.resolution, self.command.crop)
        except ImageFileError as error:
            self.spoilt.append(item.name)
            common.warn(f"{error} {item.source.name} is restored without metrics.")
        return np.full(self.prior.image_shape, np.nan, np.float32)

    def solve(self, batch: dict[str, np.ndarray], options: BatchOptions) -> Restoration:
        """Restore a batch."""
        whole: Options = {**options, "recipe": self.recipe, "samples": self.command.samples}
        return self.solver.solve(self.prior, batch, self.key, whole)
