"""StyleGAN generators: ``.pth`` files of genforce and its projects, and of the ports by lernapparat and PULSE.

Spellings of the same network, from the published classes:

* ``mapping.dense{i}.fc.weight``, ``synthesis.layer{k}.conv.weight`` (idinvert, HiGAN, mGANprior);
* the same with ``linear`` for ``fc`` and ``first_layer`` for ``const`` (InterFaceGAN);
* ``mapping.dense{i}.weight``, ``synthesis.layer{k}.weight`` (genforce/genforce, sefa);
* ``g_mapping.dense{i}.weight``, ``g_synthesis.blocks.{r}x{r}.conv0_up.weight`` (lernapparat's ``*.for_g_all.pt``);
* the last without prefixes and with shorter keys of the noise (PULSE, which keeps mapping and synthesis network in two
  files: only a dict with the tensors of both can be converted).

Enlarging layers from 128 pixels on are fused: transposed convolutions with the sum of the kernel's four one-pixel
shifts, which equals nearest enlargement followed by the convolution with the spatially flipped kernel. The first two
spellings store such kernels HWIO under another key, in the others only the resolution tells them.

The ports draw noise maps at run time, which are stored as zeros, and keep no mean of w, which is estimated.
"""

import itertools
import re
from typing import Any, NamedTuple

import jax
import numpy as np

from gprior_converters.ledger import Ledger
from gprior_converters.pggan import check_grown
from gprior_converters.state import Note, State
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.styles import w_statistics
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.typing import Params

LICENCE_NOTE = (
    "Not stated in the file. NVIDIA published the networks of Karras et al. 2019 under CC BY-NC 4.0; what others made "
    "of them has no licence of its own."
)

Shapes = dict[str, tuple[int, ...]]

FUSED_SIDE = 128
"""Where enlarging layers begin to be fused (``fused_scale="auto"``)."""

_PORT_EPSILON = 1e-5
"""Of torch's ``InstanceNorm2d``, which lernapparat's port uses."""

MAX_LAYERS = 64
"""Far above any network: where counting of layers ends."""

MEAN_CODES = 10_000
"""Codes of which the mean of w is taken where a file has none, as the published programs do (rosinality's
``projector.py``, ``n_mean_latent``)."""

NO_MEAN = Note(f"it has no mean of w: that of {MEAN_CODES:,} codes is stored, towards which truncation goes")
NO_NOISE = Note("it has no noise maps: zeros are stored")
"""What is told of a file."""


class _Spelling(NamedTuple):
    """Keys, with the number of the dense layer ``{i}``, of the layer ``{k}`` or of the resolution ``{b}``.

    Attributes:
        dense: weight of the mapping network's layers.
        dense_bias: their bias.
        const: the constant of the first layer.
        kernel: of the other layers.
        fused: kernels of fused layers, HWIO; empty where they are OIHW under the key of all.
        bias: of every layer.
        noise_strength: of every layer.
        noise: maps; empty where there are none.
        style: weight of the map to scale and shift.
        style_bias: its bias.
        output: weight of the outputs.
        output_bias: their bias.
        w_avg: the mean of w; empty where there is none.
    """

    dense: str
    dense_bias: str
    const: str
    kernel: str
    fused: str
    bias: str
    noise_strength: str
    noise: str
    style: str
    style_bias: str
    output: str
    output_bias: str
    w_avg: str


_OLD = _Spelling(
    dense="mapping.dense{i}.fc.weight",
    dense_bias="mapping.dense{i}.wscale.bias",
    const="synthesis.layer0.const",
    kernel="synthesis.layer{k}.conv.weight",
    fused="synthesis.layer{k}.weight",
    bias="synthesis.layer{k}.epilogue.bias",
    noise_strength="synthesis.layer{k}.epilogue.apply_noise.weight",
    noise="synthesis.layer{k}.epilogue.apply_noise.noise",
    style="synthesis.layer{k}.epilogue.style_mod.dense.fc.weight",
    style_bias="synthesis.layer{k}.epilogue.style_mod.dense.wscale.bias",
    output="synthesis.output{b}.conv.weight",
    output_bias="synthesis.output{b}.bias",
    w_avg="truncation.w_avg",
)
_INTERFACEGAN = _Spelling(*(key.replace(".fc.", ".linear.").replace(".const", ".first_layer") for key in _OLD))
_NEW = _Spelling(
    dense="mapping.dense{i}.weight",
    dense_bias="mapping.dense{i}.bias",
    const="synthesis.layer0.const",
    kernel="synthesis.layer{k}.weight",
    fused="",
    bias="synthesis.layer{k}.bias",
    noise_strength="synthesis.layer{k}.apply_noise.weight",
    noise="synthesis.layer{k}.apply_noise.noise",
    style="synthesis.layer{k}.style.weight",
    style_bias="synthesis.layer{k}.style.bias",
    output="synthesis.output{b}.weight",
    output_bias="synthesis.output{b}.bias",
    w_avg="truncation.w_avg",
)


_NOISE = re.compile(r"synthesis\.layer\d+\.(epilogue\.)?apply_noise\.weight")
_PORT_NOISE = re.compile(r"(g_synthesis\.)?blocks\.\d+x\d+\.epi1\.(top_epi\.)?noise\.weight")
_PORT_DENSE = re.compile(r"(g_mapping\.)?dense\d+\.(weight|bias)")


def is_generator(shapes: Shapes) -> bool:
    """Whether the keys are those of a StyleGAN generator, or of one of the two networks of a port."""
    found = any(_NOISE.fullmatch(key) or _PORT_NOISE.fullmatch(key) for key in shapes)
    return found or (bool(shapes) and all(_PORT_DENSE.fullmatch(key) for key in shapes))


def _spelling(shapes: Shapes) -> _Spelling:
    if not any(_NOISE.fullmatch(key) for key in shapes):
        return _port(shapes)
    if not any(".epilogue." in key for key in shapes):
        return _NEW
    return _INTERFACEGAN if any(".linear." in key for key in shapes) else _OLD


def _port(shapes: Shapes) -> _Spelling:
    """Keys of lernapparat or PULSE, with the prefixes that the file has."""
    mapping, synthesis, top = (
        part if any(part in key for key in shapes) else "" for part in ("g_mapping.", "g_synthesis.", "top_epi.")
    )
    block = synthesis + "blocks.{side}x{side}."
    return _Spelling(
        dense=mapping + "dense{i}.weight",
        dense_bias=mapping + "dense{i}.bias",
        const=synthesis + "blocks.4x4.const",
        kernel=block + "{conv}weight",
        fused="",
        bias=block + "{conv}bias",
        noise_strength=block + "epi{half}." + top + "noise.weight",
        noise="",
        style=block + "epi{half}.style_mod.lin.weight",
        style_bias=block + "epi{half}.style_mod.lin.bias",
        output=synthesis + "torgb.weight",
        output_bias=synthesis + "torgb.bias",
        w_avg="",
    )


def _key(template: str, k: int) -> str:
    """The key of layer ``k``."""
    conv = {0: "", 1: "conv."}.get(k, "conv1." if k % 2 else "conv0_up.")
    return template.format(k=k, side=START_RESOLUTION << k // 2, conv=conv, half=1 + k % 2)


def convert_generator(state: State, source: str, options: dict[str, Any]) -> tuple[StyleGAN, Params, tuple[str, ...]]:
    """Convert a generator.

    Args:
        state: the file's tensors.
        source: names the file in messages.
        options: overrides of the module's attributes; no tensor tells ``final_tanh``, which the networks of in-domain
            inversion have: it is taken to come with a w of its own for every layer.

    Returns:
        The module, its weights, and the keys left out.

    Raises:
        CheckpointError: the tensors do not make a StyleGAN generator.
    """
    check_grown(state, "synthesis.lod", source)
    shapes = {key: value.shape for key, value in state.items()}
    keys = _spelling(shapes)
    module = StyleGAN(**(_attributes(shapes, keys, source) | options))

    ledger = Ledger(state, source)
    ledger.leave_out("synthesis.lod", "truncation.truncation")
    take_filters(ledger, state, (".blur.kernel", ".intermediate.kernel"), (1, 2, 1), 1.0, source)
    hidden = [module.w_dim] * (module.mapping_layers - 1)
    widths = [module.z_dim, *hidden, module.w_dim * (module.num_styles if module.w_per_layer else 1)]
    params: Params = {"mapping": {}}
    for i, (inputs, features) in enumerate(itertools.pairwise(widths)):
        names = keys.dense.format(i=i), keys.dense_bias.format(i=i)
        params["mapping"][f"dense{i}"] = take_dense(ledger, *names, inputs, features)
    for k, size in enumerate(module.noise_sizes):
        params[f"layer{k}"] = _layer(ledger, keys, k, size, module, shapes)
    last = len(module.channels) - 1
    outputs = [(keys.output.format(b=b), keys.output_bias.format(b=b)) for b in range(last + 1)]
    shape = (module.image_channels, module.channels[last], 1, 1)
    kernel = ledger.take(outputs[last][0], shape).transpose(2, 3, 1, 0)
    params["output"] = {"kernel": np.ascontiguousarray(kernel), "bias": ledger.take(outputs[last][1], shape[:1])}
    ledger.leave_out(*(key for pair in outputs[:last] for key in pair))  # Of lower resolutions.
    if keys.w_avg:
        params["w_avg"] = ledger.take(keys.w_avg, (module.w_dim,))
    ledger.close("StyleGAN generator")
    if not keys.w_avg:
        params["w_avg"] = estimated_mean(module, params)
    return module, params, ledger.left_out + (() if keys.w_avg else (NO_MEAN, NO_NOISE))


def estimated_mean(module: Any, params: Params) -> np.ndarray:
    """The mean of w ``[w_dim]`` of a generator whose file does not have it, from :data:`MEAN_CODES` codes.

    Args:
        module: the generator.
        params: its weights, but for the mean.
    """
    complete = params | {"w_avg": np.zeros(module.w_dim, np.float32)}
    statistics = w_statistics(Prior(complete, module), jax.random.key(_MEAN_KEY), MEAN_CODES)
    return np.asarray(statistics.mean[0])


_MEAN_KEY = 0
"""Always the same codes, so that a file always becomes the same folder."""


def _attributes(shapes: Shapes, keys: _Spelling, source: str) -> dict[str, Any]:
    """The module's attributes, from the shapes."""
    count = 1 + max((k for k in range(MAX_LAYERS) if _key(keys.noise_strength, k) in shapes), default=-1)
    dense = [i for i in range(MAX_LAYERS) if keys.dense.format(i=i) in shapes]
    if not count or not dense:
        raise CheckpointError(_one_network(source, "mapping" if count else "synthesis"))
    levels = (count + 1) // 2
    channels = tuple(
        shape_of(shapes, _key(keys.noise_strength, 2 * level + 1), 1, source)[0] for level in range(levels)
    )
    w_dim = shape_of(shapes, _key(keys.style, 0), 2, source)[1]
    last = shape_of(shapes, keys.dense.format(i=max(dense)), 2, source)[0]
    w_per_layer = last == 2 * levels * w_dim
    return {
        "channels": channels,
        "z_dim": shape_of(shapes, keys.dense.format(i=0), 2, source)[1],
        "w_dim": w_dim,
        "mapping_layers": 1 + max(dense),
        "w_per_layer": w_per_layer,
        "image_channels": shape_of(shapes, keys.output.format(b=levels - 1), 4, source)[0],
        "final_tanh": w_per_layer,
        "norm_epsilon": 1e-8 if keys.w_avg else _PORT_EPSILON,
    }


def _one_network(source: str, missing: str) -> str:
    """That a file has one of the two networks only."""
    present = "synthesis" if missing == "mapping" else "mapping"
    return (
        f"{source} has StyleGAN's {present} network but not its {missing} network, which PULSE keeps in another file; "
        "nothing was written: load both state dicts in torch, join them with | and save the joined dict as one file."
    )


def _layer(ledger: Ledger, keys: _Spelling, k: int, size: int, module: StyleGAN, shapes: Shapes) -> dict[str, Any]:
    features = module.channels[k // 2]
    if k == 0:
        kernel = ledger.take(keys.const, (1, features, size, size))[0].transpose(1, 2, 0)
    else:
        kernel = _kernel(ledger, keys, k, module.channels[(k - 1) // 2], features, shapes)
    style, style_bias = _key(keys.style, k), _key(keys.style_bias, k)
    noise = np.zeros((size, size), np.float32)
    return {
        "kernel": np.ascontiguousarray(kernel),
        "bias": ledger.take(_key(keys.bias, k), (features,)),
        "style": take_dense(ledger, style, style_bias, module.w_dim, 2 * features),
        "noise_strength": ledger.take(_key(keys.noise_strength, k), (features,)),
        "noise": ledger.take(_key(keys.noise, k), (1, 1, size, size))[0, 0] if keys.noise else noise,
    }


def _kernel(ledger: Ledger, keys: _Spelling, k: int, inputs: int, features: int, shapes: Shapes) -> np.ndarray:
    """Take a kernel as HWIO, as it meets an enlarged image."""
    fused = _key(keys.fused, k)
    if k % 2 == 0 and fused in shapes:
        return ledger.take(fused, (3, 3, inputs, features))[::-1, ::-1]
    kernel = ledger.take(_key(keys.kernel, k), (features, inputs, 3, 3)).transpose(2, 3, 1, 0)
    turned = k % 2 == 0 and not fused and START_RESOLUTION << k // 2 >= FUSED_SIDE
    return kernel[::-1, ::-1] if turned else kernel


def shape_of(shapes: Shapes, key: str, axes: int, source: str) -> tuple[int, ...]:
    """The shape of a tensor that tells an attribute of the network.

    Raises:
        CheckpointError: there is no such tensor, or it has another number of axes.
    """
    shape = shapes.get(key, ())
    if len(shape) != axes or 0 in shape:
        found = f"has shape {list(shape)}" if key in shapes else "is missing"
        raise CheckpointError(f"{source}: {key}, which tells the size of the network, {found}; nothing was written.")
    return shape


def take_dense(ledger: Ledger, weight: str, bias: str, inputs: int, features: int) -> dict[str, np.ndarray]:
    """Take a dense layer."""
    return {
        "kernel": np.ascontiguousarray(ledger.take(weight, (features, inputs)).T),
        "bias": ledger.take(bias, (features,)),
    }


def take_filters(
    ledger: Ledger, state: State, suffixes: tuple[str, ...], taps: tuple[int, ...], total: float, source: str
) -> None:
    """Account for resampling filters, which no weight of the converted network holds.

    Args:
        ledger: the account.
        state: the file's tensors.
        suffixes: how the filters' keys end.
        taps: the filter along one axis.
        total: sum of the filter's numbers.
        source: names the file in messages.

    Raises:
        CheckpointError: a filter has other numbers.
    """
    wanted = np.outer(taps, taps) * (total / sum(taps) ** 2)
    for key, value in state.items():
        if not key.endswith(suffixes):
            continue
        if value.shape[-2:] != wanted.shape or not np.allclose(value, wanted, rtol=0.0, atol=1e-6):
            raise CheckpointError(
                f"{source}: the filter {key} {list(value.shape)} is not {list(taps)} along both axes with the sum "
                f"{total:g}, the only one that is known; nothing was written."
            )
        ledger.take(key, value.shape)
