"""Whether the C library of this process is glibc, whose ``malloc`` is told what to do with freed memory."""

import os


def is_used() -> bool:
    """Whether it is.

    >>> is_used() in (True, False)
    True
    """
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False  # Windows, macOS, musl.
