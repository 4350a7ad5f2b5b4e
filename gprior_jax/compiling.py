"""Compiler options that pay on the CPU, where compiling often takes longer than what is compiled.

They were measured (``benchmarks/RESULTS.md``), and are no part of JAX's stable interface: a version of XLA that does
not know one does without.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar

import jax
import jax.core

P = ParamSpec("P")
R = TypeVar("R")

Use = Literal["often", "once"]
"""How often a program runs."""

_OFTEN: dict[str, str | bool | int] = {
    # XLA:CPU's default order of operations keeps more temporaries alive, and is no faster (PGGAN-1024, five codes at a
    # time: 1065 against 710 MB, recomputed 642 against 476).
    "xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED",
    # Its newer code generator for fusions compiles a PGGAN-256 step in 14 s where the older one takes 9, and the steps
    # take the same time.
    "xla_cpu_use_fusion_emitters": False,
    # LLVM's higher levels take a quarter of the time to compile and make nothing faster: what counts are calls of
    # kernels that were compiled long before.
    "xla_backend_optimization_level": 1,
}

_ONCE = _OFTEN | {
    # A fifth of the time to compile; what is not such a kernel runs up to four times slower.
    "xla_backend_optimization_level": 0,
}


@functools.cache
def compiler_options(platform: str, use: Use) -> dict[str, str | bool | int]:
    """Options for ``jax.jit`` on a platform, as far as this version knows them."""
    if platform != "cpu":
        return {}
    return {name: value for name, value in (_OFTEN if use == "often" else _ONCE).items() if _is_known(name, value)}


@functools.cache
def _is_known(name: str, value: str | bool | int) -> bool:
    with contextlib.suppress(Exception):
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
        return True
    return False


def jit(function: Callable[P, R], use: Use, **settings: Any) -> Callable[P, R]:
    """``jax.jit`` with the options of a platform.

    Args:
        function: what to compile; within another traced function it is traced as it is.
        use: how often it runs in a process.
        settings: of ``jax.jit``.
    """

    @functools.cache
    def compiled() -> Any:
        # JAX is not started before the first call.
        return jax.jit(function, compiler_options=compiler_options(jax.default_backend(), use), **settings)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((args, kwargs)))
        return function(*args, **kwargs) if traced else compiled()(*args, **kwargs)

    return call
