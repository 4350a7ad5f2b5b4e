"""What half the precision costs in quality, and what several steps in one call cost in time, a method a row.

Quality: images left out of training, inverted with the generator in float32, in bfloat16, and in bfloat16 with what was
found drawn once more in float32, by mean PSNR. Time: a step of a batch
by the number of steps in one XLA call, in turns.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import embeddings
import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.editing.points import render
from gprior_jax.generators.prior import Prior, astype
from gprior_jax.images.arrays import psnr_of
from gprior_jax.inversion.devices import use_cores
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe

DTYPES = ("float32", "bfloat16")


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images; those held out are inverted")
    made.add_argument("--limit", type=at_least(1), default=16, help="take only the first images")
    made.add_argument("--methods", nargs="+", default=None, help="only those whose names begin so")
    made.add_argument("--lengths", type=at_least(1), nargs="*", default=[1, 5, 25], help="steps in one call")
    made.add_argument("--rounds", type=at_least(1), default=4, help="turns of each number of steps")
    made.add_argument("--images", type=at_least(1), default=8, help="images at once, where times are measured")
    return made.parse_args()


def methods() -> dict[str, tuple[str, Recipe]]:
    """Presets, and the bundled priors that they run on."""
    return {
        "20 codes": ("builtin", recipes.mganprior(20, 4)),
        "20 codes that move": ("builtin", recipes.mganprior(20, 4, free_codes=True)),
        "W": ("builtin:portraits", recipes.latent("w")),
        "W+": ("builtin:portraits", recipes.latent("w_plus")),
        "projector": ("builtin:portraits", recipes.projector()),
        "PULSE": ("builtin:portraits", recipes.pulse()),
    }


def psnr(images: np.ndarray, wanted: np.ndarray) -> float:
    """Mean over images, dB."""
    errors = np.square(np.clip(images, -1, 1) - wanted).mean(axis=(1, 2, 3))
    return float(np.mean(psnr_of(errors)))


def quality(prior: Prior, recipe: Recipe, images: np.ndarray) -> dict[str, float]:
    """Mean PSNR by dtype, and of bfloat16's codes in float32."""
    options: dict[str, Any] = {"key": jax.random.key(0), "batch_size": 8, "devices": jax.local_device_count()}
    single, half = (gp.invert(astype(prior, dtype), images, recipe, **options) for dtype in DTYPES)
    found = {dtype: psnr(result.images, images) for dtype, result in zip(DTYPES, (single, half), strict=True)}
    again = render(prior, half.variables, recipe.fit(prior).stages[-1].parametrization)
    return found | {"bfloat16, drawn in float32": psnr(again, images)}


def times(prior: Prior, recipe: Recipe, images: np.ndarray, args: argparse.Namespace) -> dict[int, float]:
    """Median seconds of a step by the number of steps in a call."""
    made: dict[int, Any] = {}
    for length in args.lengths:
        inverter = Inverter(prior, recipe, steps_per_call=length)
        started = inverter.start(0, jax.random.key(0), inverter.inputs(images), 1)
        made[length] = [inverter.steps(0, length, *started, images=len(images)), started, []]
    for turn in range(args.rounds + 1):
        for length, each in made.items():
            take, (states, measurements), seconds = each
            begun = time.perf_counter()
            states, _ = jax.block_until_ready(take(states, measurements))
            each[1] = states, measurements
            if turn:  # The first compiles.
                seconds.append((time.perf_counter() - begun) / length)
    return {length: statistics.median(seconds) for length, (_, _, seconds) in made.items()}


def main() -> None:
    """Measure every method."""
    args = arguments()
    use_cores()
    report, rows = Report("Precision and steps per call", args), []
    chosen = tuple(args.methods or ("",))
    for name, (model, recipe) in methods().items():
        if not name.startswith(chosen):
            continue
        prior = gp.load(model)
        images = embeddings.held_out(args.data, args.limit, prior.resolution)
        found = quality(prior, recipe, images)
        taken = times(prior, recipe, images[: args.images], args) if args.lengths else {}
        report.add(method=name, model=model, psnr=found, step_seconds=taken)
        rows.append([name, *map(number, found.values()), *(f"{1e3 * each:.0f}" for each in taken.values())])
        note(" | ".join(map(str, rows[-1])))
    print_table(["method", *DTYPES, "bfloat16, drawn in float32", *(f"{n} a call, ms" for n in args.lengths)], rows)


if __name__ == "__main__":
    main()
