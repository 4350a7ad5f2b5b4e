"""Classes of generators whose first layer takes a code and a class, one after the other.

Here the class follows the code, as ``[num_classes]`` numbers. A file may have it before the code, or give the first
layer a row of a table in its place (``torch.nn.Embedding``): the layer is linear in what it takes, so that the product
of the table and its part of the weights is the same layer with one input for every class.
"""

from typing import Any, NamedTuple

import numpy as np

from gprior_converters.described import LAYOUT, REMEDY, Network, convert_described
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.typing import Params

_MOST_CLASSES = 1000
_HEAVIER = 1.5
"""How many times as large as every row of a code the rows of classes are at least; in a published file it is 2."""


class Labels(NamedTuple):
    """How the class enters the first layer of a file's network.

    Attributes:
        embedding: name of the module with the table; empty where the class enters as one number for each.
        first: whether it is before the code.
    """

    embedding: str = ""
    first: bool = False


def read_labels(description: Any, source: str) -> Labels:
    """The entry ``"labels"`` of an architecture file.

    Raises:
        CheckpointError: it is something else.
    """
    try:
        labels = Labels(**description)
    except TypeError as error:
        raise CheckpointError(f"{source} has a bad entry 'labels': {error}.") from error
    if not isinstance(labels.embedding, str) or not isinstance(labels.first, bool):
        raise CheckpointError(f'{source}: "labels" is to be like {{"embedding": "label_emb", "first": true}}.')
    return labels


def convert_conditional(
    module: Any,
    labels: Labels,
    modules: list[str] | None,
    state: State,
    source: str,
    layout: str = LAYOUT,
    remedy: str = REMEDY,
) -> tuple[Network, Params, tuple[str, ...]]:
    """Convert a described generator with classes, see :func:`gprior_converters.described.convert_described`.

    Args:
        module: the network; one without classes is converted as it is.
        labels: how the class enters.
        modules: see there.
        state: the file's tensors.
        source: names the file in messages.
        layout: what it is, for the message.
        remedy: what to do where it does not fit, likewise.

    Raises:
        CheckpointError: the tensors do not fit, or there is no such table.
    """
    if not isinstance(module, DCGAN) or not module.num_classes:
        return convert_described(module, modules, state, source, layout, remedy)
    table = None
    if labels.embedding:
        key = f"{labels.embedding}.weight"
        table = state.get(key)
        if table is None or table.ndim != 2 or len(table) != module.num_classes:
            found = "none" if table is None else list(table.shape)
            raise CheckpointError(
                f"{source} has no table {key} with a row for each of {module.num_classes} classes (it has {found}); "
                "nothing was written: correct num_classes, or the name of the embedding."
            )
        state = {name: value for name, value in state.items() if name != key}
    check_classes(module, source)
    width = module.num_classes if table is None else table.shape[1]
    _, params, left_out = convert_described(module.clone(num_classes=width), modules, state, source, layout, remedy)
    first = params["layer0"]
    kernel = _with_classes_last(first["kernel"], module.z_dim, labels.first, table)
    return module, params | {"layer0": first | {"kernel": kernel}}, left_out


def check_classes(module: DCGAN, source: str) -> None:
    """Refuse more classes than the first layer has inputs."""
    if module.z_dim < 1:
        raise CheckpointError(
            f"{source}: the first layer takes {module.z_dim + module.num_classes} numbers, code and class together, "
            f"which leaves none for the code beside {module.num_classes} classes; nothing was written: give fewer."
        )


def _with_classes_last(kernel: np.ndarray, z_dim: int, first: bool, table: np.ndarray | None) -> np.ndarray:
    """A first layer ``[..., inputs, O]`` that takes the code and then a number for every class."""
    width = kernel.shape[-2] - z_dim
    code, classes = kernel[..., :z_dim, :], kernel[..., z_dim:, :]
    if first:
        classes, code = kernel[..., :width, :], kernel[..., width:, :]
    if table is not None:
        classes = np.einsum("ke,...eo->...ko", table.astype(np.float64), classes.astype(np.float64))
    return np.ascontiguousarray(np.concatenate([code, classes], axis=-2), dtype=np.float32)


def classes_remark(kernel: np.ndarray) -> list[str]:
    """What to say of a first layer ``[..., inputs, O]`` whose last inputs weigh more, as classes beside a code do."""
    taps = np.moveaxis(kernel, -2, 0).reshape(kernel.shape[-2], -1)
    sizes = np.linalg.norm(taps, axis=1)
    for classes in range(2, min(len(sizes) // 2, _MOST_CLASSES) + 1):
        if sizes[-classes:].min() > _HEAVIER * sizes[:-classes].max():
            times = np.median(sizes[-classes:]) / np.median(sizes[:-classes])
            return [
                f"the last {classes} of the {len(sizes)} numbers of a code weigh {times:.1f} times as much as the "
                f"others, as classes do: if they are, convert it again with --num-classes {classes}"
            ]
    return []
