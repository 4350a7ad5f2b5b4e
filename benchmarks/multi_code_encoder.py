"""What an encoder of several codes brings: decibels after so many steps, with it and without.

    python benchmarks/multi_code_encoder.py --model runs/codes/model --data portraits128.zip --images 8 --steps 100

Images are among those held out of training, after the first 64, which a run is watched on. Ways: ``fast`` as it is,
with codes drawn for every image; the encoder's codes from its mean features, or from an image's own, with steps as they
are or measured by the metric.
"""

import argparse
import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np

import gprior_jax as gp
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.training.data import ImageZip
from gprior_jax.training.encoder_run import HELD_OUT_IMAGES

MARKS = (1, 5, 10, 15, 20, 30, 40, 60, 100)


def without_metric(encoder: Encoder) -> Encoder:
    """The encoder with every direction as stiff as the others."""
    return dataclasses.replace(
        encoder, params=encoder.params | {"directions": jnp.zeros_like(encoder.params["directions"])}
    )


def of_the_mean(encoder: Encoder) -> Encoder:
    """The encoder that gives the same for all images."""
    network = encoder.params["network"]
    still = {"last": jax.tree.map(jnp.zeros_like, network["last"])}
    return dataclasses.replace(encoder, params=encoder.params | {"network": network | still})


def main() -> None:
    """Print a row for every way."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--model", required=True, help="prior with an encoder of several codes")
    made.add_argument("--data", required=True, help="zip file that it was trained on")
    made.add_argument("--images", type=int, default=8)
    made.add_argument("--steps", type=int, default=100)
    made.add_argument("--ways", nargs="*", default=["fast", "mean", "encoder", "encoder, as they are"])
    args = made.parse_args()
    prior = gp.load(args.model)
    encoder = prior.multi_encoder
    if encoder is None or not isinstance(encoder.module, MultiCodeEncoder):
        raise SystemExit(f"{args.model} has no encoder of several codes.")
    source = ImageZip(args.data, "held_out")
    numbers = range(HELD_OUT_IMAGES, HELD_OUT_IMAGES + args.images)
    images = np.stack([source.image(i, prior.resolution) for i in numbers]).astype(np.float32) / 127.5 - 1.0
    ways = {
        "fast": None,
        "mean": of_the_mean(encoder),
        "encoder": encoder,
        "encoder, as they are": without_metric(encoder),
    }
    for way in args.ways:
        recipe = gp.recipes.mganprior(encoder.module.num_codes, encoder.module.layer, num_steps=args.steps)
        recipe = dataclasses.replace(recipe, encoder=ways[way])
        begun = time.process_time()
        result = gp.invert(prior, images, recipe, key=jax.random.key(0))
        best = np.minimum.accumulate(np.asarray(result.history["pixel_mse"]), axis=1)
        found = np.mean(10.0 * np.log10(4.0 / best), axis=0)
        told = "  ".join(f"{mark}: {found[mark - 1]:.2f}" for mark in MARKS if mark <= args.steps)
        print(f"{way:22} {told}  ({time.process_time() - begun:.0f} s of CPU)", flush=True)


if __name__ == "__main__":
    main()
