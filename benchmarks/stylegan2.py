"""StyleGAN2: forward and gradient to W+ against the published grouped-convolution form in PyTorch, in turns."""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import random_networks
import torch
import torch_stylegan2
from common import Report, at_least, note, number, parser, print_table
from jax.sharding import Mesh, PartitionSpec

from gprior_jax import glibc
from gprior_jax.compiling import compiler_options, for_one_core
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.running import run_layers
from gprior_jax.inversion.devices import IMAGES, image_mesh, replicate, shard_images, use_cores
from gprior_jax.typing import Array


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--resolution", type=at_least(8), default=256)
    made.add_argument("--images", type=at_least(1), default=1)
    made.add_argument("--rounds", type=at_least(1), default=5, help="both are timed so often, in turns")
    made.add_argument("--devices", type=at_least(1), default=1, help="cores that take images of their own, one by one")
    return made.parse_args()


@jax.jit
def _ours(prior: Prior, styles: Array, cotangent: Array) -> tuple[Array, Array]:
    """Means of image * cotangent ``[B]`` and their gradients."""
    return jax.vmap(partial(_one, prior, cotangent))(styles)


def _one(prior: Prior, cotangent: Array, styles: Array) -> tuple[Array, Array]:
    """The same of one image."""

    def value(w_plus: Array) -> Array:
        return jnp.mean(run_layers(prior, None, styles=w_plus) * cotangent)

    return jax.value_and_grad(value)(styles)


def in_lanes(mesh: Mesh) -> Callable[[Prior, Array, Array], tuple[Array, Array]]:
    """:func:`_ours` with every core taking its own images, one after the other."""

    def own(prior: Prior, styles: Array, cotangent: Array) -> tuple[Array, Array]:
        return jax.lax.map(partial(_one, prior, cotangent), styles)

    takes = (PartitionSpec(), PartitionSpec(IMAGES), PartitionSpec())
    lanes = jax.shard_map(own, mesh=mesh, in_specs=takes, out_specs=PartitionSpec(IMAGES), check_vma=False)
    return jax.jit(lanes, compiler_options=compiler_options("cpu", "often") | for_one_core())


def timed(run: Callable[[], object]) -> float:
    """Seconds of a call that follows another, as steps do: after a pause the system has memory to find again."""
    run()
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    """Check that both agree, then time them in turns."""
    args = arguments()
    glibc.restart_with_large_pages()  # And over the cores: as ``gprior`` does; PyTorch has its memory in them, too.
    use_cores()
    report = Report("StyleGAN2 forward and gradient to W+", args)
    prior, rng = random_networks.stylegan2(args.resolution), np.random.default_rng(1)
    styles = rng.standard_normal((args.images, prior.num_styles, 512), np.float32)
    cotangent = rng.standard_normal(prior.image_shape, np.float32)
    weights = torch_stylegan2.tensors(jax.tree.map(np.asarray, prior.params))
    mesh = image_mesh(args.devices)
    placed = replicate(mesh, (prepare(prior), cotangent))
    rows = shard_images(mesh, styles)
    run = in_lanes(mesh) if args.devices > 1 else _ours

    def ours() -> np.ndarray:
        return np.asarray(jax.block_until_ready(run(placed[0], rows, placed[1]))[1])

    def rival() -> np.ndarray:
        w_plus = torch.from_numpy(styles).requires_grad_()
        images = torch_stylegan2.synthesize(weights, w_plus)
        (images * torch.from_numpy(cotangent).permute(2, 0, 1)).mean((1, 2, 3)).sum().backward()
        assert w_plus.grad is not None
        return w_plus.grad.numpy()

    started = time.perf_counter()
    ours()
    compiling = time.perf_counter() - started
    found, wanted = ours(), rival()
    apart = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    # In float64 both agree to 3e-15; in float32 kinks of LeakyReLU, met on another side, leave 1e-3 in either.
    if apart > 1e-2:
        raise SystemExit(f"the gradients differ by {apart:.1e} of the largest: nothing is compared.")
    times = [(timed(rival), timed(ours)) for _ in range(args.rounds)]
    for theirs, own in times:
        note(f"PyTorch {theirs:.3f} s, ours {own:.3f} s")
    ratio = statistics.median(theirs / own for theirs, own in times)
    report.add(seconds=times, ratio=ratio, compiling=compiling, gradients_apart=apart)
    medians = [number(statistics.median(column)) for column in zip(*times, strict=True)]
    head = ["resolution", "images", "PyTorch, s", "ours, s", "ratio, median", "first call, s"]
    print_table(head, [[args.resolution, args.images, *medians, number(ratio), number(compiling)]])


if __name__ == "__main__":
    main()
