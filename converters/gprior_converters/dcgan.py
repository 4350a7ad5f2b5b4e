"""DCGAN ``.pth`` files: pytorch/examples' networks by themselves, every other stack by an architecture file.

An architecture file is the JSON that a model folder's ``config.json`` keeps under ``"generator"`` (or ``"network"``),
plus ``"latent"`` for generators that were not trained on normal codes, and ``"modules"`` where the file's modules are
not in the order of the forward pass.
"""

import dataclasses
import itertools
from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.discriminators import dcgan as discriminator
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.errors import CheckpointError
from gprior_jax.generators import dcgan as generator
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.nn.stack import NORMS, StackLayer, stack_shapes
from gprior_jax.typing import Params
from gprior_jax.zoo.networks import build

LICENCE_NOTE = "Not stated in the file: ask whoever trained it."

Network = DCGAN | DCGANDiscriminator

_RUNNING = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}


def _convolutions(shapes: dict[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [shape for shape in shapes.values() if len(shape) == 4]


def _norms(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(key.endswith(".running_mean") for key in shapes)


def _is_chain(convolutions: list[tuple[int, ...]], in_axis: int) -> bool:
    """Whether 4x4 kernels follow each other, in-features on ``in_axis``."""
    pairs = itertools.pairwise(convolutions)
    square = all(shape[2:] == (4, 4) for shape in convolutions)
    return len(convolutions) >= 3 and square and all(a[1 - in_axis] == b[in_axis] for a, b in pairs)


def is_generator(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the tensors are those of pytorch/examples' generator: a norm after every convolution but the last."""
    convolutions = _convolutions(shapes)
    others = any(len(shape) in (2, 3) for shape in shapes.values())
    return not others and _is_chain(convolutions, in_axis=0) and _norms(shapes) == len(convolutions) - 1


def is_discriminator(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the tensors are those of pytorch/examples' discriminator: no norm after the first and last layer."""
    convolutions = _convolutions(shapes)
    others = any(len(shape) in (2, 3) for shape in shapes.values())
    chain = _is_chain(convolutions, in_axis=1) and convolutions[-1][0] == 1
    return not others and chain and _norms(shapes) == len(convolutions) - 2


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert pytorch/examples' generator at any width, depth and latent size; ``options`` override attributes."""
    convolutions = _convolutions({key: value.shape for key, value in state.items()})
    layers = generator.example_layers(
        width=convolutions[-1][0], image_channels=convolutions[-1][1], resolution=2 << len(convolutions)
    )
    module = DCGAN(**({"layers": _with_biases(layers, state), "z_dim": convolutions[0][0]} | options))
    return convert_described(module, None, state, source)


def convert_discriminator(
    state: State, source: str, options: dict[str, Any]
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert pytorch/examples' discriminator at any width and depth; ``options`` override attributes."""
    convolutions = _convolutions({key: value.shape for key, value in state.items()})
    resolution = 2 << len(convolutions)
    layers = _with_biases(discriminator.example_layers(width=convolutions[0][0], resolution=resolution), state)
    attributes = {"layers": layers, "resolution": resolution, "image_channels": convolutions[0][1]}
    return convert_described(DCGANDiscriminator(**(attributes | options)), None, state, source)


def _with_biases(layers: tuple[StackLayer, ...], state: State) -> tuple[StackLayer, ...]:
    """The layers, with a bias where the file's convolution has one (the example's have none)."""
    names = [key.removesuffix(".weight") for key, value in state.items() if value.ndim == 4]
    return tuple(
        dataclasses.replace(layer, bias=f"{name}.bias" in state) for layer, name in zip(layers, names, strict=True)
    )


def read_architecture(description: dict[str, Any], source: str) -> tuple[Network, dict[str, Any], list[str] | None]:
    """Read an architecture file's content.

    Args:
        description: ``{"arch": "dcgan_generator" | "dcgan_discriminator", "layers": [...], ...}``.
        source: names the architecture file in messages.

    Returns:
        The module, the entry ``"latent"`` (empty if absent), and the entry ``"modules"`` (None if absent).

    Raises:
        CheckpointError: not such a description, or layers that do not fit each other.
    """
    description = dict(description)
    latent, modules = description.pop("latent", {}), description.pop("modules", None)
    try:
        module = build(description)
        stack_shapes(module.layers, module.input_shape)
    except (CheckpointError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{source} does not describe a network: {error}") from error
    return module, latent, modules


def convert_described(
    module: Network, modules: list[str] | None, state: State, source: str
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert a described stack.

    Args:
        module: the network.
        modules: prefixes of the file's modules in the order of the forward pass; None takes the file's order.
        state: the file's tensors.
        source: names the file in messages.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not fit the description.
    """
    ledger = Ledger(state, source)
    prefixes = list(dict.fromkeys(key.rpartition(".")[0] for key in state)) if modules is None else list(modules)
    ledger.leave_out(*(f"{prefix}.num_batches_tracked" for prefix in prefixes))
    shapes = stack_shapes(module.layers, module.input_shape)
    wanted = sum(1 + sum(step in NORMS for step in layer.then) for layer in module.layers)
    if len(prefixes) != wanted:
        raise CheckpointError(
            f"{source} has {len(prefixes)} modules with tensors, the described network has {wanted}; nothing was "
            'written: correct the layers, or list the modules under "modules".'
        )
    params, rest = {}, iter(prefixes)
    for index, layer in enumerate(module.layers):
        entry = _operation(ledger, next(rest), layer, shapes[index])
        kinds = [step for step in layer.then if step in NORMS]
        for number, kind in enumerate(kinds):
            entry |= _norm(ledger, next(rest), f"norm{number}", layer, kind)
        params[f"layer{index}"] = entry
    ledger.close("described stack")
    return module, params, ledger.left_out


def _operation(ledger: Ledger, prefix: str, layer: StackLayer, in_shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    key, size = f"{prefix}.weight", layer.kernel
    if layer.op == "dense":
        return _dense(ledger, prefix, layer, in_shape)
    if layer.op == "conv_transpose":
        kernel = ledger.take(key, (in_shape[-1], layer.features, size, size)).transpose(2, 3, 0, 1)
    else:
        kernel = ledger.take(key, (layer.features, in_shape[-1], size, size)).transpose(2, 3, 1, 0)
    bias = {"bias": ledger.take(f"{prefix}.bias", (layer.features,))} if layer.bias else {}
    return {"kernel": np.ascontiguousarray(kernel)} | bias


def _dense(ledger: Ledger, prefix: str, layer: StackLayer, in_shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """A dense layer; torch flattens and reshapes maps as [C, H, W], here they are [H, W, C]."""
    pixels = max(1, layer.size) ** 2
    outputs, inputs = layer.features * pixels, int(np.prod(in_shape))
    kernel = ledger.take(f"{prefix}.weight", (outputs, inputs))
    if len(in_shape) == 3:
        height, width, features = in_shape
        kernel = kernel.reshape(outputs, features, height, width).transpose(0, 2, 3, 1).reshape(outputs, inputs)
    kernel = kernel.reshape(layer.features, pixels, inputs).transpose(2, 1, 0).reshape(inputs, outputs)
    if not layer.bias:
        return {"kernel": np.ascontiguousarray(kernel)}
    bias = ledger.take(f"{prefix}.bias", (outputs,)).reshape(layer.features, pixels).T.reshape(-1)
    return {"kernel": np.ascontiguousarray(kernel), "bias": bias}


def _norm(ledger: Ledger, prefix: str, target: str, layer: StackLayer, kind: str) -> dict[str, np.ndarray]:
    pixels = max(1, layer.size) ** 2 if kind == "batch_norm_units" else 1
    entry = {}
    for name, torch_name in _RUNNING.items():
        value = ledger.take(f"{prefix}.{torch_name}", (layer.features * pixels,))
        if kind == "batch_norm_units" and layer.size:
            value = value.reshape(layer.features, layer.size, layer.size).transpose(1, 2, 0)
        entry[f"{target}_{name}"] = np.ascontiguousarray(value)
    return entry
