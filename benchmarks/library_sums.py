"""What it costs to keep XLA:CPU's fused sums from its library of kernels, some of which jaxlib 0.10.2 gets wrong.

``findings/jax_cpu_batched_sum.sh`` has a sum that comes out wrong, and the option under which it comes out right. Every
program of an inversion is compiled with and without it, and its calls go to the two in turn.
"""

import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from common import Report, at_least, number, parser, print_table

import gprior_jax as gp
from gprior_jax.compiling.jitted import Jitted
from gprior_jax.inversion.recipe import Recipe

KINDS = ("LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT", "LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION")
APART = {"xla_cpu_experimental_ynn_fusion_type": ",".join(KINDS)}
CASES: dict[str, tuple[str, int, Callable[..., Recipe]]] = {
    "several codes": ("builtin", 8, gp.recipes.mganprior),
    "several codes, features too": ("builtin", 8, functools.partial(gp.recipes.mganprior, perceptual="auto")),
    "one code": ("builtin:portraits", 4, gp.recipes.latent),
}
"""Prior, images at once, and recipe of every inversion."""


class InTurns:
    """A program compiled twice; calls go to one and the other in the order A B B A."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any], settings: dict[str, Any]):
        self._programs = [jax.jit(function, compiler_options=options | more, **settings) for more in ({}, APART)]
        self.name = function.__name__
        self.seconds: tuple[list[float], list[float]] = ([], [])

    def __call__(self, *args: Any) -> Any:
        """Run the one whose turn it is."""
        calls = sum(map(len, self.seconds))
        turn = (calls % 2) ^ (calls // 2 % 2)
        jax.block_until_ready(args)
        start = time.perf_counter()
        result = jax.block_until_ready(self._programs[turn](*args))
        self.seconds[turn].append(time.perf_counter() - start)
        return result


def watched() -> list[InTurns]:
    """Programs that are compiled from now on; those with a call for every step are the steps."""
    found: list[InTurns] = []

    def program(jitted: Jitted) -> InTurns:
        found.append(InTurns(jitted._function, jitted._options, jitted._settings))
        return found[-1]

    cached = functools.cached_property(program)
    cached.__set_name__(Jitted, "_jitted")
    Jitted._jitted = cached  # pyright: ignore[reportAttributeAccessIssue]
    return found


def main() -> None:
    """Measure every inversion."""
    made = parser(__doc__)
    made.add_argument("--steps", type=at_least(12), default=60)
    args = made.parse_args()
    report, rows = Report("Library sums", args), []
    found = watched()
    for name, (model, count, recipe) in CASES.items():
        prior = gp.load(model)
        images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), count))
        gp.invert(prior, images, recipe(num_steps=args.steps), key=jax.random.key(0))
        for step in (each for each in found if len(each.seconds[1]) >= args.steps // 2):
            handed, apart = (seconds[2:] for seconds in step.seconds)  # The first calls compile.
            ratio = statistics.median(b / a for a, b in zip(handed, apart, strict=False))
            report.add(case=name, handed=handed, apart=apart, ratio=ratio)
            medians = [1e3 * float(np.median(each)) for each in (handed, apart)]
            rows.append([name, model, str(count), *(number(ms, 0) for ms in medians), number(ratio)])
            step.seconds = ([], [])
    print_table(["inversion", "prior", "images", "handed over, ms", "kept, ms", "kept / handed over"], rows)


if __name__ == "__main__":
    main()
