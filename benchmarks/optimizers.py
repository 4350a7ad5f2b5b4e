"""A small grid of optimiser settings for codes that move, and codes that stay, on the same prior, images and layer."""

import argparse
import dataclasses
from typing import Any

import inversions
import numpy as np
import optax
from common import Report, at_least, note, number, parser, print_table

from gprior_jax import recipes
from gprior_jax.inversion import schedules
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.recipes.common import OFFICIAL_OPTIMIZER
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER, FREE_STEPS
from gprior_jax.summary import summarise

VARIANTS: dict[str, Optimizer] = {
    "adam": Optimizer(optax.adam, 0.05),
    "adam-beta2-0.99": Optimizer(optax.adam, 0.05, options=(("b2", 0.99),)),
    "fast": FREE_OPTIMIZER,
    "fast-codes-0.15": dataclasses.replace(FREE_OPTIMIZER, rates=(("codes", 0.15), ("alpha", 0.03))),
    "fast-cosine": dataclasses.replace(FREE_OPTIMIZER, schedule=schedules.cosine),
    "fast-betas-0.95": dataclasses.replace(FREE_OPTIMIZER, options=(("b1", 0.95), ("b2", 0.95))),
    "sgd-official": OFFICIAL_OPTIMIZER,
}
"""Only ``sgd-official`` divides by N a second time, as the published code does: its rate means nothing without."""

STILL = "channel-weights"
"""The ``fast`` preset as it is: codes as drawn, their weights by conjugate gradients."""

EARLY = (50, 100, 200)


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    inversions.add_arguments(made)
    made.add_argument("--codes", type=at_least(1), default=20)
    made.add_argument("--layer", type=at_least(0), default=3)
    made.add_argument("--steps", type=at_least(1), default=FREE_STEPS)
    made.add_argument("--variants", nargs="+", choices=(*VARIANTS, STILL), default=[*VARIANTS, STILL])
    return made.parse_args()


def recipe_of(name: str, args: argparse.Namespace, network: inversions.PerceptualChoice) -> Recipe:
    """The mGANprior recipe with one of the settings."""
    if name == STILL:
        return recipes.mganprior(args.codes, args.layer, num_steps=args.steps, perceptual=network, start="random")
    preset = "official" if VARIANTS[name] is OFFICIAL_OPTIMIZER else "fast"
    settings: dict[str, Any] = {"preset": preset, "num_steps": args.steps, "free_codes": True, "perceptual": network}
    recipe = recipes.mganprior(args.codes, args.layer, **settings)
    solver = dataclasses.replace(recipe.solver, optimizer=VARIANTS[name])
    return dataclasses.replace(recipe, name=name, solver=solver)


def main() -> None:
    """Run the grid."""
    args = arguments()
    prior, images = inversions.load(args)
    report = Report(f"Optimisers, {prior.name}, {len(images)} images", args)
    network, rows = inversions.perceptual(args.perceptual), []
    early = [step for step in EARLY if step < args.steps]
    for name in args.variants:
        outcome = inversions.run(prior, images, recipe_of(name, args, network), args)
        final = float(np.mean(outcome.psnr))
        rows.append(
            [name, *(number(outcome.at(s)) for s in early), number(final), number(float(np.median(outcome.psnr)))]
        )
        report.add(
            variant=name,
            optimizer=summarise(VARIANTS[name]) if name in VARIANTS else None,
            psnr_mean=final,
            psnr_at={step: outcome.at(step) for step in early},
            psnr=outcome.psnr,
            curve_mean=outcome.curve.mean(axis=0),
            seconds=outcome.seconds,
            nonfinite=outcome.nonfinite,
        )
        note(f"{name}: {final:.2f} dB in {outcome.seconds:.0f} s")
    headers = ["optimiser", *(f"at {step}" for step in early), f"final ({args.steps})", "final, median"]
    print_table(headers, rows, "Mean PSNR, dB (early: best iterate so far; final: returned image, clipped)")


if __name__ == "__main__":
    main()
