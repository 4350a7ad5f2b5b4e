"""Time to the quality that the presets of commit 4011a2e had: their settings against today's, compiled before.

    python benchmarks/time_to_result.py --model builtin --images FOLDER --layer 4 --codes 20 40

The reference is Adam on codes and channel weights (or W+) with its schedule over 400 (300) steps, as ``fast`` was then.
Every way runs twice: what counts is the second time, of all steps and what is before and after them.
"""

import argparse
import dataclasses
import time
from typing import NamedTuple

import inversions
import jax
import numpy as np
import optax
from common import Report, at_least, note, number, parser, print_table

from gprior_jax import recipes
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.recipes.pulse import PULSE_OPTIMIZER, PULSE_STEPS

ADAM_OF_STYLES = SolverConfig(Optimizer(optax.adam, 0.1, schedule=LateLinear(0.6), options=(("b2", 0.95),)), 300)
"""``fast`` of W+ at 4011a2e."""


class Way(NamedTuple):
    """A way to invert.

    Attributes:
        title: in the table.
        recipe: with all its steps.
    """

    title: str
    recipe: Recipe


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    inversions.add_arguments(made)
    made.add_argument("--method", choices=("mganprior", "w_plus", "w", "pulse"), default="mganprior")
    made.add_argument("--layer", type=at_least(1), default=None)
    made.add_argument(
        "--codes", type=at_least(1), nargs="+", default=[20, 40], help="numbers of codes; first the reference's"
    )
    made.add_argument("--perceptual-weight", type=float, default=4.0, help="the reference's, of a discriminator")
    return made.parse_args()


def ways(args: argparse.Namespace) -> list[Way]:
    """The reference, and today's presets."""
    network = inversions.perceptual(args.perceptual)
    weight = None if network is None else args.perceptual_weight
    if args.method == "pulse":
        today = recipes.pulse()
        then = dataclasses.replace(today, solver=SolverConfig(PULSE_OPTIMIZER, PULSE_STEPS))
        return [Way("4011a2e: Adam, 100 steps", then), Way(f"today: L-BFGS, {today.solver.num_steps}", today)]
    if args.method != "mganprior":
        then = dataclasses.replace(
            recipes.latent(args.method, perceptual=network, perceptual_weight=weight), solver=ADAM_OF_STYLES
        )
        today = recipes.latent(args.method)
        twice = recipes.latent(args.method, num_steps=2 * today.solver.num_steps)
        named = [Way(f"today: L-BFGS, {way.solver.num_steps} steps", way) for way in (today, twice)]
        return [Way("4011a2e: Adam, 300 steps", then), *named]
    first, layer = args.codes[0], args.layer
    adam = recipes.mganprior(first, layer, free_codes=True, num_steps=400, perceptual=network, perceptual_weight=weight)
    then = Way(f"4011a2e: Adam, {first} codes", adam)
    now = [Way(f"today: {codes} codes", recipes.mganprior(codes, layer, num_steps=300)) for codes in args.codes]
    return [then, *now]


def timed(prior: Prior, images: np.ndarray, way: Way, args: argparse.Namespace) -> tuple[np.ndarray, float]:
    """The best PSNR so far by step, mean over images, and seconds of a compiled run."""
    inverter = Inverter(prior, way.recipe)
    seconds, result = 0.0, None
    for _ in range(2):
        started = time.perf_counter()
        result = inverter.invert(images, key=jax.random.key(args.seed), batch_size=args.batch_size)
        seconds = time.perf_counter() - started
    assert result is not None
    best = np.fmin.accumulate(result.history[measured(way)].astype(np.float64), axis=1)
    return 10 * np.log10(4.0 / np.maximum(best, 1e-12)).mean(axis=0), seconds


def measured(way: Way) -> str:
    """The term that tells the mean squared error."""
    return way.recipe.terms[0].name


def main() -> None:
    """Run every way."""
    args = arguments()
    prior, images = inversions.load(args)
    report, rows = Report(f"Time to a result, {prior.name}, {len(images)} images", args), []
    wanted, allowed = 0.0, 0.0
    for index, way in enumerate(ways(args)):
        curve, seconds = timed(prior, images, way, args)
        if index == 0:
            wanted, allowed = curve[-1], seconds
        each = seconds / len(curve)
        needed = int(np.argmax(curve >= wanted - 1e-9)) + 1 if curve[-1] >= wanted - 1e-9 else None
        within = curve[min(int(allowed / each), len(curve)) - 1]
        part = (needed or np.nan) * each / allowed
        steps = "-" if needed is None else str(needed)
        told = [number(each * 1000, 1), number(curve[-1]), steps, number(part, 3), number(within)]
        rows.append([way.title, str(len(curve)), *told])
        report.add(
            way=way.title, ms_per_step=1000 * each, psnr=curve[-1], steps_needed=needed, part=part, within=within
        )
        note("  ".join(rows[-1]))
    headers = [
        "way",
        "steps",
        "ms a step",
        "PSNR, dB",
        "steps to the reference's",
        "part of its time",
        "PSNR in its time",
    ]
    print_table(headers, rows, f"{len(images)} images; the last column within at most these steps")


if __name__ == "__main__":
    main()
