"""PGGAN's forward pass, stated plainly in PyTorch on the weights of our generator: a prior for programs that want one.

Written from the paper (arXiv:1710.10196): pixel norm, nearest enlargement, convolution with equalised weights, bias,
LeakyReLU.
"""

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional


class Generator(torch.nn.Module):
    """Images ``[B, 3, R, R]`` of codes ``[B, nz, 1, 1]``.

    Attributes:
        nz: length of a code.
    """

    def __init__(self, params: Any, levels: int):
        """Take weights, nested dicts of arrays, of a generator that ends at ``4 << (levels - 1)`` pixels."""
        super().__init__()
        arrays = {name: (np.asarray(own["kernel"]), np.asarray(own["bias"])) for name, own in params.items()}
        self.nz, self.levels = arrays["layer0"][0].shape[0], levels
        first, bias = arrays["layer0"]
        # A 4x4 transposed convolution of one pixel; the published gain counts its 16 taps.
        self._keep("layer0", first.transpose(0, 3, 1, 2), bias, math.sqrt(2 / (16 * self.nz)))
        for index in range(1, 2 * levels):
            self._keep_conv(f"layer{index}", *arrays[f"layer{index}"], math.sqrt(2))
        self._keep_conv("output", *arrays[f"output{levels - 1}"], 1.0)

    def _keep_conv(self, name: str, kernel: np.ndarray, bias: np.ndarray, gain: float) -> None:
        self._keep(name, kernel.transpose(3, 2, 0, 1), bias, gain / math.sqrt(np.prod(kernel.shape[:3])))

    def _keep(self, name: str, kernel: np.ndarray, bias: np.ndarray, scale: float) -> None:
        self.register_buffer(f"{name}_kernel", torch.from_numpy(np.ascontiguousarray(kernel * np.float32(scale))))
        self.register_buffer(f"{name}_bias", torch.from_numpy(bias.copy()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Run all layers."""
        x = functional.conv_transpose2d(_normed(z), *self._kept("layer0"))
        for index in range(1, 2 * self.levels):
            x = _normed(functional.leaky_relu(x, 0.2))
            if index % 2 == 0:
                x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = functional.conv2d(x, *self._kept(f"layer{index}"), padding=1)
        return functional.conv2d(_normed(functional.leaky_relu(x, 0.2)), *self._kept("output"))

    def _kept(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self.get_buffer(f"{name}_kernel"), self.get_buffer(f"{name}_bias")


def _normed(x: torch.Tensor) -> torch.Tensor:
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
