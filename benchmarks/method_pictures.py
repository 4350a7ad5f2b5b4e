"""The pictures of docs/methods: each method on the bundled pictures, by the bundled priors.

Made by ``python benchmarks/method_pictures.py --out docs/images/methods``.
"""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import gprior_jax as gp
from gprior_jax import geometry
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.images import arrays as im
from gprior_jax.perceptual.network import default

KEY = jax.random.key(0)
DATA = Path(str(resources.files("gprior_jax"))) / "data"
PICTURES = ("portraits/portrait_1.png", "portraits/portrait_3.png", "photographs/astronaut.jpg")
SIDE = 96
"""Of a picture in a sheet, pixels."""

Rows = list[list[np.ndarray]]


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--out", type=Path, required=True, help="folder for the sheets, NAME.jpg")
    made.add_argument("--only", nargs="*", default=[], choices=[*SHEETS], help="these sheets; all unless given")
    return made.parse_args()


@cache
def portraits() -> gp.Prior:
    """The prior of most sheets."""
    return gp.load("builtin:portraits")


def observed(names: Sequence[str] = PICTURES) -> np.ndarray:
    """Bundled pictures ``[B, 64, 64, 3]``."""
    return np.stack([gp.load_image(DATA / name, 64) for name in names])


def found(images: np.ndarray, recipe: gp.Recipe, prior: gp.Prior | None = None, **options: Any) -> gp.Result:
    """What an inversion finds."""
    return gp.invert(prior or portraits(), images, recipe, key=KEY, **options)


def columns(*each: Any) -> Rows:
    """A row for every picture, of columns ``[B, H, W, 3]``."""
    return [list(row) for row in zip(*map(np.asarray, each), strict=True)]


def fair(prior: gp.Prior) -> gp.editing.Step:
    """A deviation of the bundled direction of fair hair."""
    return gp.editing.step_for(prior, [gp.runs.load_direction(gp.runs.bundled_directions(prior.name)["fair_hair"])])


def drawn(prior: gp.Prior, styles: Any) -> np.ndarray:
    """Images of styles."""
    return np.asarray(gp.synthesize(prior, styles, space="w_plus"))


def mganprior() -> Rows:
    """The picture; 1, 5, 20 and 40 codes at layer 4, and 20 at layer 2."""
    images, builtin = observed(), gp.load("builtin")
    ways = ((1, 0), (5, 4), (20, 4), (40, 4), (20, 2))
    return columns(images, *(found(images, gp.recipes.mganprior(n, at), builtin).images for n, at in ways))


def codes() -> Rows:
    """The picture; one z, one w, a w for every layer, and features beside."""
    images = observed()
    recipes = [gp.recipes.latent(space) for space in ("z", "w", "w_plus")] + [gp.recipes.features()]
    return columns(images, *(found(images, recipe).images for recipe in recipes))


def in_domain() -> Rows:
    """The picture; of the encoder, in-domain and W+ what they draw, and with fairer hair."""
    images, prior = observed(), portraits()
    assert isinstance(prior.encoder, Encoder)
    styles = [jax.vmap(prior.encoder.encode)(jnp.asarray(images))["w_plus"]]
    styles += [
        found(images, recipe).variables["w_plus"] for recipe in (gp.recipes.in_domain(), gp.recipes.latent("w_plus"))
    ]
    step = fair(prior).vector
    return columns(images, *(drawn(prior, moved) for each in styles for moved in (each, each + 1.5 * step)))


def diffusion() -> Rows:
    """Target, context, composite, result."""
    prior = portraits()
    targets, styles = observed(PICTURES[:2]), gp.map_latents(prior, gp.sample_z(prior, KEY, 2), truncation_psi=0.7)
    contexts = drawn(prior, styles)
    top, left, height, width = gp.editing.default_box(64)
    region = np.zeros((64, 64, 1), np.float32)
    region[top : top + height, left : left + width] = 1.0
    result = gp.editing.diffuse(prior, targets, contexts, region, key=KEY)
    return columns(targets, contexts, region * targets + (1 - region) * contexts, result.images)


def projector() -> Rows:
    """An image of the prior's own and its projection; a picture that is not and its own."""
    prior = portraits()
    own = drawn(prior, gp.map_latents(prior, gp.sample_z(prior, jax.random.key(3), 3), truncation_psi=0.8))
    both = np.concatenate([own, observed()])
    projected = found(both, gp.recipes.projector()).images
    return columns(own, projected[:3], both[3:], projected[3:])


def image2stylegan() -> Rows:
    """The picture; W+ by pixels and features; and the noise maps after it."""
    images = observed()
    stages = (gp.recipes.image2stylegan(), gp.recipes.image2stylegan_pp())
    return columns(images, *(found(images, recipe).images for recipe in stages))


def pulse() -> Rows:
    """What is known, 8 px; four faces that reduce to it; what it was made of."""
    images, reduce = observed(), gp.operators.Downsample(8, "pulse")
    small = np.asarray(jax.vmap(reduce)(jnp.asarray(images)))
    options: Any = {"recipe": gp.recipes.pulse(), "filter": "pulse", "consistent": False, "samples": 4}
    found = gp.tasks.upscale(portraits(), small, key=KEY, **options)
    return columns(small, *np.asarray(found.samples).swapaxes(0, 1), images)


def pti() -> Rows:
    """The picture; its pivot; the tuned generator's image; that with fairer hair."""
    images, prior = observed(), portraits()
    pivot = found(images, dataclasses.replace(gp.recipes.pti(), then=None)).images
    result = found(images, gp.recipes.pti())
    step, edited = fair(prior).vector, []
    for i, styles in enumerate(result.variables["_w_plus"]):
        tuned = gp.recipes.tuned_prior(prior, result, i)
        edited.append(drawn(tuned, styles[None] + 1.5 * step)[0])
    return columns(images, pivot, result.images, edited)


def classes() -> Rows:
    """A cell; what the search finds, and the classes that it tried and left, the nearest first."""
    cells = gp.load("builtin:cells")
    labels = np.array([1, 5, 7])
    images = np.asarray(gp.synthesize(cells, gp.sample_z(cells, jax.random.key(5), 3), label=labels))
    recipe = gp.recipes.latent("z", perceptual=None)
    tried = gp.find_classes(cells, images, recipe, key=KEY, search=gp.ClassSearch(keep=3))
    order = np.take_along_axis(tried.candidates, np.argsort(tried.loss, axis=1), axis=1)
    print("classes", labels, "found", order[:, 0], "then", order[:, 1:].tolist())
    return columns(images, *(found(images, recipe, cells, label=order[:, i]).images for i in range(3)))


def directions(ways: Sequence[gp.editing.Found]) -> Rows:
    """Two codes from -3 to 3 deviations along two directions each."""
    prior = portraits()
    styles = np.asarray(gp.map_latents(prior, gp.sample_z(prior, jax.random.key(1), 2), truncation_psi=0.7))
    rows = []
    for way in ways:
        vector = gp.editing.step_for(prior, [way.direction]).vector
        rows += [[*drawn(prior, np.stack([code + s * vector for s in (-3, -1.5, 0, 1.5, 3)]))] for code in styles]
    return rows


def geodesics() -> Rows:
    """Between two codes: the straight line, the geodesic of pixels, that of the discriminator's features."""
    prior = portraits()
    ends = jnp.asarray(gp.map_latents(prior, gp.sample_z(prior, jax.random.key(2), 2))[:, 0])
    curves = [geometry.line(ends[0], ends[1], 8)]
    for network in (None, default(prior)):
        function = geometry.outputs(prior, "w", network=network)
        curves.append(jax.jit(lambda f, a, b: geometry.geodesic(f, a, b, num_segments=8).curve)(function, *ends))
    return [[*np.asarray(gp.synthesize(prior, curve, space="w"))] for curve in curves]


SHEETS: dict[str, Callable[[], Rows]] = {
    "mganprior": mganprior,
    "codes": codes,
    "in_domain": in_domain,
    "diffusion": diffusion,
    "projector": projector,
    "image2stylegan": image2stylegan,
    "pulse": pulse,
    "pti": pti,
    "classes": classes,
    "sefa": lambda: directions(gp.editing.sefa(portraits(), 2)),
    "geodesics": geodesics,
    "ganspace": lambda: directions(gp.editing.ganspace(portraits(), 2)),
}


def sheet(rows: Rows) -> Image.Image:
    """Pictures in rows, enlarged pixel by pixel."""
    cells = [
        np.asarray(Image.fromarray(im.to_uint8(each)).resize((SIDE, SIDE), Image.Resampling.NEAREST))
        for row in rows
        for each in row
    ]
    return Image.fromarray(im.grid(np.stack(cells), columns=len(rows[0]), pad=3))


def main() -> None:
    """Write the sheets."""
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only or SHEETS:
        sheet(SHEETS[name]()).save(args.out / f"{name}.jpg", quality=80, optimize=True)
        print(args.out / f"{name}.jpg")


if __name__ == "__main__":
    main()
