"""Memory that a compiler is done with, given back before the program runs.

XLA:CPU leaves hundreds of megabytes of small pieces behind, which glibc keeps for the next time. Where they stay, the
program's own arrays come on top: a training step of a PGGAN takes 1,516 MB at most, and 1,121 where they are given back
(benchmarks/RESULTS.md, "Training").
"""

import functools

import jax.monitoring

from gprior_jax import glibc

_EVENT = "/jax/core/compile/backend_compile_duration"

_LONG = 0.5
"""Seconds of compilation from which it pays: what is left behind takes some hundredths of a second to give back."""


@functools.cache
def give_back_after_compiling() -> None:
    """From now on, memory that a long compilation in this process has freed goes back to the system at its end.

    On Linux with glibc; elsewhere nothing changes.
    """
    if glibc.function("malloc_trim") is not None:
        jax.monitoring.register_event_duration_secs_listener(_listen)


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    if event == _EVENT and duration_secs >= _LONG:
        give_back()


def give_back() -> None:
    """Give memory that is freed, and that the C library keeps, back to the system, where that library is glibc.

    >>> give_back()
    """
    trim = glibc.function("malloc_trim")
    if trim is not None:
        trim(0)
