"""Spectral norm, divided out of weights once and for all: a layer in use divides by the same number every time.

The number is not the spectral norm but what a power iteration knew of it when the file was written, so it follows from
the vectors in the file: from others the weights come out longer or shorter, and half of the time with the wrong sign.
"""

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.state import State

TORCH_PARTS = ("weight_orig", "weight_u", "weight_v")
"""What ``torch.nn.utils.spectral_norm`` keeps of a weight."""

BIGGAN_EPSILON = 1e-6
"""Least length that vectors are divided by (``SN_eps`` of ``launch_BigGAN_bs256x8.sh``)."""


def take_torch(ledger: Ledger, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A weight of ``torch.nn.utils.spectral_norm`` as it is used in evaluation: over ``u^T W v``, both as stored.

    Args:
        ledger: of the file.
        name: of the module.
        shape: of the weight, its outputs first.
    """
    weight, left, right = TORCH_PARTS
    kernel = ledger.take(f"{name}.{weight}", shape)
    matrix = kernel.reshape(shape[0], -1).astype(np.float64)
    u, v = ledger.take(f"{name}.{left}", (shape[0],)), ledger.take(f"{name}.{right}", (matrix.shape[1],))
    return _over(kernel, float(u @ matrix @ v))


def take_biggan(ledger: Ledger, state: State, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A weight of ajbrock/BigGAN-PyTorch as it is used in evaluation: over what one more power iteration finds.

    Its program iterates whenever a layer is run, and keeps the vector in training alone (``layers.py``, ``SN.W_``).
    Of several stored vectors only the first counts, and the stored singular values do not.

    Args:
        ledger: of the file.
        state: its tensors; a weight without a vector has no spectral norm.
        name: of the module.
        shape: of the weight, its outputs first.
    """
    kernel = ledger.take(f"{name}.weight", shape)
    if f"{name}.u0" not in state:
        return kernel
    matrix = kernel.reshape(shape[0], -1).astype(np.float64)
    v = _normalised(ledger.take(f"{name}.u0", (1, shape[0]))[0] @ matrix)
    u = _normalised(matrix @ v)
    others = [key for key in state if key.startswith((f"{name}.u", f"{name}.sv"))]
    ledger.leave_out(*(key for key in others if not key.endswith(".u0")))
    return _over(kernel, float(u @ matrix @ v))


def _normalised(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), BIGGAN_EPSILON)


def _over(kernel: np.ndarray, norm: float) -> np.ndarray:
    # Of a tensor that is missing, the ledger tells at the end. A weight of zeros stays one.
    return kernel / np.float32(norm) if norm else kernel
