"""``gprior invert``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np
from tyro import conf

from gprior_jax import io, outputs, recipes
from gprior_jax.cli import common, folder_run
from gprior_jax.errors import GPriorError
from gprior_jax.generators.base import Prior
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.operators import Identity
from gprior_jax.outputs import Item
from gprior_jax.tasks import BatchOptions, Restoration, restore
from gprior_jax.typing import Key


@dataclasses.dataclass(frozen=True)
class Invert:
    """Find the latent codes that explain photographs. The same command goes on with an interrupted run.

    Attributes:
        inputs: image files, folders, or quoted patterns.
        out: folder for the results: NAME.png, NAME.npz, run.json, history.csv, report.html.
        model: "builtin" or a model folder.
        method: mganprior: several codes, composed at a layer.
        preset: fast (default), or official: the published constants.
        codes: latent codes per image; 1 with --layer 0 is plain inversion of one code.
        layer: composing layer; by default 6, or six tenths of the layers of a shallower prior.
        steps: optimisation steps; the preset's unless given.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        perceptual: auto (the prior's discriminator where it has one), default (the same, and an error without), none,
            or a model folder with VGG-16, AlexNet, LPIPS or a discriminator.
        perceptual_weight: weight of the perceptual term beside the pixel term's 1.
        seed: seed of the run; each image's is folded from it and its place in the sorted list of inputs.
        batch_size: images at once; chosen by resolution unless given.
        codes_per_call: codes that go through the first layers at once, to save memory; all unless given.
        remat: recompute activations in the backward pass, to save memory.
        devices: devices to spread a batch over; unless given one, or on a CPU its cores.
        dtype: floating dtype of the network.
        crop: how a picture becomes square: center, stretch, or pad with gray.
        size: side of the written PNG, pixels; the prior's resolution unless given.
        json: print the results as JSON on standard output.
    """

    inputs: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    model: str = "builtin"
    method: Literal["mganprior"] = "mganprior"
    preset: recipes.Preset = "fast"
    codes: int = 20
    layer: int | None = None
    steps: int | None = None
    restarts: int = 1
    tolerance: float = 0.0
    perceptual: str = "auto"
    perceptual_weight: float = 1.0
    seed: int = 0
    batch_size: int | None = None
    codes_per_call: int | None = None
    remat: bool = False
    devices: int | None = None
    dtype: common.Dtype = "float32"
    crop: io.Crop = "center"
    size: int | None = None
    json: bool = False

    def run(self) -> int:
        """Invert all inputs."""
        common.positive(
            codes=self.codes, steps=self.steps, batch_size=self.batch_size, devices=self.devices, size=self.size
        )
        if not self.inputs:
            raise GPriorError("nothing to invert: name image files, folders or quoted patterns.")
        items = outputs.name_items(io.list_images(self.inputs))
        prior = common.load_prior(self.model, self.dtype)
        recipe = self.recipe(prior)
        recipe.parametrization.check(prior)
        outputs.check_apart(self.out, items)
        folder = outputs.OutputFolder(self.out, self.settings(prior, recipe))
        batch_size = self.batch_size or common.default_batch_size(prior.resolution, len(items))
        options = folder_run.Options(
            batch_size=batch_size,
            devices=common.spread(self.devices, batch_size),
            size=self.size,
            as_json=self.json,
        )
        job = Inversion(prior, recipe, jax.random.key(self.seed), self.crop)
        return folder_run.run_folder(job, items, folder, options)

    def recipe(self, prior: Prior) -> Recipe:
        """The recipe that the flags describe."""
        return recipes.mganprior(
            self.codes,
            recipes.default_layer(prior) if self.layer is None else self.layer,
            perceptual_weight=self.perceptual_weight,
            **common.recipe_flags(self, prior),
        )

    def settings(self, prior: Prior, recipe: Recipe) -> dict[str, Any]:
        """Everything that decides the results."""
        return {
            "model": self.model,
            "weights": common.weights_digest(prior, recipe),
            "recipe": recipe.summary(),
            "perceptual": self.perceptual,
            **common.fields(self, "method", "seed", "dtype", "crop", "size"),
        }


@dataclasses.dataclass(frozen=True)
class Inversion:
    """Plain inversion of files, see :class:`gprior_jax.cli.folder_run.Job`."""

    prior: Prior
    recipe: Recipe
    key: Key
    crop: io.Crop
    restores: bool = False

    def load(self, item: Item) -> dict[str, np.ndarray]:
        """The picture at the prior's resolution."""
        return {"observed": io.load_image(item.source, self.prior.resolution, self.crop)}

    def solve(self, batch: dict[str, np.ndarray], options: BatchOptions) -> Restoration:
        """Invert a batch."""
        return restore(self.prior, batch["observed"], Identity(), self.recipe, key=self.key, **options)
