"""A batch of restoration tasks, each with a mask of its own, against one run after the other, in turns."""

import argparse
import statistics
import time

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import operators, recipes, tasks
from gprior_jax.generators.base import Prior, prepare


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--images", type=at_least(2), default=16)
    made.add_argument("--steps", type=at_least(1), default=20)
    made.add_argument("--rounds", type=at_least(1), default=3, help="both ways are timed so often, in turns")
    return made.parse_args()


class Work:
    """The same inpainting in one batch and image by image."""

    def __init__(self, prior: Prior, count: int, steps: int):
        """Random portraits of the prior with random pixels missing."""
        self.prior, self.key = prior, jax.random.key(0)
        self.recipe = recipes.restoration("inpaint", prior, num_steps=steps)
        self.images = np.asarray(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), count)))
        draw = jax.vmap(lambda key: operators.random_mask(key, prior.resolution, 0.8))
        self.masks = np.asarray(draw(jax.random.split(jax.random.key(2), count)))

    def run(self, rows: slice, ids: np.ndarray) -> np.ndarray:
        """Results of some of the images, ``[B, R, R, 3]``."""
        images, masks = self.images[rows], self.masks[rows]
        return tasks.inpaint(self.prior, images, masks, key=self.key, recipe=self.recipe, ids=ids).images

    def together(self) -> np.ndarray:
        """All at once."""
        return self.run(slice(None), np.arange(len(self.images)))

    def alone(self) -> np.ndarray:
        """One after the other."""
        return np.concatenate([self.run(slice(i, i + 1), np.array([i])) for i in range(len(self.images))])


def main() -> None:
    """Compile both, then time them in turns."""
    args = arguments()
    report = Report("Batched restoration", args)
    work = Work(prepare(gp.load("builtin")), args.images, args.steps)
    difference = float(np.abs(work.together() - work.alone()).max())
    times: dict[str, list[float]] = {"together": [], "alone": []}
    for turn in range(args.rounds):
        for name in times:
            started = time.perf_counter()
            getattr(work, name)()
            times[name].append(time.perf_counter() - started)
        note(f"round {turn + 1}: {times['together'][-1]:.1f} s together, {times['alone'][-1]:.1f} s alone")
    ratios = [alone / together for alone, together in zip(times["alone"], times["together"], strict=True)]
    report.add(seconds=times, ratios=ratios, largest_difference=difference)
    row = [args.images, *(number(statistics.median(values)) for values in times.values())]
    row += [number(statistics.median(ratios)), f"{difference:.1e}"]
    print_table(["images", "one batch, s", "single runs, s", "ratio, median", "largest difference of pixels"], [row])


if __name__ == "__main__":
    main()
