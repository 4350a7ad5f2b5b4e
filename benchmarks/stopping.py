"""Whether images that end by themselves reach a quality in fewer steps than images that all take as many.

    python benchmarks/stopping.py --data portraits128.zip

Every preset whose step does not depend on the number of steps runs to its end once. From the losses that it saw follows
where each tolerance would have ended each image, and how many steps all images would have had to take for the same mean
loss. One half of the images chooses the tolerance among those that lose little against the whole preset, the other is
reported. What streams can gain is this ratio of steps.
"""

import argparse
import itertools
from pathlib import Path
from typing import NamedTuple

import embeddings
import jax
import numpy as np
import precision
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax.inversion.devices import use_cores
from gprior_jax.inversion.optimizer import Optimizer

TOLERANCES = (0.0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
PATIENCES = (2, 5, 10, 25)


class Stopped(NamedTuple):
    """What a rule comes to.

    Attributes:
        steps: mean over images.
        loss: mean of the best losses at the ends.
        equal: steps that all images take to the same mean loss.
    """

    steps: float
    loss: float
    equal: float

    @property
    def ratio(self) -> float:
        """Steps of fixed numbers for one of the rule's."""
        return self.equal / self.steps


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images; those held out are inverted")
    made.add_argument("--limit", type=at_least(4), default=32, help="take only the first images")
    made.add_argument("--more", type=float, default=0.03, help="part by which the mean loss may be above the preset's")
    made.add_argument("--methods", nargs="+", default=None, help="only those whose names begin so")
    return made.parse_args()


def stopped(best: np.ndarray, tolerance: float, patience: int) -> Stopped:
    """What a rule makes of best losses so far, ``[B, T]``, as the solver does; see ``SolverConfig``."""
    total = best.shape[1]
    ends = np.full(len(best), total)
    for image, losses in enumerate(best):
        looked = losses[patience - 1 :: patience]
        idle = np.flatnonzero(~(looked[:-1] - looked[1:] > tolerance * looked[1:]))
        if tolerance and idle.size:
            ends[image] = (idle[0] + 2) * patience
    loss = float(np.mean(best[np.arange(len(best)), np.minimum(ends, total) - 1]))
    mean = best.mean(axis=0)
    equal = np.interp(-loss, -mean, np.arange(1, total + 1))
    return Stopped(float(ends.mean()), loss, float(equal))


def main() -> None:
    """Measure every preset."""
    args = arguments()
    use_cores()
    report, rows, chosen = Report("Images that end by themselves", args), [], tuple(args.methods or ("",))
    for name, (model, recipe) in precision.methods().items():
        prior = gp.load(model)
        config = recipe.fit(prior).stages[0].solver
        independent = not isinstance(config.optimizer, Optimizer) or config.optimizer.is_for_any_steps
        if not name.startswith(chosen) or not independent:
            continue
        images = embeddings.held_out(args.data, args.limit, prior.resolution)
        options = {"key": jax.random.key(0), "batch_size": 8, "devices": jax.local_device_count()}
        result = gp.invert(prior, images, recipe, **options)
        best = np.fmin.accumulate(result.history["loss"].astype(np.float64), axis=1)
        rules = list(itertools.product(TOLERANCES, PATIENCES))
        found = {rule: [stopped(best[half::2], *rule) for half in (0, 1)] for rule in rules}
        whole = [best[half::2, -1].mean() for half in (0, 1)]
        fitting = [rule for rule in rules if found[rule][0].loss <= (1 + args.more) * whole[0]]
        rule = max(fitting, key=lambda rule: found[rule][0].ratio)
        own = found[rule][1]
        report.add(method=name, model=model, curve=best.tolist(), rules=[[*rule, *found[rule][1]] for rule in rules])
        numbers = number(own.steps), number(own.equal), f"{own.ratio:.2f}", f"{100 * (own.loss / whole[1] - 1):.1f} %"
        rows.append([name, f"{rule[0]:g} / {rule[1]}", *numbers])
        note(" | ".join(rows[-1]))
    headers = [
        "method",
        "tolerance / patience",
        "mean steps",
        "steps of all, same mean loss",
        "ratio",
        "loss above the preset's",
    ]
    print_table(headers, rows)


if __name__ == "__main__":
    main()
