"""Geometry of the bundled priors: spectra by several methods, geodesics at once and one after another, memory.

    python benchmarks/geometry.py spectra
    python benchmarks/geometry.py geodesics --model builtin --pairs 64 --devices 2
    python benchmarks/geometry.py optimizers --pairs 4
    python benchmarks/geometry.py memory --resolution 1024

``spectra`` compares with matfree where it is installed.
"""

import argparse
import functools
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import Report, at_least, note, number, parser, peak_bytes, print_table

import gprior_jax as gp
from gprior_jax import geometry
from gprior_jax.compiling import jit
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles
from gprior_jax.geometry.geodesics import NUM_SEGMENTS, STEPS
from gprior_jax.inversion.devices import image_mesh, replicate, use_cores
from gprior_jax.typing import Array

SPECTRA = (("builtin:portraits", 7), ("builtin:portraits", None), ("builtin", None))
"""Priors, and the layer whose features are looked at: those of layer 7 of the portraits are of 32 px."""

NUM = 10
PRODUCTS = (20, 25)
SUBSPACES = ((20, 2), (20, 5))
"""Vectors and rounds of subspace iteration."""


def codes_of(prior: Prior, num: int, seed: int = 1) -> Array:
    """Codes in the space that geometry takes by default."""
    z = gp.sample_z(prior, jax.random.key(seed), num)
    return jnp.asarray(gp.map_latents(prior, z))[:, 0] if prior.num_styles else jnp.asarray(z)


def features_at(prior: Prior, layer: int | None, latent: Array) -> Array:
    """Features of a layer, or the image."""
    if prior.num_styles:
        return run_layers(prior, None, 0, layer, styles=as_styles(prior, latent, "w")).ravel()
    return run_layers(prior, latent, 0, layer).ravel()


def timed(function: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """What a compiled function gives, and the time of its second call."""
    jax.block_until_ready(function(*args))
    start = time.perf_counter()
    found = jax.block_until_ready(function(*args))
    return found, time.perf_counter() - start


def by_matfree(prior: Prior, layer: int | None, latent: Array, products: int) -> tuple[Array, Array]:
    """Values and directions by ``matfree.eig.svd_partial``."""
    from matfree import decomp, eig  # pyright: ignore[reportMissingImports]

    _, push = jax.linearize(functools.partial(features_at, prior, layer), latent)
    start = jax.random.normal(jax.random.key(0), latent.shape)
    _, values, vectors = eig.svd_partial(decomp.bidiag(products))(push, start)
    return values, vectors


def by_lanczos(prior: Prior, layer: int | None, latent: Array, products: int) -> tuple[Array, Array]:
    """Values and directions by the library."""
    return geometry.spectrum(functools.partial(features_at, prior, layer), latent, NUM, products=products)


def by_subspace(prior: Prior, layer: int | None, latent: Array, vectors: int, rounds: int) -> tuple[Array, Array]:
    """Values and directions by subspace iteration from random vectors."""
    at = geometry.linearize(functools.partial(features_at, prior, layer), latent)
    basis = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (latent.size, vectors)))[0]
    for _ in range(rounds):
        basis = jnp.linalg.qr(jax.vmap(at.metric, 1, 1)(basis))[0]
    _, values, small = jnp.linalg.svd(jax.vmap(at.push, 1, 1)(basis), full_matrices=False)
    return values, small @ basis.T


def spectra(args: argparse.Namespace, report: Report) -> None:
    """Errors and times of the first ten values against a singular value decomposition in float64."""
    methods: list[tuple[str, int, Callable[..., Any], tuple[int, ...]]] = []
    for products in PRODUCTS:
        methods.append(("Lanczos", products, by_lanczos, (products,)))
        if importlib.util.find_spec("matfree"):
            methods.append(("matfree", products, by_matfree, (products,)))
    methods += [("subspace", size * rounds, by_subspace, (size, rounds)) for size, rounds in SUBSPACES]
    for model, layer in SPECTRA:
        prior = prepare(gp.load(model))
        latent = codes_of(prior, 1)[0]
        whole = jax.jit(
            lambda prior, x, layer=layer: geometry.jacobian(functools.partial(features_at, prior, layer), x)
        )
        dense, seconds = timed(whole, prior, latent)
        _, values, vectors = np.linalg.svd(np.asarray(dense, np.float64), full_matrices=False)
        rows = [["Jacobian", latent.size, "-", "-", number(seconds)]]
        for name, products, method, sizes in methods:
            run = jax.jit(lambda prior, x, m=method, s=sizes, layer=layer: m(prior, layer, x, *s))
            (found, directions), seconds = timed(run, prior, latent)
            off = float(np.max(np.abs(np.asarray(found)[:NUM] / values[:NUM] - 1)))
            cosine = float(np.min(np.abs(np.sum(np.asarray(directions)[:NUM] * vectors[:NUM], 1))))
            rows.append([name, products, f"{off:.1e}", f"{cosine:.5f}", number(seconds)])
            report.add(model=model, layer=layer, method=name, products=products, error=off, cosine=cosine, s=seconds)
        title = f"{model}, {'the image' if layer is None else f'features of layer {layer}'}"
        print_table(["method", "products", "error of ten", "least |cos|", "seconds"], rows, title)


def measured(prior: Prior, curves: Array) -> tuple[np.ndarray, np.ndarray]:
    """Energies of curves, and those of the same curves with four points in place of one."""

    def energies(function: Any, curves: Array, times: int) -> Array:
        return jax.lax.map(lambda curve: geometry.measure(function, geometry.refined(curve, times)).energy, curves)

    along = jax.jit(energies, static_argnums=2)
    function = geometry.outputs(prior)
    return np.asarray(along(function, curves, 1)), np.asarray(along(function, curves, 4))


def geodesics(args: argparse.Namespace, report: Report) -> None:
    """Geodesics of pairs of codes: against straight lines, at once and one after another."""
    prior = gp.load(args.model)
    if prior.num_classes:
        prior = gp.with_label(prior, 0)
    codes = codes_of(prior, 2 * args.pairs)
    starts, ends = codes[: args.pairs], codes[args.pairs :]
    function = geometry.outputs(prior)
    settings = {"num_segments": args.segments, "steps": args.steps}
    mesh = image_mesh(args.devices)  # Of one device, by one program as without a mesh.
    many = {"batch_size": args.batch_size, "mesh": mesh, **settings}
    together = jit(lambda f, a, b: geometry.geodesics(f, a, b, **many), use="often")
    alone = jit(lambda f, a, b: geometry.geodesic(f, a, b, **settings), use="often")
    begun, given = time.perf_counter(), replicate(mesh, (function, starts, ends))
    compiled = together.lower(*given).compile()
    note(f"compiled in {time.perf_counter() - begun:.0f} s")
    begun, worked = time.perf_counter(), time.process_time()
    found = jax.block_until_ready(compiled(*given))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    jax.block_until_ready(alone(function, starts[0], ends[0]))
    begun, worked = time.perf_counter(), time.process_time()
    for one in range(args.alone):
        jax.block_until_ready(alone(function, starts[one], ends[one]))
    each, cpu_each = (now / args.alone for now in (time.perf_counter() - begun, time.process_time() - worked))
    lines = jax.vmap(lambda a, b: geometry.line(a, b, args.segments))(starts, ends)
    found = jax.tree.map(np.asarray, found)
    (own, fine), (own_line, fine_line) = measured(prior, found.curve), measured(prior, lines)
    ratios = own / own_line
    record = {
        "mean ratio": float(ratios.mean()),
        "largest ratio": float(ratios.max()),
        "mean ratio, 4 times the points": float((fine / fine_line).mean()),
        "largest, 4 times the points": float((fine / fine_line).max()),
        "largest speed variation": float(found.speed_variation.max()),
        "seconds at once": seconds,
        "seconds one after another": each * args.pairs,
        "CPU seconds at once": cpu,
        "CPU seconds one after another": cpu_each * args.pairs,
    }
    report.add(model=args.model, pairs=args.pairs, devices=args.devices, **record)
    print_table(["", args.model], [[name, number(value, 4)] for name, value in record.items()])


def optimizers(args: argparse.Namespace, report: Report) -> None:
    """Energy over the straight line's after the time that each way takes, from the evened line."""
    prior = gp.load(args.model)
    codes, function = codes_of(prior, 2 * args.pairs), geometry.outputs(prior)
    starts, ends = codes[: args.pairs], codes[args.pairs :]
    many = args.segments

    def descent(optimizer: optax.GradientTransformation, steps: int) -> Callable[..., Array]:
        def run(f: Any, a: Array, b: Array) -> Array:
            return geometry.descend(f, geometry.evened(f, geometry.line(a, b, many)), optimizer, steps)

        return run

    def gauss_newton(f: Any, a: Array, b: Array) -> Array:
        return geometry.geodesic(f, a, b, num_segments=many).curve

    def control(f: Any, a: Array, b: Array) -> Array:
        return geometry.georce(f, a, b, num_segments=many, steps=3).curve

    ways: list[tuple[str, Callable[..., Array], int]] = [
        ("Gauss-Newton, levels", gauss_newton, args.pairs),
        ("Adam, 100 steps", descent(optax.adam(optax.cosine_decay_schedule(0.02, 100)), 100), args.pairs),
        ("L-BFGS, 30 steps", descent(optax.lbfgs(), 30), args.pairs),
        ("GEORCE, 3 steps", control, 1),
    ]
    straight = measured(prior, jax.vmap(lambda a, b: geometry.line(a, b, many))(starts, ends))
    rows = []
    for name, way, pairs in ways:
        run = jit(lambda f, a, b, way=way: jax.vmap(lambda a, b: way(f, a, b))(a, b), use="often")
        compiled = run.lower(function, starts[:pairs], ends[:pairs]).compile()
        begun = time.perf_counter()
        curves = jax.block_until_ready(compiled(function, starts[:pairs], ends[:pairs]))
        seconds = (time.perf_counter() - begun) / pairs
        own, fine = (found / line[:pairs] for found, line in zip(measured(prior, curves), straight, strict=True))
        report.add(model=args.model, way=name, pairs=pairs, ratio=own, fine=fine, seconds=seconds)
        rows.append([name, pairs, number(own.mean(), 3), number(fine.mean(), 3), number(seconds, 1)])
        note(str(rows[-1]))
    print_table(["way", "pairs", "energy", "energy, 4 times the points", "seconds a pair"], rows, args.model)


def memory(args: argparse.Namespace, report: Report) -> None:
    """Peak memory and time of the metric of W by products, of a StyleGAN2 of random weights."""
    from gprior_jax.generators.stylegan2 import StyleGAN2

    sizes = [4 * 2**level for level in range(int(np.log2(args.resolution // 4)) + 1)]
    widths = tuple(min(512, 32 * 512 // size) for size in sizes)
    module = StyleGAN2(widths, 512, 512)
    params = jax.jit(lambda key: module.init(key, jnp.zeros(512), method="init_all")["params"])(jax.random.key(0))
    function = geometry.outputs(Prior(params, module, name="random"))
    before = peak_bytes()
    at = jax.random.normal(jax.random.key(1), (512,))

    def rows(f: Any, x: Array, basis: Array) -> Array:
        found = geometry.linearize(f, x)
        return jax.lax.map(found.metric, basis)

    compiled = jax.jit(rows).lower(function, at, jnp.eye(512)[: args.rows]).compile()
    begun = time.perf_counter()
    found = jax.block_until_ready(compiled(function, at, jnp.eye(512)[: args.rows]))
    seconds = time.perf_counter() - begun
    record = {
        "gigabytes before": before / 2**30,
        "gigabytes, peak": peak_bytes() / 2**30,
        "seconds": seconds,
        "rows": args.rows,
        "seconds of 512 rows": seconds / args.rows * 512,
    }
    report.add(resolution=args.resolution, finite=bool(jnp.isfinite(found).all()), **record)
    print_table(["", f"{args.resolution} px"], [[name, number(value, 2)] for name, value in record.items()])


STAGES = {"spectra": spectra, "geodesics": geodesics, "optimizers": optimizers, "memory": memory}


def main() -> None:
    """Parse, measure, print."""
    made = parser(__doc__.splitlines()[0] if __doc__ else None)
    made.add_argument("stage", choices=STAGES, help="what to measure")
    made.add_argument("--model", default="builtin:portraits", help="bundled prior of geodesics and optimizers")
    made.add_argument("--pairs", type=at_least(1), default=64, help="of codes")
    made.add_argument("--segments", type=at_least(2), default=NUM_SEGMENTS)
    made.add_argument("--steps", type=at_least(1), default=STEPS, help="of every level")
    made.add_argument("--batch-size", type=at_least(1), default=8, help="pairs at once")
    made.add_argument("--devices", type=at_least(1), default=1, help="that pairs at once are split over")
    made.add_argument("--alone", type=at_least(1), default=8, help="pairs that are timed one after another")
    made.add_argument("--resolution", type=at_least(8), default=1024, help="of the random StyleGAN2, pixels")
    made.add_argument("--rows", type=at_least(1), default=512, help="of the metric")
    args = made.parse_args()
    if args.devices > 1:
        use_cores()
    STAGES[args.stage](args, Report(f"Geometry: {args.stage}", args))


if __name__ == "__main__":
    main()
