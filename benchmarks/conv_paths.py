"""Time of every formulation of the 3x3 convolutions: forward pass and gradient with respect to the input.

The shapes are those of PGGAN-256: as many rows as codes up to 64 pixels, and one row everywhere, as after the composing
layer. The choices of ``gprior_jax.nn.convolution.conv_path`` rest on these tables.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table

from gprior_jax.generators.pggan import published_channels
from gprior_jax.nn import convolution as conv

Kind = Literal["conv", "up", "down"]
Call = Callable[[], Any]

TITLES: dict[Kind, str] = {
    "conv": "3x3 convolution, stride 1",
    "up": "2x nearest enlargement, then 3x3 convolution (size: of the output)",
    "down": "3x3 convolution, then mean of 2x2 blocks (size: of the input)",
}
CHANNELS = dict(zip((4 << level for level in range(7)), published_channels(256), strict=True))
LARGEST_OF_MANY = 64
"""Larger maps come after every sensible composing layer: they are measured with one row only."""

SETTLE_SECONDS = 0.02
"""Pause between contenders, in which the idle threads of the other library stop spinning."""


class Shape(NamedTuple):
    """One convolution: rows, side of its larger map, channels in and out."""

    kind: Kind
    rows: int
    size: int
    features_in: int
    features_out: int

    @property
    def sides(self) -> tuple[int, int]:
        """Sides of input and output."""
        return {"conv": (self.size, self.size), "up": (self.size // 2, self.size), "down": (self.size, self.size // 2)}[
            self.kind
        ]


def shapes(kind: Kind, rows: list[int], sizes: list[int]) -> list[Shape]:
    """The shapes of one kind; nothing is enlarged to, or reduced from, the smallest map."""
    found = []
    for count in rows:
        for size in sizes:
            if (count > 1 and size > LARGEST_OF_MANY) or (kind != "conv" and size == min(CHANNELS)):
                continue
            here, below = CHANNELS[size], CHANNELS.get(size // 2, 0)
            channels = {"conv": (here, here), "up": (below, here), "down": (here, below)}[kind]
            found.append(Shape(kind, count, size, *channels))
    return found


def chosen(shape: Shape) -> str:
    """The formulation that the library takes."""
    if shape.kind == "down":
        return "sums"
    return conv.conv_path("auto", shape.features_in, shape.features_out, size=shape.size, up=shape.kind == "up")


def _mean_of_blocks(x: jax.Array, kernel: jax.Array) -> jax.Array:
    y = conv.convolve(x, kernel)
    return y.reshape(y.shape[0] // 2, 2, y.shape[1] // 2, 2, -1).mean((1, 3))


def formulations(kind: Kind, kernel: jax.Array) -> dict[str, tuple[Callable, jax.Array]]:
    """Function of (image, prepared kernel) and prepared kernel of every path; the direct one is first."""
    if kind == "conv":
        paths: tuple[conv.ConvPath, ...] = ("direct", "winograd")
        return {p: (partial(conv.conv3x3, path=p), conv.prepare_conv3x3(kernel, p)) for p in paths}
    if kind == "up":
        ups: tuple[conv.ConvPath, ...] = ("direct", "phases", "taps", "winograd")
        return {p: (partial(conv.up_conv3x3, path=p), conv.prepare_up_conv3x3(kernel, p)) for p in ups}
    return {"direct": (_mean_of_blocks, kernel), "sums": (conv.down_conv3x3, conv.prepare_down_conv3x3(kernel))}


def jax_call(function: Callable, kernel: jax.Array, x: jax.Array, cotangent: jax.Array) -> Call:
    """Forward pass and input gradient of all rows, compiled."""

    @jax.jit
    def both(x: jax.Array, kernel: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        y, pull = jax.vjp(lambda x: jax.vmap(function, (0, None))(x, kernel), x)
        return y, pull(cotangent)[0]

    return lambda: jax.block_until_ready(both(x, kernel, cotangent))


def torch_call(kind: Kind, kernel: jax.Array, x: jax.Array, cotangent: jax.Array) -> Call:
    """The same in PyTorch, channels first."""
    import torch
    from torch.nn import functional

    def tensor(array: jax.Array, *order: int) -> torch.Tensor:
        return torch.from_numpy(np.array(np.asarray(array).transpose(order), order="C"))

    image, gradient = tensor(x, 0, 3, 1, 2).requires_grad_(True), tensor(cotangent, 0, 3, 1, 2)
    weight = tensor(kernel, 3, 2, 0, 1)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        y = functional.interpolate(image, scale_factor=2, mode="nearest") if kind == "up" else image
        y = functional.conv2d(y, weight, padding=1)
        y = functional.avg_pool2d(y, 2) if kind == "down" else y
        return y.detach(), torch.autograd.grad(y, image, gradient)[0]

    return both


def contenders(shape: Shape, with_torch: bool) -> dict[str, Call]:
    """Every contender for a shape, on the same numbers."""
    rng = np.random.default_rng(0)
    side_in, side_out = shape.sides
    x = jnp.asarray(rng.standard_normal((shape.rows, side_in, side_in, shape.features_in), np.float32))
    cotangent = jnp.asarray(rng.standard_normal((shape.rows, side_out, side_out, shape.features_out), np.float32))
    kernel = jnp.asarray(rng.standard_normal((3, 3, shape.features_in, shape.features_out), np.float32))
    kernel = kernel / (9 * shape.features_in) ** 0.5
    made = {name: jax_call(f, k, x, cotangent) for name, (f, k) in formulations(shape.kind, kernel).items()}
    return made | ({"torch": torch_call(shape.kind, kernel, x, cotangent)} if with_torch else {})


def disagreement(calls: dict[str, Call]) -> dict[str, float]:
    """Run each contender once, which compiles it: largest difference from the direct path, over its largest value."""
    errors, reference = {}, None
    for name, call in calls.items():
        arrays = [np.asarray(a) for a in call()]
        arrays = [a.transpose(0, 2, 3, 1) for a in arrays] if name == "torch" else arrays
        reference = reference or arrays
        pairs = zip(arrays, reference, strict=True)
        errors[name] = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)
    return errors


def sample(call: Call, seconds: float) -> float:
    """Mean seconds of one call, over as many as fill ``seconds``."""
    time.sleep(SETTLE_SECONDS)
    call()
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds or not count:
        call()
        count += 1
    return elapsed / count


def measure(shape: Shape, args: argparse.Namespace, report: Report) -> dict[str, float]:
    """Median milliseconds of every contender, measured in turns."""
    calls = contenders(shape, args.torch)
    errors = disagreement(calls)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(args.rounds):
        for name, call in calls.items():
            seconds[name].append(sample(call, args.seconds))
    medians = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    report.add(**shape._asdict(), chosen=chosen(shape), milliseconds=medians, seconds=seconds, relative_error=errors)
    note(f"{shape.kind} {shape.rows} x {shape.size} px: " + ", ".join(f"{n} {ms:.2f} ms" for n, ms in medians.items()))
    return medians


def main() -> None:
    """Measure every shape."""
    made = parser(__doc__)
    made.add_argument("--kinds", nargs="+", choices=tuple(TITLES), default=list(TITLES))
    made.add_argument("--rows", type=at_least(1), nargs="+", default=[20, 1], help="rows (codes times images)")
    made.add_argument("--sizes", type=int, nargs="+", choices=tuple(CHANNELS), default=list(CHANNELS), help="pixels")
    made.add_argument("--rounds", type=at_least(1), default=5, help="turns, of which the median is taken")
    made.add_argument("--seconds", type=float, default=0.1, help="least time that one sample fills")
    made.add_argument("--torch", action="store_true", help="measure PyTorch as well")
    args = made.parse_args()
    report = Report("Convolution paths", args)
    for kind in args.kinds:
        rows, names = [], []
        for shape in shapes(kind, args.rows, args.sizes):
            medians = measure(shape, args, report)
            names = list(medians)
            ours = {name: ms for name, ms in medians.items() if name != "torch"}
            channels = f"{shape.features_in} to {shape.features_out}"
            times = (number(ms, 2) for ms in medians.values())
            rows.append([shape.rows, shape.size, channels, *times, min(ours, key=ours.__getitem__), chosen(shape)])
        if rows:
            headers = ["rows", "size", "channels", *(f"{name}, ms" for name in names), "fastest of ours", "chosen"]
            print_table(headers, rows, TITLES[kind])


if __name__ == "__main__":
    main()
