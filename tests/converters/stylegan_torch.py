"""Random StyleGAN checkpoints in the published layouts, and the published networks stated in torch with their keys."""

import math
import re

import torch
from torch.nn import functional as F

from converters.torch_parts import fused_up, normal, pixel_norm, scaled

CHANNELS, Z_DIM, W_DIM, DENSE = (5, 4, 3), 6, 4, 2
BLUR = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16


def generator_state(channels=CHANNELS, per_layer=False, fused=()):
    """Random tensors in the layout of mGANprior's files; layers in ``fused`` are HWIO."""
    count, state = 2 * len(channels), {}
    for i in range(DENSE):
        outputs = W_DIM * (count if per_layer and i == DENSE - 1 else 1)
        state[f"mapping.dense{i}.fc.weight"] = normal(outputs, Z_DIM if i == 0 else W_DIM, std=100.0)
        state[f"mapping.dense{i}.wscale.bias"] = normal(outputs, std=20.0)
    state |= {"truncation.w_avg": normal(W_DIM), "synthesis.lod": torch.zeros(())}
    before = channels[0]
    for k in range(count):
        width, side, layer = channels[k // 2], 4 << k // 2, f"synthesis.layer{k}"
        if k == 0:
            state[f"{layer}.const"] = normal(1, width, 4, 4)
        elif k in fused:
            state[f"{layer}.weight"] = normal(3, 3, before, width)
        else:
            state[f"{layer}.conv.weight"] = normal(width, before, 3, 3)
        if k % 2 == 0 and k:
            state[f"{layer}.blur.kernel"] = BLUR.expand(width, 1, 3, 3).contiguous()
        state[f"{layer}.epilogue.bias"] = normal(width, std=0.3)
        state[f"{layer}.epilogue.apply_noise.weight"] = normal(width, std=0.3)
        state[f"{layer}.epilogue.apply_noise.noise"] = normal(1, 1, side, side)
        state[f"{layer}.epilogue.style_mod.dense.fc.weight"] = normal(2 * width, W_DIM)
        state[f"{layer}.epilogue.style_mod.dense.wscale.bias"] = normal(2 * width, std=0.3)
        if k % 2:
            state[f"synthesis.output{k // 2}.conv.weight"] = normal(3, width, 1, 1)
            state[f"synthesis.output{k // 2}.bias"] = normal(3, std=0.3)
        before = width
    return state


def blur(x, kernel):
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


def torch_mapping(state, z, prefix="mapping.", weight=".fc.weight", bias=".wscale.bias"):
    x = pixel_norm(z)
    for i in range(DENSE):
        kernel = scaled(state[f"{prefix}dense{i}{weight}"]) * 0.01
        x = F.leaky_relu(F.linear(x, kernel, state[f"{prefix}dense{i}{bias}"] * 0.01), 0.2)
    return x


def styled(x, w, weight, bias):
    """``x * (scale + 1) + shift``."""
    style = F.linear(w, weight / math.sqrt(weight.shape[1]), bias)
    scale, shift = style.reshape(len(w), 2, -1, 1, 1).unbind(1)
    return x * (scale + 1) + shift


def torch_synthesis(state, styles):
    """genforce's synthesis network at full resolution, noise as stored."""
    for k in range(styles.shape[1]):
        layer = f"synthesis.layer{k}"
        if k == 0:
            x = state[f"{layer}.const"].expand(len(styles), -1, -1, -1)
        elif f"{layer}.weight" in state:
            weight = state[f"{layer}.weight"].permute(3, 2, 0, 1)
            x = blur(fused_up(x, scaled(weight)), state[f"{layer}.blur.kernel"][:1])
        else:
            up = k % 2 == 0
            x = F.interpolate(x, scale_factor=2, mode="nearest") if up else x
            x = F.conv2d(x, scaled(state[f"{layer}.conv.weight"]), padding=1)
            x = blur(x, state[f"{layer}.blur.kernel"][:1]) if up else x
        epilogue = {key.removeprefix(f"{layer}.epilogue."): value for key, value in state.items()}
        x = x + epilogue["apply_noise.noise"] * epilogue["apply_noise.weight"].reshape(1, -1, 1, 1)
        x = F.leaky_relu(x + epilogue["bias"].reshape(1, -1, 1, 1), 0.2)
        x = x - x.mean((2, 3), keepdim=True)
        x = x / torch.sqrt(x.square().mean((2, 3), keepdim=True) + 1e-8)
        x = styled(x, styles[:, k], epilogue["style_mod.dense.fc.weight"], epilogue["style_mod.dense.wscale.bias"])
    output = f"synthesis.output{styles.shape[1] // 2 - 1}"
    weight = state[f"{output}.conv.weight"]
    return F.conv2d(x, weight / math.sqrt(weight.shape[1]), state[f"{output}.bias"])


def spell(state, *changes):
    for before, after in changes:
        state = {re.sub(before, after, key): value for key, value in state.items()}
    return state


def interfacegan(state):
    return spell(state, (r"\.fc\.", ".linear."), (r"\.const$", ".first_layer"))


def genforce(state):
    """The same network under the keys of genforce/genforce."""
    changes = (r"style_mod\.dense\.(fc|wscale)\.", "style."), (r"\.epilogue\.", "."), (r"\.(fc|wscale|conv)\.", ".")
    return spell(state, *changes)


def port_state(channels=(3, 2), mapping="", synthesis="", top=""):
    """Random tensors in the layout of PULSE's two files together, or lernapparat's one."""
    state = {f"{mapping}dense{i}.weight": normal(W_DIM, W_DIM, std=100.0) for i in range(DENSE)}
    state |= {f"{mapping}dense{i}.bias": normal(W_DIM, std=20.0) for i in range(DENSE)}
    state |= {f"{synthesis}torgb.weight": normal(3, channels[-1], 1, 1), f"{synthesis}torgb.bias": normal(3)}
    before = channels[0]
    for level, width in enumerate(channels):
        block = f"{synthesis}blocks.{4 << level}x{4 << level}"
        if level:
            state |= {f"{block}.conv0_up.weight": normal(width, before, 3, 3), f"{block}.conv0_up.bias": normal(width)}
            state[f"{block}.conv0_up.intermediate.kernel"] = BLUR[None, None].clone()
        else:
            # So flat that the epsilon of the instance norm matters, where no noise is added.
            state |= {f"{block}.const": normal(1, width, 4, 4, std=0.01), f"{block}.bias": normal(width)}
        conv = "conv1" if level else "conv"
        state |= {f"{block}.{conv}.weight": normal(width, width, 3, 3), f"{block}.{conv}.bias": normal(width)}
        for epilogue in (f"{block}.epi1", f"{block}.epi2"):
            state[f"{epilogue}.{top}noise.weight"] = normal(width, std=0.3)
            state[f"{epilogue}.style_mod.lin.weight"] = normal(2 * width, W_DIM)
            state[f"{epilogue}.style_mod.lin.bias"] = normal(2 * width, std=0.3)
        before = width
    return state


def port_synthesis(state, w, noise):
    """PULSE's synthesis network below 128 pixels, where no layer is fused."""

    def epilogue(x, name, noise):
        x = F.leaky_relu(x + state[f"{name}.noise.weight"].reshape(1, -1, 1, 1) * noise, 0.2)
        return styled(F.instance_norm(x), w, state[f"{name}.style_mod.lin.weight"], state[f"{name}.style_mod.lin.bias"])

    def conv(x, name):
        return F.conv2d(x, scaled(state[f"{name}.weight"]), state[f"{name}.bias"], padding=1)

    for level in range(len(noise) // 2):
        block = f"blocks.{4 << level}x{4 << level}"
        if level == 0:
            x = state[f"{block}.const"].expand(len(w), -1, -1, -1) + state[f"{block}.bias"].reshape(1, -1, 1, 1)
        else:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.conv2d(x, scaled(state[f"{block}.conv0_up.weight"]), padding=1)
            x = blur(x, state[f"{block}.conv0_up.intermediate.kernel"])
            x = x + state[f"{block}.conv0_up.bias"].reshape(1, -1, 1, 1)
        x = epilogue(x, f"{block}.epi1", noise[2 * level])
        x = epilogue(conv(x, f"{block}.conv1" if level else f"{block}.conv"), f"{block}.epi2", noise[2 * level + 1])
    weight = state["torgb.weight"]
    return F.conv2d(x, weight / math.sqrt(weight.shape[1]), state["torgb.bias"])
