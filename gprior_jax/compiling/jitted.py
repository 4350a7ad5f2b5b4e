"""Compiler options that pay on the CPU, where compiling often takes longer than what is compiled.

They were measured (``benchmarks/RESULTS.md``), and are no part of JAX's stable interface: a version of XLA that does
not know one does without.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Generic, Literal, ParamSpec, TypeVar

import jax
import jax.core

from gprior_jax.compiling import memory, programs

P = ParamSpec("P")
R = TypeVar("R")

Use = Literal["often", "once"]
"""How often a program runs."""

_ALWAYS: dict[str, str | bool | int] = {
    # XLA:CPU's default order of operations keeps more temporaries alive, and is no faster (PGGAN-1024, five codes at a
    # time: 1065 against 710 MB, recomputed 642 against 476).
    "xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED",
    # Its newer code generator for fusions compiles a PGGAN-256 step in 14 s where the older one takes 9, and the steps
    # take the same time.
    "xla_cpu_use_fusion_emitters": False,
}

_LEVEL: dict[Use, int] = {
    # LLVM's higher levels take a quarter of the time to compile and make nothing faster: what counts are calls of
    # kernels that were compiled long before.
    "often": 1,
    # A fifth of the time to compile; what is not such a kernel runs up to four times slower.
    "once": 0,
}


def compiler_options(platform: str, use: Use) -> dict[str, str | bool | int]:
    """Options for ``jax.jit`` on a platform, as far as this version knows them."""
    if platform != "cpu":
        return {}
    return _known(_ALWAYS | at_level(_LEVEL[use]))


def at_level(level: int) -> dict[str, str | bool | int]:
    """LLVM's level as an option; none where JAX is to leave most optimisations out, as an option would undo that."""
    return {} if jax.config.values["jax_disable_most_optimizations"] else {"xla_backend_optimization_level": level}


def for_one_core() -> dict[str, str | bool | int]:
    """Options for a program that has one core of a CPU, while others have the rest.

    Neither convolutions nor loops are divided among the threads that all programs share. Where loops are, halves of
    arrays move between the caches of cores that have work of their own (benchmarks/RESULTS.md, "Training" and "A batch
    against single runs").
    """
    wished: dict[str, str | bool | int] = {
        "xla_cpu_multi_thread_eigen": False,
        "xla_disable_hlo_passes": "cpu-parallel-task-assigner",
    }
    return _known(wished)


def _known(wished: dict[str, str | bool | int]) -> dict[str, str | bool | int]:
    """Those that this version of XLA knows."""
    if _are_known(*wished.items()):
        return wished
    return {name: value for name, value in wished.items() if _are_known((name, value))}


@functools.cache
def _are_known(*options: tuple[str, str | bool | int]) -> bool:
    with contextlib.suppress(Exception):
        jax.jit(lambda: 0, compiler_options=dict(options)).lower().compile()
        return True
    return False


class Jitted(Generic[P, R]):
    """A function behind ``jax.jit`` with the options of a platform, see :func:`jit`."""

    def __init__(
        self, function: Callable[P, R], use: Use, kept: bool, settings: dict[str, Any], one_core: bool = False
    ):
        functools.update_wrapper(self, function)
        self._use: Use = use
        self._function, self._kept, self._settings, self._one_core = function, kept, settings, one_core

    @functools.cached_property
    def on_one_core(self) -> "Jitted[P, R]":
        """The same for devices that are one core of a CPU each, see :func:`for_one_core`."""
        return Jitted(self._function, self._use, self._kept, self._settings, one_core=True)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it; within another traced function it is traced as it is."""
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((args, kwargs))):
            return self._function(*args, **kwargs)
        if self._kept and programs.are_kept() and not kwargs:
            return self.program(*args)()
        return self._jitted(*args, **kwargs)

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Lowered:
        """Of ``jax.jit``."""
        return self._jitted.lower(*args, **kwargs)

    def program(self, *args: Any) -> Callable[..., R]:
        """What runs on arguments of the shapes of these; without any it runs on these.

        Where programs are kept (:func:`gprior_jax.compiling.programs.keep_in`) and one was kept for such arguments,
        nothing is traced.
        """
        given, fixed = self._split(args)
        found = self._found(args, given, fixed)
        if found is None:
            return lambda *own: self._jitted(*_merged(own or given, fixed))
        return lambda *own: found.call(*(own or given))

    def compiled(self, *args: Any) -> programs.Compiled:
        """What :meth:`program` and calls run, and what it takes; it is not compiled again for these."""
        return self._found(args, *self._split(args)) or programs.compiled(self._jitted, args)

    def begun(self, *args: Any) -> programs.Begun | None:
        """The program for such arguments, being compiled in another thread; None where it is kept, or cannot be."""
        given, fixed = self._split(args)
        settings = self._options, self._settings
        return programs.begin(self._function, self._jitted, settings, args, given, fixed) if self._kept else None

    def _found(self, args: tuple, given: tuple, fixed: dict[int, Any]) -> programs.Compiled | None:
        return programs.find(self._function, self._jitted, (self._options, self._settings), args, given, fixed)

    def _split(self, args: tuple) -> tuple[tuple, dict[int, Any]]:
        """Arguments that a program takes, and those that are static by their places."""
        static = self._static
        given = tuple(arg for index, arg in enumerate(args) if index not in static)
        return given, {index: arg for index, arg in enumerate(args) if index in static}

    @property
    def _static(self) -> tuple[int, ...]:
        named = self._settings.get("static_argnums", ())
        return (named,) if isinstance(named, int) else tuple(named)

    @functools.cached_property
    def _options(self) -> dict[str, str | bool | int]:
        # JAX is not started before the first call.
        options = compiler_options(jax.default_backend(), self._use)
        return options | for_one_core() if self._one_core else options

    @functools.cached_property
    def _jitted(self) -> Any:
        memory.give_back_after_compiling()
        return jax.jit(self._function, compiler_options=self._options, **self._settings)


def _merged(given: tuple, fixed: dict[int, Any]) -> list:
    """Arguments in their order."""
    rest = iter(given)
    return [fixed[index] if index in fixed else next(rest) for index in range(len(given) + len(fixed))]


def jit(function: Callable[P, R], use: Use, kept: bool = False, **settings: Any) -> Jitted[P, R]:
    """``jax.jit`` with the options of a platform.

    Args:
        function: what to compile; within another traced function it is traced as it is.
        use: how often it runs in a process.
        kept: whether its programs are kept whole from one process to the next, where any are. Looking one up takes
            milliseconds: for what runs in a loop, see :meth:`Jitted.program`.
        settings: of ``jax.jit``.
    """
    return Jitted(function, use, kept, settings)
