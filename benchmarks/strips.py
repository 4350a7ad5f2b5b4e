"""The pictures of README.md: what was observed, the result and the truth, from folders that the commands wrote."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.runs.entries import read_records


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("folders", type=Path, nargs="+", help="output folders of restorations; a strip for each")
    made.add_argument("--out", type=Path, required=True, help="folder for the strips, FOLDER.png")
    made.add_argument("--side", type=int, default=128, help="side of a picture, pixels")
    return made.parse_args()


def enlarged(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture at ``side``, its pixels kept to be seen."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST))


def strip(folder: Path, side: int) -> np.ndarray:
    """Observation, result and truth of every image of a folder, side by side."""
    _, records = read_records(folder)
    cells: list[np.ndarray] = []
    for record in records:
        shown = [
            record.target,
            im.to_uint8(record.image),
            *(record.pictures[n] for n in ("truth",) if n in record.pictures),
        ]
        cells += [enlarged(picture, side) for picture in shown]
    return im.grid(np.stack(cells), columns=len(cells), pad=2)


def main() -> None:
    """Write a strip for every folder."""
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    for folder in args.folders:
        save_image(args.out / f"{folder.name}.png", strip(folder, args.side))


if __name__ == "__main__":
    main()
