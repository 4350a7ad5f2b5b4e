"""The encoder of idinvert, stated in torch with its checkpoint's keys: where its semantic diffusion starts."""

import torch
from torch.nn import functional as F


def encoded(state, image):
    """Codes ``[B, features]`` of images ``[B, 3, R, R]``; ``state`` as the published file holds it."""
    x = F.leaky_relu(_norm(state, "block0.bn.bn", F.conv2d(image, state["block0.conv.weight"], padding=1)), 0.2)
    count = len({key.split(".")[0] for key in state}) - 2
    for block in (f"block{i}" for i in range(1, count + 1)):
        x = F.avg_pool2d(x, 2)
        beside = x
        if f"{block}.conv.weight" in state:
            beside = F.leaky_relu(_norm(state, f"{block}.bn.bn", F.conv2d(x, state[f"{block}.conv.weight"])), 0.2)
        for i in (1, 2):
            x = F.conv2d(x, state[f"{block}.conv{i}.weight"], state[f"{block}.wscale{i}.bias"], padding=1)
            x = F.leaky_relu(_norm(state, f"{block}.bn{i}.bn", x), 0.2)
        x = x + beside
    last = f"block{count + 1}"
    weight = state[f"{last}.fc.weight"]
    return _norm(state, f"{last}.bn.bn", F.linear(x.flatten(1), weight) / weight.shape[1] ** 0.5)


def _norm(state, name, x):
    statistics = (state[f"{name}.{part}"] for part in ("running_mean", "running_var"))
    return F.batch_norm(x, *statistics, state[f"{name}.weight"], state[f"{name}.bias"])


def composed(target, context, side):
    """The centre of a target over a context, as torch tensors ``[B, 3, R, R]``."""
    mask = torch.zeros_like(target[:, :1])
    start = (target.shape[-1] - side) // 2
    mask[..., start : start + side, start : start + side] = 1
    return mask, mask * target + (1 - mask) * context
