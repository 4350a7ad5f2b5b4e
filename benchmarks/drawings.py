"""Portraits and drawings of other portraits: two sets without pairs, for a CycleGAN.

    python benchmarks/drawings.py --data portraits128.zip --into sets

Writes ``photographs.zip``, every other picture as it is under its name, so that the same ones are held out of training
as ever; and ``drawings.zip``, the others in eight flat colours with dark outlines, without those that are held out.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from gprior_jax.training.data import ImageZip, is_held_out

COLOURS = 8
SMOOTHING = 5
"""Side of the windows, pixels, in which every pixel becomes the median and then the colour that is there most often."""

LINE = 28.0
"""Grey levels between neighbours of the smoothed picture from which on there is an outline; twice that is all dark."""


def drawing(picture: Image.Image) -> Image.Image:
    """A picture in flat colours, with outlines where its brightness changes at once."""
    smooth = picture.filter(ImageFilter.MedianFilter(SMOOTHING))
    flat = smooth.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    flat = flat.filter(ImageFilter.ModeFilter(SMOOTHING))
    luma = np.asarray(smooth.convert("L"), np.float32)
    down, across = (np.abs(np.diff(luma, axis=axis, append=luma.take([-1], axis))) for axis in (0, 1))
    dark = np.clip((np.hypot(down, across) - LINE) / LINE, 0.0, 0.8)
    lines = Image.fromarray((255 * (1 - dark)).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    shade = np.asarray(lines, np.float32)[..., None] / 255
    return Image.fromarray((np.asarray(flat) * shade).astype(np.uint8))


def main() -> None:
    """Write both sets."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, required=True, help="zip file of portraits")
    made.add_argument("--into", type=Path, required=True, help="folder of the two zip files")
    made.add_argument("--number", type=int, default=8000, help="pictures to take")
    args = made.parse_args()
    images = ImageZip(args.data, "all")
    args.into.mkdir(parents=True, exist_ok=True)
    archives = [zipfile.ZipFile(args.into / name, "w") for name in ("photographs.zip", "drawings.zip")]
    for index in range(min(args.number, len(images))):
        name, is_drawn = images.names[index], index % 2
        if not is_drawn:
            archives[0].writestr(name, images.source.read(name))
        elif not is_held_out(name):
            buffer = io.BytesIO()
            drawing(images.picture(index)).save(buffer, "PNG")
            archives[1].writestr(Path(name).with_suffix(".png").as_posix(), buffer.getvalue())
    for archive in archives:
        archive.close()


if __name__ == "__main__":
    main()
