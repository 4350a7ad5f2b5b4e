"""Random StyleGAN2 snapshots of full size, as stylegan2-ada-pytorch pickles them; for benchmarks/conversion.py."""

import importlib
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"


def discriminator_shapes(channels: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a discriminator file (stylegan2-ada-pytorch), residual."""
    shapes: dict[str, tuple[int, ...]] = {}
    for level in reversed(range(1, len(channels))):
        block, width, below = f"b{4 << level}", channels[level], channels[level - 1]
        if level == len(channels) - 1:
            shapes |= {f"{block}.fromrgb.weight": (width, 3, 1, 1), f"{block}.fromrgb.bias": (width,)}
        shapes |= {f"{block}.conv0.weight": (width, width, 3, 3), f"{block}.conv0.bias": (width,)}
        shapes |= {f"{block}.conv1.weight": (below, width, 3, 3), f"{block}.conv1.bias": (below,)}
        shapes |= {f"{block}.skip.weight": (below, width, 1, 1), f"{block}.resample_filter": (4, 4)}
    first = channels[0]
    shapes |= {"b4.conv.weight": (first, first + 1, 3, 3), "b4.conv.bias": (first,)}
    shapes |= {"b4.fc.weight": (first, 16 * first), "b4.fc.bias": (first,)}
    return shapes | {"b4.out.weight": (1, first), "b4.out.bias": (1,)}


def write(file: Path, resolution: int) -> int:
    """Write ``{G, D, G_ema}`` of config F; returns the number of tensors."""
    sys.path.insert(0, str(TESTS))
    import torch

    from gprior_jax.generators.stylegan2 import published_channels

    nvidia, layouts = (importlib.import_module(f"converters.{name}") for name in ("nvidia", "stylegan2_torch"))
    torch.manual_seed(0)
    channels = published_channels(resolution)
    vars(layouts).update(W_DIM=512, DENSE=8)
    generator = {key: value.numpy() for key, value in layouts.ada_state(channels, z_dim=512).items()}
    critic = {
        key: (layouts.FILTER if key.endswith("filter") else torch.randn(shape)).numpy()
        for key, shape in discriminator_shapes(channels).items()
    }
    settings = {"synthesis_kwargs": {"conv_clamp": 256}}
    content = {
        "G": nvidia.tree(generator, **settings),
        "D": nvidia.tree(critic, conv_clamp=256),
        "G_ema": nvidia.tree(generator, **settings),
    }
    nvidia.write(file, content)
    return 2 * len(generator) + len(critic)
