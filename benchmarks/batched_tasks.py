"""A batch of images against one run after the other, in turns: inpainting with a mask each, the projector, or W+."""

import abc
import argparse
import statistics
import time

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import glibc, operators, recipes, tasks
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.inversion.devices import use_cores


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--work", choices=tuple(WORKS), default="inpaint")
    made.add_argument("--model", default="builtin", help="for the projector and W+, a style-based prior")
    made.add_argument("--images", type=at_least(2), default=16)
    made.add_argument("--steps", type=at_least(1), default=20)
    made.add_argument("--rounds", type=at_least(1), default=3, help="both ways are timed so often, in turns")
    return made.parse_args()


class Work(abc.ABC):
    """Images of random codes, to be found again in one batch and image by image."""

    def __init__(self, prior: Prior, count: int, steps: int):
        """Draw the images."""
        self.prior, self.steps, self.key = prior, steps, jax.random.key(0)
        self.images = np.asarray(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), count)))

    @abc.abstractmethod
    def run(self, rows: np.ndarray, devices: int = 1) -> np.ndarray:
        """What is found of some of the images."""

    def spread(self) -> list[np.ndarray]:
        """All at once, over the cores, as the command line does."""
        return [self.run(np.arange(len(self.images)), min(len(self.images), len(jax.devices())))]

    def together(self) -> list[np.ndarray]:
        """All at once, as one device."""
        return [self.run(np.arange(len(self.images)))]

    def alone(self) -> list[np.ndarray]:
        """One after the other."""
        return [self.run(np.array([i])) for i in range(len(self.images))]


class Inpainting(Work):
    """With random pixels missing, others in every image."""

    def __init__(self, prior: Prior, count: int, steps: int):
        """Draw the masks too."""
        super().__init__(prior, count, steps)
        draw = jax.vmap(lambda key: operators.random_mask(key, prior.resolution, 0.8))
        self.masks = np.asarray(draw(jax.random.split(jax.random.key(2), count)))

    def run(self, rows: np.ndarray, devices: int = 1) -> np.ndarray:
        """Restore some of the images."""
        recipe = recipes.restoration("inpaint", self.prior, num_steps=self.steps)
        options: tasks.RestoreOptions = {"recipe": recipe, "ids": rows, "devices": devices}
        return tasks.inpaint(self.prior, self.images[rows], self.masks[rows], key=self.key, **options).images


class Projection(Work):
    """With the StyleGAN2 projector, in W with noise maps."""

    def run(self, rows: np.ndarray, devices: int = 1) -> np.ndarray:
        """Project some of the images."""
        recipe = recipes.projector(num_steps=self.steps)
        return gp.invert(self.prior, self.images[rows], recipe, key=self.key, ids=rows, devices=devices).images


class Embedding(Work):
    """In W+ by the recipe ``fast``: encoded first, where the prior has an encoder."""

    def run(self, rows: np.ndarray, devices: int = 1) -> np.ndarray:
        """Invert some of the images."""
        recipe = recipes.latent("w_plus", num_steps=self.steps)
        return gp.invert(self.prior, self.images[rows], recipe, key=self.key, ids=rows, devices=devices).images


WORKS: dict[str, type[Work]] = {"inpaint": Inpainting, "projector": Projection, "w_plus": Embedding}


def psnr(work: Work, runs: list[np.ndarray]) -> np.ndarray:
    """PSNR of every image, dB."""
    errors = np.concatenate(runs) - work.images
    return 10.0 * np.log10(4.0 / np.square(errors).mean((1, 2, 3)))


def main() -> None:
    """Compile both, then time them in turns."""
    glibc.restart_with_large_pages()  # And over the cores: as the command line does.
    args = arguments()
    use_cores()
    report = Report("Batched images", args)
    work = WORKS[args.work](prepare(gp.load(args.model)), args.images, args.steps)
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
