"""BigGAN-deep generators as pytorch-pretrained-biggan 0.1.1 saves them: ``pytorch_model.bin`` and ``config.json``.

No tensor tells which blocks enlarge, nor the number added to variances: they are those of the published networks, the
second of each two blocks and 1e-4, unless ``config.json`` is given as the architecture file.
"""

import re
from typing import Any

import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.selecting import EMBEDDINGS
from gprior_converters.spectral import take_torch
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.nn.residual import REDUCTION
from gprior_jax.typing import Params

LICENCE_NOTE = (
    "Not stated in the file. The program is Apache-2.0; DeepMind published the weights on TensorFlow Hub, and whoever "
    "converted them names no terms."
)

_SHOWN = 3
"""Channels of the image: the last convolution gives as many as it takes, and only the first three are kept."""

Shapes = dict[str, tuple[int, ...]]


def is_generator(shapes: Shapes) -> bool:
    """Whether the keys are those of a BigGAN-deep generator."""
    return "gen_z.weight_orig" in shapes and any(key.endswith(".bn_0.running_means") for key in shapes)


def is_config(described: dict[str, Any]) -> bool:
    """Whether an architecture file is a ``config.json`` of the program."""
    return {"layers", "channel_width", "attention_layer_position"} <= described.keys()


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[BigGANDeep, Params, tuple[str, ...]]:
    """Convert a generator.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes, or the program's ``config.json``.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a BigGAN-deep generator, or not the one that ``config.json`` describes.
    """
    attributes, names = _attributes({key: value.shape for key, value in state.items()}, source)
    options = _of_config(options, attributes, source) if is_config(options) else options
    return _Generator(state, source, BigGANDeep(**(attributes | options)), names).convert()


def _attributes(shapes: Shapes, source: str) -> tuple[dict[str, Any], list[str]]:
    """The module's attributes, from the shapes, and the names of the blocks."""
    found = {int(match[1]) for key in shapes if (match := re.match(r"layers\.(\d+)\.", key))}
    attention = [i for i in sorted(found) if f"layers.{i}.gamma" in shapes]
    blocks = [f"layers.{i}" for i in sorted(found) if i not in attention]
    widths = [shapes.get(f"{name}.conv_3.weight_orig", ()) for name in blocks]
    first, embeddings = shapes["gen_z.weight_orig"], shapes.get(EMBEDDINGS, ())
    if any(len(shape) != 4 for shape in widths) or len(first) != 2 or len(embeddings) != 2:
        missing = "the embeddings of classes" if len(embeddings) != 2 else "some of its layers"
        raise CheckpointError(f"{source} looks like BigGAN-deep without {missing}; nothing was written.")
    attributes = {
        "channels": (first[0] // START_RESOLUTION**2, *(shape[0] for shape in widths)),
        "enlarges": tuple(i % 2 == 1 for i in range(len(widths))),
        "z_dim": first[1] - embeddings[0],
        "num_classes": embeddings[1],
        "embed_dim": embeddings[0],
        # Attention stands between the blocks in the file; those before it are counted.
        "attention": tuple(i - number for number, i in enumerate(attention)),
        "num_sets": shapes[f"{blocks[0]}.bn_0.running_means"][0],
    }
    return attributes, blocks


def _of_config(config: dict[str, Any], attributes: dict[str, Any], source: str) -> dict[str, Any]:
    """What ``config.json`` says that the tensors do not; where both say something, it must be the same."""
    try:
        width, layers = config["channel_width"], [(bool(up), before, after) for up, before, after in config["layers"]]
        told = {"channels": (16 * width, *(width * after for _, _, after in layers))}
        told |= {"enlarges": tuple(up for up, _, _ in layers), "epsilon": float(config.get("eps", 1e-4))}
        told |= {"attention": (config["attention_layer_position"],)}
        told |= {own: config[name] for own, name in _CONFIG.items() if name in config}
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"config.json does not describe a BigGAN-deep ({error}); nothing was written.") from error
    for name in ("channels", "z_dim", "num_classes", "num_sets", "attention"):
        if name in told and told[name] != attributes[name]:
            raise CheckpointError(
                f"{source} has {name} {attributes[name]}, config.json says {told[name]}; nothing was written: give the "
                "config.json of this network, or none."
            )
    return told


_CONFIG = {"z_dim": "z_dim", "num_classes": "num_classes", "num_sets": "n_stats"}


class _Generator:
    """The tensors of a generator, taken one after the other."""

    def __init__(self, state: State, source: str, module: BigGANDeep, blocks: list[str]):
        self._state, self._module, self._blocks = state, module, blocks
        self._ledger = Ledger(state, source)

    def convert(self) -> tuple[BigGANDeep, Params, tuple[str, ...]]:
        """Take every tensor."""
        module, ledger = self._module, self._ledger
        embedding = ledger.take(EMBEDDINGS, (module.embed_dim, module.num_classes)).T
        params: Params = {"layer0": self._first(), "mapping": {"embedding": np.ascontiguousarray(embedding)}}
        for layer, name in enumerate(self._blocks, start=1):
            params[f"layer{layer}"] = self._block(name, *module.channels[layer - 1 : layer + 1])
        for number, layer in enumerate(module.attention):
            params[f"attention{layer}"] = self._attention(f"layers.{layer + number}", module.channels[layer])
        width = module.channels[-1]
        own = {"gain_scale": ledger.take("bn.weight", (width,)), "bias": ledger.take("bn.bias", (width,))}
        params["output_norm"] = own | self._statistics("bn", width)
        kernel, bias = self._conv("conv_to_rgb", width, width, 3).values()
        # Spectral norm is of the whole of it, so it comes first.
        shown = np.ascontiguousarray(kernel[..., :_SHOWN])
        params["output"] = {"kernel": shown, "bias": bias[:_SHOWN]}
        ledger.close("BigGAN-deep generator")
        return module, params, ledger.left_out

    def _first(self) -> dict[str, np.ndarray]:
        """The dense layer, whose numbers are [H, W, C] in the file too, as in TensorFlow."""
        maps = (START_RESOLUTION, START_RESOLUTION, self._module.channels[0])
        kernel = take_torch(self._ledger, "gen_z", (int(np.prod(maps)), self._module.w_dim)).T
        bias = self._ledger.take("gen_z.bias", (int(np.prod(maps)),)).reshape(maps)
        return {"kernel": np.ascontiguousarray(kernel).reshape(-1, *maps), "bias": bias}

    def _conv(self, name: str, inputs: int, features: int, side: int) -> dict[str, np.ndarray]:
        kernel = take_torch(self._ledger, name, (features, inputs, side, side)).transpose(2, 3, 1, 0)
        return {"kernel": np.ascontiguousarray(kernel), "bias": self._ledger.take(f"{name}.bias", (features,))}

    def _block(self, name: str, inputs: int, features: int) -> Params:
        narrow = inputs // REDUCTION
        widths = ((inputs, narrow, 1), (narrow, narrow, 3), (narrow, narrow, 3), (narrow, features, 1))
        found: Params = {}
        for i, (before, after, side) in enumerate(widths):
            norm = f"{name}.bn_{i}"
            kernels = {"gain_kernel": f"{norm}.scale", "bias_kernel": f"{norm}.offset"}
            own = {part: take_torch(self._ledger, of, (before, self._module.w_dim)).T for part, of in kernels.items()}
            own = {part: np.ascontiguousarray(kernel) for part, kernel in own.items()}
            found[f"norm{i}"] = own | self._statistics(norm, before)
            found[f"conv{i}"] = self._conv(f"{name}.conv_{i}", before, after, side)
        return found

    def _statistics(self, name: str, features: int) -> dict[str, np.ndarray]:
        shape, parts = (self._module.num_sets, features), {"stored_mean": "means", "stored_var": "vars"}
        return {part: self._ledger.take(f"{name}.running_{own}", shape) for part, own in parts.items()}

    def _attention(self, name: str, features: int) -> dict[str, np.ndarray]:
        shapes = {"theta": (features // 8, features), "phi": (features // 8, features)}
        shapes |= {"g": (features // 2, features), "o_conv": (features, features // 2)}
        own = {n: take_torch(self._ledger, f"{name}.snconv1x1_{n}", (*s, 1, 1))[..., 0, 0].T for n, s in shapes.items()}
        found = {f"{n.removesuffix('_conv')}_kernel": np.ascontiguousarray(kernel) for n, kernel in own.items()}
        return found | {"gamma": self._ledger.take(f"{name}.gamma", (1,)).reshape(())}
