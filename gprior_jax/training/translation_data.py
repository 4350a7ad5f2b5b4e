"""Pictures before and after (A and B) for the training of translators: pairs, or two sets without pairs."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError, GPriorError, ImageFileError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.samples import ValueRange
from gprior_jax.storage.names import listed
from gprior_jax.training.data import ImageZip, Split, batch_order, is_held_out
from gprior_jax.training.prefetch import in_threads
from gprior_jax.training.translation_config import TranslationConfig

Side = Literal["A", "B"]

_PREFETCH = 8
"""Batches decoded ahead; those of translators are small."""

_TOLD = 5
"""Pictures without a partner that are named."""

_OTHER = 2**32
"""Added to the seed for the order of a second set: no seed is so large."""


class Half(ImageZip):
    """One half of pictures that stand side by side in files.

    Attributes:
        half: ``"A"`` is the left one, ``"B"`` the right one.
    """

    half: Side = "A"

    def picture(self, index: int) -> Image.Image:
        """Decode the half of one file.

        Raises:
            ImageFileError: it is damaged, or has no halves.
        """
        whole = super().picture(index)
        middle, rest = divmod(whole.width, 2)
        if rest:
            raise ImageFileError(
                f"{self.path}: {self.names[index]} is {whole.width}x{whole.height} pixels, which are no two pictures "
                "of one size side by side: use pictures of an even width."
            )
        left = 0 if self.half == "A" else middle
        return whole.crop((left, 0, left + middle, whole.height))


class Sets(NamedTuple):
    """Pictures of both sides.

    Attributes:
        before: A.
        after: B; of pairs as many, and in their order.
        paired: whether pictures of one place belong together.
    """

    before: ImageZip
    after: ImageZip
    paired: bool


def open_sets(
    config: TranslationConfig,
    data: str | os.PathLike,
    target: str | os.PathLike | None,
    split: Split = "train",
    value_range: ValueRange = "auto",
) -> Sets:
    """Open the pictures that a configuration is trained on.

    Args:
        config: says what pairs are, and how many channels.
        data: zip file or folder of A, or of both.
        target: of B, where it is apart.
        split: which pictures.
        value_range: of files of more than 8 bits a sample.

    Raises:
        GPriorError: unreadable, or pairs that are none.
        ArgumentError: a target is missing, or there is none to have.
    """
    if (target is not None) != (config.pairs == "folders"):
        missing = "needs the pictures after it, too: give target (--target)"
        missing = missing if target is None else "has no other: leave target out"
        raise ArgumentError(f"pairs {config.pairs!r}: {data} {missing}.")
    paired = config.method == "pix2pix"
    are_apart = paired and config.pairs == "folders"
    # Of partners whose names end in different ways the name of A says which split they are in.
    options: dict[str, Any] = {"split": "all" if are_apart else split, "value_range": value_range}
    kind = Half if config.pairs == "side_by_side" else ImageZip
    before = kind(data, channels=config.in_channels, **options)
    after = kind(data if target is None else target, channels=config.out_channels, **options)
    if isinstance(after, Half):
        after.half = "B"
    if are_apart:
        _order_partners(before, after)
        if split != "all":
            own = [index for index, name in enumerate(before.names) if is_held_out(name) == (split == "held_out")]
            if not own:
                raise GPriorError(f"{before.path} holds no pairs for the split {split!r}: give more of them.")
            before.keep(own)
            after.names = [after.names[index] for index in own]
    return Sets(before, after, paired)


def _order_partners(before: ImageZip, after: ImageZip) -> None:
    """Make sure that every picture has a partner of its name, whatever the ending, and put these in one order."""
    stems = [{os.path.splitext(name)[0]: index for index, name in enumerate(own.names)} for own in (before, after)]
    for own, other, names in ((before, after, stems), (after, before, stems[::-1])):
        if alone := [own.names[index] for stem, index in names[0].items() if stem not in names[1]]:
            raise GPriorError(
                f"{len(alone)} of {len(own)} pictures of {own.path} have no partner of their name in {other.path} "
                f"({listed(alone, _TOLD)}): add the partners, or take these away."
            )
        if len(names[0]) < len(own):
            raise GPriorError(f"{own.path} has several pictures of one name with other endings: keep one of each.")
    after.names = [after.names[stems[1][stem]] for stem in stems[0]]


def keep_whole_pairs(sets: Sets, names: tuple[list[str], list[str]]) -> None:
    """Leave out a pair of which one picture was left out.

    Args:
        sets: whose pictures were looked at.
        names: of both before that, in one order.
    """
    if not sets.paired:
        return
    whole = [
        index
        for index, (a, b) in enumerate(zip(*names, strict=True))
        if a in set(sets.before.names) and b in set(sets.after.names)
    ]
    sets.before.names, sets.after.names = ([own[index] for index in whole] for own in names)
    if not whole:
        raise GPriorError(f"no pair of {sets.before.path} can be read whole: repair one of each.")


def read_square(images: ImageZip, index: int, config: TranslationConfig, place: np.ndarray | None) -> np.ndarray:
    """One picture as it is trained on, uint8 ``[R, R, C]``.

    Args:
        images: its set.
        index: which.
        config: sizes.
        place: where it is cut of the resized square, parts of the room there is, ``[2]``; None takes its middle, at the
            size that is trained on.
    """
    if place is None:
        return images.image(index, config.resolution)
    whole = images.image(index, config.load_size)
    top, left = np.floor(place * (config.load_size - config.resolution + 1)).astype(int)
    return whole[top : top + config.resolution, left : left + config.resolution]


def batch_at(config: TranslationConfig, sets: Sets, position: int) -> tuple[np.ndarray, np.ndarray]:
    """The batch that starts after so many images: a function of its arguments alone.

    Returns:
        pictures of A and of B, float32 ``[B, R, R, C]`` in [-1, 1]; of pairs those that belong together, cut and
        mirrored alike.
    """
    rng = np.random.default_rng((config.seed, position))
    places = rng.random((2, config.batch_size, 2))
    found = []
    for number, images in enumerate((sets.before, sets.after)):
        is_other = number and not sets.paired
        seed = config.seed + (_OTHER if is_other else 0)
        order = batch_order(len(images), position, config.batch_size, seed, config.mirror)
        own = places[1 if is_other else 0]
        cut = own if config.load_size > config.resolution else [None] * config.batch_size
        squares = [read_square(images, int(i), config, place) for i, place in zip(order.indices, cut, strict=True)]
        batch = np.stack(squares)
        if order.flips is not None:
            batch = np.where(order.flips[:, None, None, None], batch[:, :, ::-1], batch)
        found.append(from_uint8(batch))
    return found[0], found[1]


def stream_sets(
    config: TranslationConfig, sets: Sets, seen: int, end: int
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Batches from the one after ``seen`` images on; several threads decode ahead."""

    def positions() -> Iterator[tuple[int]]:
        for position in range(seen, end, config.batch_size):
            yield (position,)

    return in_threads(lambda position: batch_at(config, sets, position), positions(), _PREFETCH)


def held_out_pictures(config: TranslationConfig, sets: Sets, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pictures of sets that can be read, A and B in [-1, 1]; of pairs those that belong together.

    Raises:
        GPriorError: none can.
    """
    read: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for index in range(max(len(sets.before), len(sets.after))):
        if min(map(len, read)) >= number:
            break
        try:
            pair = [
                read_square(images, index, config, None) if index < len(images) else None
                for images in (sets.before, sets.after)
            ]
        except ImageFileError:
            continue  # The scan before a run names those that are trained on.
        for kept, square in zip(read, pair, strict=True):
            if square is not None:
                kept.append(square)
    if not all(read):
        raise GPriorError(f"{sets.before.path}: none of the pictures held out of training can be read.")
    before, after = (from_uint8(np.stack(kept[:number])) for kept in read)
    return before, after


def path_of(sets: Sets) -> str:
    """Names of the files or folders, for a record."""
    names = dict.fromkeys(Path(images.path).name for images in (sets.before, sets.after))
    return " and ".join(names)
