"""Colour for gray portraits: a translator that learned it, beside priors that are searched for it.

    python benchmarks/colorizers.py --data portraits128.zip --images 32

The portraits are held out of the training of all of them. Metrics are those of the experiments: PSNR and SSIM of
results rounded to 8 bits, and the area under the curve of pixels of right chroma. A translator's luma is its own;
``luma kept`` gives it the one that was observed, as restoration does.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax.images.arrays import from_uint8, grid, to_uint8, to_unit
from gprior_jax.images.files import save_image
from gprior_jax.metrics.color import colorization_auc
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.operators import Luma
from gprior_jax.tasks import COLORIZE
from gprior_jax.training.data import ImageZip
from gprior_jax.translation import prepare_translator

Solve = Callable[[np.ndarray], np.ndarray]


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, help="zip file of portraits")
    made.add_argument("--images", type=at_least(1), default=32)
    made.add_argument("--translators", nargs="+", default=["builtin:colors"], help="names or model folders")
    made.add_argument("--priors", nargs="*", default=["builtin", "builtin:portraits"], help="likewise")
    made.add_argument("--sheet", type=Path, help="write a sheet of the first results (pictures of the data are in it)")
    return made.parse_args()


def by_translator(name: str) -> Solve:
    """Colours that a translator gives."""
    translator = gp.load_translator(name)
    prepared = prepare_translator(translator)
    return lambda gray: np.stack([np.asarray(gp.translate(prepared, image)) for image in gray])


def by_prior(name: str) -> Solve:
    """Colours that a prior is searched for, by the recipe of ``gprior colorize``."""
    prior = gp.prepare(gp.load(name))
    return lambda gray: gp.tasks.colorize(prior, gray, key=jax.random.key(0)).images


def keeping_luma(solve: Solve) -> Solve:
    """The same with the luma that was observed."""
    finish = jax.jit(jax.vmap(lambda image, gray: COLORIZE.finish(image, gray, Luma())))
    return lambda gray: np.asarray(finish(jnp.asarray(solve(gray)), jnp.asarray(gray)))


def main() -> None:
    """Measure all ways."""
    args = arguments()
    report = Report("Colourising", args)
    held_out = ImageZip(args.data, "held_out")
    side = 64
    images = from_uint8(np.stack([held_out.image(i, side) for i in range(min(args.images, len(held_out)))]))
    gray = from_uint8(to_uint8(np.asarray(jax.vmap(Luma(channels=1))(jnp.asarray(images)))))
    ways: dict[str, Solve] = {"gray": lambda gray: np.repeat(gray, 3, axis=-1)}
    for name in args.translators:
        ways |= {name: by_translator(name), f"{name}, luma kept": keeping_luma(by_translator(name))}
    ways |= {f"colorize, {name}": by_prior(name) for name in args.priors}
    rows, shown = [], [np.repeat(gray, 3, axis=-1)]
    for name, solve in ways.items():
        solve(gray[:1])  # Compiles, for the translators.
        started = time.perf_counter()
        found = solve(gray)
        seconds = (time.perf_counter() - started) / len(images)
        figures = {key: float(np.mean(value)) for key, value in fidelity(found, images).items()}
        pixels = to_unit(from_uint8(to_uint8(found)))
        figures["auc"] = float(np.mean(jax.vmap(colorization_auc)(pixels, to_unit(images))))
        note(f"{name}: {figures}, {seconds:.3f} s an image")
        report.add(way=name, seconds=seconds, **figures)
        rows.append([name, *(number(figures[key], digits) for key, digits in (("psnr", 2), ("ssim", 4), ("auc", 4)))])
        rows[-1].append(number(seconds, 3))
        shown.append(found)
    print_table(["way", "psnr", "ssim", "auc", "s an image"], rows, f"{len(images)} portraits held out")
    if args.sheet:
        columns = [*shown[:1], *shown[2:], images]
        sheet = np.stack([to_uint8(column[:8]) for column in columns]).reshape(-1, side, side, 3)
        save_image(args.sheet, grid(sheet, min(8, len(images))))


if __name__ == "__main__":
    main()
