"""What reads the files of a restoration."""

from typing import Protocol

from gprior_jax.runs.items import Item
from gprior_jax.tasks import Arrays


class Reader(Protocol):
    """Reads the files of a restoration."""

    def observed(self, item: Item) -> Arrays:
        """What was observed, ``"observed"``, and what else belongs to the item.

        Raises:
            ImageFileError: it cannot be used.
        """
        ...

    def beside(self, item: Item) -> Arrays:
        """What else belongs to an item whose observation is simulated."""
        ...

    def note(self, item: Item, arrays: Arrays) -> str:
        """A sentence on what was read of an item; empty where there is nothing to say."""
        ...

    def doubt(self, item: Item, arrays: Arrays) -> str:
        """A sentence on what was changed of an item or looks wrong with it; empty where nothing is."""
        ...

    def group(self, item: Item) -> int:
        """A number that is equal for items whose arrays have the same shapes."""
        ...


class Plain:
    """What most readers have in common: nothing else belongs to an item, there is nothing to say, one shape."""

    def beside(self, item: Item) -> Arrays:
        """Nothing."""
        return {}

    def note(self, item: Item, arrays: Arrays) -> str:
        """Nothing."""
        return ""

    def doubt(self, item: Item, arrays: Arrays) -> str:
        """Nothing."""
        return ""

    def group(self, item: Item) -> int:
        """One for all."""
        return 0
