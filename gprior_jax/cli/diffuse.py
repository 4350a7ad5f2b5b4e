"""``gprior diffuse``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro import conf

from gprior_jax import editing, recipes
from gprior_jax.cli.flags import PerceptualFlag, PriorFlags, RangeFlag, SearchFlag, Steps, check_positive
from gprior_jax.cli.telling import StepBar, print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import load_image, save_image
from gprior_jax.images.placement import Crop
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.keys import seeded
from gprior_jax.operators import box_mask
from gprior_jax.recipes import Preset
from gprior_jax.runs import Item, find_items
from gprior_jax.runs.names import as_text, id_of
from gprior_jax.storage.atomic import check_free, new_folder, write_arrays, write_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diffuse(PerceptualFlag, SearchFlag, PriorFlags, RangeFlag):
    """Put a part of pictures into others, and let what is around it follow: semantic diffusion of a style-based prior.

    Attributes:
        targets: pictures, of each of which the box is kept: files, folders, or quoted patterns.
        context: pictures that every target is put into, likewise.
        out: folder to make: TARGET_in_CONTEXT.png and its styles (.npz), sheet.png (target, context, composite, start,
            result; a row for each pair), diffuse.json.
        box: of the target, pixels of the prior: top, left, height and width; the published one unless given (the middle
            of a face, 110 of 256 pixels).
        crop: how a picture becomes square: center, stretch, or pad with gray.
        preset: fast (pixels, unless --perceptual names a network), or official (features, too).
        num_steps: optimisation steps; 100 unless given.
        perceptual_weight: weight of the features; unless given 5e-5 of VGG-16 with Keras's weights, as published, else
            1.
    """

    targets: Annotated[tuple[str, ...], conf.Positional]
    context: tuple[str, ...]
    out: Path
    box: tuple[int, int, int, int] | None = None
    crop: Crop = "center"
    preset: Preset = "fast"
    num_steps: Steps = None
    perceptual_weight: float | None = None

    def run(self) -> int:
        """Compose, optimise and write."""
        check_positive(self, "batch_size", "num_steps")
        check_free(self.out)
        self.check_range()
        prior = self.load_prior()
        if not prior.num_styles:
            raise ArgumentError(f"{prior.name} has no styles, which semantic diffusion moves: name another --model.")
        box = editing.default_box(prior.resolution) if self.box is None else self.box
        region = 1.0 - np.asarray(box_mask(prior.resolution, box))
        targets, contexts = (
            find_items(given, self.recursive, without=self.out, tell=warn) for given in (self.targets, self.context)
        )
        pairs = [(target, context) for target in targets for context in contexts]
        first, second = (np.stack([self._load(prior, pair[i]) for pair in pairs]) for i in (0, 1))
        recipe = self._recipe()
        ids = [id_of(name_of(*pair)) for pair in pairs]
        start, result = self._solve(prior, recipe, ids, first, second, region)
        together = editing.composite(first, second, region)
        with new_folder(self.out) as folder:
            rows = self._write(folder, pairs, result, psnr_inside(result.images, first, region))
            columns = (first, second, together, start, result.images)
            sheet = im.to_uint8(np.stack(columns, axis=1).reshape(-1, *first.shape[1:]))
            save_image(folder / "sheet.png", im.grid(sheet, len(columns)))
            facts = {"model": self.model, "box": list(box), "encoder": prior.encoder is not None, "seed": self.seed}
            facts |= {"recipe": recipe.fit(prior).summary(), "images": rows}
            write_json(folder / "diffuse.json", facts)
        if self.json:
            print_json({"out": str(self.out)} | facts)
        else:
            psnr = np.mean([row["psnr"] for row in rows])
            say(f"{len(rows)} pictures, mean psnr of the box {psnr:.4g}: {self.out / 'sheet.png'}")
        return 0

    def _recipe(self) -> Recipe:
        return recipes.diffusion(
            preset=self.preset,
            num_steps=self.num_steps,
            perceptual=self.network(),
            perceptual_weight=self.perceptual_weight,
        )

    def _load(self, prior: Prior, item: Item) -> np.ndarray:
        return load_image(item.source, prior.image_shape, self.crop, self.value_range)

    def _solve(
        self,
        prior: Prior,
        recipe: Recipe,
        ids: list[int],
        first: np.ndarray,
        second: np.ndarray,
        region: np.ndarray,
    ) -> tuple[np.ndarray, Result]:
        """Pictures that it started from, and the result."""
        key, bar = seeded(self.seed), StepBar("diffuse")
        size = self.batch_size or default_batch_size(prior.resolution, len(first))
        options: dict[str, Any] = {"ids": ids, "batch_size": size, "progress": bar}
        if prior.encoder is None:
            warn(f"{prior.name} has no encoder: optimisation starts from the w that draws the composites best.")
        composites = editing.composite(first, second, region)
        codes = editing.first_codes(prior, composites, key=key, **options)
        start = editing.render(prior, {"w_plus": np.asarray(codes["w_plus"])}, batch_size=size)
        result = editing.diffuse(prior, first, second, region, key=key, recipe=recipe, init={**codes}, **options)
        bar({})
        return start, result

    def _write(
        self, folder: Path, pairs: list[tuple[Item, Item]], result: Result, psnr: np.ndarray
    ) -> list[dict[str, Any]]:
        """Pictures and styles of every pair; rows of the record."""
        rows = []
        for index, (target, context) in enumerate(pairs):
            name = name_of(target, context)
            save_image(folder / f"{name}.png", im.to_uint8(result.images[index]))
            styles = result.variables["w_plus"][index][None]
            write_arrays(folder / f"{name}.npz", {"w_plus": styles, "w": styles})
            terms = {term: float(values[index]) for term, values in result.terms.items()}
            row = {"name": name, "target": as_text(target.source), "context": as_text(context.source)}
            rows.append(row | {"psnr": float(psnr[index])} | terms)
        return rows


def name_of(target: Item, context: Item) -> str:
    """What the results of a pair are called."""
    return f"{target.name}_in_{context.name}"


def psnr_inside(images: np.ndarray, targets: np.ndarray, region: np.ndarray) -> np.ndarray:
    """PSNR of a region of images ``[B, R, R, C]``, ``[B]``."""
    squares = np.square(np.clip(images, -1, 1) - np.clip(targets, -1, 1)).mean(axis=-1)
    inside = region[..., 0]
    return np.asarray(im.psnr_of((squares * inside).sum(axis=(1, 2)) / inside.sum()))
