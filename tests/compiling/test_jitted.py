"""Compiler options: known ones alone, and only where they pay."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jitted as compiling


def test_only_options_that_this_version_knows(monkeypatch):
    monkeypatch.setitem(compiling._OFTEN, "xla_no_such_option", True)
    compiling.compiler_options.cache_clear()
    found = compiling.compiler_options("cpu", "often")
    compiling.compiler_options.cache_clear()
    assert "xla_no_such_option" not in found
    assert "xla_backend_optimization_level" in found


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
