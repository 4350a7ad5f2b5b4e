"""``gprior invert``."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np
from tyro import conf

from gprior_jax import recipes
from gprior_jax.cli import common
from gprior_jax.cli.folder_run import Options, run_folder
from gprior_jax.errors import GPriorError
from gprior_jax.generators.base import Prior
from gprior_jax.images.files import Crop, list_images, load_image
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.operators import Identity
from gprior_jax.runs.folder import Item, OutputFolder, check_apart, name_items
from gprior_jax.tasks import BatchOptions, Restoration, restore
from gprior_jax.typing import Key

Method = Literal["mganprior", "z", "w", "w_plus", "projector", "image2stylegan", "image2stylegan_pp", "pulse", "pti"]


@dataclasses.dataclass(frozen=True)
class Invert:
    """Find the latent codes that explain photographs. The same command goes on with an interrupted run.

    All methods but mganprior and z need a style-based prior (StyleGAN, StyleGAN2).

    Attributes:
        inputs: image files, folders, or quoted patterns.
        out: folder for the results: NAME.png, NAME.npz, run.json, history.csv, report.html.
        model: "builtin" or a model folder.
        method: mganprior: several codes, composed at a layer; z, w, w_plus: one code, one w, or a w for every layer;
            projector: StyleGAN2's, in W with noise maps; image2stylegan: a w for every layer; image2stylegan_pp: the
            noise maps after it; pulse: search on spheres; pti: the projector, then the generator's weights.
        preset: fast (default), or official: the published constants.
        label: class of all images, from 0, for a conditional prior.
        codes: latent codes per image, with mganprior; 20 unless given; 1 with --layer 0 is plain inversion of one code.
        layer: composing layer, with mganprior; 6 unless given, or six tenths of the layers of a shallower prior.
        steps: optimisation steps (image2stylegan_pp: of the first stage, pti: of the weights); the preset's unless
            given.
        restarts: independent starts per image, of which the best is kept.
        tolerance: relative improvement over 50 steps below which an image stops; 0 takes all steps.
        perceptual: auto (the prior's discriminator where it has one), default (the same, and an error without), none,
            or a model folder with VGG-16, AlexNet, LPIPS or a discriminator.
        perceptual_weight: weight of the perceptual term; the method's own (1) unless given.
        seed: seed of the run; each image's is folded from it and its place in the sorted list of inputs.
        batch_size: images at once; chosen by resolution unless given (pti: 1, as every image has weights of its own).
        codes_per_call: codes that go through the first layers at once, with mganprior, to save memory; all unless
            given.
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
    method: Method = "mganprior"
    preset: recipes.Preset = "fast"
    label: int | None = None
    codes: int | None = None
    layer: int | None = None
    steps: int | None = None
    restarts: int = 1
    tolerance: float = 0.0
    perceptual: str = "auto"
    perceptual_weight: float | None = None
    seed: int = 0
    batch_size: int | None = None
    codes_per_call: int | None = None
    remat: bool = False
    devices: int | None = None
    dtype: common.Dtype = "float32"
    crop: Crop = "center"
    size: int | None = None
    json: bool = False

    def run(self) -> int:
        """Invert all inputs."""
        common.positive(
            codes=self.codes, steps=self.steps, batch_size=self.batch_size, devices=self.devices, size=self.size
        )
        if not self.inputs:
            raise GPriorError("nothing to invert: name image files, folders or quoted patterns.")
        items = name_items(list_images(self.inputs))
        prior = common.load_prior(self.model, self.dtype, self.label)
        recipe = self.recipe(prior)
        recipe.check(prior)
        check_apart(self.out, items)
        folder = OutputFolder(self.out, self.settings(prior, recipe))
        own = 1 if self.method == "pti" else common.default_batch_size(prior.resolution, len(items))
        batch_size = self.batch_size or own
        options = Options(
            batch_size=batch_size,
            devices=common.spread(self.devices, batch_size),
            size=self.size,
            as_json=self.json,
        )
        job = Inversion(prior, recipe, jax.random.key(self.seed), self.crop)
        return run_folder(job, items, folder, options)

    def recipe(self, prior: Prior) -> Recipe:
        """The recipe that the flags describe.

        Raises:
            GPriorError: a flag that the method does not have.
        """
        self._check_flags()
        flags = common.recipe_flags(self, prior)
        if self.perceptual_weight is not None:
            flags["perceptual_weight"] = self.perceptual_weight
        if self.method == "mganprior":
            layer = recipes.default_layer(prior) if self.layer is None else self.layer
            return recipes.mganprior(20 if self.codes is None else self.codes, layer, **flags)
        del flags["codes_per_call"]
        if self.method == "pulse":
            del flags["perceptual"]
        return _RECIPES[self.method](**flags)

    def _check_flags(self) -> None:
        absent = () if self.method == "mganprior" else ("codes", "layer", "codes_per_call")
        given = [name for name in absent if getattr(self, name) is not None]
        if self.method == "pulse" and (self.perceptual != "auto" or self.perceptual_weight is not None):
            given.append("perceptual")
        if given:
            raise GPriorError(f"--{given[0].replace('_', '-')} is not for --method {self.method}: leave it out.")

    def settings(self, prior: Prior, recipe: Recipe) -> dict[str, Any]:
        """Everything that decides the results."""
        return {
            "model": self.model,
            "weights": common.weights_digest(prior, recipe),
            "recipe": recipe.summary(),
            "perceptual": self.perceptual,
            **common.fields(self, "method", "label", "seed", "dtype", "crop", "size"),
        }


_RECIPES: dict[Method, Callable[..., Recipe]] = {
    "z": partial(recipes.latent, "z"),
    "w": partial(recipes.latent, "w"),
    "w_plus": partial(recipes.latent, "w_plus"),
    "projector": recipes.projector,
    "image2stylegan": recipes.image2stylegan,
    "image2stylegan_pp": recipes.image2stylegan_pp,
    "pulse": recipes.pulse,
    "pti": recipes.pti,
}
"""Methods whose recipes take no number of codes and no layer."""


@dataclasses.dataclass(frozen=True)
class Inversion:
    """Plain inversion of files, see :class:`gprior_jax.cli.folder_run.Job`."""

    prior: Prior
    recipe: Recipe
    key: Key
    crop: Crop
    restores: bool = False

    def load(self, item: Item) -> dict[str, np.ndarray]:
        """The picture at the prior's resolution."""
        return {"observed": load_image(item.source, self.prior.resolution, self.crop)}

    def solve(self, batch: dict[str, np.ndarray], options: BatchOptions) -> Restoration:
        """Invert a batch."""
        return restore(self.prior, batch["observed"], Identity(), self.recipe, key=self.key, **options)
