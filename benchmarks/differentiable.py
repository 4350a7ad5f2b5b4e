"""Derivatives through an inversion: curvatures, memory, maps of sensitivity, learned steps, the width of a blur.

Commands are in ``benchmarks/RESULTS.md``. Portraits are those of ``--data`` that training left out.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.differentiable import Curvature, Inversion
from gprior_jax.images import arrays as im
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.operators import Blur, Mask, box_mask, broadcast, gaussian_kernel
from gprior_jax.training.data import ImageZip
from gprior_jax.typing import Array

SIGMA, SIZE = 1.5, 11
"""Width of the blur, and side of its kernel, pixels."""

NOISE = 5 / im.GREY_LEVEL

LEARNT_ON = 64
"""The first so many images that training left out are for learning; the others are measured on."""


def portraits(args: argparse.Namespace, count: int, learning: bool = False) -> np.ndarray:
    """Images ``[count, R, R, 3]`` that no prior was trained on."""
    images = ImageZip(args.data, "held_out")
    side = gp.load(args.model).resolution
    first, last = (0, LEARNT_ON) if learning else (LEARNT_ON, len(images))
    places = np.linspace(first, last - 1, count).astype(int)
    return np.stack([im.from_uint8(images.image(int(i), side)) for i in places])


def blurred(sigma: Any) -> Blur:
    """A blur of some width."""
    return Blur(gaussian_kernel(sigma, SIZE))


def by_logarithm(parameters: Array) -> Blur:
    """A blur of the width whose logarithm is the only parameter."""
    return blurred(jnp.exp(parameters[0]))


def observed_through(images: np.ndarray, sigma: float) -> np.ndarray:
    """Images that were blurred, with a little noise."""
    noise = NOISE * np.random.default_rng(0).normal(size=images.shape)
    return np.asarray(jax.vmap(blurred(sigma))(jnp.asarray(images)) + noise, np.float32)


def searched(args: argparse.Namespace, recipe: Recipe, observed: np.ndarray, operator: Any) -> dict[str, Array]:
    """Variables ``[B, ...]`` that the recipe finds through one operator."""
    prior, through = gp.load(args.model), broadcast(operator, len(observed))
    return jax.tree.map(
        jnp.asarray, gp.invert(prior, observed, recipe, key=jax.random.key(0), operator=through).variables
    )


def refiner(steps: int) -> Callable[..., dict[str, Array]]:
    """A compiled function that moves the variables of one image closer to the minimum through a blur."""
    return jit(
        lambda made, found, pixels, sigma: differentiable.refined(made, found, pixels, blurred(sigma), steps=steps),
        use="often",
    )


def curvature(args: argparse.Namespace, report: Report) -> None:
    """Implicit derivatives of an image in w against those of inversions that were done anew."""
    recipe, observed = gp.recipes.latent("w"), observed_through(portraits(args, args.images), SIGMA)
    made = differentiable.inversion(gp.load(args.model), recipe)
    variables = searched(args, recipe, observed, blurred(SIGMA))
    refine, render = refiner(args.refinements), jit(differentiable.rendered, use="often")
    along = np.random.default_rng(1).normal(size=observed.shape[1:]).astype(np.float32)
    slopes = [slope_of(kind) for kind in KINDS]
    rows: dict[tuple, list] = {}
    for index, pixels in enumerate(jnp.asarray(observed)):
        found = refine(made, jax.tree.map(lambda leaf, i=index: leaf[i], variables), pixels, SIGMA)

        def again(pixels: Array, sigma: float, found: Any = found) -> np.ndarray:
            return np.asarray(render(made, refine(made, found, pixels, sigma))).ravel()

        step = args.step
        wanted = {
            "pixels": (again(pixels + step * along, SIGMA) - again(pixels - step * along, SIGMA)) / (2 * step),
            "width": (again(pixels, SIGMA + step) - again(pixels, SIGMA - step)) / (2 * step),
        }
        for kind, slope in zip(KINDS, slopes, strict=True):
            told = slope(made, found, pixels, SIGMA, along)
            for name, by in zip(wanted, told, strict=True):
                a, b = np.asarray(by).ravel(), wanted[name]
                agreement = (
                    float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)),
                    float(np.linalg.norm(a) / np.linalg.norm(b)),
                )
                rows.setdefault((kind.kind, kind.damping, name), []).append(agreement)
                report.add(
                    image=index, kind=kind.kind, damping=kind.damping, by=name, cosine=agreement[0], ratio=agreement[1]
                )
    table = [[*name, *(number(x, 3) for x in np.mean(pairs, 0))] for name, pairs in rows.items()]
    print_table(["curvature", "damping", "by", "cosine", "length over that of differences"], table, args.model)


KINDS = (*(Curvature(damping=damping) for damping in (1e-2, 1e-3, 1e-4)), Curvature("hessian", 1e-3))


def slope_of(kind: Curvature) -> Callable[..., tuple[Array, Array]]:
    """Derivatives of the found image along a direction of the measurement, and in the width of the blur."""

    def slope(made: Inversion, found: Any, pixels: Array, sigma: Any, along: Array) -> tuple[Array, Array]:
        def image(pixels: Array, sigma: Array) -> Array:
            return differentiable.attached(made, found, pixels, blurred(sigma), curvature=kind).image

        at = pixels, jnp.float32(sigma)
        by_pixels = jax.jvp(image, at, (along, jnp.float32(0.0)))[1]
        return by_pixels, jax.jvp(image, at, (jnp.zeros_like(along), jnp.float32(1.0)))[1]

    return jit(slope, use="often")


def memory(args: argparse.Namespace, report: Report) -> None:
    """Temporary memory of the compiled gradient in the measurement, by what is kept of the steps."""
    prior = gp.load(args.model)
    recipe = gp.recipes.latent("z", perceptual=None, num_steps=args.steps)
    made = differentiable.inversion(prior, recipe)
    pixels, start = jnp.zeros(prior.image_shape), differentiable.start(made, jax.random.key(0))

    def unrolled(chunk: int | None) -> Callable[..., Array]:
        return lambda made, pixels, start: differentiable.unrolled(made, pixels, start, chunk=chunk).found.image.sum()

    ways = {"unrolled, everything kept": unrolled(None), "unrolled, every state kept": unrolled(1)}
    ways |= {f"unrolled, every {args.chunk}th state kept": unrolled(args.chunk)}
    ways |= {"implicit": lambda made, pixels, start: differentiable.implicit(made, pixels, start).image.sum()}
    rows = []
    for name, way in ways.items():
        compiled = jit(jax.grad(way, 1), use="once").lower(made, pixels, start).compile()
        told = compiled.memory_analysis()
        assert told is not None
        size = told.temp_size_in_bytes / 2**20
        report.add(way=name, megabytes=size)
        rows.append([name, number(size, 1)])
        note(str(rows[-1]))
    print_table([f"{args.steps} steps", "MB"], rows, f"{args.model}, one code")


def sensitivity(args: argparse.Namespace, report: Report) -> None:
    """Maps of inpainting: which measured pixels decide what fills a hole."""
    prior, recipe = gp.load(args.model), gp.recipes.latent("w_plus", start="mean")
    mask = Mask(box_mask(prior.resolution, (prior.resolution // 4, prior.resolution // 4, 20, 32)))
    images = portraits(args, args.images)
    observed = np.asarray(jax.vmap(mask)(jnp.asarray(images)))
    variables = searched(args, recipe, observed, mask)
    made = differentiable.inversion(prior, recipe)
    options = {"key": jax.random.key(0), "region": 1 - mask.known, "probes": args.probes}
    run = jit(lambda made, v, o: differentiable.sensitivity(made, v, o, mask, **options), use="often")
    render, shown = jit(differentiable.rendered, use="often"), []
    for index, pixels in enumerate(jnp.asarray(observed)):
        found = jax.tree.map(lambda leaf, i=index: leaf[i], variables)
        begun = time.perf_counter()
        found_map = np.asarray(run(made, found, pixels))
        seconds = time.perf_counter() - begun
        distance = np.hypot(*(np.indices(found_map.shape) - np.array([26, 32])[:, None, None]))
        near = found_map[(distance < NEAR) & (np.asarray(mask.known[..., 0]) > 0)]
        far = found_map[distance >= NEAR]
        report.add(image=index, near=near.mean(), far=far.mean(), seconds=seconds)
        scaled = np.repeat(2 * np.clip(found_map / np.quantile(found_map, 0.995), 0, 1)[..., None] - 1, 3, -1)
        shown += [observed[index], np.asarray(render(made, found)), scaled]
        note(f"image {index}: near the hole {near.mean():.3f}, far {far.mean():.3f}, {seconds:.0f} s")
    if args.picture:
        gp.save_image(args.picture, im.from_uint8(im.grid(im.to_uint8(np.stack(shown)), columns=3)))
    results = report.results
    table = [[row["image"], *(number(row[name], 3) for name in ("near", "far"))] for row in results]
    print_table(["image", f"within {NEAR} pixels of the hole's middle", "farther"], table, args.model)


NEAR = 24


SEARCHES: dict[str, Callable[[], Recipe]] = {
    "w": lambda: gp.recipes.latent("w", num_steps=60),
    "w_plus": lambda: gp.recipes.latent("w_plus", start="mean", num_steps=60),
    "in_domain": lambda: gp.recipes.in_domain(num_steps=60),
    "in_domain and features": lambda: gp.recipes.in_domain(
        num_steps=60, encoder_weight=0.1, perceptual="auto", perceptual_weight=1.0
    ),
}
"""For what is behind a blur of unknown width."""


def blur(args: argparse.Namespace, report: Report) -> None:
    """The width of a blur from blurred portraits: from half and twice the width."""
    images = portraits(args, args.images)
    made = differentiable.inversion(gp.load(args.model), SEARCHES[args.search]())
    begin = jit(jax.vmap(lambda pixels: differentiable.start(made, jax.random.key(0), pixels)), use="once")
    rows = []
    for true in args.sigmas:
        observed = jnp.asarray(observed_through(images, true))
        for first in (0.5 * true, 2.0 * true):
            begun = time.perf_counter()
            fitted = differentiable.fit_operator(
                made, observed, begin(observed), by_logarithm, np.log([first]), rounds=args.rounds
            )
            seconds, path = time.perf_counter() - begun, np.exp(fitted.path[:, 0])
            found = float(np.exp(fitted.parameters[0]))
            report.add(true=true, first=first, found=found, path=path, losses=fitted.losses, seconds=seconds)
            way = (" ".join(number(x, digits) for x in values) for values, digits in ((path, 2), (fitted.losses, 5)))
            rows.append([number(true), number(first), number(found, 3), *way, number(seconds, 0)])
            note(str(rows[-1]))
    headers = ["width", "begins at", "found", "on the way", "losses", "seconds"]
    print_table(headers, rows, f"{args.model}, {args.search}, {len(images)} portraits")


RECIPES: dict[str, Callable[[], Recipe]] = {
    "z": lambda: gp.recipes.latent("z"),
    "image2stylegan": lambda: gp.recipes.image2stylegan(perceptual="auto"),
}
"""Whose ``fast`` steps by Adam."""


def schedule(args: argparse.Namespace, report: Report) -> None:
    """Step sizes of Adam learned on some portraits, against those of ``fast`` on others."""
    made = differentiable.inversion(gp.load(args.model), RECIPES[args.recipe]())
    learned = differentiable.learn_rates(
        made,
        portraits(args, LEARNT_ON, learning=True),
        jax.random.key(0),
        num_steps=args.horizon,
        rounds=args.rounds,
        batch_size=args.batch_size,
        rates=args.rates,
        told=lambda r, value, optimizer: note(f"round {r}: {value:.4f} {optimizer}"),
    )
    report.add(optimizer=str(learned))
    note(f"learned: {learned}")
    compare(args, report, learned)


def compare(args: argparse.Namespace, report: Report, learned: gp.Optimizer) -> None:
    """Losses of ``fast`` and of learned steps on images that were left out."""
    prior, fast, images = gp.load(args.model), RECIPES[args.recipe](), portraits(args, args.images)
    rows = []
    for steps in args.lengths:
        for name, optimizer in (("fast", fast.solver.optimizer), ("learned", learned)):
            recipe = dataclasses.replace(fast, solver=gp.SolverConfig(optimizer, steps))
            result = gp.invert(prior, images, recipe, key=jax.random.key(1))
            report.add(name=name, steps=steps, losses=result.loss, mean=result.loss.mean())
            rows.append([name, steps, number(float(result.loss.mean()), 4), number(float(np.median(result.loss)), 4)])
            note(str(rows[-1]))
    print_table(["", "steps", "loss, mean", "median"], rows, f"{args.model}, {args.recipe}, {len(images)} portraits")


STAGES = {
    "curvature": curvature,
    "memory": memory,
    "sensitivity": sensitivity,
    "schedule": schedule,
    "blur": blur,
}


def main() -> None:
    """Parse, measure, print."""
    made = parser(__doc__.splitlines()[0] if __doc__ else None)
    made.add_argument("stage", choices=STAGES, help="what to measure")
    made.add_argument("--data", type=Path, metavar="ZIP", help="portraits, some of which no prior was trained on")
    made.add_argument("--model", default=None, help="bundled prior; by default that of the stage")
    made.add_argument("--images", type=at_least(1), default=4)
    made.add_argument("--steps", type=at_least(1), default=200, help="of the programs whose memory is looked at")
    made.add_argument("--chunk", type=at_least(1), default=14, help="steps between states that are kept")
    made.add_argument("--step", type=float, default=0.05, help="of finite differences")
    made.add_argument("--refinements", type=at_least(1), default=8, help="Levenberg-Marquardt steps of differences")
    made.add_argument("--probes", type=at_least(1), default=16, help="of a map")
    made.add_argument("--picture", type=Path, metavar="PNG", help="write the maps here")
    made.add_argument("--search", default="in_domain", choices=SEARCHES, help="for what is behind the blur")
    made.add_argument("--sigmas", type=float, nargs="+", default=[1.0, 2.0], help="widths of blurs, pixels")
    made.add_argument("--rounds", type=at_least(1), default=8, help="of learning, or of steps in the width")
    made.add_argument("--recipe", choices=RECIPES, default="z", help="whose step sizes are learned")
    made.add_argument("--rates", type=float, nargs="+", default=[0.1, 0.1, 0.1, 0.05, 0.02], help="to begin with")
    made.add_argument("--horizon", type=at_least(1), default=50, help="steps of searches that are learned from")
    made.add_argument("--batch-size", type=at_least(1), default=4, help="images a round of learning")
    made.add_argument("--lengths", type=at_least(1), nargs="+", default=[50, 100, 150, 300], help="steps to compare")
    args = made.parse_args()
    of_builtin = args.stage == "memory" or (args.stage == "schedule" and args.recipe == "z")
    args.model = args.model or ("builtin" if of_builtin else "builtin:portraits")
    STAGES[args.stage](args, Report(f"Differentiable inversion: {args.stage}", args))


if __name__ == "__main__":
    main()
