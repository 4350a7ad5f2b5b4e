"""Random weights for pix2pix' and CycleGAN's networks in PyTorch, and what these give."""

import copy

import numpy as np
import torch
from torch import nn


def randomised(net, seed=0):
    """Random weights and running statistics, of a spread that keeps features lively; in evaluation mode."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(7)
            elif tensor.ndim == 4:
                deviation = 1.5 / np.sqrt(tensor[0].numel())
                tensor.copy_(torch.from_numpy(deviation * rng.standard_normal(tuple(tensor.shape))))
            else:
                low = 0.5 if name.endswith(("running_var", "weight")) else -0.5
                tensor.copy_(torch.from_numpy(rng.uniform(low, low + 1.0, tuple(tensor.shape))))
    return net.eval()


def applied(net, images):
    """What a network gives for images ``[B, H, W, C]`` in the same layout, by the statistics that its mode has."""
    x = torch.from_numpy(np.asarray(images).transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        return net(x).permute(0, 2, 3, 1).numpy()


def by_own_statistics(net):
    """A copy that runs as pix2pix' test does: batch norm takes what it sees, and dropout is left out here."""
    net = copy.deepcopy(net).train()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return net
