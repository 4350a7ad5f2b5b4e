"""Tensors of a file, PyTorch's or numpy's, as arrays; what claims more than it holds is refused."""

from pathlib import Path
from typing import Any

import numpy as np

from gprior_converters.state import State
from gprior_jax.errors import CheckpointError, require


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor."""
    return isinstance(value, np.ndarray | require("torch", "convert").Tensor)


def is_state(value: Any) -> bool:
    """Whether a value is a dict of tensors by name."""
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(key, str) and is_tensor(one) for key, one in value.items())


def to_numpy(path: Path, state: dict[str, Any]) -> State:
    """A dict of tensors as arrays, float32 (integers are kept).

    Raises:
        CheckpointError: a tensor is not plain, not finite, or claims more numbers than it holds.
    """
    return {key: as_array(path, key, tensor) for key, tensor in state.items()}


def as_array(path: Path, key: str, tensor: Any) -> np.ndarray:
    """One tensor as an array, see :func:`to_numpy`."""
    if not isinstance(tensor, np.ndarray):
        tensor = _of_torch(path, key, tensor)
    if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
        raise CheckpointError(f"{path}: {key} holds NaN or infinite numbers: the training that wrote it failed.")
    return tensor


def _of_torch(path: Path, key: str, tensor: Any) -> np.ndarray:
    if tensor.is_sparse or tensor.is_quantized or tensor.is_complex():
        raise CheckpointError(f"{path}: {key} is not a plain real tensor: save the network in float32.")
    # A view with stride 0 can claim any size over a tiny storage; copying it would fill the memory.
    if tensor.numel() * tensor.element_size() > max(tensor.untyped_storage().nbytes(), 1):
        raise CheckpointError(f"{path}: {key} claims shape {tuple(tensor.shape)} over a smaller storage; refused.")
    return tensor.detach().float().numpy() if tensor.is_floating_point() else tensor.numpy()
