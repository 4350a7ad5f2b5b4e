"""Random BigGAN checkpoints in the published layouts, and the published networks stated in torch with their keys."""

import itertools
import math

import numpy as np
import torch
from torch.nn import functional as F

from converters.torch_parts import normal

CHANNELS, CHUNK, EMBED, CLASSES = (16, 8, 8), 2, 3, 4
"""Of :func:`biggan_state`: layer 0 and two blocks, to 16 pixels."""

LAYERS = ((False, 16, 8), (True, 8, 4), (False, 4, 2), (True, 2, 1))
"""Of :func:`deep_state`, as ``config.json`` has them."""


def spectral(name, *shape, kind="biggan"):
    """A weight with spectral norm; of ajbrock's program, or of torch."""
    columns = math.prod(shape[1:])
    if kind == "biggan":
        return {f"{name}.weight": normal(*shape), f"{name}.u0": normal(1, shape[0]), f"{name}.sv0": normal(1)}
    vectors = {f"{name}.weight_u": normal(shape[0]), f"{name}.weight_v": normal(columns)}
    return {f"{name}.weight_orig": normal(*shape)} | vectors


def settled(state, steps=20):
    """A state in which the vectors of torch's spectral norm are those that its power iteration ends at."""
    made = dict(state)
    for key in [key for key in state if key.endswith(".weight_orig")]:
        name = key.removesuffix("_orig")
        matrix = np.asarray(state[key]).reshape(len(state[key]), -1).astype(np.float64)
        u = np.asarray(state[f"{name}_u"], np.float64)
        for _ in range(steps):
            v = matrix.T @ u / np.linalg.norm(matrix.T @ u)
            u = matrix @ v / np.linalg.norm(matrix @ v)
        for end, vector in (("_u", u), ("_v", v)):
            own = vector.astype(np.float32)
            made[name + end] = torch.from_numpy(own) if isinstance(state[key], torch.Tensor) else own
    return made


def statistics(name, *shape, parts=("stored_mean", "stored_var")):
    mean, var = parts
    return {f"{name}.{mean}": normal(*shape, std=0.3), f"{name}.{var}": normal(*shape).square() + 0.5}


def biggan_state(
    hierarchical=True,
    shared=True,
    attention=(0,),
    channels=CHANNELS,
    inner_norm=False,
    sizes=(CHUNK, EMBED, CLASSES),
):
    """Random tensors in the layout of ajbrock/BigGAN-PyTorch; attention behind the blocks of these numbers."""
    chunk, embed, classes = sizes
    z_dim = chunk if hierarchical else chunk * len(channels)
    state = {"shared.weight": normal(classes, embed)} if shared else {}
    state |= spectral("linear", 16 * channels[0], z_dim) | {"linear.bias": normal(16 * channels[0], std=0.3)}

    def norm(name, width):
        made = {}
        for part in ("gain", "bias"):
            key, inputs = f"{name}.{part}", embed + (chunk if hierarchical else 0)
            made |= spectral(key, width, inputs) if shared else {f"{key}.weight": normal(classes, width)}
        return made | statistics(f"{name}.bn" if inner_norm else name, width)

    def conv(name, before, after, side):
        return spectral(name, after, before, side, side) | {f"{name}.bias": normal(after, std=0.3)}

    for i, (before, after) in enumerate(itertools.pairwise(channels)):
        block = f"blocks.{i}.0"
        state |= conv(f"{block}.conv1", before, after, 3) | conv(f"{block}.conv2", after, after, 3)
        state |= conv(f"{block}.conv_sc", before, after, 1)
        state |= norm(f"{block}.bn1", before) | norm(f"{block}.bn2", after)
        if i in attention:
            shapes = {"theta": (after // 8, after), "phi": (after // 8, after), "g": (after // 2, after)}
            for part, shape in (shapes | {"o": (after, after // 2)}).items():
                state |= spectral(f"blocks.{i}.1.{part}", *shape, 1, 1)
            state[f"blocks.{i}.1.gamma"] = normal(mean=0.7)
    width = channels[-1]
    state |= {"output_layer.0.gain": normal(width, std=0.2, mean=1.0), "output_layer.0.bias": normal(width, std=0.3)}
    return state | statistics("output_layer.0", width) | conv("output_layer.2", width, 3, 3)


def biggan_weight(state, name):
    """A weight in evaluation: one power iteration from the stored vector, which is not kept."""
    weight = state[f"{name}.weight"]
    if f"{name}.u0" not in state:
        return weight
    matrix = weight.reshape(len(weight), -1)
    v = F.normalize(state[f"{name}.u0"] @ matrix, eps=1e-6)
    u = F.normalize(v @ matrix.T, eps=1e-6)
    return weight / (v @ matrix.T @ u.T)


def attention(x, theta, phi, g, o, gamma):
    """Self-attention with 1x1 kernels OI11."""
    height, width = x.shape[2:]
    keys, values = (F.max_pool2d(F.conv2d(x, kernel), 2).flatten(2) for kernel in (phi, g))
    beta = torch.softmax(F.conv2d(x, theta).flatten(2).transpose(1, 2) @ keys, dim=-1)
    answers = (values @ beta.transpose(1, 2)).reshape(len(x), -1, height, width)
    return x + gamma * F.conv2d(answers, o)


def biggan_images(state, z, label):
    """The forward pass of ajbrock/BigGAN-PyTorch in evaluation; label ``[B, classes]``."""
    blocks = sum(key.endswith(".0.conv1.weight") for key in state)
    chunk = state["linear.weight"].shape[1]
    hierarchical = z.shape[1] > chunk
    y = label @ state["shared.weight"] if "shared.weight" in state else label

    def conv(x, name):
        weight = biggan_weight(state, name)
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def norm(x, name, own):
        inner = f"{name}.bn" if f"{name}.bn.stored_mean" in state else name
        count = state.get(f"{inner}.accumulation_counter", torch.zeros(1))
        mean, var = (state[f"{inner}.{part}"] / count.clamp(min=1) for part in ("stored_mean", "stored_var"))
        x = F.batch_norm(x, mean, var, eps=1e-5)
        looked_up = "shared.weight" not in state
        gain, bias = (
            own @ (state[f"{name}.{part}.weight"] if looked_up else biggan_weight(state, f"{name}.{part}").T)
            for part in ("gain", "bias")
        )
        return F.relu(x * (1 + gain[..., None, None]) + bias[..., None, None])

    x = F.linear(z[:, :chunk], biggan_weight(state, "linear"), state["linear.bias"]).reshape(len(z), -1, 4, 4)
    for i in range(blocks):
        own = torch.cat([y, z[:, (i + 1) * chunk : (i + 2) * chunk]], 1) if hierarchical else y
        block = f"blocks.{i}.0"
        h = conv(F.interpolate(norm(x, f"{block}.bn1", own), scale_factor=2), f"{block}.conv1")
        h = conv(norm(h, f"{block}.bn2", own), f"{block}.conv2")
        x = h + conv(F.interpolate(x, scale_factor=2), f"{block}.conv_sc")
        if f"blocks.{i}.1.gamma" in state:
            parts = [biggan_weight(state, f"blocks.{i}.1.{part}") for part in ("theta", "phi", "g", "o")]
            x = attention(x, *parts, state[f"blocks.{i}.1.gamma"])
    last = "output_layer.0"
    found = (state[f"{last}.{part}"] for part in ("stored_mean", "stored_var", "gain", "bias"))
    return torch.tanh(conv(F.relu(F.batch_norm(x, *found, eps=1e-5)), "output_layer.2"))


def deep_state(width=4, z_dim=3, position=2, sets=51, layers=LAYERS, classes=CLASSES, steps=20):
    """Random tensors in the layout of pytorch-pretrained-biggan, settled."""
    part, first = 2 * z_dim, 16 * 16 * width
    state = {"embeddings.weight": normal(z_dim, classes)}
    own = spectral("gen_z", first, part, kind="torch") | {"gen_z.bias": normal(first, std=0.3)}

    def conv(name, before, after, side):
        return spectral(name, after, before, side, side, kind="torch") | {f"{name}.bias": normal(after, std=0.3)}

    def attend(name, features):
        shapes = {"theta": (features // 8, features), "phi": (features // 8, features)}
        shapes |= {"g": (features // 2, features), "o_conv": (features, features // 2)}
        made = {f"{name}.gamma": normal(1, mean=0.7)}
        for part, shape in shapes.items():
            made |= spectral(f"{name}.snconv1x1_{part}", *shape, 1, 1, kind="torch")
        return made

    number = 0
    for i, (_, before, after) in enumerate(layers):
        before, after = before * width, after * width
        if i == position:
            own |= attend(f"layers.{number}", before)
            number += 1
        narrow, name = before // 4, f"layers.{number}"
        widths = ((before, narrow, 1), (narrow, narrow, 3), (narrow, narrow, 3), (narrow, after, 1))
        for j, (inputs, outputs, side) in enumerate(widths):
            own |= statistics(f"{name}.bn_{j}", sets, inputs, parts=("running_means", "running_vars"))
            for map_ in ("scale", "offset"):
                own |= spectral(f"{name}.bn_{j}.{map_}", inputs, part, kind="torch")
            own |= conv(f"{name}.conv_{j}", inputs, outputs, side)
        number += 1
    own |= {"bn.weight": normal(width, std=0.2, mean=1.0), "bn.bias": normal(width, std=0.3)}
    own |= statistics("bn", sets, width, parts=("running_means", "running_vars")) | conv("conv_to_rgb", width, width, 3)
    return settled(state | {f"generator.{key}": value for key, value in own.items()}, steps)


def deep_weight(state, name):
    """A weight in evaluation: over ``u^T W v`` of the stored vectors."""
    weight = state[f"{name}.weight_orig"]
    return weight / (state[f"{name}.weight_u"] @ weight.flatten(1) @ state[f"{name}.weight_v"])


def deep_images(state, z, label, truncation, layers=LAYERS, epsilon=1e-4):
    """The forward pass of pytorch-pretrained-biggan 0.1.1; label ``[B, classes]``."""
    state = {key.removeprefix("generator."): value for key, value in state.items()}
    own = torch.cat([z, label @ state["embeddings.weight"].T], 1)

    def conv(x, name):
        weight = deep_weight(state, name)
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def chosen(name):
        sets = [state[f"{name}.running_{part}"] for part in ("means", "vars")]
        part, first = math.modf(truncation / (1 / (len(sets[0]) - 1)))
        first = int(first)
        return [s[first] * part + s[first + 1] * (1 - part) if part else s[first] for s in sets]

    def norm(x, name):
        gain = 1 + F.linear(own, deep_weight(state, f"{name}.scale"))
        bias = F.linear(own, deep_weight(state, f"{name}.offset"))
        x = F.batch_norm(x, *chosen(name), eps=epsilon)
        return F.relu(x * gain[..., None, None] + bias[..., None, None])

    x = F.linear(own, deep_weight(state, "gen_z"), state["gen_z.bias"])
    x, number = x.reshape(len(z), 4, 4, -1).permute(0, 3, 1, 2), 0
    for up, _, _ in layers:
        if f"layers.{number}.gamma" in state:
            name = f"layers.{number}"
            kernels = (deep_weight(state, f"{name}.snconv1x1_{part}") for part in ("theta", "phi", "g", "o_conv"))
            x, number = attention(x, *kernels, state[f"{name}.gamma"]), number + 1
        name = f"layers.{number}"
        h = conv(norm(x, f"{name}.bn_0"), f"{name}.conv_0")
        h = norm(h, f"{name}.bn_1")
        h = conv(F.interpolate(h, scale_factor=2) if up else h, f"{name}.conv_1")
        h = conv(norm(h, f"{name}.bn_2"), f"{name}.conv_2")
        h = conv(norm(h, f"{name}.bn_3"), f"{name}.conv_3")
        x = x[:, : h.shape[1]]
        x, number = h + (F.interpolate(x, scale_factor=2) if up else x), number + 1
    x = F.relu(F.batch_norm(x, *chosen("bn"), state["bn.weight"], state["bn.bias"], eps=epsilon))
    return torch.tanh(conv(x, "conv_to_rgb")[:, :3])
