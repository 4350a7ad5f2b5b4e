"""``gprior attribute``."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import jax
import numpy as np
from tyro import conf

from gprior_jax import recipes, runs, zoo
from gprior_jax.cli.aligning import AlignFlags, PasteFlag
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import PriorFlags, RangeFlag, SearchFlag
from gprior_jax.cli.recipe_flags import PerceptualFlag, Steps
from gprior_jax.cli.sharing import RunFlags
from gprior_jax.cli.telling import StepBar, print_json, say, tell_pasted, warn
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import Crop
from gprior_jax.keys import purpose, seeded
from gprior_jax.metrics import attribution
from gprior_jax.metrics.attribution import Reference
from gprior_jax.perceptual.network import default
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import with_faces
from gprior_jax.runs.attribution import attributed, attribution_blocks, auc_told, histogram_of
from gprior_jax.runs.pasting import Paster
from gprior_jax.storage.atomic import read_json, write_bytes, write_json
from gprior_jax.summary import check_same, versions
from gprior_jax.training.data import ImageZip

REFERENCE = "attribution.json"
"""Reference distances in a model folder, which serve unless others are given."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attribute(AlignFlags, PasteFlag, SearchFlag, RunFlags, PriorFlags, RangeFlag, PerceptualFlag):
    """Say whether images were made by a generator: project them, and compare how far off they are.

    The distance of an image to its projection is compared with reference distances, those of generated images and of
    real ones: of --reference, measured now with --real, or those that come with the model. The same command goes on
    with an interrupted run.

    Attributes:
        inputs: image files, folders, quoted patterns, tar files, places in the cloud (gs://, s3://), and lists of
            these: @list.txt, one a line, or - for standard input; none with --real only measures the reference.
        out: folder for NAME.png (the projections), NAME.npz, attribution.json, reference.json, histogram.svg and
            report.html.
        model: a bundled name or a model folder, of a prior with styles.
        space: one w for all layers, as published, or one for each.
        num_steps: optimisation steps of the projector.
        perceptual: auto (the prior's discriminator), or a model folder with LPIPS (published), VGG-16 or a
            discriminator: for the projection and for the distance.
        real: real images that the generator was not trained on, to measure the reference: a folder, or a zip file, of
            which the images that training holds out are taken.
        number: generated and real images of the reference, each.
        reference: reference.json of an earlier run with the same settings.
        devices: devices to spread a batch over; unless given one, or on a CPU its cores.
        crop: how a picture becomes square: center, stretch, or pad with gray; those of a folder in --real likewise.
        paste: write pasted/NAME.png, too: the photograph at its own size, with the projection in its square.
    """

    inputs: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    model: str = "builtin:portraits"
    space: Literal["w", "w_plus"] = "w"
    num_steps: Steps = None
    real: Path | None = None
    number: int = 100
    reference: Path | None = None
    devices: int | None = None
    crop: Crop = "center"

    def run(self) -> int:
        """Project all inputs and write what was found."""
        check_positive(self, "num_steps", "number", "batch_size", "devices")
        self.check_range()
        if not self.inputs and self.real is None:
            raise ArgumentError("nothing to attribute: name image files, or --real to measure a reference.")
        prior, network = self.load_prior(), self.network()
        if network is None:
            raise ArgumentError(
                f"--perceptual {self.perceptual}: the distance needs a network; name a model folder with LPIPS, VGG-16 "
                "or a discriminator."
            )
        items = self._find(self.inputs) if self.inputs else []
        real = None if self.real is None else self._real_images(self.real, prior.image_shape)
        files = [*items, *(real.items if real is not None and real.read is None else ())]
        crop = self.cropper(files, self.model, self.crop, self.value_range)
        recipe = recipes.projector(self.space, num_steps=self.num_steps, perceptual=network)
        recipe.fit(prior)  # Whatever does not fit is told before anything is measured.
        used = (default(prior) if isinstance(network, str) else network).prepare()
        key, more = self._key("inputs"), {"devices": self.devices, "value_range": self.value_range}
        job = runs.Projection(prior, recipe, key, used, crop, **more)
        settings = {"label": self.label} | {n: job.settings()[n] for n in ("prior", "recipe", "distance")}
        reference = self._reference(job, settings, real)
        paster = Paster(self.out, self.crop, self.value_range) if self.paste else None
        blocks = partial(attribution_blocks, reference)
        files = with_faces(items, crop)
        outcome = self.run_files(job, files, self.out, blocks=blocks, finished=paster, **self._options())
        code = self._finish(outcome, reference, settings)
        if paster is not None:
            tell_pasted(paster, self.json)
        return 1 if paster is not None and paster.failed else code

    def _finish(self, outcome: runs.Outcome, reference: Reference, settings: dict[str, Any]) -> int:
        """Write and tell what was found; the exit code."""
        write_json(self.out / "reference.json", attribution.as_json(reference, settings))
        found = attributed(reference, outcome.recorded)  # Of all that the folder holds, as in its other files.
        source = {entry.row["name"]: entry.row["source"] for entry in outcome.recorded}
        diverged = {name: f"the projection of {source[name]} is not finite." for name in source if name not in found}
        own = [entry.row["name"] for entry in outcome.entries]
        failed = outcome.failed | {name: diverged[name] for name in own if name in diverged}
        for name in own:
            if name in diverged:
                warn(diverged[name])
        content = {
            "images": [{"image": name, **each._asdict()} for name, each in found.items()],
            "reference": {"auc": attribution.auc(reference), "number": [len(each) for each in reference]},
            "failed": outcome.run["failed"] | diverged,
            "settings": settings,
            "versions": versions(),
        }
        if outcome.is_whole:  # Of a share that others go on with it is for the last of them.
            write_json(self.out / "attribution.json", content)
            write_bytes(self.out / "histogram.svg", histogram_of(reference, found).encode())
        rows = [row for row in content["images"] if row["image"] in own]
        self._tell(content | {"images": rows, "failed": failed}, outcome)
        return 1 if failed else 0

    def _find(self, inputs: Sequence[str]) -> list[Item]:
        return runs.find_items(inputs, self.recursive, without=self.out, tell=warn)

    def _tell(self, content: dict[str, Any], outcome: runs.Outcome) -> None:
        if self.json:
            print_json(content)
            return
        for row in content["images"]:
            say(
                f"{row['image']}: distance {row['distance']:.4g}; of generated images {row['generated_beyond']:.0%} "
                f"are as far off, of real ones {row['real_within']:.0%} as near; generated with probability "
                f"{row['probability']:.2f}"
            )
        report = f" Report: {outcome.report}" if outcome.is_whole else ""
        say(f"{auc_told(content['reference']['auc'])}{report}")

    def _key(self, name: str) -> jax.Array:
        return purpose(seeded(self.seed), name)

    def _options(self) -> dict[str, Any]:
        return {"batch_size": self.batch_size, "facts": {"model": self.model}, "watch": StepBar}

    def _reference(self, job: runs.Projection, settings: dict[str, Any], real: "_Real | None") -> Reference:
        """The reference that is given, that comes with the model, or that is measured."""
        if real is not None:
            return self._measured(job, real)
        path = self.reference or zoo.resolve(self.model) / REFERENCE
        remedy = "measure one with --real ZIP_OR_FOLDER, of real images that the generator was not trained on"
        if not path.exists():
            raise ArgumentError(f"there is no reference {path}: {remedy}.")
        try:
            reference, found = attribution.from_json(read_json(path, "copy it again"), str(path))
        except GPriorError as error:
            raise ArgumentError(f"{error} Give another --reference, or {remedy}.") from error
        check_same(found, settings, f"{path} was measured", remedy)
        return reference

    def _measured(self, job: runs.Projection, real: "_Real") -> Reference:
        """Distances of generated and real images; they are projected in folders of their own."""
        items, read = runs.generated_items(job.prior, self._key("generated"), self.number)
        generated = dataclasses.replace(job, key=self._key("of generated"), read=read, crop="center")
        distances = [self._distances(generated, items, "generated")]
        others = dataclasses.replace(job, key=self._key("of real"), read=real.read)
        others = others if real.read is None else dataclasses.replace(others, crop="center")
        distances.append(self._distances(others, with_faces(real.items, others.crop), "real"))
        # As its file will hold it: whoever gives that as --reference is told the same numbers.
        return attribution.from_json(attribution.as_json(Reference(*distances), {}), str(self.real))[0]

    def _distances(self, job: runs.Projection, items: list[Item], name: str) -> np.ndarray:
        outcome = runs.run(job, items, self.out / "reference" / name, tell=warn, **self._options())
        if outcome.failed:
            raise ArgumentError(f"the reference cannot be measured: {next(iter(outcome.failed.values()))}")
        return np.array([entry.metrics["distance"] for entry in outcome.entries])

    def _real_images(self, path: Path, shape: tuple[int, ...]) -> "_Real":
        """The first images of a folder, or of those that training holds out of a zip file."""
        read = None
        if path.suffix.lower() == ".zip":
            if self.crop != "center":
                raise ArgumentError(
                    f"images of {path} are read as training reads them, at their centre: leave out --crop, or give "
                    "--real a folder."
                )
            held_out = ImageZip(path, "held_out", shape[-1], value_range=self.value_range)
            names = held_out.names[: self.number]
            items = [Item(i, Path(name), f"real_{i}", digest=held_out.digest(i)) for i, name in enumerate(names)]
            read = partial(_of_zip, held_out, shape[0])
        else:
            items = self._find([str(path)])[: self.number]
        if len(items) < 2:
            raise ArgumentError(f"--real {path} has {len(items)} images: a reference needs at least two.")
        return _Real(items, read)


class _Real(NamedTuple):
    """Real images of a reference, and what reads them; None reads their files."""

    items: list[Item]
    read: Callable[[Item], np.ndarray] | None


def _of_zip(images: ImageZip, size: int, item: Item) -> np.ndarray:
    return from_uint8(images.image(item.id, size))
