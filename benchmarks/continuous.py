"""Images of mixed difficulty: places that are filled again against batches that wait for their last image.

    python benchmarks/continuous.py --images 1000 --data portraits128.zip --codes 5 --goal 26

A part of the images the prior has drawn itself, and explains soon; the others are photographs. Both contenders end an
image at the same goal, and give the same images, up to the order of sums: what differs is who waits for whom. They take
turns, a share of the images each. What the first of either compiles is not counted.
"""

import argparse
import statistics
import time
from pathlib import Path

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax.images.arrays import from_uint8
from gprior_jax.inversion.batching import batches
from gprior_jax.inversion.devices import cores, use_cores
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.training.data import ImageZip


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="photographs")
    made.add_argument("--images", type=at_least(8), default=1000)
    made.add_argument("--drawn", type=float, default=0.75, help="part that the prior has drawn")
    made.add_argument("--codes", type=at_least(1), default=5)
    made.add_argument("--layer", type=at_least(0), default=4)
    made.add_argument("--goal", type=float, default=26.0, help="decibels")
    made.add_argument("--steps", type=at_least(1), default=100, help="at most")
    made.add_argument("--batch-size", type=at_least(1), default=8, help="images at once, of both")
    made.add_argument("--turns", type=at_least(1), default=4)
    return made.parse_args()


def mixed(args: argparse.Namespace, prior: gp.Prior) -> np.ndarray:
    """All images ``[N, R, R, C]``, in an order of chance."""
    drawn = round(args.drawn * args.images)
    keys = jax.random.split(jax.random.key(1), -(-drawn // 50))
    own = [np.asarray(gp.synthesize(prior, gp.sample_z(prior, key, 50))) for key in keys]
    held_out = ImageZip(args.data, "held_out")
    if len(held_out) < args.images - drawn:
        raise SystemExit(f"{args.data} holds {len(held_out)} photographs kept out of training: give more to --drawn.")
    photographs = [from_uint8(held_out.image(i, prior.resolution)) for i in range(args.images - drawn)]
    every = np.concatenate([*own])[:drawn]
    every = np.concatenate([every, np.stack(photographs)]) if photographs else every
    return np.clip(every[np.random.default_rng(0).permutation(len(every))], -1, 1)


def fixed(inverter: Inverter, images: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """Losses by batches, each as long as its last image."""
    found = []
    for rows, own in batches(len(images), size):
        result = inverter.invert(images[rows], key=jax.random.key(0), ids=ids[rows])
        found.append(result.loss[:own])
    return np.concatenate(found)


def continuous(inverter: Inverter, images: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """Losses by places that are filled again."""
    entries = (Entry(i, int(ids[i]), images[i]) for i in range(len(images)))
    found = {tag: result.loss for tag, result in stream(inverter, entries, key=jax.random.key(0), slots=size)}
    return np.array([found[i] for i in range(len(images))])


def main() -> None:
    """See the module."""
    args = arguments()
    use_cores()
    report = Report("Continuous batching", args)
    prior = gp.load(args.model)
    recipe = gp.recipes.mganprior(num_codes=args.codes, layer=args.layer, num_steps=args.steps).until(args.goal)
    images = mixed(args, prior)
    inverter = Inverter(prior, recipe, devices=min(cores(), args.batch_size))
    contenders = {"batches": fixed, "places": continuous}
    for run in contenders.values():
        run(inverter, images[: args.batch_size], np.arange(args.batch_size), args.batch_size)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    losses: dict[str, list[np.ndarray]] = {name: [] for name in contenders}
    for share in np.array_split(np.arange(len(images)), args.turns):
        for name, run in contenders.items():
            started = time.perf_counter()
            losses[name].append(run(inverter, images[share], share, args.batch_size))
            seconds[name].append(time.perf_counter() - started)
            note(f"{name}: {len(share)} images in {seconds[name][-1]:.1f} s")
    rows = []
    for name in contenders:
        every = np.concatenate(losses[name])
        total = sum(seconds[name])
        report.add(what=name, seconds=seconds[name], loss=float(every.mean()))
        rows.append([name, number(total, 1), number(len(images) / total), number(float(every.mean()), 5)])
    ratios = [a / b for a, b in zip(seconds["batches"], seconds["places"], strict=True)]
    print_table(["", "seconds", "images a second", "mean loss"], rows)
    print(f"\nplaces against batches: {statistics.median(ratios):.2f} times the images a second (median of the turns)")


if __name__ == "__main__":
    main()
