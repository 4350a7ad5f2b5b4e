"""Training images streamed from a zip file or a folder: no more than a few batches are decoded at a time.

The layout is that of StyleGAN2-ADA's dataset tool: images in any folders, an optional ``dataset.json``. A fixed 5 % of
the images, chosen by a hash of their name below the zip file or folder, is held out of training for every later
evaluation.
"""

import hashlib
import os
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images.files import ValueRange, as_channels, open_picture, picture_of
from gprior_jax.images.remarks import collected
from gprior_jax.images.samples import parse_range
from gprior_jax.storage.names import as_text, normalized
from gprior_jax.training.labels import Classes, as_array, find_classes
from gprior_jax.training.prefetch import THREADS, in_threads
from gprior_jax.training.sources import open_source

HELD_OUT_FRACTION = 0.05

Split = Literal["train", "held_out", "all"]

_PREFETCH = 4
"""Batches decoded ahead of the training loop."""


def is_held_out(name: str, fraction: float = HELD_OUT_FRACTION) -> bool:
    r"""Whether the image of this name is kept out of training: a fixed property of the name alone.

    >>> sum(is_held_out(f"00000/img{i:08}.jpg") for i in range(1000))
    56
    >>> is_held_out(r"00000\img00000004.png") == is_held_out("00000/img00000004.png")
    True
    """
    check_number("fraction", fraction, lambda x: (x >= 0) & (x <= 1), "a part, from 0 to 1")
    digest = hashlib.sha256(os.fsencode(normalized(name))).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


class ImageZip:
    """Images of one zip file, or of a folder with all that are in it, decoded on demand to a square size.

    Attributes:
        path: the zip file or folder.
        channels: of the images, 1 (gray), 3 (RGB) or 4 (RGBA).
        value_range: of files of more than 8 bits a sample.
        names: names of the images of this split below it, with ``/``, sorted.
        remarks: what was said of those that have been read, by name: a guessed range, an unusable colour profile.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        split: Split = "train",
        channels: int = 3,
        without: Collection[str] = (),
        value_range: ValueRange = "auto",
    ):
        """List the images of ``split``: ``"train"``, ``"held_out"`` or ``"all"``.

        Args:
            path: the zip file or folder; hidden entries in it are left out.
            split: which images.
            channels: of the images.
            without: names of images to leave out.
            value_range: of files of more than 8 bits a sample, see :func:`gprior_jax.load_image`.

        Raises:
            GPriorError: missing, neither a zip file nor a folder, or without images in the split.
            ValueError: a range that is none.
        """
        rules = {"train": lambda n: not is_held_out(n), "held_out": is_held_out, "all": lambda n: True}
        if split not in rules:
            raise ArgumentError(f"split {split!r}: use 'train', 'held_out' or 'all'.")
        parse_range(value_range)
        self.path, self.channels, left_out = Path(path), channels, set(without)
        self.remarks: dict[str, str] = {}
        self.value_range: ValueRange = value_range
        self.source = open_source(self.path)
        self.names = [name for name in self.source.names if rules[split](name) and name not in left_out]
        self._classes: Classes | None = None
        if not self.names:
            raise GPriorError(f"{self.path} {_why_none(split, len(self.source.names))}")

    def __len__(self) -> int:
        return len(self.names)

    def labels(self) -> tuple[np.ndarray, list[str]]:
        """Classes of the images of this split, integers ``[N]``, and the names of all classes.

        Raises:
            GPriorError: see :func:`gprior_jax.training.labels.find_classes`.
        """
        self._classes = self._classes or find_classes(self.source)
        return as_array(self._classes, self.names), self._classes.names

    def keep(self, indices: Collection[int]) -> None:
        """Keep some images of the split, in their order."""
        self.names = [self.names[index] for index in sorted(indices)]

    def digest(self, index: int) -> str:
        """What tells the content of an image: its checksum, and its name."""
        name = self.names[index]
        return f"{self.source.checksum(name):08x} {name}"

    def picture(self, index: int) -> Image.Image:
        """Decode one image, at its size, as all pictures are read (:func:`gprior_jax.load_image`).

        Raises:
            ImageFileError: it is damaged or no image.
        """
        name = self.names[index]
        place = Path(f"{self.path}: {as_text(name)}")
        content, channels = self.source.read(name), picture_of(self.channels)
        with collected() as said:  # Thousands of images may deserve the same remark.
            picture = open_picture(place, channels, smallest=1, value_range=self.value_range, content=content)
        if said:
            self.remarks[name] = said[0]
        return picture

    def image(self, index: int, resolution: int) -> np.ndarray:
        """Decode one image to uint8 ``[resolution, resolution, C]``: the centre square, averaged down.

        Raises:
            ImageFileError: it is damaged or no image.
        """
        image = self.picture(index)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = (left, top, left + side, top + side)
        # Averaging whole blocks is what every level of the discriminator sees; other factors need a wider filter.
        method = Image.Resampling.BOX if side % resolution == 0 else Image.Resampling.LANCZOS
        return as_channels(image.resize((resolution, resolution), method, box=square), self.channels)

    def batch(self, order: "Order", resolution: int) -> np.ndarray:
        """Decode images to float32 ``[B, R, R, C]`` in [-1, 1], mirrored and turned as ``order`` says."""
        images = np.stack([self.image(int(i), resolution) for i in order.indices])
        if order.flips is not None:
            images = np.where(order.flips[:, None, None, None], images[:, :, ::-1], images)
        if order.turns is not None:
            images = np.stack([np.rot90(image, turns) for image, turns in zip(images, order.turns, strict=True)])
        return images.astype(np.float32) / 127.5 - 1.0


def _why_none(split: Split, found: int) -> str:
    """Why there are no images in a split, of so many in all; and what to do."""
    if not found:
        return "holds no images (PNG, JPEG and what else Pillow reads): give a zip file or folder with some."
    images = "1 image" if found == 1 else f"{found} images"
    if split == "train":
        part = round(1 / HELD_OUT_FRACTION)
        return f"holds {images}, none to train on: of {part} about one is kept for judging, by its name; give more."
    return f"holds {images}, none kept out of training: about one of {round(1 / HELD_OUT_FRACTION)} is; give more."


class Order(NamedTuple):
    """The images of one batch.

    Attributes:
        indices: ``[B]``.
        flips: which are mirrored, bool ``[B]``; None mirrors none.
        turns: quarter turns, integers ``[B]``; None turns none.
    """

    indices: np.ndarray
    flips: np.ndarray | None = None
    turns: np.ndarray | None = None


def batch_order(
    num_images: int, position: int, batch_size: int, seed: int, mirror: bool = False, turn: bool = False
) -> Order:
    """Which images make the batch that starts at ``position`` in the endless stream of shuffled epochs.

    A function of its arguments alone, so that a resumed run sees the same images.

    Args:
        num_images: images in the split.
        position: images seen so far.
        batch_size: images to take.
        seed: seed of the shuffles.
        mirror: mirror a random half.
        turn: turn by a random number of quarters.
    """
    positions = np.arange(position, position + batch_size)
    indices, flips, turns = [], [], []
    for epoch in np.unique(positions // num_images):
        rng = np.random.default_rng((seed, int(epoch)))
        order, coins = rng.permutation(num_images), rng.random(num_images) < 0.5
        quarters = rng.integers(0, 4, num_images)
        within = positions[positions // num_images == epoch] % num_images
        indices.append(order[within])
        flips.append(coins[within])
        turns.append(quarters[within])
    return Order(
        np.concatenate(indices),
        np.concatenate(flips) if mirror else None,
        np.concatenate(turns) if turn else None,
    )


def classes_together(labels: np.ndarray, group: int) -> np.ndarray:
    """An order of a batch in which images of one class share groups of the minibatch deviation, as far as may be.

    The deviation of a group of several classes is that of the classes: a generator that draws one image for each has as
    much of it as one whose images differ. That of a group of one class tells the two apart.

    Args:
        labels: classes ``[B]``.
        group: images of a group; images i, i + B / group, i + 2 B / group, ... make one.

    >>> labels = np.array([0, 1, 0, 1, 1, 0, 1, 0])
    >>> labels[classes_together(labels, 4)].tolist()
    [0, 1, 0, 1, 0, 1, 0, 1]
    """
    return np.argsort(labels, kind="stable").reshape(-1, min(group, len(labels))).T.reshape(-1)


def stream(
    images: ImageZip,
    requests: Iterator[tuple[int, int, int]],
    seed: int,
    mirror: bool = False,
    turn: bool = False,
    threads: int = THREADS,
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Batches and the indices of their images, in order; several threads decode ahead.

    Args:
        images: where they come from.
        requests: (position, batch size, resolution) of every batch in order.
        seed: seed of the shuffles.
        mirror: mirror a random half.
        turn: turn by a random number of quarters.
        threads: that decode, each a batch.
    """

    def decode(position: int, size: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        order = batch_order(len(images), position, size, seed, mirror, turn)
        return images.batch(order, resolution), order.indices

    return in_threads(decode, requests, _PREFETCH, threads)
