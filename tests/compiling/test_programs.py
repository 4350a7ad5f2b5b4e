"""Programs that are kept whole from one process to the next."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gprior_jax import compiling
from gprior_jax.compiling import exactly, programs

traced = []


@partial(compiling.jit, use="often", kept=True, static_argnums=1, donate_argnums=0)
def powers(x, power, tree):
    """A program of this module."""
    traced.append(power)
    return {"y": jnp.sin(x) ** power + tree["shift"], "n": jnp.sum(x)}


TREE = {"shift": np.float32(2.0)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that programs are kept in for a test; this module's are known, and JAX's own cache is off."""
    cache = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    monkeypatch.setattr(
        "gprior_jax.compiling.exactly.PACKAGES", (*exactly.PACKAGES, powers.__module__.partition(".")[0])
    )
    again(tmp_path)
    yield tmp_path
    programs.keep_in(None)
    jax.config.update("jax_compilation_cache_dir", cache)
    compilation_cache.reset_cache()


def again(folder):
    """What another process would begin with."""
    programs.keep_in(folder)
    jax.clear_caches()
    traced.clear()


def kept(folder):
    programs.settle()
    return sorted(path.name for path in folder.iterdir())


def check(x, power):
    expected = np.sin(np.asarray(x)) ** power + 2.0
    found = powers(jnp.array(x), power, TREE)
    np.testing.assert_allclose(found["y"], expected, rtol=1e-6)
    np.testing.assert_allclose(found["n"], np.sum(x), rtol=1e-6)


def test_the_second_process_traces_nothing(folder):
    check(np.linspace(0, 1, 7, dtype=np.float32), 2)
    assert traced == [2]
    again(folder)
    check(np.linspace(0, 2, 7, dtype=np.float32), 2)
    assert traced == []
    assert len(kept(folder)) == 1


def test_another_shape_dtype_or_static_value_is_another_program(folder):
    for x, power in (((7,), 2), ((8,), 2), ((7,), 3)):
        check(np.ones(x, np.float32), power)
    check(np.ones(7, np.int32), 2)
    assert traced == [2, 2, 3, 2]
    assert len(kept(folder)) == 4


def test_other_sources_settings_or_flags_are_another_program(folder, monkeypatch):
    x = np.ones(7, np.float32)
    check(x, 2)
    for change in ("sources", "flags", "settings"):
        again(folder)
        with monkeypatch.context() as patch:
            if change == "sources":
                patch.setattr(programs, "_sources", lambda: "other")
            elif change == "flags":
                patch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
            with jax.default_matmul_precision("float32" if change == "settings" else None):
                check(x, 2)
        assert traced == [2], change


@pytest.mark.parametrize("content", [b"", b"half of a program", b"\x80\x05N."])
def test_a_file_that_is_none_is_made_again(folder, content):
    x = np.ones(7, np.float32)
    check(x, 2)
    programs.settle()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(content if content != b"half of a program" else whole[: len(whole) // 2])
    again(folder)
    check(x, 2)
    assert traced == [2]
    again(folder)
    check(x, 2)
    assert traced == []


def test_what_jax_found_in_its_own_cache_is_not_written_again(folder, tmp_path_factory):
    """XLA:CPU would leave its functions out (findings/jax_cpu_serialize_cached.sh)."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("jax")))
    compilation_cache.reset_cache()
    x = np.ones(7, np.float32)
    check(x, 2)
    programs.settle()
    (path,) = folder.iterdir()
    path.unlink()
    for _ in range(2):
        again(folder)
        check(x, 2)
        assert traced == [2]
    assert kept(folder) == []


def test_code_of_the_user_s_own_is_not_kept(tmp_path):
    programs.keep_in(tmp_path)
    try:
        own = compiling.jit(lambda x: x + 1, use="once", kept=True)
        np.testing.assert_array_equal(own(jnp.ones(3)), 2.0)
        np.testing.assert_array_equal(own.program(jnp.ones(3))(jnp.zeros(3)), 1.0)
    finally:
        programs.keep_in(None)
    assert kept(tmp_path) == []


def test_a_folder_that_cannot_be_written_keeps_nothing(folder):
    programs.keep_in(folder / "missing")
    check(np.ones(7, np.float32), 2)
    assert traced == [2]


def test_programs_on_several_devices(folder):
    devices = jax.local_devices()
    mesh = Mesh(np.array(devices), ("x",), axis_types=(AxisType.Auto,))
    x = np.arange(8 * len(devices), dtype=np.float32)
    for count in (1, 2):
        again(folder)
        placed = jax.device_put(x, NamedSharding(mesh, PartitionSpec("x")))
        found = powers(placed, 2, jax.device_put(TREE, NamedSharding(mesh, PartitionSpec())))["y"]
        np.testing.assert_allclose(found, np.sin(x) ** 2 + 2.0, rtol=1e-5, atol=1e-6)
        assert traced == ([2] if count == 1 else [])


@partial(compiling.jit, use="often", kept=True)
def after(given):
    """What takes what :func:`powers` gives."""
    traced.append("after")
    return given["y"] + given["n"]


def test_a_program_is_compiled_in_another_thread_while_the_next_is_traced(folder):
    x = np.linspace(0, 1, 7, dtype=np.float32)
    begun = powers.begun(jnp.array(x), 2, TREE)
    assert begun is not None
    at = jnp.zeros(3).sharding
    to_come = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=at), begun.gives)
    after.compiled(to_come)
    begun.done()
    found = powers(jnp.array(x), 2, TREE)
    np.testing.assert_allclose(after(found), np.sin(x) ** 2 + 2.0 + x.sum(), rtol=1e-6)
    assert traced == [2, "after"]
    assert len(kept(folder)) == 2


def test_it_is_compiled_here_where_no_thread_can_begin(folder, monkeypatch):
    """As where a thread still works while the interpreter ends."""

    def submit(*_):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(programs.ThreadPoolExecutor, "submit", submit)
    check(np.ones(7, np.float32), 2)
    assert len(kept(folder)) == 1


def test_a_thread_that_is_done_takes_no_listener_from_another():
    """JAX goes through its listeners as they are: one that is taken away meanwhile hides the next."""
    heard, leave = [], contextlib.ExitStack()
    with ThreadPoolExecutor(1) as other:
        other.submit(leave.enter_context, programs._cache_hits()).result()

        def listen(event, **_):
            if not heard:
                heard.append(event)
                other.submit(leave.close).result()

        jax.monitoring.register_event_listener(listen)
        try:
            with programs._cache_hits() as hits:
                jax.monitoring.record_event("/jax/compilation_cache/cache_hits")
            assert heard == hits == ["/jax/compilation_cache/cache_hits"]
        finally:
            jax.monitoring.unregister_event_listener(listen)


def test_what_is_kept_is_not_begun_again(folder):
    x = np.ones(7, np.float32)
    check(x, 2)
    assert powers.begun(jnp.array(x), 2, TREE) is None
    programs.settle()
    again(folder)
    assert powers.begun(jnp.array(x), 2, TREE) is None
    assert traced == []


def test_nothing_is_begun_where_nothing_is_kept():
    assert powers.begun(jnp.ones(7), 2, TREE) is None
