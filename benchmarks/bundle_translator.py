"""A translator's training run as a model folder to ship: 16-bit weights, the facts of its data, curves, and a sheet.

    python benchmarks/bundle_translator.py runs/colors --into gprior_jax/data/builtin-colors --data portraits128.zip

The sheet shows pictures held out of training: before and after, and what is known to be right; of a CycleGAN drawings
of others, and photographs made of these. A folder that is there keeps its README, which is to be written by hand.
"""

import argparse
import dataclasses
from pathlib import Path

import jax.numpy as jnp
import matplotlib
import numpy as np
from bundle import draw_curves
from drawings import drawing
from PIL import Image

import gprior_jax as gp
from gprior_jax import zoo
from gprior_jax.images.arrays import from_uint8, grid, rgb_uint8, to_uint8
from gprior_jax.images.files import save_image
from gprior_jax.training.data import ImageZip
from gprior_jax.training.translation_config import TranslationConfig
from gprior_jax.training.translation_data import held_out_pictures, open_sets
from gprior_jax.translation import Translator, prepare_translator

COLUMNS = 8
LOSSES = ("adversarial", "critic", "pixels", "cycle", "identity")


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("run", type=Path, help="folder that gprior train translation wrote")
    made.add_argument("--into", type=Path, required=True, help="model folder to write")
    made.add_argument("--data", type=Path, required=True, help="what it was trained on, A of two sets")
    made.add_argument("--attribution", required=True, help="of the data, recorded in the folder")
    return made.parse_args()


def through(translator: Translator, images: np.ndarray) -> np.ndarray:
    """A batch, one picture after the other."""
    prepared = prepare_translator(translator)
    return np.stack([np.asarray(gp.translate(prepared, jnp.asarray(image))) for image in images])


def sheet(folder: Path, config: TranslationConfig, args: argparse.Namespace) -> np.ndarray:
    """Rows of pictures, as they come from the stored numbers."""
    if config.method == "pix2pix":
        before, after = held_out_pictures(config, open_sets(config, args.data, None, "held_out"), COLUMNS)
        rows = [before, through(zoo.load_translator(folder), before), after]
    else:
        held_out = ImageZip(args.data, "held_out")
        shown = [held_out.picture(index) for index in range(2 * COLUMNS)]
        photographs, drawn = ([as_trained(p, config) for p in shown[:COLUMNS]], shown[COLUMNS:])
        before, after = np.stack(photographs), np.stack([as_trained(drawing(p), config) for p in drawn])
        rows = [before, through(zoo.load_translator(folder), before)]
        rows += [after, through(zoo.load_translator(folder, "BtoA"), after)]
    return grid(np.concatenate([rgb_uint8(to_uint8(row)) for row in rows]), COLUMNS)


def as_trained(picture: Image.Image, config: TranslationConfig) -> np.ndarray:
    """A square picture at the size of the training, in [-1, 1]."""
    side = config.resolution
    return from_uint8(np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)))


def main() -> None:
    """Write the model folder."""
    args = arguments()
    matplotlib.use("agg")
    found = zoo.read_config(args.run / "model")
    config = TranslationConfig(**found["provenance"]["training"])
    facts = {"data": args.attribution, "licence": found["provenance"]["licence"]}
    facts |= {name: found["provenance"][name] for name in ("images_seen", "training")}
    name = args.into.name.replace("-", ":", 1)
    networks = {way: zoo.load_translator(args.run / "model", way) for way in config.ways}
    networks = {way: dataclasses.replace(own, name=name) for way, own in networks.items()}
    card = (args.into / "README.md").read_bytes() if (args.into / "README.md").is_file() else b""
    zoo.save_translator(
        networks["AtoB"],
        args.into,
        back=networks.get("BtoA"),
        provenance=facts,
        dtype="float16",
        overwrite=True,
    )
    (args.into / "README.md").write_bytes(card)
    draw_curves(args.run / "log.csv", args.into / "curves.png", LOSSES)
    save_image(args.into / "samples.png", sheet(args.into, config, args))


if __name__ == "__main__":
    main()
