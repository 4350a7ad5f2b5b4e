"""Throughput of inversion: milliseconds for one step of one image, by the number of images in a batch."""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import inversions
import jax
import jax_loop
import numpy as np
import random_networks
from common import Report, at_least, note, number, parser, peak_bytes, print_table

from gprior_jax import recipes, zoo
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, metavar="DIR", help="model folder of the prior")
    source.add_argument("--random", type=int, metavar="RESOLUTION", help="a published PGGAN with random weights")
    inversions.add_perceptual(made, "default")
    made.add_argument("--random-vgg", action="store_true", help="VGG-16 with random weights in place of --perceptual")
    made.add_argument("--batches", type=at_least(1), nargs="+", default=[1, 2, 4, 8, 16, 32], help="images at once")
    made.add_argument("--codes", type=at_least(1), default=20)
    made.add_argument("--layer", type=at_least(0), default=6)
    made.add_argument("--preset", choices=("official", "fast"), default="fast")
    made.add_argument("--calls", type=at_least(1), default=7, help="timed calls, of which the median is taken")
    made.add_argument("--steps-per-call", type=at_least(1), default=None, help="by platform unless given")
    made.add_argument("--codes-per-call", type=at_least(1), default=None, help="all unless given")
    made.add_argument("--remat", action="store_true")
    return made.parse_args()


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe to time."""
    return recipes.mganprior(
        args.codes,
        args.layer,
        preset=args.preset,
        perceptual=random_networks.vgg() if args.random_vgg else inversions.perceptual(args.perceptual),
        codes_per_call=args.codes_per_call,
        remat=args.remat,
    )


def measure(inverter: Inverter, batch: int, calls: int) -> dict[str, Any]:
    """Seconds of the first call (with compilation), and of a step afterwards."""
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *inverter.prior.image_shape)).astype(np.float32)
    states, measurements = jax_loop.start(inverter, images)
    seconds, steps, take = [], inverter.steps_per_call, None
    for _ in range(calls + 1):
        started = time.perf_counter()
        take = take or inverter.steps(0, steps, states, measurements, images=batch)
        states, _ = jax.block_until_ready(take(states, measurements))
        seconds.append(time.perf_counter() - started)
    return {
        "images": batch,
        "first_call_seconds": seconds[0],
        "step_seconds": [value / steps for value in seconds[1:]],
        "steps_per_call": steps,
        "peak_device_bytes": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use"),
        "peak_process_bytes": peak_bytes(),
    }


def main() -> None:
    """Time every batch size; smaller ones first, as memory peaks are those of all so far."""
    args = arguments()
    args.perceptual = "random VGG-16" if args.random_vgg else args.perceptual
    prior = zoo.load(args.model) if args.model else random_networks.pggan(args.random)
    inverter = Inverter(prior, recipe_of(args), steps_per_call=args.steps_per_call)
    report = Report(f"Throughput, {prior.name}", args)
    rows, alone = [], None
    for batch in sorted(args.batches):
        try:
            result = measure(inverter, batch, args.calls)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            print(f"{batch} images do not fit into the device's memory.\n")
            break
        report.add(**result)
        step = statistics.median(result["step_seconds"])
        each = 1e3 * step / batch
        alone = alone or each
        peaks = (result["peak_device_bytes"], result["peak_process_bytes"])
        memory = [number(None if peak is None else peak / 2.0**30) for peak in peaks]
        speeds = [number(1e3 * step, 1), number(each, 2), number(1 / step * batch, 1), number(alone / each)]
        rows.append([batch, *speeds, number(result["first_call_seconds"], 1), *memory])
        note(f"{batch} images: {each:.2f} ms per image and step")
    speeds = ["ms / step", "ms / image-step", "image-steps / s", "gain over the first row"]
    print_table(["images", *speeds, "first call, s", "peak of device, GiB", "of process, GiB"], rows)


if __name__ == "__main__":
    main()
