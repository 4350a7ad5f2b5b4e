"""The part of a list of images that one process of several does."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.items import Item


class Part(Protocol):
    """Which images of a list are to be done."""

    def of(self, items: Sequence[Item], named: Sequence[Item]) -> list[Item]:
        """Those of ``named`` that are to be done.

        Args:
            items: the whole list, as it was found.
            named: the same, under the names that it has in the output folder.
        """
        ...


class Share(NamedTuple):
    """One of several shares that have no image in common and together all.

    An image's share follows from its name below its input alone (by its id): a file that comes, goes or is renamed
    moves no other one, so that processes which see the list at different times neither leave out an image nor do one
    twice. Shares are of about equal length, to the square root: of 10,000 images in 16 shares, 625 and 25 more or less.

    Attributes:
        number: of the share, from 0.
        shares: how many there are.

    >>> items = [Item(number, Path(f"{number}.png"), str(number)) for number in range(5)]
    >>> [item.name for item in Share(1, 2).of(items, items)]
    ['1', '3']
    """

    number: int = 0
    shares: int = 1

    def of(self, items: Sequence[Item], named: Sequence[Item]) -> list[Item]:
        """Those of this share."""
        # By the ids of the list as it was found: an output folder may know a file by another, once it has its record.
        return [own for item, own in zip(items, named, strict=True) if item.id % self.shares == self.number]

    def __str__(self) -> str:
        return f"{self.number}/{self.shares}"


WHOLE = Share()
"""All images."""


class Unrecorded(NamedTuple):
    """Images without a record in an output folder: what no process has done so far.

    Attributes:
        folder: the output folder.
    """

    folder: Path

    def of(self, items: Sequence[Item], named: Sequence[Item]) -> list[Item]:
        """Those that have no record; what records hold is not looked at."""
        recorded = recorded_names(self.folder)
        return [item for item in named if item.name not in recorded]


def recorded_names(folder: Path) -> set[str]:
    """Names of the records in an output folder; of a million in a second or two, as no file is opened."""
    try:
        return {name[:-4] for name in os.listdir(folder) if name.endswith(".npz") and not name.startswith(".")}
    except FileNotFoundError:
        return set()


def parse_share(text: str) -> Share:
    """The share that ``"I/N"`` names, I from 0 to N - 1.

    Raises:
        ArgumentError: it names none.

    >>> parse_share("3/16")
    Share(number=3, shares=16)
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    if found is None:
        raise ArgumentError(f"shard {text}: give the share's number and how many there are, 3/16.")
    number, shares = int(found[1]), int(found[2])
    if not shares:
        raise ArgumentError(f"shard {text}: there is at least one share, 0/1.")
    if number >= shares:
        raise ArgumentError(f"shard {text}: shares are numbered from 0, the last of {shares} is {shares - 1}/{shares}.")
    return Share(number, shares)
