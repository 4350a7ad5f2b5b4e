"""Memory that a step gives back and takes again, kept by the process.

XLA:CPU takes the temporaries of a program anew in every call. From glibc such large pieces come fresh from the system
each time, page by page and filled with zeros: an eighth of a pix2pix step (``benchmarks/RESULTS.md``). Its settings are
read when a process starts, so that one that wants others starts again.
"""

import os
import sys
from collections.abc import Mapping

from gprior_jax import glibc

KEEPING = {
    "MALLOC_ARENA_MAX": "1",  # What one thread gives back the others take.
    "MALLOC_MMAP_MAX_": "0",  # Large pieces come from the heap.
    "MALLOC_TRIM_THRESHOLD_": "2000000000",  # Its end is not returned; bytes.
}
"""Variables of glibc's ``mallopt(3)``, by which freed memory stays with the process."""


def changed(environment: Mapping[str, str]) -> dict[str, str] | None:
    """An environment whose processes keep freed memory.

    Args:
        environment: of this process.

    Returns:
        it with :data:`KEEPING`; None where the C library is another, or somebody has chosen settings of malloc.

    >>> changed({"MALLOC_ARENA_MAX": "4"}) is None
    True
    """
    chosen = any(name.startswith(("MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES")) for name in environment)
    return None if chosen or not glibc.is_used() else {**environment, **KEEPING}


def keep_memory() -> None:
    """Start this program again, with the same words and process number, so that it keeps freed memory; or go on."""
    environment = changed(os.environ)
    if environment and sys.executable and sys.orig_argv:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
