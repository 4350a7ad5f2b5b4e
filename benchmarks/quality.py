"""Quality of mGANprior inversion: PSNR of every number of codes composed at every layer, on real images.

Column Z is the plain inversion of one code without channel weights.
"""

import argparse

import inversions
import numpy as np
from common import Report, at_least, note, number, parser, print_table

from gprior_jax import recipes
from gprior_jax.generators.prior import Prior

Cells = dict[tuple[int, int], inversions.Outcome]
"""By (number of codes, layer); layer 0 is the plain code."""


def arguments() -> tuple[argparse.Namespace, argparse.ArgumentParser]:
    """The program's arguments, and their parser."""
    made = parser(__doc__)
    inversions.add_arguments(made)
    made.add_argument("--codes", type=at_least(1), nargs="+", default=[1, 5, 10, 20, 30], help="numbers of codes")
    made.add_argument("--layers", type=at_least(1), nargs="+", default=None, help="composing layers; all unless given")
    made.add_argument("--steps", type=at_least(1), default=400)
    made.add_argument("--preset", choices=("official", "fast"), default="fast")
    return made.parse_args(), made


def grid(codes: list[int], layers: list[int]) -> list[tuple[int, int]]:
    """(codes, layer) to run: every pair, and the plain code where one code is asked for."""
    return [(n, layer) for n in codes for layer in ([0, *layers] if n == 1 else layers)]


def measure(prior: Prior, images: np.ndarray, args: argparse.Namespace, report: Report) -> Cells:
    """Run every cell."""
    network, cells = inversions.perceptual(args.perceptual), {}
    for codes, layer in grid(args.codes, args.layers):
        more = {"preset": args.preset, "num_steps": args.steps, "perceptual": network, "start": "random"}
        recipe = recipes.mganprior(codes, layer, **more)
        outcome = cells[codes, layer] = inversions.run(prior, images, recipe, args)
        report.add(
            codes=codes,
            layer=layer,
            psnr_mean=float(np.mean(outcome.psnr)),
            psnr_median=float(np.median(outcome.psnr)),
            psnr=outcome.psnr,
            seconds=outcome.seconds,
            nonfinite=outcome.nonfinite,
        )
        note(f"N={codes} layer={layer}: {np.mean(outcome.psnr):.2f} dB in {outcome.seconds:.0f} s")
    return cells


def print_cells(cells: Cells, args: argparse.Namespace) -> None:
    """Tables of means and medians, and of failed images where there are any."""
    layers = ([0] if 1 in args.codes else []) + args.layers
    headers = ["N", *("Z" if layer == 0 else f"layer {layer}" for layer in layers)]
    statistics = {"Mean PSNR, dB": np.mean, "Median PSNR, dB": np.median}
    for title, statistic in statistics.items():
        rows = [
            [n, *(number(float(statistic(cells[n, k].psnr)) if (n, k) in cells else None) for k in layers)]
            for n in args.codes
        ]
        print_table(headers, rows, title)
    if failed := {f"N={n} layer={k}": cell.nonfinite for (n, k), cell in cells.items() if cell.nonfinite}:
        print(f"Images that ended in NaN or infinity: {failed}\n")


def main() -> None:
    """Run the grid."""
    args, made = arguments()
    prior, images = inversions.load(args)
    args.layers = args.layers or list(range(1, prior.num_layers))
    if max(args.layers) >= prior.num_layers:
        made.error(f"--layers {max(args.layers)}: this prior composes at layers 1 to {prior.num_layers - 1}")
    report = Report(f"mGANprior quality, {prior.name}, {len(images)} images", args)
    print_cells(measure(prior, images, args, report), args)


if __name__ == "__main__":
    main()
