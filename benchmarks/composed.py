"""Whether several codes recover images that a BigGAN of random weights composed of others, at the same layer.

The images are those of codes and channel weights as an inversion starts from them, the weights varied by half. For
comparison: what the mean colour of an image alone explains.
"""

import time

import jax
import numpy as np
import random_networks
from biggan_files import WIDTHS
from common import Report, at_least, number, parser, print_table

from gprior_jax import recipes
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images.arrays import psnr_of
from gprior_jax.inversion.driver import invert
from gprior_jax.latents import MultiCode
from gprior_jax.typing import Array

NETWORKS = {"small": (16, (8, 8, 4, 2), 2), "128": (96, WIDTHS[128], 4)}
"""Width, widths of the layers, and the layer with attention."""


def composed(prior: Prior, codes: MultiCode, number_of: int) -> np.ndarray:
    """Images of codes and weights of their own."""

    def one(key: Array) -> Array:
        variables = codes.init(prior, key)
        weights = 1 + 0.5 * jax.random.normal(jax.random.fold_in(key, 7), variables["alpha"].shape)
        return codes.render(prior, variables | {"alpha": variables["alpha"] * weights})

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(3), number_of)))


def main() -> None:
    """Compose, invert, compare."""
    made = parser(__doc__)
    made.add_argument("--network", choices=tuple(NETWORKS), default="small")
    made.add_argument("--layers", type=at_least(1), nargs="+", default=[2, 3])
    made.add_argument("--codes", type=at_least(1), nargs="+", default=[20, 40])
    made.add_argument("--images", type=at_least(1), default=2)
    made.add_argument("--steps", type=at_least(1), default=300)
    args = made.parse_args()
    report = Report("Several codes on a BigGAN of random weights", args)
    prior = prepare(random_networks.biggan(*NETWORKS[args.network]))
    rows = []
    for layer in args.layers:
        for codes in args.codes:
            images = composed(prior, MultiCode(codes, layer), args.images)
            recipe = recipes.mganprior(codes, layer, num_steps=args.steps, perceptual=None)
            started = time.perf_counter()
            found = invert(prior, images, recipe, key=jax.random.key(0))
            seconds = time.perf_counter() - started
            psnr = np.asarray(psnr_of(np.square(found.images - images).mean((1, 2, 3))))
            mean = np.asarray(psnr_of(images.var(axis=(1, 2)).mean(axis=-1)))
            report.add(layer=layer, codes=codes, psnr=psnr.tolist(), mean_colour=mean.tolist(), seconds=seconds)
            rows.append([str(layer), str(codes), *(number(float(v), 1) for v in (psnr.min(), mean.max(), seconds))])
    print_table(["layer", "codes", "least PSNR, dB", "mean colour, at most", "seconds"], rows)


if __name__ == "__main__":
    main()
