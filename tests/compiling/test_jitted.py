"""Compiler options: known ones alone, and only where they pay."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.compiling import jitted as compiling
from gprior_jax.inversion.devices import cores

LEVEL = "xla_backend_optimization_level"


@pytest.fixture
def optimised():
    """As users run it; the suite leaves most optimisations out."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def test_only_options_that_this_version_knows(monkeypatch, optimised):
    monkeypatch.setitem(compiling._ALWAYS, "xla_no_such_option", True)
    found = compiling.compiler_options("cpu", "often")
    assert "xla_no_such_option" not in found
    assert found[LEVEL] == 1
    assert compiling.compiler_options("cpu", "once")[LEVEL] == 0


def test_optimisations_that_jax_is_to_leave_out_stay_out(optimised):
    found = compiling.compiler_options("cpu", "often")
    jax.config.update("jax_disable_most_optimizations", True)
    assert compiling.compiler_options("cpu", "often") == {name: found[name] for name in found if name != LEVEL}
    assert compiling.at_level(1) == {}


@pytest.mark.skipif(cores() < 2, reason="loops are divided where there are several cores")
def test_a_program_for_one_core_divides_no_loops():
    """Among the threads of a client with several devices; if this fails, an option has another name."""
    options, x = compiling.for_one_core(), jnp.ones((1024, 1024))
    alone, shared = (
        jax.jit(lambda x: jnp.sin(x) * 2, compiler_options=given).lower(x).compile().as_text()
        for given in (options, None)
    )
    divided = 'outer_dimension_partitions":["'
    assert jax.local_device_count() > 1
    assert divided in shared
    assert divided not in alone


@pytest.mark.skipif(cores() < 2, reason="loops are divided where there are several cores")
def test_a_function_on_one_core_is_another_program_and_gives_the_same():
    function, x = compiling.jit(jnp.sin, use="often"), jnp.ones((1024, 1024))
    assert function.on_one_core is function.on_one_core
    np.testing.assert_allclose(function.on_one_core(x), function(x), rtol=1e-6)
    shared, alone = (each.lower(x).compile().as_text() for each in (function, function.on_one_core))
    divided = 'outer_dimension_partitions":["'
    assert divided in shared
    assert divided not in alone


def test_other_platforms_have_none():
    assert compiling.compiler_options("tpu", "often") == compiling.compiler_options("gpu", "once") == {}


def test_a_program_gives_what_jax_s_own_gives_and_is_compiled_once():
    traced = []

    def function(x, power):
        traced.append(power)
        return jnp.sin(x) ** power

    ours, x = compiling.jit(function, use="once", static_argnums=1), jnp.linspace(0, 1, 7)
    np.testing.assert_allclose(ours(x, 2), jax.jit(function, static_argnums=1)(x, 2), rtol=1e-6)
    traced.clear()
    ours(x + 1, 2)
    assert traced == []


def test_within_another_function_it_is_traced_as_it_is():
    inner = partial(compiling.jit, use="often")(lambda x: x * 2)
    gradient = jax.jit(jax.grad(lambda x: inner(x).sum()))(jnp.ones(3))
    np.testing.assert_array_equal(gradient, 2.0)
    np.testing.assert_array_equal(jax.vmap(inner)(jnp.ones((2, 3))), 2.0)
