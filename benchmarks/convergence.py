"""Convergence of the official and the fast preset: best PSNR so far by step, on the same prior, images, layer and N.

The fast preset's schedule depends on its number of steps, so each length of ``--fast-steps`` is a run of its own.
"""

import argparse

import inversions
import numpy as np
from common import Report, at_least, note, number, parser, print_table

from gprior_jax import recipes
from gprior_jax.generators.prior import Prior
from gprior_jax.recipes.common import OFFICIAL_STEPS
from gprior_jax.recipes.mganprior import FAST_STEPS

STEPS = (10, 25, 50, 100, 200, 400, 600, 1000, 1500, 2000, 3000)


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    inversions.add_arguments(made)
    made.add_argument("--codes", type=at_least(1), default=20)
    made.add_argument("--layer", type=at_least(0), default=3)
    made.add_argument("--official-steps", type=at_least(1), default=OFFICIAL_STEPS)
    made.add_argument("--fast-steps", type=at_least(1), nargs="+", default=[FAST_STEPS])
    return made.parse_args()


def measure(
    args: argparse.Namespace, report: Report, prior: Prior, images: np.ndarray
) -> dict[str, inversions.Outcome]:
    """Run every preset; the official one is first."""
    network = inversions.perceptual(args.perceptual)
    runs: dict[recipes.Preset, list[int]] = {"official": [args.official_steps], "fast": args.fast_steps}
    planned: list[tuple[recipes.Preset, int]] = [
        (preset, steps) for preset, lengths in runs.items() for steps in lengths
    ]
    outcomes = {}
    for preset, steps in planned:
        options = {"preset": preset, "num_steps": steps, "perceptual": network, "start": "random"}
        recipe = recipes.mganprior(args.codes, args.layer, **options)
        outcome = outcomes[f"{preset}, {steps} steps"] = inversions.run(prior, images, recipe, args)
        report.add(
            preset=preset,
            steps=steps,
            psnr=outcome.psnr,
            curve_mean=outcome.curve.mean(axis=0),
            seconds=outcome.seconds,
            nonfinite=outcome.nonfinite,
        )
        note(f"{preset}, {steps} steps: {np.mean(outcome.psnr):.2f} dB in {outcome.seconds:.0f} s")
    return outcomes


def steps_to_reach(curve: np.ndarray, target: float) -> int | None:
    """First step at which a mean curve ``[T]`` is at ``target`` dB; None if it never is."""
    reached = np.flatnonzero(curve >= target)
    return int(reached[0]) + 1 if len(reached) else None


def main() -> None:
    """Run both presets and print their curves."""
    args = arguments()
    prior, images = inversions.load(args)
    report = Report(f"Convergence, {prior.name}, {len(images)} images", args)
    outcomes = measure(args, report, prior, images)
    lengths = {outcome.curve.shape[1] for outcome in outcomes.values()}
    steps = sorted(lengths | {step for step in STEPS if step < max(lengths)})
    rows = [[step, *(number(outcome.at(step)) for outcome in outcomes.values())] for step in steps]
    rows.append(["returned image, clipped", *(number(float(np.mean(o.psnr))) for o in outcomes.values())])
    print_table(["step", *outcomes], rows, "Mean PSNR of the best iterate so far, dB")

    (_, official), *others = outcomes.items()
    target = official.at(official.curve.shape[1])
    for name, outcome in others:
        step = steps_to_reach(outcome.curve.mean(axis=0), target)
        report.add(run=name, official_final=target, steps_to_official=step)
        told = f"at step {step}" if step else "never"
        print(f"'{name}' reaches the official preset's final {target:.2f} dB {told}.")


if __name__ == "__main__":
    main()
