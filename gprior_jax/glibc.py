"""The C library's ``malloc``, where it is glibc's: large pages, and memory that goes back to the system.

XLA:CPU takes the temporaries of a program anew in every call. From glibc such large pieces come fresh from the system
each time, in pages of 4 kB that it finds and fills with zeros one by one, which is a third of the time of 64 inversions
at once, and a tenth of a step of a PGGAN of 256 px (``benchmarks/RESULTS.md``, "Pages of memory"). In pages of 2 MB,
which Linux gives to those who ask, most of it is saved. glibc reads its settings when a process starts, so that
one that wants others starts again.
"""

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Mapping
from typing import Any

LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "GPRIOR_LARGE_PAGES": "1"}
"""Environment of a process whose ``malloc`` asks for large pages, from glibc 2.35 on (its manual, "Memory Allocation
Tunables"); an older one does not know the word and goes on without. The second tells that it has been asked: the C
library takes the first away from programs with privileges, which would else start again for ever."""

_CHOOSING = ("MALLOC_", "LD_PRELOAD", *LARGE_PAGES)
"""Beginnings of the variables by which somebody has chosen an allocator, or settings of this one."""


def is_used() -> bool:
    """Whether it is.

    >>> is_used() in (True, False)
    True
    """
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False  # Windows, macOS, musl.


@functools.cache
def function(name: str) -> Any:
    """A function of the C library; None where that is another, or has none of this name."""
    return getattr(ctypes.CDLL(None), name, None) if is_used() else None


def with_large_pages(environment: Mapping[str, str]) -> dict[str, str] | None:
    """An environment whose processes ask for large pages.

    Args:
        environment: of this process.

    Returns:
        it with :data:`LARGE_PAGES`; None where the C library is another, or somebody has chosen an allocator or
        settings of it (``MALLOC_...``, ``GLIBC_TUNABLES``, ``LD_PRELOAD``).

    >>> with_large_pages({"MALLOC_ARENA_MAX": "4"}) is None
    True
    """
    chosen = any(name.startswith(_CHOOSING) for name in environment)
    return None if chosen or not is_used() else {**environment, **LARGE_PAGES}


def as_found(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what :func:`with_large_pages` adds, for programs that have nothing to do with this one.

    >>> as_found({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "HOME": "/root"})
    {'HOME': '/root'}
    """
    return {name: value for name, value in environment.items() if LARGE_PAGES.get(name) != value}


def restart_with_large_pages() -> None:
    """Start this program again, with the same words and process number, so that it asks for large pages; or go on.

    What ``gprior`` does before anything else. Its children inherit the setting, but see :func:`as_found`.
    """
    environment = with_large_pages(os.environ)
    if environment and sys.executable and sys.orig_argv:
        with contextlib.suppress(OSError):  # More words than fit, or an interpreter that is gone.
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
