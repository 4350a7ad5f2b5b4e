"""``gprior attribute``."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np
from tyro import conf

from gprior_jax import recipes, zoo
from gprior_jax.cli import common
from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.generators.base import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import Crop, list_images, load_image, save_image
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.metrics.attribution import (
    Network,
    Projection,
    Reference,
    Standing,
    as_json,
    auc,
    from_json,
    generated_images,
    project,
    standing,
)
from gprior_jax.runs import report
from gprior_jax.runs.folder import Item, check_apart, name_items
from gprior_jax.storage.atomic import read_json, write_bytes, write_json
from gprior_jax.typing import Key

REFERENCE = "attribution.json"
"""Reference distances in a model folder, which serve unless others are given."""


@dataclasses.dataclass(frozen=True)
class Attribute:
    """Say whether images were made by a generator: project them, and compare how far off they are.

    The distance of an image to its projection is compared with reference distances, those of generated images and of
    real ones: of --reference, measured now with --real, or those that come with the model.

    Attributes:
        inputs: image files, folders, or quoted patterns; none with --real only measures the reference.
        out: folder for NAME.png (the projections), attribution.json, reference.json, histogram.svg and report.html.
        model: a bundled name or a model folder, of a style-based prior.
        label: class that a conditional model is held to.
        space: one w for all layers, as published, or one for each.
        steps: optimisation steps of the projector.
        perceptual: auto (the prior's discriminator), or a model folder with LPIPS (published), VGG-16 or a
            discriminator: for the projection and for the distance.
        real: real images that the generator was not trained on, to measure the reference: a folder, or a zip file, of
            which the images that training holds out are taken.
        number: generated and real images of the reference, each.
        reference: reference.json of an earlier run with the same settings.
        seed: seed of the projections and of the generated images.
        batch_size: images at once; chosen by resolution unless given.
        devices: devices to spread a batch over; unless given one, or on a CPU its cores.
        crop: how a picture becomes square: center, stretch, or pad with gray.
        json: print the results as JSON on standard output.
    """

    inputs: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    model: str = "builtin:portraits"
    label: int | None = None
    space: Literal["w", "w_plus"] = "w"
    steps: int | None = None
    perceptual: str = "auto"
    real: Path | None = None
    number: int = 100
    reference: Path | None = None
    seed: int = 0
    batch_size: int | None = None
    devices: int | None = None
    crop: Crop = "center"
    json: bool = False

    def run(self) -> int:
        """Project all inputs and write what was found."""
        common.positive(steps=self.steps, number=self.number, batch_size=self.batch_size, devices=self.devices)
        if not self.inputs and self.real is None:
            raise GPriorError("nothing to attribute: name image files, or --real to measure a reference.")
        items = name_items(list_images(self.inputs)) if self.inputs else []
        check_apart(self.out, items)
        prior = common.load_prior(self.model, label=self.label)
        network = common.load_perceptual(self.perceptual, prior)
        if network is None:
            raise GPriorError(
                f"--perceptual {self.perceptual}: the distance needs a network; name a model folder with LPIPS, VGG-16 "
                "or a discriminator."
            )
        recipe = recipes.projector(self.space, num_steps=self.steps, perceptual=network)
        recipe.parametrization.check(prior)
        run = _Run(self, prior, recipe, None if isinstance(network, str) else network)
        reference = self._reference(run)
        self.out.mkdir(parents=True, exist_ok=True)
        write_json(self.out / "reference.json", as_json(reference, run.settings()))
        failed: dict[str, str] = {}
        found = _attributed(run, items, reference, failed)
        self._write(found, reference, run.settings(), failed)
        return 1 if failed else 0

    def _reference(self, run: "_Run") -> Reference:
        if self.real is not None:
            return _measured(run, self.real, self.number)
        bundled = zoo.resolve(self.model) / REFERENCE
        path = self.reference or bundled
        remedy = "measure one with --real ZIP_OR_FOLDER, of real images that the generator was not trained on"
        if not path.exists():
            raise GPriorError(f"there is no reference {path}: {remedy}.")
        try:
            reference, settings = from_json(read_json(path), str(path))
        except ValueError as error:
            raise GPriorError(f"{error} Give another --reference, or {remedy}.") from error
        wanted = run.settings()
        if differing := sorted(k for k in wanted.keys() | settings.keys() if wanted.get(k) != settings.get(k)):
            raise GPriorError(f"{path} was measured with another {', '.join(differing)}: {remedy}.")
        return reference

    def _write(
        self,
        found: "list[tuple[Item, np.ndarray, np.ndarray, Standing]]",
        reference: Reference,
        settings: dict[str, Any],
        failed: dict[str, str],
    ) -> None:
        rows = [{"image": item.name, **standing._asdict()} for item, _, _, standing in found]
        facts = {"auc": auc(reference), "number": [len(reference.generated), len(reference.real)]}
        content = {"images": rows, "reference": facts, "failed": failed, "settings": settings}
        write_json(self.out / "attribution.json", content | {"versions": common.versions()})
        marks = {item.name: standing.distance for item, _, _, standing in found}
        drawn = report.histogram(reference._asdict(), marks if len(marks) <= MAX_MARKS else {})
        write_bytes(self.out / "histogram.svg", drawn.encode())
        shown = [
            report.section(item.name, report.row(_pictures(target, image)), report.table([row]))
            for (item, target, image, _), row in list(zip(found, rows, strict=True))[: report.MAX_IMAGES]
        ]
        told = f"Area under the ROC curve of the reference: {facts['auc']:.3f}."
        page = report.page("gprior attribute", report.paragraph(told), drawn, report.table(rows), *shown)
        write_bytes(self.out / "report.html", page.encode())
        if self.json:
            common.print_json(content)
            return
        for row in rows:
            common.say(
                f"{row['image']}: distance {row['distance']:.4g}; of generated images {row['generated_beyond']:.0%} "
                f"are as far off, of real ones {row['real_within']:.0%} as near; generated with probability "
                f"{row['probability']:.2f}"
            )
        common.say(f"{told} Report: {self.out / 'report.html'}")


MAX_MARKS = 12
"""Images that are marked in the histogram; more would hide it."""


@dataclasses.dataclass(frozen=True)
class _Run:
    """Projections with the command's settings."""

    command: Attribute
    prior: Prior
    recipe: Recipe
    network: Network | None

    def key(self, purpose: int) -> Key:
        """A key for one purpose."""
        return jax.random.fold_in(jax.random.key(self.command.seed), purpose)

    def batch_size(self, number: int) -> int:
        """Images at once."""
        return self.command.batch_size or common.default_batch_size(self.prior.resolution, number)

    def settings(self) -> dict[str, Any]:
        """Everything that distances depend on, as a JSON file gives it back."""
        digest = common.weights_digest(self.prior, self.recipe)
        recipe = json.loads(json.dumps(self.recipe.summary()))
        held = {} if self.command.label is None else {"label": self.command.label}
        return {"weights": digest, "recipe": recipe, "perceptual": self.command.perceptual} | held

    def project(self, images: np.ndarray, purpose: int, title: str, ids: Any = None) -> Projection:
        """Project images, with a bar."""
        batch_size = self.batch_size(len(images))
        bar = common.StepBar(title)
        projection = project(
            self.prior,
            images,
            self.recipe,
            key=self.key(purpose),
            network=self.network,
            ids=ids,
            batch_size=batch_size,
            devices=common.spread(self.command.devices, batch_size),
            progress=bar,
        )
        bar.close()
        return projection


def _measured(run: _Run, real: Path, number: int) -> Reference:
    """Distances of generated and real images."""
    batch_size = run.batch_size(number)
    generated = generated_images(run.prior, run.key(1), number, batch_size)
    found = [
        run.project(generated, 2, f"{number} generated images").distances,
        run.project(photographs := _real_images(run, real, number), 3, f"{len(photographs)} real images").distances,
    ]
    return Reference(*found)


def _real_images(run: _Run, path: Path, number: int) -> np.ndarray:
    """The first images of a folder, or of those that training holds out of a zip file."""
    size = run.prior.resolution
    if path.suffix.lower() == ".zip":
        from gprior_jax.training.data import ImageZip

        held_out = ImageZip(path, "held_out")
        pixels = [held_out.image(index, size) for index in range(min(number, len(held_out)))]
        images = [np.asarray(im.from_uint8(each)) for each in pixels]
    else:
        sources = list_images([str(path)])[:number]
        images = [load_image(each, size, run.command.crop) for each in sources]
    if len(images) < 2:
        raise GPriorError(f"--real {path} has {len(images)} images: a reference needs at least two.")
    return np.stack(images)


def _attributed(
    run: _Run, items: list[Item], reference: Reference, failed: dict[str, str]
) -> list[tuple[Item, np.ndarray, np.ndarray, Standing]]:
    """Item, image, projection and standing of every input that can be read; the projections are written."""
    loaded: list[tuple[Item, np.ndarray]] = []
    for item in items:
        try:
            loaded.append((item, load_image(item.source, run.prior.resolution, run.command.crop)))
        except ImageFileError as error:
            failed[item.name] = str(error)
            common.warn(str(error))
    if not loaded:
        return []
    images = np.stack([image for _, image in loaded])
    projection = run.project(images, 0, f"{len(loaded)} images", [item.id for item, _ in loaded])
    found = []
    for (item, target), image, distance in zip(loaded, projection.images, projection.distances, strict=True):
        if not np.isfinite(distance):
            failed[item.name] = f"{item.source}: the projection is not finite."
            continue
        save_image(run.command.out / f"{item.name}.png", im.to_uint8(image))
        found.append((item, target, image, standing(float(distance), reference)))
    return found


def _pictures(target: np.ndarray, image: np.ndarray) -> list[str]:
    a, b = im.to_uint8(target), im.to_uint8(image)
    error = report.picture(report.error_map(b, a), "difference")
    return [report.picture(a, "image"), report.picture(b, "projection"), error]
