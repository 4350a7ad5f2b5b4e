"""How often the search for a class finds that of images that the prior drew itself.

Run by ``python benchmarks/class_search.py --images 32``.
"""

import argparse

import jax
import numpy as np
from common import Report, parser, print_table

import gprior_jax as gp


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin:cells", help="a prior with classes")
    made.add_argument("--images", type=int, default=32, help="images, of every class in turn")
    made.add_argument("--space", choices=("z", "w", "w_plus"), default="z", help="of the code that is looked for")
    made.add_argument("--keep", type=int, default=5, help="classes that are looked at closer")
    return made.parse_args()


def main() -> None:
    """Draw images, search, and tell the parts that were right."""
    args = arguments()
    prior = gp.load(args.model)
    labels = np.arange(args.images) % prior.num_classes
    images = np.asarray(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(11), args.images), label=labels))
    recipe, search = gp.recipes.latent(args.space, perceptual=None), gp.ClassSearch(keep=args.keep)
    found = gp.find_classes(prior, images, recipe, key=jax.random.key(0), search=search)
    right = found.candidates == labels[:, None]
    parts = [float(x) for x in (right[:, 0].mean(), right.any(axis=1).mean(), (found.label == labels).mean())]
    Report(f"Classes, {prior.name}, {args.images} images", args).add(space=args.space, parts=parts)
    print_table(["code", "first pass", f"among {args.keep}", "found"], [[args.space, *(f"{x:.2f}" for x in parts)]])


if __name__ == "__main__":
    main()
