"""Time of every formulation of the weight gradient of a convolution, and its error against sums in float64.

The shapes are those of the networks that are trained here, in batches of 16, of which a core has a part where every
core is a device (``--batch-size 8``, one core). The choices of
``gprior_jax.nn.weight_gradient.gradient_path`` rest on this table.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table
from conv_paths import sample

from gprior_jax.nn.weight_gradient import Padding, gradient_path, kernel_by_products, kernel_by_winograd


class Shape(NamedTuple):
    """One convolution: side of its input, channels in and out, side of its kernel, stride, padding."""

    side: int
    features_in: int
    features_out: int
    size: int = 3
    stride: int = 1
    padding: Padding = ((1, 1), (1, 1))

    @property
    def kernel(self) -> tuple[int, int, int, int]:
        """HWIO."""
        return (self.size, self.size, self.features_in, self.features_out)

    @property
    def name(self) -> str:
        """As the table has it."""
        kind = f"{self.size}x{self.size}" + (f", stride {self.stride}" if self.stride > 1 else "")
        return f"{self.side} px, {self.features_in} to {self.features_out}, {kind}"


_NONE: Padding = ((0, 0), (0, 0))

GRADIENTS = ("xla", "products", "winograd")

SHAPES = (
    Shape(128, 16, 16),
    Shape(64, 16, 16),
    Shape(64, 32, 32),
    Shape(64, 64, 64),
    Shape(32, 32, 32),
    Shape(32, 64, 64),
    Shape(32, 128, 128),
    Shape(16, 64, 64),
    Shape(16, 128, 128),
    Shape(8, 128, 128),
    Shape(65, 16, 32, stride=2, padding=_NONE),
    Shape(65, 32, 64, stride=2, padding=_NONE),
    Shape(33, 64, 128, stride=2, padding=_NONE),
    Shape(64, 32, 64, 4, 2),
    Shape(32, 64, 32, 2, padding=((1, 0), (0, 1))),
)


def convolve(shape: Shape, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution, as XLA has it."""
    return jax.lax.conv_general_dilated(
        x, kernel, (shape.stride, shape.stride), shape.padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def formulations(shape: Shape) -> dict[str, Callable[[jax.Array, jax.Array], Any]]:
    """Functions of images and gradients; ``forward`` is no gradient but the measure of one."""
    zeros = jnp.zeros(shape.kernel)
    size = (shape.size, shape.size)
    found = {
        "forward": lambda x, dy: convolve(shape, x, zeros),
        "xla": lambda x, dy: jax.linear_transpose(lambda kernel: convolve(shape, x, kernel), zeros)(dy)[0],
        "products": lambda x, dy: kernel_by_products(x, dy, size, shape.stride, shape.padding),
    }
    if (shape.size, shape.stride) == (3, 1):
        found["winograd"] = lambda x, dy: kernel_by_winograd(x, dy, shape.padding)
    return found


def exact(shape: Shape, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Tap by tap in float64."""
    padded = np.pad(x.astype(np.float64), ((0, 0), *shape.padding, (0, 0)))
    height, width = (shape.stride * (side - 1) + 1 for side in dy.shape[1:3])
    flat = dy.reshape(-1, dy.shape[-1]).astype(np.float64)
    taps = [
        padded[:, a : a + height : shape.stride, b : b + width : shape.stride].reshape(len(flat), -1).T @ flat
        for a in range(shape.size)
        for b in range(shape.size)
    ]
    return np.stack(taps).reshape(shape.kernel)


def measure(shape: Shape, args: argparse.Namespace, report: Report) -> list[str]:
    """A row of the table: median milliseconds in turns, and the largest error over the largest value."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((args.batch_size, shape.side, shape.side, shape.features_in), np.float32)
    x = np.where(x > 0, x, np.float32(0.2) * x)
    result = jax.eval_shape(lambda x: convolve(shape, x, jnp.zeros(shape.kernel)), jnp.asarray(x))
    dy = rng.standard_normal(result.shape, np.float32)
    given = jnp.asarray(x), jnp.asarray(dy)
    wanted = exact(shape, x, dy)
    compiled = {name: jax.jit(function) for name, function in formulations(shape).items()}
    errors = {
        name: float(np.abs(np.asarray(function(*given)) - wanted).max() / np.abs(wanted).max())
        for name, function in compiled.items()
        if name != "forward"
    }
    seconds: dict[str, list[float]] = {name: [] for name in compiled}
    for _ in range(args.rounds):
        for name, function in compiled.items():
            seconds[name].append(sample(lambda function=function: jax.block_until_ready(function(*given)), 0.1))
    medians = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    report.add(shape=shape.name, milliseconds=medians, seconds=seconds, errors=errors)
    note(shape.name)
    count, height, width, features = result.shape
    size, results = (shape.size, shape.size), (count, height, width)
    chosen = gradient_path(shape.features_in, features, results, size=size, stride=shape.stride, platform="cpu")
    times = [number(medians[name], 1) if name in medians else "" for name in ("forward", *GRADIENTS)]
    return [shape.name, *times, *(f"{errors[name]:.0e}" if name in errors else "" for name in GRADIENTS), chosen]


def main() -> None:
    """Measure every shape."""
    made = parser(__doc__)
    made.add_argument("--batch-size", type=at_least(1), default=16)
    made.add_argument("--rounds", type=at_least(1), default=5, help="turns, of which the median is taken")
    args = made.parse_args()
    report = Report("Weight gradients", args)
    rows = [measure(shape, args, report) for shape in SHAPES]
    times = [f"{name}, ms" for name in ("forward", *GRADIENTS)]
    print_table(["convolution", *times, *(f"error of {name}" for name in GRADIENTS), "chosen"], rows)


if __name__ == "__main__":
    main()
