"""The experiments of the mGANprior paper (Gu, Shen and Zhou 2020, arXiv:1912.07116), with any prior and any images."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.experiments import baselines, tables
from benchmarks.experiments.tables import Row
from gprior_jax import metrics, operators, recipes, runs, tasks
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.inversion.classes import ClassSearch
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.runs import Item, Record
from gprior_jax.runs.measurements import Plain
from gprior_jax.summary import fingerprint
from gprior_jax.tasks import Arrays, Task
from gprior_jax.typing import Array, Progress

CODES = (1, 2, 5, 10, 20, 40)
FACTORS = (4, 8)
MISSING = 0.8
SIGMA = 25.0
"""Grey levels."""

BOX_PART = 4
"""The hole has a side of a quarter of the image's."""

UNTRAINED_STEPS = {"inpaint": 300, "denoise": 400}
"""Adam's, of the deep image prior: they follow no recipe, whose steps are of another kind."""


@dataclasses.dataclass(frozen=True)
class Lab:
    """What the experiments share.

    Attributes:
        prior: the generator under test; it has a discriminator, whose features measure distance.
        images: ``[B, R, R, 3]`` in [-1, 1], kept out of its training.
        names: of the images.
        out: folder for CSV files, pictures and the runs (``runs/``).
        steps: of every inversion; None takes the recipes' own.
        samples: solutions per image where their mean is reported.
        seed: of the runs, the masks and the noise.
        foreign: images of another domain, ``[B, R, R, 3]``; None leaves out what needs them.
        other: a prior of that domain.
        batch_size: images at once.
        progress: makes a progress callback for a run of this title.
    """

    prior: Prior
    images: np.ndarray
    names: list[str]
    out: Path
    steps: int | None = None
    samples: int = 4
    seed: int = 0
    foreign: np.ndarray | None = None
    other: Prior | None = None
    batch_size: int | None = None
    devices: int | None = None
    progress: Callable[[str], Progress | None] = lambda title: None

    @property
    def key(self) -> Array:
        """The runs' key."""
        return jax.random.key(self.seed)

    def invert(self, title: str, recipe: Recipe, images: np.ndarray | None = None, prior: Prior | None = None) -> Any:
        """Invert, clipped to [-1, 1]: ``[B, R, R, 3]``; with classes, the class of every image is searched for."""
        given = Given({"observed": self.images if images is None else images})
        prior = self.prior if prior is None else prior
        classes: dict[str, Any] = {"labels": True, "search": ClassSearch()} if prior.num_classes else {}
        job = runs.Inversion(prior, recipe, self.key, read=lambda item: given.observed(item)["observed"], **classes)
        return np.clip([record.image for record in self._run(title, job, given, self.batch_size)], -1.0, 1.0)

    def restore(self, title: str, task: Task, recipe: Recipe, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        """Restore what was observed: the best solution of every image under ``"codes"``, and the mean of all."""
        records = self._restored(title, task, recipe, arrays, self.samples, self.batch_size)
        found = {"codes": np.stack([record.image for record in records])}
        if self.samples > 1:
            mean = im.from_uint8(np.stack([record.pictures["mean"] for record in records]))
            found[f"codes, mean of {self.samples}"] = mean
        return found

    def restore_untrained(self, title: str, task: Task, num_steps: int, **arrays: np.ndarray) -> np.ndarray:
        """The same by a deep image prior, with the floor that the task sets."""
        recipe = baselines.deep_image_prior(Pixel(floor=float(task.pixels.floor)), num_steps)
        # Images whose networks have weights of their own would be grouped convolutions together: one by one.
        return np.stack([record.image for record in self._restored(title, task, recipe, arrays, 1, 1)])

    def _restored(
        self, title: str, task: Task, recipe: Recipe, arrays: Arrays, samples: int, batch_size: int | None
    ) -> list[Record]:
        given = Given(arrays)
        job = runs.Restoring(self.prior, recipe, self.key, task, given, samples=samples)
        return self._run(title, job, given, batch_size)

    def _run(self, title: str, job: runs.Job, given: "Given", batch_size: int | None) -> list[Record]:
        """Records of all images, in a folder of their own: an interrupted run goes on image by image."""
        items, folder = given.items(), self.out / "runs" / title
        runs.run(job, items, folder, batch_size=batch_size or len(items), watch=lambda _: self.progress(title))
        return [runs.read_record(folder / f"{item.name}.npz") for item in items]

    def recipe(self, task: recipes.Task, **changes: Any) -> Recipe:
        """The fast recipe of a task."""
        return recipes.restoration(task, self.prior, num_steps=self.steps, **changes)

    def measure(self, images: np.ndarray, **settings: Any) -> list[Row]:
        """Rows of one setting."""
        return tables.figures_of(compare(self.prior, images, self.images), self.names, **settings)

    def picture(self, name: str, columns: list[np.ndarray], shown: int = 6) -> None:
        """Write a sheet with a row for each of the first images."""
        cells = np.stack([im.to_uint8(_sized(c[:shown], self.prior.resolution)) for c in columns], axis=1)
        save_image(self.out / f"{name}.png", im.grid(cells.reshape(-1, *cells.shape[2:]), len(columns), pad=2))


@dataclasses.dataclass(frozen=True)
class Given(Plain):
    """Measurements in memory as the inputs of a run; a :class:`gprior_jax.runs.measurements.Reader`.

    Attributes:
        arrays: what was observed of the images, ``[B, ...]`` by name.
    """

    arrays: Arrays

    def items(self) -> list[Item]:
        """One item for each image, known again by its content."""
        items = [Item(i, Path(f"image_{i}"), f"image_{i}") for i in range(len(self.arrays["observed"]))]
        return [item._replace(digest=fingerprint(self.observed(item))) for item in items]

    def observed(self, item: Item) -> Arrays:
        """What was observed of one."""
        return {name: np.asarray(rows[item.id]) for name, rows in self.arrays.items()}


def _sized(images: np.ndarray, size: int) -> np.ndarray:
    """Small images enlarged without smoothing, to be seen as they are."""
    factor = size // images.shape[1]
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def compare(prior: Prior, images: np.ndarray, references: np.ndarray) -> dict[str, np.ndarray]:
    """PSNR (dB), SSIM and distance of discriminator features of ``[B, R, R, 3]``, each ``[B]``; rounded to 8 bits."""
    rounded = im.from_uint8(im.to_uint8(images))
    term = Perceptual("default").fit(prior)
    return fidelity(images, references) | {"distance": np.asarray(_distance(term, rounded, references))}


@jax.jit
def _distance(term: Perceptual, images: Array, references: Array) -> Array:
    return jax.vmap(term.between)(images, references)


def _fitted(images: np.ndarray, size: int) -> np.ndarray:
    """Images at another side."""
    return (
        images
        if images.shape[1] == size
        else np.asarray(jax.vmap(lambda x: im.resize(x, (size, size), "area"))(images))
    )


def inversion(lab: Lab) -> list[Row]:
    """One code, the best of several random starts of one code, and 20 codes."""
    multi = recipes.mganprior(20, num_steps=lab.steps, start="random")
    single = recipes.mganprior(1, 0, num_steps=lab.steps)
    methods = {"one code": single, "one code, best of 5 starts": dataclasses.replace(single, restarts=5)}
    found = {name: lab.invert(name, recipe) for name, recipe in (methods | {"20 codes": multi}).items()}
    lab.picture("inversion", [lab.images, *found.values()])
    return [row for name, images in found.items() for row in lab.measure(images, method=name)]


def codes(lab: Lab) -> list[Row]:
    """The number of codes at one layer."""
    rows: list[Row] = []
    for count in CODES:
        recipe = recipes.mganprior(count, num_steps=lab.steps, start="random")
        rows += lab.measure(lab.invert(f"{count} codes", recipe), codes=count)
    return rows


def layers(lab: Lab) -> list[Row]:
    """The composing layer, with ten codes."""
    rows: list[Row] = []
    for layer in range(1, lab.prior.num_layers):
        recipe = recipes.mganprior(10, layer, num_steps=lab.steps)
        rows += lab.measure(lab.invert(f"layer {layer}", recipe), layer=layer)
    return rows


def colorize(lab: Lab) -> list[Row]:
    """Colours from gray, against leaving it gray."""
    gray = np.asarray(jax.vmap(operators.Luma())(jnp.asarray(lab.images)))
    found = lab.restore("colorize", tasks.COLORIZE, lab.recipe("colorize"), observed=gray) | {"gray": gray}
    lab.picture("colorize", [gray, *found.values(), lab.images])
    rows: list[Row] = []
    for name, images in found.items():
        auc = jax.vmap(metrics.colorization_auc)(im.to_unit(images), im.to_unit(lab.images))
        rows += [row | {"auc": float(value)} for row, value in zip(lab.measure(images, method=name), auc, strict=True)]
    return rows


def upscale(lab: Lab) -> list[Row]:
    """Enlarging, against bicubic interpolation."""
    rows: list[Row] = []
    for factor in FACTORS:
        reduced = jax.vmap(operators.Downsample(factor, "bicubic"))(jnp.asarray(lab.images))
        small = im.from_uint8(im.to_uint8(reduced))
        task = tasks.upscaling(factor, "bicubic")
        found = lab.restore(f"upscale x{factor}", task, lab.recipe("upscale"), observed=small)
        found["bicubic"] = baselines.bicubic_enlarged(small, factor)
        lab.picture(f"upscale_{factor}", [small, *found.values(), lab.images])
        for name, images in found.items():
            rows += lab.measure(images, factor=factor, method=name)
    return rows


def inpaint(lab: Lab) -> list[Row]:
    """A box in the centre and random pixels, against the mean colour and a deep image prior."""
    size = lab.prior.resolution
    keys = jax.random.split(jax.random.key(lab.seed + 1), len(lab.images))
    box = operators.box_mask(size, size // BOX_PART)
    masks = {
        "box": np.broadcast_to(box, (len(lab.images), size, size, 1)),
        "random": np.asarray(jax.vmap(lambda key: operators.random_mask(key, size, MISSING))(keys)),
    }
    rows: list[Row] = []
    for kind, known in masks.items():
        task, title, arrays = tasks.inpainting(), f"inpaint {kind}", {"observed": lab.images * known, "known": known}
        found = lab.restore(title, task, lab.recipe("inpaint"), **arrays)
        found["mean colour"] = baselines.mean_filled(lab.images, known)
        steps = _untrained_steps(lab, "inpaint")
        found["deep image prior"] = lab.restore_untrained(f"{title}, deep image prior", task, steps, **arrays)
        lab.picture(f"inpaint_{kind}", [lab.images * known, *found.values(), lab.images])
        for name, images in found.items():
            rows += lab.measure(images, mask=kind, method=name)
    return rows


def denoise(lab: Lab) -> list[Row]:
    """Gaussian noise, against a median filter and a deep image prior."""
    keys = jax.random.split(jax.random.key(lab.seed + 2), len(lab.images))
    noisy = im.from_uint8(im.to_uint8(jax.vmap(operators.GaussianNoise(SIGMA))(keys, jnp.asarray(lab.images))))
    task = tasks.denoising("gaussian", SIGMA)
    found = lab.restore("denoise", task, lab.recipe("denoise", **task.pixels._asdict()), observed=noisy)
    found["median filter"] = baselines.median_filtered(noisy, 3)
    steps = _untrained_steps(lab, "denoise")
    found["deep image prior"] = lab.restore_untrained("denoise, deep image prior", task, steps, observed=noisy)
    found["noisy"] = noisy
    lab.picture("denoise", [noisy, *list(found.values())[:-1], lab.images])
    return [row for name, images in found.items() for row in lab.measure(images, method=name)]


def domains(lab: Lab) -> list[Row]:
    """Images of the prior's domain and of another, per composing layer; and the other prior, where there is one.

    Each prior inverts both sets at its own resolution, so that its figures compare with each other.
    """
    sets = {"own": lab.images}
    if lab.foreign is not None:
        sets["foreign"] = lab.foreign
    priors = {"own": lab.prior} | ({} if lab.other is None else {"foreign": lab.other})
    rows: list[Row] = []
    for prior_name, prior in priors.items():
        for layer in range(2, prior.num_layers, 2):
            recipe = recipes.mganprior(10, layer, num_steps=lab.steps, perceptual=None)
            for name, images in sets.items():
                fitted = _fitted(images, prior.resolution)
                found = lab.invert(f"{prior_name} prior, {name} images, layer {layer}", recipe, fitted, prior)
                measured = fidelity(found, fitted)
                names = [f"{name} {i}" for i in range(len(images))]
                rows += tables.figures_of(measured, names, prior=prior_name, images=name, layer=layer)
    return rows


def _untrained_steps(lab: Lab, task: recipes.Task) -> int:
    """Its own number, and twice the steps of everything else where those are given."""
    return UNTRAINED_STEPS[task] if lab.steps is None else 2 * lab.steps


PARTS: dict[str, tuple[Callable[[Lab], list[Row]], tuple[str, ...]]] = {
    "inversion": (inversion, ("method",)),
    "codes": (codes, ("codes",)),
    "layers": (layers, ("layer",)),
    "colorize": (colorize, ("method",)),
    "upscale": (upscale, ("factor", "method")),
    "inpaint": (inpaint, ("mask", "method")),
    "denoise": (denoise, ("method",)),
    "domains": (domains, ("prior", "images", "layer")),
}
"""Every experiment: what runs it, and the columns of its settings. It writes ``NAME.csv``."""
