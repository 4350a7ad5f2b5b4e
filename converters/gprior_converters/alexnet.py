"""Torchvision's AlexNet: ``alexnet-owt-7be5be79.pth``, or files that hold only its convolutions.

Keys ``features.{i}.weight`` and ``.bias`` with torchvision's indices, or the same without ``features.`` (a saved
``net.features``). The classifier is not used.
"""

from typing import Any

from gprior_converters.ledger import Ledger
from gprior_converters.state import State
from gprior_converters.vgg import features_prefix, take_convolutions
from gprior_jax.perceptual.alexnet import CONVOLUTIONS, AlexNet
from gprior_jax.typing import Params

# Index of each convolution in torchvision's ``alexnet().features``, and of each dense layer in ``classifier``.
TORCHVISION_INDICES = (0, 3, 6, 8, 10)
_CLASSIFIER = tuple(f"classifier.{i}.{kind}" for i in (1, 4, 6) for kind in ("weight", "bias"))


def is_alexnet(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the keys are torchvision's: 11x11 and 5x5 convolutions 3 -> 64 -> 192 at indices 0 and 3."""
    prefix = features_prefix(shapes)
    first, second = (shapes.get(f"{prefix}{i}.weight") for i in (0, 3))
    return first == (64, 3, 11, 11) and second == (192, 64, 5, 5)


def convert(state: State, source: str, options: dict[str, Any]) -> tuple[AlexNet, Params, tuple[str, ...]]:
    """Convert the five convolutions.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: a tensor is missing, misshapen or unexpected.
    """
    prefix = features_prefix({key: value.shape for key, value in state.items()})
    ledger = Ledger(state, source)
    ledger.leave_out(*_CLASSIFIER)
    shapes = {name: (shape.features, shape.kernel_size) for name, shape in CONVOLUTIONS.items()}
    params = take_convolutions(ledger, prefix, TORCHVISION_INDICES, shapes)
    ledger.close("AlexNet of torchvision")
    return AlexNet(**options), params, ledger.left_out
