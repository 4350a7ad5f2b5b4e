"""The published inversion loop of mGANprior, stated plainly in PyTorch: the rival of ``gprior bench inversion``.

One image at a time; codes go through the first layers one after the other; the target's features are computed again in
every step; plain gradient descent on codes and channel weights; generator and VGG weights need no gradients. Weights
are random: speed and memory do not depend on them. Written from the published description, no line is taken from it.

As a program it is a worker: for every line ``{"steps": n}`` on standard input it takes n steps and prints
``{"seconds": [...], "peak_bytes": ...}``.
"""

import argparse
import json
import math
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional

VGG_LAYERS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256)


class Layer(nn.Module):
    """Pixel norm, nearest enlargement (even layers from 2), convolution, scale, bias, LeakyReLU."""

    def __init__(self, in_features: int, features: int, index: int):
        super().__init__()
        size = 4 if index == 0 else 3
        self.conv = nn.Conv2d(in_features, features, size, padding=3 if index == 0 else 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(features))
        nn.init.normal_(self.conv.weight)
        self.scale = math.sqrt(2) / math.sqrt(in_features * size * size)
        self.up = index >= 2 and index % 2 == 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the layer."""
        x = x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)
        if self.up:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
        return functional.leaky_relu(self.conv(x) * self.scale + self.bias.view(1, -1, 1, 1), 0.2)


class Output(nn.Module):
    """Pixel norm and the 1x1 convolution to RGB."""

    def __init__(self, features: int):
        super().__init__()
        self.conv = nn.Conv2d(features, 3, 1)
        self.scale = 1 / math.sqrt(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Image ``[N, 3, H, W]`` of features."""
        return self.conv(x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)) * self.scale


def generator(resolution: int) -> nn.Sequential:
    """PGGAN's layers in order, the output last."""
    channels = [min(16384 // size, 512) for size in (4 << i for i in range((resolution // 4).bit_length()))]
    layers: list[nn.Module] = []
    previous = 512
    for level, features in enumerate(channels):
        layers += [Layer(previous, features, 2 * level), Layer(features, features, 2 * level + 1)]
        previous = features
    return nn.Sequential(*layers, Output(previous))


def vgg() -> nn.Sequential:
    """VGG-16 up to relu3_3."""
    layers: list[nn.Module] = []
    previous = 3
    for entry in VGG_LAYERS:
        if entry == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(previous, int(entry), 3, padding=1), nn.ReLU()]
            previous = int(entry)
    return nn.Sequential(*layers)


class Loop:
    """Inversion of one image."""

    def __init__(self, resolution: int, num_codes: int, layer: int, perceptual: bool, seed: int = 0):
        torch.manual_seed(seed)
        network = generator(resolution).requires_grad_(False)
        self.pre, self.post = network[:layer], network[layer:]
        self.vgg = vgg().requires_grad_(False) if perceptual else None
        self.target = torch.rand(1, 3, resolution, resolution) * 2 - 1
        self.codes = torch.randn(num_codes, 512, requires_grad=True)
        features = self.pre(torch.zeros(1, 512, 1, 1)).shape[1]
        self.alpha = torch.full((num_codes, features), 1 / num_codes, requires_grad=True)
        self.optimizer = torch.optim.SGD([self.codes, self.alpha], lr=1.0)

    def render(self) -> torch.Tensor:
        """Image of the composed features; the published code divides by the number of codes once more."""
        composed: torch.Tensor | int = 0
        for code, alpha in zip(self.codes, self.alpha, strict=True):
            composed = composed + self.pre(code.view(1, -1, 1, 1)) * alpha.view(1, -1, 1, 1)
        return self.post(composed / len(self.codes))

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """VGG features: ImageNet normalisation, then nearest resize to 256."""
        assert self.vgg is not None
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        image = (image * 0.5 + 0.5 - mean) / std
        return self.vgg(functional.interpolate(image, size=256, mode="nearest"))

    def step(self) -> None:
        """One update."""
        self.optimizer.zero_grad()
        image = self.render()
        loss = functional.mse_loss(image, self.target)
        if self.vgg is not None:
            loss = loss + 1e-3 * functional.l1_loss(self.features(image), self.features(self.target))
        loss.backward()
        self.optimizer.step()


def main() -> None:
    """Serve steps on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--codes", type=int, default=20)
    parser.add_argument("--layer", type=int, default=6)
    parser.add_argument("--perceptual", choices=("vgg", "none"), default="vgg")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    loop = Loop(args.resolution, args.codes, args.layer, args.perceptual == "vgg")
    print(json.dumps({"ready": f"torch {torch.__version__}"}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["steps"]):
            started = time.perf_counter()
            loop.step()
            seconds.append(time.perf_counter() - started)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
