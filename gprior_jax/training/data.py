"""Training images streamed from a zip file: nothing is unpacked, and no more than a few batches are decoded at a time.

The file is in the layout of StyleGAN2-ADA's dataset tool: images in any folders, an optional ``dataset.json``. A fixed
5 % of the images, chosen by a hash of their name in the zip, is held out of training for every later evaluation.
"""

import hashlib
import io
import json
import os
import threading
import zipfile
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from gprior_jax.errors import GPriorError
from gprior_jax.images.files import as_channels, picture_of

HELD_OUT_FRACTION = 0.05
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})

_PREFETCH = 4
"""Batches decoded ahead of the training loop."""

_THREADS = 4
"""That decode them, each a batch; Pillow lets other threads run while it decodes."""


def is_held_out(name: str, fraction: float = HELD_OUT_FRACTION) -> bool:
    """Whether the image of this name is kept out of training: a fixed property of the name alone.

    >>> sum(is_held_out(f"00000/img{i:08}.jpg") for i in range(1000))
    56
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


class ImageZip:
    """Images of one zip file, decoded on demand to a square size.

    Attributes:
        path: the zip file.
        channels: of the images, 1 (gray), 3 (RGB) or 4 (RGBA).
        names: names of the images of this split, sorted.
    """

    def __init__(self, path: str | os.PathLike, split: str = "train", channels: int = 3):
        """Open the file and list the images of ``split``: ``"train"``, ``"held_out"`` or ``"all"``.

        Raises:
            GPriorError: missing, not a zip file, or without images in the split.
        """
        self.path, self.channels = Path(path), channels
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile) as error:
            raise GPriorError(f"{self.path} is not a readable zip file of images: {error}") from error
        images = [n for n in self._zip.namelist() if PurePosixPath(n).suffix.lower() in IMAGE_SUFFIXES]
        keep = {"train": lambda n: not is_held_out(n), "held_out": is_held_out, "all": lambda n: True}[split]
        self.names = sorted(filter(keep, images))
        # A ZipFile reads through one file position: one reader at a time.
        self._lock = threading.Lock()
        if not self.names:
            raise GPriorError(f"{self.path} holds no images (png, jpg, bmp, webp) for the split {split!r}.")

    def __len__(self) -> int:
        return len(self.names)

    def labels(self) -> tuple[np.ndarray, list[str]]:
        """Classes of the images of this split, integers ``[N]``, and the names of all classes.

        Raises:
            GPriorError: ``dataset.json`` is missing or damaged, or has no class for an image.
        """
        remedy = "conditional training needs 'labels': [[name, class], ...] in its dataset.json"
        try:
            with self._lock:
                found = json.loads(self._zip.read("dataset.json"))
            classes = {str(name): int(label) for name, label in found["labels"] or ()}
            labels = np.array([classes[name] for name in self.names])
            count = 1 + max(classes.values())
            names = [str(name) for name in found.get("label_names") or range(count)]
        except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
            raise GPriorError(f"{self.path} does not name the class of every image ({error!r}): {remedy}.") from error
        if labels.min() < 0 or len(names) != count:
            raise GPriorError(f"{self.path} has {count} classes and {len(names)} names, or classes below 0: {remedy}.")
        return labels, names

    def digest(self, index: int) -> str:
        """What tells the content of an image: its checksum in the file, and its name."""
        name = self.names[index]
        return f"{self._zip.getinfo(name).CRC:08x} {name}"

    def image(self, index: int, resolution: int) -> np.ndarray:
        """Decode one image to uint8 ``[resolution, resolution, C]``: the centre square, averaged down.

        Raises:
            GPriorError: the entry is damaged or no image.
        """
        name = self.names[index]
        try:
            with self._lock:
                content = self._zip.read(name)
            image = picture_of(self.channels)(Image.open(io.BytesIO(content)))
        except (OSError, SyntaxError, ValueError, zipfile.BadZipFile) as error:
            raise GPriorError(f"{self.path}: {name} cannot be decoded: {error}") from error
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
    images: ImageZip, requests: Iterator[tuple[int, int, int]], seed: int, mirror: bool = False, turn: bool = False
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Yield batches and the indices of their images, in order; several threads decode ahead.

    Args:
        images: where they come from.
        requests: (position, batch size, resolution) of every batch in order.
        seed: seed of the shuffles.
        mirror: mirror a random half.
        turn: turn by a random number of quarters.
    """

    def decode(position: int, size: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        order = batch_order(len(images), position, size, seed, mirror, turn)
        return images.batch(order, resolution), order.indices

    pool, ahead = ThreadPoolExecutor(_THREADS), deque()
    try:
        for request in requests:
            ahead.append(pool.submit(decode, *request))
            if len(ahead) > _PREFETCH:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
