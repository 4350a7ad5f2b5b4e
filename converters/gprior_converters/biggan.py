"""BigGAN generators as ajbrock/BigGAN-PyTorch saves them: ``G_ema.pth``, ``G.pth`` (``BigGAN.py``, ``layers.py``).

Hierarchical or not, with a shared embedding or with gains and biases of every class, with spectral norm or without.
Its batch norms keep running statistics, or (``--mybn --accumulate_stats``) sums of those of so many batches.
"""

import re
from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.spectral import take_biggan
from gprior_converters.state import Note, State
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.typing import Params

LICENCE_NOTE = (
    "Not stated in the file. The program is MIT; its author names no terms of the weights that he published, from "
    "ImageNet."
)

Shapes = dict[str, tuple[int, ...]]


def is_generator(shapes: Shapes) -> bool:
    """Whether the keys are those of a BigGAN generator."""
    return "linear.weight" in shapes and "blocks.0.0.conv_sc.weight" in shapes and "output_layer.2.weight" in shapes


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[BigGAN, Params, tuple[str, ...]]:
    """Convert a generator.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a BigGAN generator.
    """
    module = BigGAN(**(_attributes({key: value.shape for key, value in state.items()}, source) | options))
    return _Generator(state, source, module).convert()


def _attributes(shapes: Shapes, source: str) -> dict[str, Any]:
    """The module's attributes, from the shapes."""
    numbers = [int(match[1]) for key in shapes if (match := re.match(r"blocks\.(\d+)\.0\.conv2\.weight$", key))]
    gain = shapes.get("blocks.0.0.bn1.gain.weight", ())
    widths = [shapes.get(f"blocks.{i}.0.conv2.weight", ()) for i in range(1 + max(numbers, default=0))]
    if len(gain) != 2 or any(len(shape) != 4 for shape in (*widths, shapes["output_layer.2.weight"])):
        missing = "conditional norms (bn1.gain)" if len(gain) != 2 else "second convolutions (conv2)"
        raise CheckpointError(f"{source} looks like a BigGAN generator without its {missing}; nothing was written.")
    if "blocks.0.0.bn1.bn.running_mean" in shapes:
        raise CheckpointError(
            f"{source} was trained with --cross_replica, whose norm adds its gain in evaluation where it multiplies in "
            "training, so that its own program draws noise of it; nothing was written: train with --mybn."
        )
    outputs, chunk = shapes["linear.weight"]
    shared = shapes.get("shared.weight")
    if shared is None:  # Gains are looked up by the class: [classes, channels].
        classes, embedding, hierarchical = gain[0], 0, False
    else:
        (classes, embedding), hierarchical = shared, gain[1] != shared[1]
    return {
        "channels": (outputs // START_RESOLUTION**2, *(shape[0] for shape in widths)),
        "z_dim": chunk * (1 + len(widths) if hierarchical else 1),
        "num_classes": classes,
        "embed_dim": embedding,
        "attention": tuple(i + 1 for i in range(len(widths)) if f"blocks.{i}.1.gamma" in shapes),
        "hierarchical": hierarchical,
        "image_channels": shapes["output_layer.2.weight"][0],
    }


class _Generator:
    """The tensors of a generator, taken one after the other."""

    def __init__(self, state: State, source: str, module: BigGAN):
        self._state, self._module = state, module
        self._ledger, self._batches = Ledger(state, source), set()

    def convert(self) -> tuple[BigGAN, Params, tuple[str, ...]]:
        """Take every tensor."""
        module, ledger = self._module, self._ledger
        params: Params = {"layer0": self._first()}
        if module.embed_dim:
            shape = (module.num_classes, module.embed_dim)
            params["mapping"] = {"embedding": ledger.take("shared.weight", shape)}
        for layer in range(1, module.num_styles):
            params[f"layer{layer}"] = self._block(f"blocks.{layer - 1}.0", *module.channels[layer - 1 : layer + 1])
        for layer in module.attention:
            params[f"attention{layer}"] = self._attention(f"blocks.{layer - 1}.1", module.channels[layer])
        width = module.channels[-1]
        own = {"gain_scale": ledger.take("output_layer.0.gain", (width,))}
        own |= {"bias": ledger.take("output_layer.0.bias", (width,))}
        params["output_norm"] = own | self._statistics("output_layer.0", width)
        params["output"] = self._conv("output_layer.2", width, module.image_channels, 3)
        ledger.close("BigGAN generator")
        told = [Note(f"statistics are the means of those of {n:g} batches") for n in sorted(self._batches)]
        return module, params, (*ledger.left_out, *told)

    def _weight(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        return take_biggan(self._ledger, self._state, name, shape)

    def _first(self) -> dict[str, np.ndarray]:
        """The dense layer, whose numbers are [C, H, W] in the file and [H, W, C] here."""
        module = self._module
        maps = (module.channels[0], START_RESOLUTION, START_RESOLUTION)
        kernel = self._weight("linear", (int(np.prod(maps)), module.chunk_dim)).reshape(*maps, -1).transpose(3, 1, 2, 0)
        bias = self._ledger.take("linear.bias", (int(np.prod(maps)),)).reshape(maps).transpose(1, 2, 0)
        return {"kernel": np.ascontiguousarray(kernel), "bias": np.ascontiguousarray(bias)}

    def _conv(self, name: str, inputs: int, features: int, side: int) -> dict[str, np.ndarray]:
        kernel = self._weight(name, (features, inputs, side, side)).transpose(2, 3, 1, 0)
        return {"kernel": np.ascontiguousarray(kernel), "bias": self._ledger.take(f"{name}.bias", (features,))}

    def _block(self, name: str, inputs: int, features: int) -> Params:
        return {
            "norm0": self._norm(f"{name}.bn1", inputs),
            "conv0": self._conv(f"{name}.conv1", inputs, features, 3),
            "norm1": self._norm(f"{name}.bn2", features),
            "conv1": self._conv(f"{name}.conv2", features, features, 3),
            "shortcut": self._conv(f"{name}.conv_sc", inputs, features, 1),
        }

    def _norm(self, name: str, features: int) -> dict[str, np.ndarray]:
        kernels = {f"{part}_kernel": self._style_kernel(f"{name}.{part}", features) for part in ("gain", "bias")}
        return kernels | self._statistics(name, features)

    def _style_kernel(self, name: str, features: int) -> np.ndarray:
        """What the style is multiplied with; the file has the class before the code, we the code before the class."""
        module = self._module
        if not module.embed_dim:
            return self._ledger.take(f"{name}.weight", (module.num_classes, features))
        chunk = module.chunk_dim if module.hierarchical else 0
        kernel = self._weight(name, (features, module.embed_dim + chunk)).T
        return np.concatenate([kernel[module.embed_dim :], kernel[: module.embed_dim]])

    def _statistics(self, name: str, features: int) -> dict[str, np.ndarray]:
        """Mean and variance, ``[1, C]``; where they are sums over batches, divided by these' number."""
        own = name if f"{name}.stored_mean" in self._state else f"{name}.bn"
        found = {part: self._ledger.take(f"{own}.{part}", (features,))[None] for part in ("stored_mean", "stored_var")}
        if f"{own}.accumulation_counter" not in self._state:
            return found
        count = float(self._ledger.take(f"{own}.accumulation_counter", (1,))[0])
        if count < 1.0:
            return found
        self._batches.add(count)
        return {part: value / np.float32(count) for part, value in found.items()}

    def _attention(self, name: str, features: int) -> dict[str, np.ndarray]:
        shapes = {"theta": (features // 8, features), "phi": (features // 8, features)}
        shapes |= {"g": (features // 2, features), "o": (features, features // 2)}
        found = {
            f"{part}_kernel": self._weight(f"{name}.{part}", (*s, 1, 1))[..., 0, 0].T for part, s in shapes.items()
        }
        return {part: np.ascontiguousarray(value) for part, value in found.items()} | {
            "gamma": self._ledger.take(f"{name}.gamma", ())
        }
