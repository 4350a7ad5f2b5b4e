"""``gprior diffuse``."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro import conf

from gprior_jax import editing, recipes
from gprior_jax.cli.aligning import AlignFlags, PasteFlag
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import PriorFlags, RangeFlag, SearchFlag
from gprior_jax.cli.recipe_flags import PerceptualFlag, Steps
from gprior_jax.cli.telling import StepBar, counted, print_json, say, told_seams, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.images.placement import Crop
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.keys import seeded
from gprior_jax.operators import box_mask
from gprior_jax.recipes import Preset
from gprior_jax.runs import Item, find_items
from gprior_jax.runs.aligning import Cropper, cropping, framed, read_square
from gprior_jax.runs.folder import PASTED
from gprior_jax.runs.names import as_text, id_of
from gprior_jax.runs.pasting import Photograph
from gprior_jax.storage.atomic import check_free, new_folder, write_arrays, write_bytes, write_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diffuse(AlignFlags, PasteFlag, PerceptualFlag, SearchFlag, PriorFlags, RangeFlag):
    """Put a part of pictures into others, and let what is around it follow: semantic diffusion of a style-based prior.

    Attributes:
        targets: pictures, of each of which the box is kept: files, folders, or quoted patterns.
        context: pictures that every target is put into, likewise.
        out: folder to make: TARGET_in_CONTEXT.png and its styles (.npz), sheet.png (target, context, composite, start,
            result; a row for each pair), diffuse.json.
        box: of the target, pixels of the prior: top, left, height and width; the published one unless given (the middle
            of a face, 110 of 256 pixels).
        crop: how a picture becomes square: center, stretch, or pad with gray.
        paste: write pasted/TARGET_in_CONTEXT.png, too: the photograph of the context at its own size, with the result
            where its square was cut out, feathered at the border; how sharp the seam is, is in diffuse.json.
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
        crop = self.cropper([*targets, *contexts], self.model, self.crop, self.value_range)
        load = partial(read_square, shape=prior.image_shape, crop=crop, value_range=self.value_range)
        first, second = (np.stack([load(pair[i])["observed"] for pair in pairs]) for i in (0, 1))
        recipe = self._recipe()
        ids = [id_of(name_of(*pair)) for pair in pairs]
        start, result = self._solve(prior, recipe, ids, first, second, region)
        together = editing.composite(first, second, region)
        with new_folder(self.out) as folder:
            rows = self._write(folder, pairs, result, psnr_inside(result.images, first, region))
            self._place(folder, pairs, crop, result, rows)
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
            say(f"{counted(len(rows), 'picture')}, mean psnr of the box {psnr:.4g}: {self.out / 'sheet.png'}")
            if self.paste:
                say(f"in their photographs: {self.out / PASTED}; {told_seams([row['seam'] for row in rows])}")
        return 0

    def _recipe(self) -> Recipe:
        return recipes.diffusion(
            preset=self.preset,
            num_steps=self.num_steps,
            perceptual=self.network(),
            perceptual_weight=self.perceptual_weight,
        )

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

    def _place(
        self, folder: Path, pairs: list[tuple[Item, Item]], crop: Cropper, result: Result, rows: list[dict[str, Any]]
    ) -> None:
        """Tell in the record where squares were cut out, and put results into the photographs of the contexts."""
        for (target, context), image, row in zip(pairs, result.images, rows, strict=True):
            for role, item in (("target", target), ("context", context)):
                row |= {f"{role}_{name}": frame.tolist() for name, frame in framed(crop, item).items()}
            if self.paste:
                photograph = Photograph(context.source, cropping(crop, context), self.value_range)
                content, seam = photograph.pasted(im.to_uint8(image))
                row["seam"] = None if seam is None else seam._asdict()
                (folder / PASTED).mkdir(exist_ok=True)
                write_bytes(folder / PASTED / f"{row['name']}.png", content)


def name_of(target: Item, context: Item) -> str:
    """What the results of a pair are called."""
    return f"{target.name}_in_{context.name}"


def psnr_inside(images: np.ndarray, targets: np.ndarray, region: np.ndarray) -> np.ndarray:
    """PSNR of a region of images ``[B, R, R, C]``, ``[B]``."""
    squares = np.square(np.clip(images, -1, 1) - np.clip(targets, -1, 1)).mean(axis=-1)
    inside = region[..., 0]
    return np.asarray(im.psnr_of((squares * inside).sum(axis=(1, 2)) / inside.sum()))
