"""Compiled programs: the options that pay, and programs kept from one process to the next."""

from gprior_jax.compiling.hurry import uncollected as uncollected
from gprior_jax.compiling.jitted import Jitted as Jitted
from gprior_jax.compiling.jitted import Use as Use
from gprior_jax.compiling.jitted import at_level as at_level
from gprior_jax.compiling.jitted import compiler_options as compiler_options
from gprior_jax.compiling.jitted import for_one_core as for_one_core
from gprior_jax.compiling.jitted import jit as jit
from gprior_jax.compiling.memory import give_back_after_compiling as give_back_after_compiling
