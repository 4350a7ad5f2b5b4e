"""LPIPS stated plainly in torch."""

import numpy as np
import torch
import torch.nn.functional as F

from gprior_jax.perceptual.lpips import LPIPS

# Of torchvision's ``features``, stated again: index: (stride, padding, side and stride of the maximum before it, tap).
LAYERS = {
    "alexnet": {0: (4, 2, None, True), 3: (1, 2, (3, 2), True), 6: (1, 1, (3, 2), True)}
    | dict.fromkeys((8, 10), (1, 1, None, True)),
    "vgg16": {i: (1, 1, (2, 2) if i in (5, 10, 17, 24) else None, i in (2, 7, 14, 21, 28)) for i in
              (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)},
}  # fmt: skip


def published(lpips: LPIPS) -> dict[str, torch.Tensor]:
    """Weights under torchvision's keys and those of the lpips package."""
    convolutions, state = lpips.weights["convolutions"], {}
    for index, name in zip(LAYERS[lpips.module.trunk], sorted(convolutions), strict=True):
        kernel = np.asarray(convolutions[name]["kernel"]).transpose(3, 2, 0, 1)
        state[f"features.{index}.weight"] = torch.from_numpy(kernel.copy())
        state[f"features.{index}.bias"] = torch.from_numpy(np.array(convolutions[name]["bias"]))
    for i, tap in enumerate(sorted(lpips.weights["linear"])):
        weight = torch.from_numpy(np.array(lpips.weights["linear"][tap]))
        state[f"lin{i}.model.1.weight"] = weight[None, :, None, None]
    return state


def torch_lpips(state: dict[str, torch.Tensor], trunk: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Equation 1 of arXiv:1801.03924 for images [H, W, 3] in [-1, 1], with the constants of lpips 0.1.4."""
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x = ((torch.stack([a, b]) - shift) / scale).permute(0, 3, 1, 2)
    total, taps = torch.zeros(()), 0
    for index, (stride, padding, pool, is_tap) in LAYERS[trunk].items():
        x = F.max_pool2d(x, *pool) if pool else x
        weight, bias = (state[f"features.{index}.{kind}"] for kind in ("weight", "bias"))
        x = F.relu(F.conv2d(x, weight, bias, stride, padding))
        if is_tap:
            unit = x / (torch.sqrt(torch.sum(x**2, 1, keepdim=True)) + 1e-10)
            squared = (unit[:1] - unit[1:]) ** 2
            total = total + F.conv2d(squared, state[f"lin{taps}.model.1.weight"]).mean()
            taps += 1
    assert taps == 5
    return total
