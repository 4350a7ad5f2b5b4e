"""What is done with every file of a run, and the batches that it is done in."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from gprior_jax.inversion.devices import Devices
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.saving import Saver
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import Record
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Progress


class Batch(NamedTuple):
    """Images that are worked on at once.

    Attributes:
        items: what is to be written.
        places: their places in the batch; the others hold copies.
        arrays: what :meth:`Job.load` gave, stacked: ``[B, ...]``.
        ids: ``[B]``.
    """

    items: list[Item]
    places: list[int]
    arrays: Arrays
    ids: np.ndarray


class Loaded(NamedTuple):
    """An input that is in hand.

    Attributes:
        item: as the folder names it.
        arrays: what :meth:`Job.load` gave.
        digests: fingerprints of its files, taken before these were read.
    """

    item: Item
    arrays: Arrays
    digests: list[str]

    def alone(self) -> Batch:
        """A batch of it."""
        arrays = {name: np.asarray(array)[None] for name, array in self.arrays.items()}
        return Batch([self.item], [0], arrays, np.array([self.item.id]))


class Job(Protocol):
    """What is done with every file; :mod:`gprior_jax.runs` has inversion, restoration and attribution."""

    @property
    def resolution(self) -> int:
        """Side of the images that are worked on, from which the batch size is chosen."""
        ...

    @property
    def devices(self) -> Devices | None:
        """Devices that a batch is spread over, see :func:`gprior_jax.inversion.devices.spread`."""
        ...

    def settings(self) -> dict[str, Any]:
        """Everything that decides the results, as JSON.

        Raises:
            ValueError: what is asked for does not fit together.
        """
        ...

    def load(self, item: Item) -> Arrays:
        """Read one item; every item (of a group, see :class:`Grouped`) gives arrays of the same shapes, by name.

        Raises:
            ImageFileError: it cannot be used; the others go on.
        """
        ...

    def start(self, batch_size: int) -> "Solve":
        """What solves batches of this size; called once, when there is something to do."""
        ...


@runtime_checkable
class Grouped(Protocol):
    """A job whose items are of several shapes; those of a batch are of one."""

    def group(self, item: Item) -> int:
        """A number that is equal for items which can share a batch; it depends on the item's files alone."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A job that measures its steps."""

    @property
    def meter(self) -> Meter:
        """What it does so with."""
        ...


Solve = Callable[[Batch, Progress | None], Iterator[Record]]
"""``solve(batch, progress)``: the records of a batch, in the order of its items."""


Flow = Callable[[Iterator[Loaded | None], int, Progress | None], Iterator[tuple[Loaded, Record]]]
"""``flow(inputs, count, progress)``: what came of inputs, as they end. There are at most ``count``; None among them
says that there is none yet."""


@runtime_checkable
class Streaming(Protocol):
    """A job whose images need not wait for one another: the next takes the place of one that has ended."""

    def stream(self, slots: int, saver: Saver | None = None) -> Flow | None:
        """What solves a stream of inputs of one shape, ``slots`` at once; None where batches do as well.

        Args:
            slots: images at once.
            saver: of states of images that are under way, by :class:`Loaded`; batches keep none.
        """
        ...
