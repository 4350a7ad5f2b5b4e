"""Embedding real images into a style-based prior: Z, W, W+, several codes and the published methods, side by side."""

import argparse
import time
from pathlib import Path

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.inversion.devices import use_cores
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.metrics.attribution import feature_distances
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.perceptual import network
from gprior_jax.training.data import ImageZip


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin:portraits", help="a style-based prior")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images; those held out are embedded")
    made.add_argument("--limit", type=at_least(1), default=32, help="take only the first images")
    made.add_argument("--steps", type=at_least(1), default=300)
    made.add_argument("--codes", type=at_least(1), default=20)
    made.add_argument("--layer", type=at_least(1), default=4, help="where the codes are composed")
    made.add_argument("--methods", nargs="+", default=None, help="only those whose names begin so")
    made.add_argument("--judge", default="builtin", help="prior whose discriminator measures the distance")
    made.add_argument("--batch-size", type=at_least(1), default=16, help="images at once")
    return made.parse_args()


def methods(args: argparse.Namespace) -> dict[str, Recipe]:
    """Every method with the same number of steps; those of two stages have their own."""
    steps, codes, layer = args.steps, args.codes, args.layer
    several = {"num_steps": steps}
    made = {
        "z": recipes.latent("z", num_steps=steps),
        "w": recipes.latent("w", num_steps=steps),
        "w_plus": recipes.latent("w_plus", num_steps=steps),
        "projector w": recipes.projector("w", num_steps=steps),
        "projector w_plus": recipes.projector("w_plus", num_steps=steps),
        "image2stylegan": recipes.image2stylegan(num_steps=steps),
        f"{codes} codes, layer {layer}, mean styles": recipes.mganprior(codes, layer, **several),
        f"{codes} codes, layer {layer}, free styles": recipes.mganprior(codes, layer, later_styles="free", **several),
        "image2stylegan_pp (two stages)": recipes.image2stylegan_pp(),
        "pti (two stages)": recipes.pti(),
    }
    chosen = tuple(args.methods or ("",))
    return {name: recipe for name, recipe in made.items() if name.startswith(chosen)}


def held_out(path: Path, limit: int, size: int) -> np.ndarray:
    """The first images ``[B, size, size, 3]`` that training leaves out."""
    images = ImageZip(path, "held_out")
    return np.stack([np.asarray(im.from_uint8(images.image(i, size))) for i in range(min(limit, len(images)))])


def main() -> None:
    """Run all methods on all images."""
    args = arguments()
    use_cores()
    prior = gp.load(args.model)
    images = held_out(args.data, args.limit, prior.resolution)
    report = Report(f"Embeddings, {prior.name}, {len(images)} images", args)
    judge = network.default(gp.load(args.judge)).prepare()
    rows = [measure(name, recipe, prior, images, judge, report, args) for name, recipe in methods(args).items()]
    headers = ["method", "PSNR, dB", "median", "SSIM", "distance", "seconds, with compilation"]
    print_table(headers, rows)


def measure(
    name: str,
    recipe: Recipe,
    prior: Prior,
    images: np.ndarray,
    judge: network.PerceptualNetwork,
    report: Report,
    args: argparse.Namespace,
) -> list[str]:
    """One row of the table."""
    started = time.perf_counter()
    devices = jax.local_device_count()
    result = gp.invert(prior, images, recipe, key=jax.random.key(0), batch_size=args.batch_size, devices=devices)
    seconds = time.perf_counter() - started
    found = fidelity(np.clip(result.images, -1, 1), images)
    distances = feature_distances(judge, result.images, images)
    found = {key: np.asarray(found[key], np.float64) for key in ("psnr", "ssim")} | {"distance": np.asarray(distances)}
    report.add(method=name, seconds=seconds, **{key: values.tolist() for key, values in found.items()})
    note(f"{name}: {found['psnr'].mean():.2f} dB in {seconds:.0f} s")
    means = {key: float(values.mean()) for key, values in found.items()}
    shown = [number(means["psnr"]), number(float(np.median(found["psnr"]))), f"{means['ssim']:.3f}"]
    return [name, *shown, f"{means['distance']:.4f}", f"{seconds:.0f}"]


if __name__ == "__main__":
    main()
