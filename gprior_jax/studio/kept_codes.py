"""Codes of items that are kept in memory: those that were asked for last."""

import collections
import threading

from gprior_jax.studio.owned import Codes

_MOST = 64
"""Those of 20 codes of the bundled prior are 40 kB."""


class KeptCodes:
    """The codes of so many items. For any number of threads."""

    def __init__(self, most: int = _MOST):
        """Keep at most so many."""
        self._most = most
        self._codes: collections.OrderedDict[tuple[str, str], Codes] = collections.OrderedDict()
        self._lock = threading.Lock()

    def find(self, session: str, item: str) -> Codes | None:
        """Those of an item, if they are here."""
        with self._lock:
            if (codes := self._codes.get((session, item))) is not None:
                self._codes.move_to_end((session, item))
            return codes

    def keep(self, session: str, item: str, codes: Codes) -> Codes:
        """Keep those of an item, and let go of what was asked for longest ago."""
        with self._lock:
            self._codes[session, item] = codes
            while len(self._codes) > self._most:
                self._codes.popitem(last=False)
        return codes

    def forget(self, session: str, item: str) -> None:
        """Let go of those of an item."""
        with self._lock:
            self._codes.pop((session, item), None)
