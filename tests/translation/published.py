"""pix2pix' and CycleGAN's networks stated in PyTorch, with the names that the tensors of published files have."""

import copy

import numpy as np
import torch
from torch import nn


def batch(features):
    return nn.BatchNorm2d(features)


def instance(features):
    return nn.InstanceNorm2d(features)


def instance_of_2017(features):
    """With running statistics, which the files of then hold."""
    return nn.InstanceNorm2d(features, track_running_stats=True)


def affine(features):
    """Of programs after it."""
    return nn.InstanceNorm2d(features, affine=True)


def has_bias(norm):
    return norm is not batch


class Block(nn.Module):
    """A residual block; ``name`` is what the program calls its row of layers."""

    def __init__(self, features, norm, dropout, name):
        super().__init__()
        bias = has_bias(norm)
        rows = [nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3, bias=bias), norm(features), nn.ReLU()]
        rows += [nn.Dropout(0.5)] if dropout else []
        rows += [nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3, bias=bias), norm(features)]
        self.name = name
        self.add_module(name, nn.Sequential(*rows))

    def forward(self, x):
        return x + getattr(self, self.name)(x)


class ResNet(nn.Module):
    """The ResNet generator: ``model.{i}``."""

    def __init__(self, width=3, blocks=2, ins=3, outs=3, norm=instance, dropout=False, name="conv_block"):
        super().__init__()
        bias = has_bias(norm)
        rows = [nn.ReflectionPad2d(3), nn.Conv2d(ins, width, 7, bias=bias), norm(width), nn.ReLU()]
        for own in (width, 2 * width):
            rows += [nn.Conv2d(own, 2 * own, 3, 2, 1, bias=bias), norm(2 * own), nn.ReLU()]
        rows += [Block(4 * width, norm, dropout, name) for _ in range(blocks)]
        for own in (4 * width, 2 * width):
            rows += [nn.ConvTranspose2d(own, own // 2, 3, 2, 1, 1, bias=bias), norm(own // 2), nn.ReLU()]
        rows += [nn.ReflectionPad2d(3), nn.Conv2d(width, outs, 7), nn.Tanh()]
        self.model = nn.Sequential(*rows)

    def forward(self, x):
        return self.model(x)


class Level(nn.Module):
    """A level of the U-Net, with those inside of it; LeakyReLU and ReLU work in place, as there."""

    def __init__(self, outer, inner, norm, inside=None, ins=None, dropout=False, outermost=False):
        super().__init__()
        self.outermost = outermost
        bias = has_bias(norm)
        down = nn.Conv2d(ins or outer, inner, 4, 2, 1, bias=bias)
        if outermost:
            rows = [down, inside, nn.ReLU(True), nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1), nn.Tanh()]
        elif inside is None:
            up = nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=bias)
            rows = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, norm(outer)]
        else:
            up = nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=bias)
            rows = [nn.LeakyReLU(0.2, True), down, norm(inner), inside, nn.ReLU(True), up, norm(outer)]
            rows += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*rows)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    """The U-Net generator: ``model.model.{i}``."""

    def __init__(self, width=2, halvings=6, ins=3, outs=3, norm=batch, dropout=False):
        super().__init__()
        level = Level(8 * width, 8 * width, norm)
        for _ in range(halvings - 5):
            level = Level(8 * width, 8 * width, norm, level, dropout=dropout)
        for own in (4 * width, 2 * width, width):
            level = Level(own, 2 * own, norm, level)
        self.model = Level(outs, width, norm, level, ins=ins, outermost=True)

    def forward(self, x):
        return self.model(x)


class Patches(nn.Module):
    """The discriminator of patches: ``model.{i}``."""

    def __init__(self, width=3, layers=3, ins=6, norm=batch):
        super().__init__()
        bias = has_bias(norm)
        rows, own = [nn.Conv2d(ins, width, 4, 2, 1), nn.LeakyReLU(0.2)], width
        for number in range(1, layers + 1):
            after = width * min(2**number, 8)
            stride = 2 if number < layers else 1
            rows += [nn.Conv2d(own, after, 4, stride, 1, bias=bias), norm(after), nn.LeakyReLU(0.2)]
            own = after
        self.model = nn.Sequential(*rows, nn.Conv2d(own, 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


class EachPixel(nn.Module):
    """The discriminator of pixels: ``net.{i}``."""

    def __init__(self, width=3, ins=6, norm=batch):
        super().__init__()
        bias = has_bias(norm)
        rows = [nn.Conv2d(ins, width, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 1, bias=bias)]
        self.net = nn.Sequential(*rows, norm(2 * width), nn.LeakyReLU(0.2), nn.Conv2d(2 * width, 1, 1, bias=bias))

    def forward(self, x):
        return self.net(x)


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
