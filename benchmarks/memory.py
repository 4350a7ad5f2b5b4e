"""What recomputation (``remat``) saves: temporary memory of the compiled step of an inversion; and what time it costs.

Memory is what XLA plans (``memory_analysis``): nothing is run for it, and a busy machine does not change it. Weights
are random, in the published sizes: multi-code inversion of a PGGAN, W+ of a StyleGAN2.
"""

import argparse
import statistics
import time
from typing import Any

import jax
import numpy as np
import random_networks
from common import Report, at_least, note, number, parser, print_table
from jax_loop import start

from gprior_jax import recipes
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe

SCHEDULERS: dict[str, dict[str, str | bool]] = {
    "used": {},
    "default": {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_DEFAULT"},
}


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--prior", choices=("pggan", "stylegan2"), default="pggan")
    made.add_argument("--resolution", type=at_least(8), default=256)
    made.add_argument("--codes", type=at_least(1), default=20, help="codes composed in a PGGAN")
    made.add_argument("--layer", type=at_least(1), default=6, help="composing layer")
    made.add_argument("--codes-per-call", type=at_least(1), default=None)
    made.add_argument("--images", type=at_least(1), default=1)
    made.add_argument("--perceptual", choices=("vgg", "none"), default="vgg")
    made.add_argument("--scheduler", choices=tuple(SCHEDULERS), default="used", help="that of the library, or XLA's")
    made.add_argument("--rounds", type=at_least(0), default=0, help="take a step of both so often, in turns")
    return made.parse_args()


def recipe(args: argparse.Namespace, remat: bool) -> Recipe:
    """The inversion that is measured."""
    perceptual = random_networks.vgg() if args.perceptual == "vgg" else None
    if args.prior == "stylegan2":
        return recipes.latent("w_plus", perceptual=perceptual, remat=remat)
    few = args.codes_per_call
    return recipes.mganprior(
        args.codes, args.layer, preset="official", perceptual=perceptual, codes_per_call=few, remat=remat
    )


class Step:
    """A compiled step, ready to be taken.

    Attributes:
        numbers: bytes of its temporaries and operations, as XLA plans them.
        seconds: of every step taken.
    """

    def __init__(self, prior: Prior, args: argparse.Namespace, remat: bool):
        """Compile it."""
        self._inverter = Inverter(prior, recipe(args, remat))
        shape = (args.images, *prior.image_shape)
        self._started = start(self._inverter, np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32))
        compiled = self._inverter.lower(0, 1, *self._started).compile(SCHEDULERS[args.scheduler])
        planned, cost = compiled.memory_analysis(), compiled.cost_analysis()
        assert planned is not None
        assert cost is not None
        self._take = self._inverter.steps(0, 1, *self._started, images=args.images)
        self.numbers: dict[str, Any] = {"temporary_bytes": planned.temp_size_in_bytes, "flops": cost["flops"]}
        self.seconds: list[float] = []

    def take(self) -> float:
        """Seconds of one step."""
        started = time.perf_counter()
        states, _ = jax.block_until_ready(self._take(*self._started))
        self._started = (states, self._started[1])
        return time.perf_counter() - started


def main() -> None:
    """Compile both, and take steps in turns where wanted."""
    args = arguments()
    if args.rounds and args.scheduler != "used":
        raise SystemExit("--rounds: steps are taken with the scheduler of the library; leave --scheduler out.")
    report = Report("Memory of a step", args)
    make = {"pggan": random_networks.pggan, "stylegan2": random_networks.stylegan2}[args.prior]
    prior = make(args.resolution)
    plain, remat = steps = [Step(prior, args, remat) for remat in (False, True)]
    if args.rounds:
        for step in steps:
            step.take()  # The first compiles.
    for _ in range(args.rounds):
        for step in steps:
            step.seconds.append(step.take())
        note(f"{plain.seconds[-1]:.2f} s, with recomputation {remat.seconds[-1]:.2f} s")
    for name, step in zip(("kept", "recomputed"), steps, strict=True):
        report.add(activations=name, **step.numbers, seconds=step.seconds)
    ratio = {name: remat.numbers[name] / plain.numbers[name] for name in plain.numbers}
    slower = (
        statistics.median(b / a for a, b in zip(plain.seconds, remat.seconds, strict=True)) if args.rounds else None
    )
    megabytes = [number(step.numbers["temporary_bytes"] / 1e6, 0) for step in steps]
    head = ["", "kept", "recomputed", "ratio"]
    operations = [number(step.numbers["flops"] / 1e9, 0) for step in steps]
    rows = [["temporary memory, MB", *megabytes, number(ratio["temporary_bytes"])]]
    rows.append(["GFLOP", *operations, number(ratio["flops"])])
    rows.append(["time, median of ratios", "", "", number(slower)])
    print_table(head, rows)


if __name__ == "__main__":
    main()
