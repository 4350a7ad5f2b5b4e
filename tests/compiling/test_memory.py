"""Memory that a compiler has freed: given back after long compilations alone."""

import jax.monitoring
import pytest

from gprior_jax import glibc
from gprior_jax.compiling import memory

EVENT = "/jax/core/compile/backend_compile_duration"


@pytest.mark.skipif(not glibc.is_used(), reason="the function is glibc's")
def test_long_compilations_are_followed_by_it(monkeypatch):
    memory.give_back_after_compiling()
    memory.give_back_after_compiling()
    asked = []
    monkeypatch.setattr(glibc, "function", {"malloc_trim": asked.append}.get)
    for event, seconds in ((EVENT, 0.6), (EVENT, 0.4), ("/jax/another", 60.0)):
        jax.monitoring.record_event_duration_secs(event, seconds)
    assert asked == [0]  # Once, though it was asked for twice; to the last byte.


@pytest.mark.skipif(not glibc.is_used(), reason="the function is glibc's")
def test_it_gives_memory_back():
    pieces = [bytes(4000) for _ in range(20_000)]
    kept = pieces[::1000]  # Between those that go, so that the end of the heap stays.
    del pieces
    before = resident()
    memory.give_back()
    assert len(kept) == 20
    assert before - resident() > 10_000  # Pages of 4 kB, of the 20,000 that were let go.


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])


def test_elsewhere_nothing_changes(monkeypatch):
    monkeypatch.setattr(glibc, "function", lambda name: None)
    monkeypatch.setattr(jax.monitoring, "register_event_duration_secs_listener", pytest.fail)
    memory.give_back_after_compiling.__wrapped__()
    memory._listen(EVENT, 60.0)
