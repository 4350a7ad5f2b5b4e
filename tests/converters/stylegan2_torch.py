"""Random StyleGAN2 checkpoints in the published formats, and the published networks stated in torch with their keys."""

import math
import re

import torch
from torch.nn import functional as F

from converters.torch_parts import normal, pixel_norm

CHANNELS, Z_DIM, W_DIM, DENSE = (4, 4, 3), 6, 4, 2
FILTER = torch.outer(*2 * [torch.tensor([1.0, 3, 3, 1])]) / 64


def affine(prefix, features):
    return {f"{prefix}.weight": normal(features, W_DIM), f"{prefix}.bias": normal(features, std=0.3, mean=1.0)}


def ada_state(channels=CHANNELS, architecture="skip", z_dim=Z_DIM):
    """Random tensors in the layout of stylegan2-ada-pytorch."""
    state = {"synthesis.b4.const": normal(channels[0], 4, 4), "mapping.w_avg": normal(W_DIM)}
    for i in range(DENSE):
        state[f"mapping.fc{i}.weight"] = normal(W_DIM, W_DIM if i else z_dim, std=100.0)
        state[f"mapping.fc{i}.bias"] = normal(W_DIM, std=20.0)
    for level, width in enumerate(channels):
        side, before = 4 << level, channels[max(0, level - 1)]
        block = f"synthesis.b{side}"
        state[f"{block}.resample_filter"] = FILTER.clone()
        for name, inputs in (("conv0", before), ("conv1", width))[0 if level else 1 :]:
            conv = f"{block}.{name}"
            state |= {f"{conv}.weight": normal(width, inputs, 3, 3), f"{conv}.bias": normal(width, std=0.3)}
            state |= {f"{conv}.noise_strength": normal(std=0.3), f"{conv}.noise_const": normal(side, side)}
            state |= affine(f"{conv}.affine", inputs) | {f"{conv}.resample_filter": FILTER.clone()}
        if architecture == "skip" or level == len(channels) - 1:
            state |= {f"{block}.torgb.weight": normal(3, width, 1, 1), f"{block}.torgb.bias": normal(3, std=0.3)}
            state |= affine(f"{block}.torgb.affine", width)
        if architecture == "residual" and level:
            state[f"{block}.skip.weight"] = normal(width, before, 1, 1)
            state[f"{block}.skip.resample_filter"] = FILTER.clone()
    return state


def level_of(key):
    return int(re.search(r"synthesis\.b(\d+)\.", key)[1]).bit_length() - 3


def to_genforce(state, hwio=True):
    """The same network in the format of mGANprior (``hwio``) or genforce/genforce."""
    made, fc = {}, ".fc.weight" if hwio else ".weight"
    for key, value in state.items():
        if key.startswith("mapping.fc"):
            made[key.replace("fc", "dense").replace(".weight", fc)] = value
        elif not key.startswith("synthesis."):
            made["truncation.w_avg"] = value
        elif key.endswith("const") and "noise" not in key:
            made["synthesis.early_layer.const"] = value[None]
        elif not key.endswith("filter"):
            level, kind = level_of(key), key.split(".")[2]
            layer = {"conv0": f"layer{2 * level - 1}", "conv1": f"layer{2 * level}", "torgb": f"output{level}"}
            name = f"synthesis.{layer.get(kind, f'skip_layer{level - 1}')}"
            part = key.split(kind + ".")[1]
            if part == "weight":
                value = value.flip(2, 3) if kind == "conv0" else value
                made[f"{name}.weight"] = value.permute(2, 3, 1, 0).contiguous() if hwio else value
            elif part == "affine.weight":
                made[f"{name}.style{fc}"] = value
            elif part == "affine.bias":
                made[f"{name}.style.bias"] = value - 1
            else:
                made[f"{name}.{part.replace('noise_const', 'noise')}"] = value[None, None] if value.ndim == 2 else value
            if kind in ("conv0", "skip"):
                made[f"{name}.filter.kernel"] = 4 * FILTER[None, None]
    return made | ({"synthesis.upsample.kernel": 4 * FILTER[None, None]} if "synthesis.output0.bias" in made else {})


def to_rosinality(state):
    """The same network in rosinality's format, with the mean of w under the key that the reader gives it."""
    made = {"latent_avg": state["mapping.w_avg"], "input.input": state["synthesis.b4.const"][None]}
    for i in range(DENSE):
        made |= {f"style.{i + 1}.{part}": state[f"mapping.fc{i}.{part}"] for part in ("weight", "bias")}
    names = {"bias": "activate.bias", "affine.weight": "conv.modulation.weight", "affine.bias": "conv.modulation.bias"}
    for key, value in state.items():
        if not (match := re.fullmatch(r"synthesis\.b\d+\.(conv0|conv1|torgb)\.(.*)", key)):
            continue
        level, (kind, part) = level_of(key), match.groups()
        layer = 2 * level - (kind == "conv0")
        if kind == "torgb":
            name = f"to_rgbs.{level - 1}" if level else "to_rgb1"
        else:
            name = f"convs.{layer - 1}" if layer else "conv1"
        if part == "weight":
            made[f"{name}.conv.weight"] = value[None]
        elif part == "noise_strength":
            made[f"{name}.noise.weight"] = value[None]
        elif part == "noise_const":
            made[f"noises.noise_{layer}"] = value[None, None]
        elif kind == "torgb" and part == "bias":
            made[f"{name}.bias"] = value.reshape(1, -1, 1, 1)
        elif part != "resample_filter":
            made[f"{name}.{names[part]}"] = value
        if kind == "conv0":
            made[f"{name}.conv.blur.kernel"] = 4 * FILTER
        if kind == "torgb" and level:
            made[f"{name}.upsample.kernel"] = 4 * FILTER
    return made


FORMATS = {"mganprior": to_genforce, "genforce": lambda state: to_genforce(state, False), "rosinality": to_rosinality}


def filtered(x, kernel, before, after, stride=1):
    """Every channel filtered after padding with zeros."""
    kernel = kernel.reshape(1, 1, 4, 4).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after) * 2), kernel, stride=stride, groups=x.shape[1])


def enlarged(x, kernel):
    """Zeros behind every pixel, then the filter."""
    zeros = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    zeros[..., ::2, ::2] = x
    return filtered(zeros, kernel, 2, 1)


def modulated(x, weight, style, kernel=None, demodulate=True):
    """Modulated convolution, weight OIHW; with a filter, it enlarges by ``conv_transpose2d`` first."""
    images = []
    for image, scales in zip(x, style, strict=True):
        own = weight / math.sqrt(weight[0].numel()) * scales[:, None, None]
        own = own * torch.rsqrt(own.square().sum((1, 2, 3), keepdim=True) + 1e-8) if demodulate else own
        if kernel is None:
            images.append(F.conv2d(image[None], own, padding=weight.shape[-1] // 2))
        else:
            images.append(filtered(F.conv_transpose2d(image[None], own.transpose(0, 1), stride=2), kernel, 1, 1))
    return torch.cat(images)


def lrelu(x):
    return math.sqrt(2) * F.leaky_relu(x, 0.2)


def dense(x, weight, bias, rate=1.0):
    return F.linear(x, weight * (rate / math.sqrt(weight.shape[1])), bias * rate)


def rosinality_mapping(state, z):
    """The published mapping network."""
    w = pixel_norm(z)
    for i in range(DENSE):
        w = lrelu(dense(w, state[f"style.{i + 1}.weight"], state[f"style.{i + 1}.bias"], 0.01))
    return w


def rosinality_generator(state, z):
    """The published forward pass from z, with the stored noise."""
    w = rosinality_mapping(state, z)

    def conv(x, name, kernel=None, demodulate=True):
        style = dense(w, state[f"{name}.conv.modulation.weight"], state[f"{name}.conv.modulation.bias"])
        return modulated(x, state[f"{name}.conv.weight"][0], style, kernel, demodulate)

    def layer(x, name, noise):
        x = conv(x, name, state.get(f"{name}.conv.blur.kernel"))
        x = x + state[f"{name}.noise.weight"] * state[f"noises.noise_{noise}"]
        return lrelu(x + state[f"{name}.activate.bias"].reshape(1, -1, 1, 1))

    def rgb(x, name):
        return conv(x, name, demodulate=False) + state[f"{name}.bias"]

    x = layer(state["input.input"].expand(len(z), -1, -1, -1), "conv1", 0)
    image = rgb(x, "to_rgb1")
    for i in range(sum(key.startswith("to_rgbs.") and key.endswith("upsample.kernel") for key in state)):
        x = layer(layer(x, f"convs.{2 * i}", 2 * i + 1), f"convs.{2 * i + 1}", 2 * i + 2)
        image = rgb(x, f"to_rgbs.{i}") + enlarged(image, state[f"to_rgbs.{i}.upsample.kernel"])
    return image


def mganprior_generator(state, z, architecture):
    """The published forward pass from z, without truncation; kernels are flipped before they enlarge."""
    w = pixel_norm(z)
    for i in range(DENSE):
        w = lrelu(dense(w, state[f"mapping.dense{i}.fc.weight"], state[f"mapping.dense{i}.bias"], 0.01))

    def conv(x, name, up=False, demodulate=True):
        style = dense(w, state[f"{name}.style.fc.weight"], state[f"{name}.style.bias"]) + 1
        weight = state[f"{name}.weight"].flip(0, 1) if up else state[f"{name}.weight"]
        kernel = state[f"{name}.filter.kernel"] if up else None
        return modulated(x, weight.permute(3, 2, 0, 1), style, kernel, demodulate)

    def layer(x, k):
        name = f"synthesis.layer{k}"
        x = conv(x, name, up=k % 2 == 1) + state[f"{name}.noise_strength"] * state[f"{name}.noise"]
        return lrelu(x + state[f"{name}.bias"].reshape(1, -1, 1, 1))

    def rgb(x, level):
        return (
            conv(x, f"synthesis.output{level}", demodulate=False)
            + state[f"synthesis.output{level}.bias"][:, None, None]
        )

    x = layer(state["synthesis.early_layer.const"].expand(len(z), -1, -1, -1), 0)
    levels = sum(key.endswith("noise_strength") for key in state) // 2 + 1
    image = rgb(x, 0) if architecture == "skip" else None
    for level in range(1, levels):
        before, x = x, layer(layer(x, 2 * level - 1), 2 * level)
        if architecture == "residual":
            skip = f"synthesis.skip_layer{level - 1}"
            weight = state[f"{skip}.weight"].permute(2, 3, 0, 1) / math.sqrt(before.shape[1])
            beside = filtered(F.conv_transpose2d(before, weight, stride=2), state[f"{skip}.filter.kernel"], 2, 2)
            x = (x + beside) / math.sqrt(2)
        if architecture == "skip":
            image = rgb(x, level) + enlarged(image, state["synthesis.upsample.kernel"])
    return image if architecture == "skip" else rgb(x, levels - 1)


def torch_images(name, state, z, architecture):
    if name == "rosinality":
        return rosinality_generator(state, z)
    return mganprior_generator(state, z, architecture)


def discriminator_state(channels=CHANNELS):
    """Random tensors in rosinality's format."""
    state, before = {}, channels[-1]
    for i, width in enumerate(channels[::-1]):
        if i == 0:
            state |= {"convs.0.0.weight": normal(width, 3, 1, 1), "convs.0.1.bias": normal(width, std=0.3)}
            continue
        block = f"convs.{i}"
        state |= {f"{block}.conv1.0.weight": normal(before, before, 3, 3), f"{block}.conv1.1.bias": normal(before)}
        state |= {f"{block}.conv2.0.kernel": FILTER.clone(), f"{block}.skip.0.kernel": FILTER.clone()}
        state |= {f"{block}.conv2.1.weight": normal(width, before, 3, 3), f"{block}.conv2.2.bias": normal(width)}
        state[f"{block}.skip.1.weight"] = normal(width, before, 1, 1)
        before = width
    state |= {"final_conv.0.weight": normal(before, before + 1, 3, 3), "final_conv.1.bias": normal(before)}
    state |= {"final_linear.0.weight": normal(before, 16 * before), "final_linear.0.bias": normal(before)}
    return state | {"final_linear.1.weight": normal(1, before), "final_linear.1.bias": normal(1)}


def rosinality_discriminator(state, images):
    """The published forward pass; all images are one group of the minibatch standard deviation."""

    def conv(x, weight, bias=None, **options):
        x = F.conv2d(x, state[f"{weight}.weight"] / math.sqrt(state[f"{weight}.weight"][0].numel()), **options)
        return x if bias is None else lrelu(x + state[f"{bias}.bias"].reshape(1, -1, 1, 1))

    x = conv(images, "convs.0.0", "convs.0.1")
    for i in range(1, sum(key.endswith("skip.1.weight") for key in state) + 1):
        block = f"convs.{i}"
        beside = conv(filtered(x, state[f"{block}.skip.0.kernel"], 1, 1), f"{block}.skip.1", stride=2)
        x = conv(x, f"{block}.conv1.0", f"{block}.conv1.1", padding=1)
        x = conv(filtered(x, state[f"{block}.conv2.0.kernel"], 2, 2), f"{block}.conv2.1", f"{block}.conv2.2", stride=2)
        x = (x + beside) / math.sqrt(2)
    deviation = torch.sqrt(x.var(0, correction=0) + 1e-8).mean()
    x = torch.cat([x, deviation.expand(len(x), 1, 4, 4)], 1)
    x = conv(x, "final_conv.0", "final_conv.1", padding=1).flatten(1)
    x = lrelu(dense(x, state["final_linear.0.weight"], state["final_linear.0.bias"]))
    return dense(x, state["final_linear.1.weight"], state["final_linear.1.bias"])[:, 0]
