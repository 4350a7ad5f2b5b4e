"""The recipes of the restoration tasks: each task by its ``fast`` settings, and with one of them changed at a time."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import operators, recipes, tasks
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.inversion.devices import use_cores
from gprior_jax.metrics.attribution import feature_distances
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.perceptual import network
from gprior_jax.training.data import ImageZip
from gprior_jax.typing import Key

FIRST = 37
"""The images are spread evenly over those held out, from here: none that ``benchmarks.experiments`` takes."""

CHANGES: dict[str, tuple[Any, ...]] = {
    "num_codes": (10, 20),
    "layer": (1, 3, 4, 6),
    "num_steps": (10, 20, 30, 60, 120),
    "perceptual_weight": (0.0, 1.0),
    "start": ("random",),
}
"""What is tried, of the arguments of :func:`gprior_jax.recipes.restoration`."""


class Observation(NamedTuple):
    """Images that were degraded, ``[B, ...]``, and the task that undoes it."""

    task: tasks.Task
    arrays: tasks.Arrays


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin", help="a prior with a discriminator")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images; those held out are restored")
    made.add_argument("--limit", type=at_least(1), default=8, help="images")
    made.add_argument("--tasks", nargs="+", default=None, help="only those whose names begin so")
    made.add_argument("--change", nargs="*", choices=tuple(CHANGES), default=list(CHANGES), help="settings to change")
    made.add_argument("--seed", type=int, default=0)
    return made.parse_args()


def observations(images: np.ndarray, key: Key) -> dict[str, Observation]:
    """Every task, on images that were degraded as the command line does with ``--simulate``."""
    size = images.shape[1]
    keys = jax.random.split(key, len(images))
    masks = {
        "inpaint, a box": np.broadcast_to(operators.box_mask(size, 3 * size // 8), (*images.shape[:3], 1)),
        "inpaint, 80 %": np.asarray(jax.vmap(lambda k: operators.random_mask(k, size, 0.8))(keys)),
    }
    blurred = tasks.deblurring(operators.gaussian_kernel(1.5))
    simple = {
        "colorize": tasks.COLORIZE,
        "upscale, 4": tasks.upscaling(4, "bicubic"),
        "upscale, 8": tasks.upscaling(8, "bicubic"),
        "denoise, 25": tasks.denoising("gaussian", 25.0),
        "deblur, 1.5": blurred,
    }
    made = {name: Observation(task, {"observed": _degraded(task, images, keys)}) for name, task in simple.items()}
    filled = tasks.inpainting()
    return made | {name: Observation(filled, {"observed": images * m, "known": m}) for name, m in masks.items()}


def _degraded(task: tasks.Task, images: np.ndarray, keys: Key) -> np.ndarray:
    return im.from_uint8(im.to_uint8(jax.vmap(task.degrade)(jnp.asarray(images), keys)))


def variants(task: tasks.Task, prior: Prior, changed: list[str]) -> Iterator[dict[str, Any]]:
    """The settings of ``fast``, then each with one that differs."""
    own = recipes.FAST_TASKS[task.name]
    now = own._asdict() | {"layer": recipes.scaled_layer(prior, own.layer)}
    yield {}
    for name in changed:
        yield from ({name: value} for value in CHANGES[name] if value != now.get(name))


def held_out(path: Path, count: int, size: int) -> np.ndarray:
    """Images ``[B, size, size, 3]`` that training leaves out, and the experiments too."""
    images = ImageZip(path, "held_out")
    places = FIRST + np.arange(count) * (len(images) // count)
    return np.stack([im.from_uint8(images.image(int(i) % len(images), size)) for i in places])


def main() -> None:
    """Restore all images by every variant of every task."""
    args = arguments()
    use_cores()
    prior = gp.load(args.model)
    images = held_out(args.data, args.limit, prior.resolution)
    report = Report(f"Restorations, {prior.name}, {len(images)} images", args)
    judge = network.default(prior).prepare()
    rows = []
    for name, observed in observations(images, jax.random.key(args.seed + 1)).items():
        if args.tasks is not None and not name.startswith(tuple(args.tasks)):
            continue
        for changes in variants(observed.task, prior, args.change):
            found, seconds = restored(prior, observed, changes, args.seed)
            figures = fidelity(found, images) | {"distance": feature_distances(judge, found, images)}
            means = {figure: float(np.mean(values)) for figure, values in figures.items()}
            told = ", ".join(f"{setting} {value}" for setting, value in changes.items()) or "`fast`"
            report.add(task=name, changes=changes, seconds=seconds, **means)
            note(f"{name}, {told}: {means['psnr']:.2f} dB in {seconds:.0f} s")
            cells = [number(means["psnr"]), f"{means['ssim']:.3f}", f"{means['distance']:.4f}"]
            rows.append([name, told, *cells, number(seconds, 0)])
    print_table(["task", "settings", "PSNR, dB", "SSIM", "distance", "seconds, with compilation"], rows)


def restored(prior: Prior, observed: Observation, changes: dict[str, Any], seed: int) -> tuple[np.ndarray, float]:
    """Results ``[B, R, R, 3]``, rounded to 8 bits, and seconds."""
    task, arrays = observed
    recipe = recipes.restoration(task.name, prior, **task.pixels._asdict(), **changes)
    started = time.perf_counter()
    options: tasks.RestoreOptions = {"recipe": recipe, "devices": jax.local_device_count()}
    images = task.restore(prior, arrays, jax.random.key(seed), options).images
    return im.from_uint8(im.to_uint8(images)), time.perf_counter() - started


if __name__ == "__main__":
    main()
