"""What the benchmarks of inversion share: arguments, model and images, one timed run, and its curve."""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from common import at_least

from gprior_jax import zoo
from gprior_jax.errors import Status
from gprior_jax.generators.prior import Prior
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import list_images
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.objectives import Network

PerceptualChoice = Network | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, images, perceptual network, batch size and seed."""
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="model folder of the prior")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of images to invert")
    parser.add_argument("--limit", type=at_least(1), default=None, help="take only the first images")
    parser.add_argument("--batch-size", type=at_least(1), default=16, help="images at once")
    parser.add_argument("--seed", type=int, default=0)
    add_perceptual(parser, "none")


def add_perceptual(parser: argparse.ArgumentParser, default: str) -> None:
    """The perceptual network."""
    told = "none, default (the prior's discriminator), or a model folder"
    parser.add_argument("--perceptual", default=default, help=told)


def perceptual(choice: str) -> PerceptualChoice:
    """What a recipe takes for ``--perceptual``."""
    if choice == "none":
        return None
    return "default" if choice == "default" else zoo.load_perceptual(choice)


def load(args: argparse.Namespace) -> tuple[Prior, np.ndarray]:
    """The prior, and the images ``[B, R, R, C]`` at its resolution."""
    prior = zoo.load(args.model)
    paths = list_images([args.images]).paths[: args.limit]
    return prior, np.stack([load_image(path, prior) for path in paths])


class Outcome(NamedTuple):
    """One run over all images.

    Attributes:
        psnr: ``[B]``, of the returned (best) images, clipped to [-1, 1], dB.
        curve: ``[B, T]``, the best PSNR among the first t evaluations, images as they are, dB.
        seconds: of the whole run, compilation included.
        nonfinite: images that ended in NaN or infinity.
    """

    psnr: np.ndarray
    curve: np.ndarray
    seconds: float
    nonfinite: int

    def at(self, step: int) -> float:
        """Mean over images of the best PSNR within ``step`` steps, dB; NaN beyond the run's last."""
        return float(np.mean(self.curve[:, step - 1])) if step <= self.curve.shape[1] else float("nan")


def run(prior: Prior, images: np.ndarray, recipe: Recipe, args: argparse.Namespace) -> Outcome:
    """Invert all images with one recipe."""
    started = time.perf_counter()
    result = invert(prior, images, recipe, key=jax.random.key(args.seed), batch_size=args.batch_size)
    seconds = time.perf_counter() - started
    best = np.fmin.accumulate(result.history["pixel_mse"].astype(np.float64), axis=1)
    errors = np.square((np.clip(result.images, -1, 1) - images).astype(np.float64)).mean((1, 2, 3))
    return Outcome(
        psnr=10 * np.log10(4.0 / np.maximum(errors, 1e-12)),
        curve=10 * np.log10(4.0 / np.maximum(best, 1e-12)),
        seconds=seconds,
        nonfinite=int(np.sum(result.status == Status.NONFINITE)),
    )
