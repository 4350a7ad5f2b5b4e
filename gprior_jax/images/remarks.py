"""What is said of a picture while it is read: warnings, unless whoever reads many of them collects what is said."""

import contextlib
import contextvars
import warnings
from collections.abc import Iterator

from gprior_jax.errors import GPriorWarning

# Of the thread that reads: warnings.catch_warnings would change what others hear.
_COLLECTOR: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("collector", default=None)


def remark(sentence: str, stacklevel: int = 2) -> None:
    """Warn of something, or add it to what is collected in this thread."""
    collector = _COLLECTOR.get()
    if collector is None:
        warnings.warn(sentence, GPriorWarning, stacklevel=stacklevel + 1)
    else:
        collector.append(sentence)


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """Inside, and in this thread alone, what is said of pictures is added to a list instead of being warned of.

    >>> with collected() as said:
    ...     remark("a.png: its colour profile cannot be used")
    >>> said
    ['a.png: its colour profile cannot be used']
    """
    said: list[str] = []
    token = _COLLECTOR.set(said)
    try:
        yield said
    finally:
        _COLLECTOR.reset(token)
