"""Random BigGAN checkpoints of full size in the published layouts; for benchmarks/conversion.py."""

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"

WIDTHS = {128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1), 512: (16, 16, 8, 8, 4, 2, 1, 1)}
"""Channels that layer 0 and the blocks give, of the width (ajbrock/BigGAN-PyTorch ``BigGAN.py``, ``G_arch``)."""

DEEP_WIDTHS = {
    128: (16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1),
    256: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1),
    512: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1),
}
"""Likewise of pytorch-pretrained-biggan, whose width is 128 (its ``-config.json`` files)."""

PUBLISHED = {"BigGAN": (166, 70.50), "BigGAN-deep": (506, 52.69)}
"""Entries, and millions of numbers, of the files of 128 px."""


def _layouts() -> Any:
    """The module that states both programs' files."""
    sys.path.insert(0, str(TESTS))
    return importlib.import_module("converters.biggan_torch")


def biggan(resolution: int) -> dict[str, Any]:
    """``G_ema.pth`` of a width of 96, with attention at 64 px."""
    channels = tuple(96 * width for width in WIDTHS[resolution])
    state = _layouts().biggan_state(attention=(3,), channels=channels, sizes=(120 // len(channels), 128, 1000))
    return {key: value.reshape(()) if key.endswith(".gamma") else value for key, value in state.items()}


def deep(resolution: int) -> dict[str, Any]:
    """``pytorch_model.bin``."""
    widths = DEEP_WIDTHS[resolution]
    layers = [(i % 2 == 1, *pair) for i, pair in enumerate(itertools.pairwise(widths))]
    return _layouts().deep_state(128, 128, 8, 51, layers, 1000, steps=3)


KINDS: dict[str, Callable[[int], dict[str, Any]]] = {"BigGAN": biggan, "BigGAN-deep": deep}


def write(file: Path, network: str, resolution: int) -> int:
    """Write a file; returns the number of tensors."""
    import torch

    state = KINDS[network](resolution)
    count = sum(value.numel() for value in state.values()) / 1e6
    if resolution == 128 and (len(state), round(count, 2)) != PUBLISHED[network]:
        raise SystemExit(f"{network}: {len(state)} entries of {count:.2f} M, published are {PUBLISHED[network]}")
    torch.save(state, file)
    return len(state)
