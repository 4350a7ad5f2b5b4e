"""Stacks of layers by an architecture file.

An architecture file is the JSON that a model folder's ``config.json`` keeps under ``"generator"`` (or ``"network"``),
plus ``"latent"`` for generators that were not trained on normal codes, ``"modules"`` where the file's modules are not
in the order of the forward pass, and ``"labels"`` where the class enters otherwise than after the code
(:class:`gprior_converters.conditional.Labels`).
"""

import itertools
from typing import Any, NamedTuple

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.nn.stack import NORMS, StackLayer
from gprior_jax.typing import Params
from gprior_jax.zoo.networks import build

Network = DCGAN | DCGANDiscriminator

LAYOUT = "described stack"
REMEDY = (
    'correct the layers, or list under "modules" every module of the file that has tensors (norms, too) in the order '
    "of the forward pass"
)

_RUNNING = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}


class Architecture(NamedTuple):
    """An architecture file's content.

    Attributes:
        module: the network.
        latent: the entry ``"latent"``; empty if absent.
        modules: the entry ``"modules"``; None if absent.
        labels: the entry ``"labels"``; empty if absent.
    """

    module: Network
    latent: dict[str, Any]
    modules: list[str] | None
    labels: Any


def read_architecture(description: dict[str, Any], source: str) -> Architecture:
    """Read an architecture file's content.

    Args:
        description: ``{"arch": "dcgan_generator" | "dcgan_discriminator", "layers": [...], ...}``.
        source: names the architecture file in messages.

    Raises:
        CheckpointError: not such a description, or layers that do not fit each other.
    """
    description = dict(description)
    latent, modules = description.pop("latent", {}), description.pop("modules", None)
    labels = description.pop("labels", {})
    words = isinstance(modules, list) and all(isinstance(name, str) for name in modules)
    if modules is not None and not (words and len(set(modules)) == len(modules)):
        raise CheckpointError(f'{source}: "modules" is to be a list of distinct names, such as ["main.0", "main.1"].')
    try:
        module = build(description)
        _ = module.shapes
    except (CheckpointError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{source} does not describe a network: {error}") from error
    return Architecture(module, latent, modules, labels)


def convert_described(
    module: Any,
    modules: list[str] | None,
    state: State,
    source: str,
    layout: str = LAYOUT,
    remedy: str = REMEDY,
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert a described stack.

    Args:
        module: the network.
        modules: prefixes of the file's modules in the order of the forward pass; None takes the file's order.
        state: the file's tensors.
        source: names the file in messages.
        layout: what it is, for the message.
        remedy: what to do where it does not fit, likewise.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not fit the description; the message has a table of both.
    """
    ledger = Ledger(state, source)
    held = list(dict.fromkeys(key.rpartition(".")[0] for key in state))
    prefixes = held if modules is None else list(modules)
    ledger.leave_out(*(f"{prefix}.num_batches_tracked" for prefix in prefixes))
    shapes = module.shapes
    wanted = _wanted(module.layers, shapes)
    if len(prefixes) != len(wanted):
        named = "" if modules is None else f' and "modules" of the architecture file names {len(modules)}'
        order = prefixes if set(held) <= set(prefixes) else held
        raise CheckpointError(
            f"{source} has {len(held)} modules with tensors, the described network has {len(wanted)}{named}; nothing "
            f"was written: {remedy}.\n{_beside(wanted, order, state, prefixes)}"
        )
    params, rest = {}, iter(prefixes)
    for index, layer in enumerate(module.layers):
        entry = _operation(ledger, next(rest), layer, shapes[index])
        kinds = [step for step in layer.then if step in NORMS]
        for number, kind in enumerate(kinds):
            entry |= _norm(ledger, next(rest), f"norm{number}", layer, kind)
        params[f"layer{index}"] = entry
    try:
        ledger.close(layout, remedy)
    except CheckpointError as error:
        raise CheckpointError(f"{error}\n{_beside(wanted, prefixes, state, prefixes)}") from None
    return module, params, ledger.left_out


def _wanted(layers: tuple[StackLayer, ...], shapes: list[tuple[int, ...]]) -> list[str]:
    """The modules that a description wants, in order, with the shape of their weights in the file."""
    found = []
    for layer, before in zip(layers, shapes, strict=False):
        pixels = max(1, layer.size) ** 2 if layer.op == "dense" else 1
        shape = {
            "dense": [layer.pieces * layer.features * pixels, int(np.prod(before))],
            "conv": [layer.features, before[-1], layer.kernel, layer.kernel],
            "conv_transpose": [before[-1], layer.features, layer.kernel, layer.kernel],
        }[layer.op]
        found.append(f"{layer.op} {shape}")
        kinds = [step for step in layer.then if step in NORMS]
        found += [f"{kind} [{layer.features * (pixels if kind == 'batch_norm_units' else 1)}]" for kind in kinds]
    return found


def _beside(wanted: list[str], order: list[str], state: State, named: list[str]) -> str:
    """A table: what the description wants, and beside it the file's modules.

    Args:
        wanted: see :func:`_wanted`.
        order: in which the file's modules are listed; those that it leaves out follow.
        state: the file's tensors.
        named: the modules that were to be used.
    """
    held: dict[str, str] = {}
    for key, value in state.items():
        prefix, _, name = key.rpartition(".")
        if prefix not in held or name == "weight":
            held[prefix] = f"{prefix} {list(value.shape)}"
    listed = dict.fromkeys([*order, *named, *held])
    told = [held.get(prefix, f"{prefix} (not in the file)") for prefix in listed]
    marks = ["" if prefix in named else ' (not under "modules")' for prefix in listed]
    right = [text + mark for text, mark in zip(told, marks, strict=True)]
    rows = [("the description wants", "the file has"), *itertools.zip_longest(wanted, right, fillvalue="-")]
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left.ljust(width)}   {right}" for left, right in rows)


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
    features = layer.pieces * layer.features
    outputs, inputs = features * pixels, int(np.prod(in_shape))
    kernel = ledger.take(f"{prefix}.weight", (outputs, inputs))
    if len(in_shape) == 3:
        height, width, features = in_shape
        kernel = kernel.reshape(outputs, features, height, width).transpose(0, 2, 3, 1).reshape(outputs, inputs)
    kernel = kernel.reshape(features, pixels, inputs).transpose(2, 1, 0).reshape(inputs, outputs)
    if not layer.bias:
        return {"kernel": np.ascontiguousarray(kernel)}
    bias = ledger.take(f"{prefix}.bias", (outputs,)).reshape(features, pixels).T.reshape(-1)
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
