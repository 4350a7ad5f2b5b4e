"""Intervals of restorations: how many values of left-out images they cover, calibrated and not.

Images are split many times into those that calibrate and those that are left out; what is covered of the latter is told
as the mean over splits, with how much one split and one image differ.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table
from restorations import Observation, observations

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.storage.atomic import write_arrays
from gprior_jax.tasks import Interval, bounds_of, coverage
from gprior_jax.tasks.calibration import FLOOR, calibration_of, evidence, interval, spread
from gprior_jax.training.data import ImageZip
from gprior_jax.typing import Array

NORMAL = 1.645
"""Scale of the deviation alone by which 90 % would be covered, if samples were normal and the answer one of them."""

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
    made.add_argument("--splits", type=at_least(1), default=40, help="ways to choose the left-out images")
    made.add_argument("--floors", type=float, nargs="+", default=[FLOOR], help="added to deviations")
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


class Measured(NamedTuple):
    """What intervals come to: part of the values that is covered, per image; mean width, part of the range."""

    coverage: np.ndarray
    width: float


def measured(made: Sampled, truth: np.ndarray, bounds: Interval, scale: float, floor: float) -> Measured:
    """Coverage and width of the intervals of all images at a scale."""

    def one(samples: Array, counted: Array, certain: Interval) -> Interval:
        return interval(spread(samples, counted), certain, scale, floor)

    samples, counted = jnp.asarray(im.from_uint8(made.samples)), jnp.asarray(np.isfinite(made.losses))
    found = jax.tree.map(np.asarray, jax.vmap(one)(samples, counted, bounds))
    unknown = np.broadcast_to(bounds.low < bounds.high, found.low.shape)
    return Measured(coverage(found, truth, bounds), float((found.high - found.low)[unknown].mean() / 2.0))


def splits(count: int, left_out: int, number: int, seed: int) -> list[np.ndarray]:
    """For each split, which of the images calibrate, ``[count]``; the others are left out."""
    draws = np.random.default_rng(seed)
    return [draws.permutation(count) >= left_out for _ in range(number)]


def row(made: Sampled, truth: np.ndarray, bounds: Interval, floor: float, args: argparse.Namespace) -> dict[str, float]:
    """What calibration comes to over splits of the images into those that calibrate and those that are left out."""
    unknown, counted = bounds.low < bounds.high, np.isfinite(made.losses)
    each = zip(im.from_uint8(made.samples), counted, truth, unknown, strict=True)
    told = [evidence(*one, floor) for one in each]
    parts, scales, between = [], [], []
    for chosen in splits(len(truth), args.left_out, args.splits, args.seed):
        found = calibration_of([one for one, own in zip(told, chosen, strict=True) if own], args.level, floor)
        # A value lies in its interval where its score is at most the scale: what is certain does not change that.
        left_out = [one.scores for one, own in zip(told, chosen, strict=True) if not own]
        inside = [np.searchsorted(own, found.scale, side="right") / len(own) for own in left_out]
        parts.append(np.mean(inside))
        between.append(np.std(inside))
        scales.append(found.scale)
    scale = float(np.mean(scales))
    return {
        "scale": scale,
        "coverage": float(np.mean(parts)),
        "of one split": float(np.std(parts)),
        "within": float(np.mean([abs(part - args.level) <= 0.02 for part in parts])),
        "of one image": float(np.mean(between)),
        "width": measured(made, truth, bounds, scale, floor).width,
    }


def main() -> None:
    """Restore, calibrate and measure."""
    args = arguments()
    prior = gp.load(args.model)
    truth = held_out(args.data, args.images + args.left_out, prior.resolution, args.seed)
    report = Report(f"Intervals, {prior.name}, {args.images} images and {args.left_out} left out", args)
    rows = []
    for name, observed in observations(truth, jax.random.key(args.seed + 1)).items():
        if not name.startswith(tuple(args.tasks)):
            continue
        made = sampled(prior, name, observed, args)
        bounds = bounds_of(observed.task, observed.arrays)
        naive = measured(made, truth, bounds, NORMAL, 0.0)
        rows.append([name, "-", number(NORMAL, 3), _percent(naive.coverage.mean()), "-", "-", number(naive.width, 3)])
        report.add(task=name, scale=NORMAL, floor=0.0, coverage=float(naive.coverage.mean()), width=naive.width)
        for floor in args.floors:
            found = row(made, truth, bounds, floor, args)
            report.add(task=name, floor=floor, seconds=made.seconds, **found)
            spreads = [f"+- {_percent(found['of one split'])}", _percent(found["of one image"])]
            cells = [f"{floor:g}", number(found["scale"], 3), _percent(found["coverage"]), *spreads]
            rows.append([name, *cells, number(found["width"], 3)])
    print_table(["task", "floor", "scale", "covered", "of one split", "of one image", "width"], rows)


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


if __name__ == "__main__":
    main()
