"""Intervals of restorations: how many pixels of left-out images they cover, calibrated and not."""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from common import at_least, note, parser
from restorations import Observation, observations

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.storage.atomic import write_arrays
from gprior_jax.training.data import ImageZip

TASKS = ("colorize", "upscale, 4", "inpaint, a box", "denoise, 25", "deblur, 1.5")


class Sampled(NamedTuple):
    """Samples of a task: uint8 ``[B, K, R, R, 3]`` as files hold them, their losses ``[B, K]``, and the seconds."""

    samples: np.ndarray
    losses: np.ndarray
    seconds: float


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin", help="a prior")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images; those held out are restored")
    made.add_argument("--images", type=at_least(10), default=96, help="images to calibrate on")
    made.add_argument("--left-out", type=at_least(1), default=64, help="images to measure the coverage on")
    made.add_argument("--samples", type=at_least(2), default=4, help="of each image")
    made.add_argument("--steps", type=at_least(1), default=12, help="at most; fewer where a task takes fewer")
    made.add_argument("--level", type=float, default=0.9)
    made.add_argument("--tasks", nargs="+", default=list(TASKS), help="only those whose names begin so")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--batch-size", type=at_least(1), default=8, help="images at once")
    made.add_argument("--work", type=Path, metavar="DIR", help="keep samples there, and go on with them")
    return made.parse_args()


def held_out(path: Path, count: int, size: int, seed: int) -> np.ndarray:
    """Images ``[B, size, size, 3]`` that training leaves out, in an order that is drawn."""
    images = ImageZip(path, "held_out")
    places = jax.random.permutation(jax.random.key(seed), len(images))[:count]
    return np.stack([im.from_uint8(images.image(int(place), size)) for place in places])


def sampled(prior: Prior, name: str, observed: Observation, args: argparse.Namespace) -> Sampled:
    """Samples of all images; pixels are compared and no features, which takes less time."""
    path = None if args.work is None else args.work / f"{name.replace(', ', '_').replace(' ', '_')}.npz"
    if path is not None and path.exists():
        with np.load(path) as stored:
            return Sampled(stored["samples"], stored["losses"], float(stored["seconds"]))
    task, arrays = observed
    steps = min(args.steps, recipes.FAST_TASKS[task.name].num_steps)
    recipe = recipes.restoration(task.name, prior, perceptual=None, num_steps=steps, **task.pixels._asdict())
    started = time.perf_counter()
    options: gp.tasks.RestoreOptions = {"recipe": recipe, "samples": args.samples, "batch_size": args.batch_size}
    found = task.restore(prior, arrays, jax.random.key(args.seed), options)
    made = Sampled(im.to_uint8(found.samples), found.result.loss, time.perf_counter() - started)
    note(f"{name}: {len(made.samples)} images in {made.seconds:.0f} s")
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, made._asdict())
    return made


def main() -> None:
    """Restore, calibrate and measure."""
    args = arguments()
    prior = gp.load(args.model)
    images = held_out(args.data, args.images + args.left_out, prior.resolution, args.seed)
    for name, observed in observations(images, jax.random.key(args.seed + 1)).items():
        if name.startswith(tuple(args.tasks)):
            sampled(prior, name, observed, args)


if __name__ == "__main__":
    main()
