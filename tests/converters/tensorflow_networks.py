"""PGGAN, StyleGAN and StyleGAN2 in TensorFlow: random variables by their names, and what the networks compute of them.

The statements follow the TensorFlow programs: HWIO kernels, NCHW activations, operations in their order; they are
written in torch and share nothing with the converters.
"""

import itertools
import math

import numpy as np
import torch
from torch.nn import functional as F

from converters.torch_parts import fused_up, pixel_norm, shifts

CHANNELS, Z_DIM, W_DIM, LAYERS = (6, 5, 4), 5, 7, 2
SEEDS = itertools.count()
ROOT2 = math.sqrt(2)


def normal(*shape, scale=1.0):
    """Normal numbers, others at every call."""
    return np.float32(scale) * np.random.default_rng(next(SEEDS)).standard_normal(shape, np.float32)


def layer(prefix, *shape, bias=None):
    return {f"{prefix}/weight": normal(*shape), f"{prefix}/bias": normal(bias or shape[-1], scale=0.3)}


def sides():
    return [(level, 4 << level, width) for level, width in enumerate(CHANNELS)]


class Variables:
    """A network's variables, as tensors, with the equalised learning rate's scale for weights."""

    def __init__(self, variables):
        self.values = {name: torch.from_numpy(np.array(value)) for name, value in variables.items()}

    def __getitem__(self, name):
        return self.values[name]

    def __contains__(self, name):
        return name in self.values

    def dense(self, prefix, x, gain=ROOT2, rate=1.0, leaf="weight"):
        weight = self[f"{prefix}/{leaf}"]
        return x @ weight * (gain * rate / math.sqrt(len(weight)))

    def kernel(self, prefix, gain=ROOT2):
        """OIHW."""
        weight = self[f"{prefix}/weight"]
        return weight.permute(3, 2, 0, 1) * (gain / math.sqrt(weight[..., 0].numel()))

    def bias(self, prefix, x, rate=1.0):
        return x + rate * self[f"{prefix}/bias"].reshape(-1, *(1,) * (x.ndim - 2))


def lrelu(x):
    return F.leaky_relu(x, 0.2)


def nearest(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def minibatch_stddev(x, group):
    """Group members are images M, 2M, ... apart; one feature."""
    count, channels, height, width = x.shape
    group = min(group, count)
    deviation = x.reshape(group, -1, channels, height, width)
    deviation = torch.sqrt((deviation - deviation.mean(0)).square().mean(0) + 1e-8).mean((1, 2, 3))
    return torch.cat([x, deviation.repeat(group)[:, None, None, None].expand(-1, 1, height, width)], 1)


# PGGAN ----------------------------------------------------------------------------------------------------------------


def pggan_generator(fused):
    """Variables of PGGAN's G_paper."""
    found = {"lod": np.float32(0.0)} | layer("4x4/Dense", Z_DIM, CHANNELS[0] * 16, bias=CHANNELS[0])
    before = CHANNELS[0]
    for level, side, width in sides():
        if level:
            shape = (3, 3, width, before) if fused else (3, 3, before, width)
            found |= layer(f"{side}x{side}/Conv0{'_up' if fused else ''}", *shape, bias=width)
        found |= layer(f"{side}x{side}/Conv{'1' if level else ''}", 3, 3, width, width)
        found |= layer(f"ToRGB_lod{len(CHANNELS) - 1 - level}", 1, 1, width, 3)
        before = width
    return found


def run_pggan(variables, z):
    v = Variables(variables)
    x = v.dense("4x4/Dense", pixel_norm(z), gain=ROOT2 / 4).reshape(len(z), -1, 4, 4)
    x = pixel_norm(lrelu(v.bias("4x4/Dense", x)))
    for level, side, _ in sides():
        up, second = f"{side}x{side}/Conv0_up", f"{side}x{side}/Conv{'1' if level else ''}"
        if f"{up}/weight" in v:
            weight = v[f"{up}/weight"]  # HWOI; conv2d_transpose does not turn it, and its scale is that of its inputs.
            x = fused_up(x, weight.permute(2, 3, 0, 1) * (ROOT2 / math.sqrt(9 * weight.shape[3])))
            x = pixel_norm(lrelu(v.bias(up, x)))
        elif level:
            first = f"{side}x{side}/Conv0"
            x = pixel_norm(lrelu(v.bias(first, F.conv2d(nearest(x), v.kernel(first), padding=1))))
        x = pixel_norm(lrelu(v.bias(second, F.conv2d(x, v.kernel(second), padding=1))))
    return v.bias("ToRGB_lod0", F.conv2d(x, v.kernel("ToRGB_lod0", gain=1.0)))


def pggan_critic(fused):
    """Variables of PGGAN's D_paper."""
    found = {"lod": np.float32(0.0)}
    for level, side, width in reversed(sides()):
        found |= layer(f"FromRGB_lod{len(CHANNELS) - 1 - level}", 1, 1, 3, width)
        if level:
            found |= layer(f"{side}x{side}/Conv0", 3, 3, width, width)
            found |= layer(f"{side}x{side}/Conv1{'_down' if fused else ''}", 3, 3, width, CHANNELS[level - 1])
    found |= layer("4x4/Conv", 3, 3, CHANNELS[0] + 1, CHANNELS[0])
    return found | layer("4x4/Dense0", CHANNELS[0] * 16, 8) | layer("4x4/Dense1", 8, 1)


def run_pggan_critic(variables, images, group):
    v = Variables(variables)
    x = lrelu(v.bias("FromRGB_lod0", F.conv2d(images, v.kernel("FromRGB_lod0"))))
    for _, side, _ in reversed(sides()[1:]):
        first, down, second = (f"{side}x{side}/{name}" for name in ("Conv0", "Conv1_down", "Conv1"))
        x = lrelu(v.bias(first, F.conv2d(x, v.kernel(first), padding=1)))
        if f"{down}/weight" in v:
            x = lrelu(v.bias(down, F.conv2d(x, shifts(v.kernel(down)) / 4, stride=2, padding=1)))
        else:
            x = F.avg_pool2d(lrelu(v.bias(second, F.conv2d(x, v.kernel(second), padding=1))), 2)
    x = lrelu(v.bias("4x4/Conv", F.conv2d(minibatch_stddev(x, group), v.kernel("4x4/Conv"), padding=1)))
    x = lrelu(v.bias("4x4/Dense0", v.dense("4x4/Dense0", x.reshape(len(x), -1))))
    return v.bias("4x4/Dense1", v.dense("4x4/Dense1", x, gain=1.0))[:, 0]


# StyleGAN and StyleGAN2 -----------------------------------------------------------------------------------------------


def mapping(outputs=W_DIM):
    widths = [Z_DIM, *[W_DIM] * (LAYERS - 1), outputs]
    found = {}
    for i, (inputs, features) in enumerate(itertools.pairwise(widths)):
        found |= {f"Dense{i}/weight": normal(inputs, features, scale=100), f"Dense{i}/bias": normal(features)}
    return found


def run_mapping(v, z, gain, after):
    x = pixel_norm(z)
    for i in range(LAYERS):
        x = after * lrelu(v.bias(f"mapping/Dense{i}", v.dense(f"mapping/Dense{i}", x, gain, 0.01), 0.01))
    return x


def stylegan_synthesis(top=True):
    """Variables of StyleGAN's G_synthesis."""
    found = {"lod": np.float32(0.0 if top else 3.0), "4x4/Const/const": normal(1, CHANNELS[0], 4, 4)}
    before = CHANNELS[0]
    for level, side, width in sides():
        for half, name in enumerate(("Conv0_up", "Conv1") if level else ("Const", "Conv")):
            prefix = f"{side}x{side}/{name}"
            kernel = layer(prefix, 3, 3, width if half else before, width)
            found |= {f"{prefix}/bias": kernel[f"{prefix}/bias"]} if name == "Const" else kernel
            found[f"{prefix}/Noise/weight"] = normal(width, scale=0.3)
            found |= layer(f"{prefix}/StyleMod", W_DIM, 2 * width)
            found[f"noise{2 * level + half}"] = normal(1, 1, side, side)
        found |= layer(f"ToRGB_lod{len(CHANNELS) - 1 - level}", 1, 1, width, 3)
        before = width
    return found


def run_stylegan(variables, z, fused):
    v = Variables(variables)
    w = run_mapping(v, z, ROOT2, 1.0)
    blur = torch.tensor([1.0, 2.0, 1.0])
    blur = torch.outer(blur, blur) / 16
    x = v["synthesis/4x4/Const/const"].expand(len(z), -1, -1, -1)
    for level, side, width in sides():
        for half, name in enumerate(("Conv0_up", "Conv1") if level else ("Const", "Conv")):
            prefix = f"synthesis/{side}x{side}/{name}"
            if name == "Conv0_up":
                kernel = v.kernel(prefix)
                up = fused_up(x, kernel) if fused else F.conv2d(nearest(x), kernel, padding=1)
                x = F.conv2d(up, blur.expand(width, 1, 3, 3), padding=1, groups=width)
            elif name != "Const":
                x = F.conv2d(x, v.kernel(prefix), padding=1)
            x = x + v[f"synthesis/noise{2 * level + half}"] * v[f"{prefix}/Noise/weight"][:, None, None]
            x = lrelu(v.bias(prefix, x))
            x = x - x.mean((2, 3), keepdim=True)
            x = x / torch.sqrt(x.square().mean((2, 3), keepdim=True) + 1e-8)
            style = v.bias(f"{prefix}/StyleMod", v.dense(f"{prefix}/StyleMod", w, gain=1.0))
            style = style.reshape(len(z), 2, width, 1, 1)
            x = x * (style[:, 0] + 1) + style[:, 1]
    return v.bias("synthesis/ToRGB_lod0", F.conv2d(x, v.kernel("synthesis/ToRGB_lod0", gain=1.0)))


def modulated(prefix, inputs, features, size):
    found = layer(prefix, size, size, inputs, features)
    found[f"{prefix}/mod_weight"] = normal(W_DIM, inputs)
    found[f"{prefix}/mod_bias"] = normal(inputs, scale=0.3)
    return found | ({} if "ToRGB" in prefix else {f"{prefix}/noise_strength": normal(scale=0.3)})


def stylegan2_synthesis():
    """Variables of StyleGAN2's G_synthesis_stylegan2, architecture skip."""
    found = {"4x4/Const/const": normal(1, CHANNELS[0], 4, 4), "noise0": normal(1, 1, 4, 4)}
    before = CHANNELS[0]
    for level, side, width in sides():
        if level:
            found |= modulated(f"{side}x{side}/Conv0_up", before, width, 3)
            found |= {f"noise{2 * level - 1}": normal(1, 1, side, side), f"noise{2 * level}": normal(1, 1, side, side)}
        found |= modulated(f"{side}x{side}/Conv{'1' if level else ''}", width, width, 3)
        found |= modulated(f"{side}x{side}/ToRGB", width, 3, 1)
        before = width
    return found


def fir(x, gain, before, after):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = (gain * torch.outer(taps, taps)).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=x.shape[1])


def spread(x):
    """Zeros between the pixels and behind them."""
    count, channels, height, width = x.shape
    zeros = x.new_zeros(count, channels, height, 2, width, 2)
    zeros[:, :, :, 0, :, 0] = x
    return zeros.reshape(count, channels, 2 * height, 2 * width)


def upsample(x):
    return fir(spread(x), 4.0, 2, 1)


def run_modulated(v, prefix, x, w, noise=None):
    style = v.dense(prefix, w, gain=1.0, leaf="mod_weight") + v[f"{prefix}/mod_bias"] + 1
    kernel = v.kernel(prefix, gain=1.0) * style[:, None, :, None, None]
    if noise is not None:
        kernel = kernel / torch.sqrt(kernel.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    up = prefix.endswith("_up")
    # Enlarging: the transposed convolution with the turned kernel is the convolution of the spread map.
    x = F.pad(spread(x), (2, 1, 2, 1)) if up else x
    x = [F.conv2d(one[None], k, padding="valid" if up else "same") for one, k in zip(x, kernel, strict=True)]
    x = fir(torch.cat(x), 4.0, 1, 1) if up else torch.cat(x)
    if noise is None:
        return v.bias(prefix, x)
    return ROOT2 * lrelu(v.bias(prefix, x + v[f"{prefix}/noise_strength"] * noise))


def run_stylegan2(variables, z):
    v = Variables(variables)
    w, image = run_mapping(v, z, 1.0, ROOT2), None
    x = v["synthesis/4x4/Const/const"].expand(len(z), -1, -1, -1)
    for level, side, _ in sides():
        prefix = f"synthesis/{side}x{side}"
        if level:
            x = run_modulated(v, f"{prefix}/Conv0_up", x, w, v[f"synthesis/noise{2 * level - 1}"])
        x = run_modulated(v, f"{prefix}/Conv{'1' if level else ''}", x, w, v[f"synthesis/noise{2 * level}"])
        rgb = run_modulated(v, f"{prefix}/ToRGB", x, w)
        image = rgb if image is None else upsample(image) + rgb
    return image


def stylegan2_critic():
    """Variables of StyleGAN2's D_stylegan2, architecture resnet."""
    side = 4 << (len(CHANNELS) - 1)
    found = layer(f"{side}x{side}/FromRGB", 1, 1, 3, CHANNELS[-1])
    for level, side, width in reversed(sides()[1:]):
        found |= layer(f"{side}x{side}/Conv0", 3, 3, width, width)
        found |= layer(f"{side}x{side}/Conv1_down", 3, 3, width, CHANNELS[level - 1])
        found[f"{side}x{side}/Skip/weight"] = normal(1, 1, width, CHANNELS[level - 1])
    found |= layer("4x4/Conv", 3, 3, CHANNELS[0] + 1, CHANNELS[0])
    return found | layer("4x4/Dense0", CHANNELS[0] * 16, CHANNELS[0]) | layer("Output", CHANNELS[0], 1)


def run_stylegan2_critic(variables, images, group):
    v = Variables(variables)

    def conv(prefix, x, **options):
        return F.conv2d(x, v.kernel(prefix, gain=1.0), **options)

    def act(prefix, x):
        return ROOT2 * lrelu(v.bias(prefix, x))

    top = f"{4 << (len(CHANNELS) - 1)}x{4 << (len(CHANNELS) - 1)}/FromRGB"
    x = act(top, conv(top, images))
    for _, side, _ in reversed(sides()[1:]):
        first, down, skip = (f"{side}x{side}/{name}" for name in ("Conv0", "Conv1_down", "Skip"))
        y = act(first, conv(first, x, padding=1))
        y = act(down, conv(down, fir(y, 1.0, 2, 2), stride=2))
        x = (y + conv(skip, fir(x, 1.0, 1, 1), stride=2)) / ROOT2
    x = act("4x4/Conv", conv("4x4/Conv", minibatch_stddev(x, group), padding=1))
    x = act("4x4/Dense0", v.dense("4x4/Dense0", x.reshape(len(x), -1), gain=1.0))
    return v.bias("Output", v.dense("Output", x, gain=1.0))[:, 0]
