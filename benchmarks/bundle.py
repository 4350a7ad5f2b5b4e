"""A training run as a model folder to ship: 16-bit weights, the facts of its data, curves of its losses, samples.

    python benchmarks/bundle.py runs/portraits --into gprior_jax/data/builtin-portraits --truncation 0.8

The folder that is there keeps its name, what it says of its data, and its README, which is to be brought up to date by
hand.
"""

import argparse
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import gprior_jax as gp
from gprior_jax import zoo
from gprior_jax.images.arrays import grid, to_uint8
from gprior_jax.images.files import save_image

KEPT = ("data", "licence", "label_names")
"""Facts that do not change with the run."""

LOSSES = ("generator", "discriminator", "projected_generator", "projected_discriminator")


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("run", type=Path, help="folder that gprior train wrote")
    made.add_argument("--into", type=Path, required=True, help="model folder to replace")
    made.add_argument("--truncation", type=float, default=1.0, help="of the samples, and recommended")
    made.add_argument("--seed", type=int, default=0, help="of the samples")
    made.add_argument("--rows", type=int, default=4, help="of samples, eight each")
    return made.parse_args()


def draw_curves(log: Path, path: Path, losses: Sequence[str] = LOSSES) -> None:
    """The losses of a run over images, one below the other."""
    with log.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in losses if rows[0].get(name)]
    images = [int(row["images"]) for row in rows]
    figure, axes = plt.subplots(len(names), figsize=(6.4, 1.3 * len(names)), sharex=True, layout="constrained")
    for axis, name in zip(np.atleast_1d(axes), names, strict=True):
        axis.plot(images, [float(row[name]) for row in rows])
        axis.set_ylim(bottom=0)
        axis.set_ylabel(name.replace("_", "\n"), fontsize="small")
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("images")
    figure.savefig(path, dpi=100, metadata={"Software": None})


def samples(prior: gp.Prior, args: argparse.Namespace) -> np.ndarray:
    """Images in rows of eight, of a conditional prior with a class for every column and a code for every row."""
    number = 8 * args.rows
    z = gp.sample_z(prior, jax.random.key(args.seed), number)
    if not prior.num_classes:
        return grid(to_uint8(np.asarray(gp.synthesize(prior, z, truncation_psi=args.truncation))), 8)
    z = np.repeat(np.asarray(z)[: args.rows], prior.num_classes, axis=0)
    label = np.tile(np.arange(prior.num_classes), args.rows)
    images = gp.synthesize(prior, z, label=label, truncation_psi=args.truncation)
    return grid(to_uint8(np.asarray(images)), prior.num_classes)


def main() -> None:
    """Replace the model folder."""
    args = arguments()
    matplotlib.use("agg")
    found, old = zoo.read_config(args.run / "model"), zoo.read_config(args.into)
    facts = {name: old["provenance"][name] for name in KEPT if name in old["provenance"]}
    facts |= {name: found["provenance"][name] for name in ("images_seen", "training")}
    facts |= {"truncation": args.truncation} if args.truncation != 1.0 else {}
    prior = dataclasses.replace(zoo.load(args.run / "model"), name=old["name"])
    card = (args.into / "README.md").read_bytes()
    zoo.save(prior, args.into, provenance=facts, dtype="float16", overwrite=True)
    (args.into / "README.md").write_bytes(card)
    draw_curves(args.run / "log.csv", args.into / "curves.png")
    # As they come from the stored numbers.
    save_image(args.into / "samples.png", samples(zoo.load(args.into), args))


if __name__ == "__main__":
    main()
