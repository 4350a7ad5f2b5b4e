"""Forms of Winograd's F(2x2, 3x3) for maps of a few pixels: time of a layer with its gradient, and of compiling it.

The thresholds of ``gprior_jax.nn.winograd2`` rest on this table.

    python benchmarks/few_pixels.py
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, parser, print_table

from gprior_jax.compiling.jitted import compiler_options
from gprior_jax.nn import winograd2

FORMS: dict[str, Callable] = {
    "slices": winograd2._by_slices,
    "rows": winograd2._by_rows,
    "matrices": winograd2._by_matrices,
}
SHAPES = [
    (1, 4, 128),
    (1, 8, 128),
    (1, 16, 128),
    (1, 16, 256),
    (4, 8, 128),
    (2, 16, 128),
    (20, 8, 128),
    (4, 16, 256),
    (1, 32, 512),
]
"""Images at once, sides, channels."""


class Made(NamedTuple):
    """A form, compiled.

    Attributes:
        call: runs it.
        seconds: of a core that tracing and compiling took.
        pieces: fusions of the program.
    """

    call: Callable[[], Any]
    seconds: float
    pieces: int


def made(form: Callable, images: int, side: int, channels: int) -> Made:
    """A form's forward pass and its gradient by the images, with the options of the package's own programs."""
    x_key, k_key = jax.random.split(jax.random.key(0))
    x = jax.random.normal(x_key, (images, side, side, channels))
    kernel = winograd2.prepare(jax.random.normal(k_key, (3, 3, channels, channels)) / np.sqrt(9 * channels))

    def layer(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jax.vmap(form, (0, None))(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), kernel)

    def both(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
        y, pull = jax.vjp(lambda x: layer(x, kernel), x)
        return y, pull(y)[0]

    before = time.process_time()
    program = jax.jit(both, compiler_options=compiler_options("cpu", "often")).lower(x, kernel).compile()
    seconds = time.process_time() - before
    return Made(lambda: jax.block_until_ready(program(x, kernel)), seconds, (program.as_text() or "").count(" fusion("))


def measured(shape: tuple[int, int, int], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds in turns, seconds of compilation and pieces of every form."""
    forms = {name: made(form, *shape) for name, form in FORMS.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds):
        for name, form in forms.items():
            started = time.perf_counter()
            form.call()
            times[name].append(1000 * (time.perf_counter() - started))
    return {
        name: {"ms": statistics.median(times[name]), "compile_s": form.seconds, "pieces": form.pieces}
        for name, form in forms.items()
    }


def main() -> None:
    """Measure all shapes."""
    parse = parser(__doc__)
    parse.add_argument("--rounds", type=at_least(1), default=25, help="calls of each form")
    settings: argparse.Namespace = parse.parse_args()
    report = Report("Winograd's F(2x2, 3x3) of few pixels", settings)
    rows = []
    for shape in SHAPES:
        found = measured(shape, settings.rounds)
        report.add(shape=shape, forms=found)
        images, side, channels = shape
        cells = [f"{f['ms']:.2f}, {f['compile_s']:.2f} ({f['pieces']})" for f in found.values()]
        rows.append([f"{images}, {side}x{side}, {channels}", *cells])
    print_table(["images, map, channels", *(f"{name}: ms, s to compile (pieces)" for name in FORMS)], rows)


if __name__ == "__main__":
    main()
