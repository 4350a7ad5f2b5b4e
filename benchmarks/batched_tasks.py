"""A batch of restoration tasks, each with a mask of its own, against one run after the other, in turns."""

import argparse
import statistics
import time

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import distributed, operators, recipes, tasks
from gprior_jax.generators.base import Prior, prepare
from gprior_jax.tasks import Restoration


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

    def run(self, rows: np.ndarray, devices: int = 1) -> Restoration:
        """Restore some of the images."""
        options: tasks.Options = {"recipe": self.recipe, "ids": rows, "devices": devices}
        return tasks.inpaint(self.prior, self.images[rows], self.masks[rows], key=self.key, **options)

    def spread(self) -> list[Restoration]:
        """All at once, over the cores, as the command line does."""
        return [self.run(np.arange(len(self.images)), min(len(self.images), len(jax.devices())))]

    def together(self) -> list[Restoration]:
        """All at once, as one device."""
        return [self.run(np.arange(len(self.images)))]

    def alone(self) -> list[Restoration]:
        """One after the other."""
        return [self.run(np.array([i])) for i in range(len(self.images))]


def psnr(work: Work, runs: list[Restoration]) -> np.ndarray:
    """PSNR of every image, dB."""
    errors = np.concatenate([run.images for run in runs]) - work.images
    return 10.0 * np.log10(4.0 / np.square(errors).mean((1, 2, 3)))


def main() -> None:
    """Compile both, then time them in turns."""
    args = arguments()
    distributed.use_cores()
    report = Report("Batched restoration", args)
    work = Work(prepare(gp.load("builtin")), args.images, args.steps)
    ways = {"alone": work.alone, "together": work.together, "spread": work.spread}
    reached = {name: psnr(work, run()) for name, run in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(args.rounds):
        for name in times:
            started = time.perf_counter()
            ways[name]()
            times[name].append(time.perf_counter() - started)
        note(f"round {turn + 1}: " + ", ".join(f"{name} {values[-1]:.1f} s" for name, values in times.items()))
    rows = []
    for name, values in times.items():
        ratio = statistics.median(alone / other for alone, other in zip(times["alone"], values, strict=True))
        apart = float(np.abs(reached[name] - reached["alone"]).max())
        rows.append(
            [name, number(statistics.median(values)), number(ratio), number(float(reached[name].mean())), apart]
        )
        report.add(way=name, seconds=values, ratio=ratio, psnr=reached[name].tolist())
    print_table(["way", "seconds, median", "times faster than alone", "mean PSNR, dB", "largest difference, dB"], rows)


if __name__ == "__main__":
    main()
