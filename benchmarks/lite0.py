"""EfficientNet-Lite0 on a CPU: its depthwise convolutions in every formulation, the whole network, and PyTorch's.

Weights are random: times do not depend on them. The choice of ``gprior_jax.nn.depthwise.depthwise_path`` rests on these
tables. PyTorch's network is that of the package efficientnet-lite-pytorch.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from typing import Any

import conv_paths
import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table

from gprior_jax.nn.depthwise import DepthwisePath, depthwise
from gprior_jax.perceptual.efficientnet import BLOCKS, BlockShape, EfficientNetLite0

PATHS: tuple[DepthwisePath, ...] = ("grouped", "shifted")

Calls = dict[str, tuple[Callable[[], Any], Callable[[], Any]]]
"""Forward pass, and forward pass with the gradient with respect to the image, of every contender."""


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--sizes", type=at_least(1), nargs="+", default=[64, 224], help="sides of the images, pixels")
    made.add_argument("--images", type=at_least(1), default=16, help="at once")
    made.add_argument("--cores", type=at_least(1), default=None, help="cores to use; all unless given")
    made.add_argument("--blocks", action="store_true", help="measure the depthwise convolution of every block too")
    made.add_argument("--rounds", type=at_least(1), default=5, help="turns, of which the median is taken")
    made.add_argument("--seconds", type=float, default=0.1, help="least time that one sample fills")
    made.add_argument("--torch", action="store_true", help="measure PyTorch as well")
    return made.parse_args()


def jax_calls(function: Callable, context: Any, images: jax.Array) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Of ``function(context, image)``, for all images."""
    forward = jax.jit(lambda context, x: jax.vmap(function, (None, 0))(context, x))
    both = jax.jit(jax.grad(lambda x, context: jnp.sum(jax.vmap(function, (None, 0))(context, x))))
    return (lambda: jax.block_until_ready(forward(context, images))), (
        lambda: jax.block_until_ready(both(images, context))
    )


def torch_calls(images: jax.Array, threads: int | None) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The same of PyTorch's network, channels first."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    torch.set_num_threads(threads or torch.get_num_threads())
    network = EfficientNet.from_name("efficientnet-lite0", image_size=images.shape[1]).eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):  # As ours; with its own start, features fade to slow, tiny numbers.
            torch.nn.init.kaiming_normal_(module.weight)
    x = torch.from_numpy(np.array(np.asarray(images).transpose(0, 3, 1, 2), order="C"))

    def forward() -> Any:
        with torch.no_grad():
            return network.extract_features(x)

    def both() -> Any:
        image = x.clone().requires_grad_(True)
        return torch.autograd.grad(network.extract_features(image).sum(), image)[0]

    return forward, both


def of_network(size: int, args: argparse.Namespace) -> Calls:
    """Contenders for the whole network up to its last convolution."""
    module = EfficientNetLite0()
    images = jax.random.uniform(jax.random.key(0), (args.images, size, size, 3), minval=-1.0)
    params = jax.jit(lambda x: module.init(jax.random.key(1), x, method="init_all"))(images[0])["params"]

    def features(path: DepthwisePath) -> Callable:
        judge = EfficientNetLite0(path)
        return lambda params, image: judge.apply({"params": params}, image, ("head",), method="features")[0]

    made = {path: jax_calls(features(path), params, images) for path in PATHS}
    return made | ({"torch": torch_calls(images, args.cores)} if args.torch else {})


def of_block(shape: BlockShape, side: int, images: int) -> Calls:
    """Contenders for one depthwise convolution."""
    x = jax.random.normal(jax.random.key(0), (images, side, side, shape.width))
    kernel = jax.random.normal(jax.random.key(1), (shape.kernel_size, shape.kernel_size, shape.width))

    def run(path: DepthwisePath) -> Callable:
        # Squared: the gradient of a plain sum would need no input.
        return lambda kernel, image: jnp.square(depthwise(image, kernel, shape.stride, path))

    return {path: jax_calls(run(path), kernel, x) for path in PATHS}


def measure(calls: Calls, args: argparse.Namespace, report: Report, **facts: Any) -> list[str]:
    """Median milliseconds of every contender, forward and with the gradient, measured in turns."""
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in calls}
    for pair in calls.values():
        for call in pair:
            call()  # Compiles.
    for _ in range(args.rounds):
        for name, pair in calls.items():
            for call, kept in zip(pair, seconds[name], strict=True):
                kept.append(conv_paths.sample(call, args.seconds))
    medians = {name: [1e3 * statistics.median(values) for values in pair] for name, pair in seconds.items()}
    report.add(**facts, milliseconds=medians)
    note(", ".join(f"{name} {value}" for name, value in facts.items()) + f": {medians}")
    return [number(value, 1) for pair in medians.values() for value in pair]


def main() -> None:
    """Measure all sizes."""
    args = arguments()
    if args.cores is not None:  # Before JAX starts its threads.
        os.sched_setaffinity(0, range(args.cores))
    report = Report("EfficientNet-Lite0", args)
    contenders = [*PATHS, *(["torch"] if args.torch else [])]
    columns = [f"{name}, {what}" for name in contenders for what in ("forward, ms", "and gradient, ms")]
    rows = [[size, *measure(of_network(size, args), args, report, size=size)] for size in args.sizes]
    print_table(["size", *columns], rows, f"The network, {args.images} images")
    for size in args.sizes if args.blocks else ():
        side, rows = -(-size // 2), []
        for name, shape in BLOCKS.items():
            facts = {"size": size, "block": name, "side": side, "channels": shape.width}
            kernel = f"{shape.kernel_size}x{shape.kernel_size}, stride {shape.stride}"
            times = measure(of_block(shape, side, args.images), args, report, **facts)
            rows.append([name, f"{side}x{side}x{shape.width}", kernel, *times])
            side = -(-side // shape.stride)
        headers = ["block", "map", "kernel", *columns[: 2 * len(PATHS)]]
        print_table(headers, rows, f"Depthwise convolutions, {args.images} images of {size} px")


if __name__ == "__main__":
    main()
