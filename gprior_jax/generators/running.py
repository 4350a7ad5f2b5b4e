"""Running a generator's layers for one code; :mod:`gprior_jax.generators.synthesis` has the functions for batches."""

from functools import partial
from typing import Any

import jax

from gprior_jax.checks import check_one
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.noise import Noise
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles, map_code
from gprior_jax.generators.tail import run_in_bands, tail_start
from gprior_jax.nn.recompute import recomputed
from gprior_jax.typing import Array


def run_layers(
    prior: Prior,
    x: Array | None,
    start: int = 0,
    stop: int | None = None,
    *,
    remat: bool = False,
    styles: Array | None = None,
    noise: Noise = "const",
    label: Array | None = None,
) -> Array:
    """Run layers ``[start, stop)`` on one code or one feature map, with prepared weights where the prior has them.

    ``x`` is cast to the dtype of the weights, which is that of the result.

    Args:
        prior: the generator.
        x: one code for ``start=0`` (None where styles are given), else features of layer ``start``.
        start: first layer to run.
        stop: layer to stop before; None runs to the image.
        remat: recompute the activations of each resolution block in the backward pass, see
            :func:`gprior_jax.nn.recompute.recomputed`; of the last blocks of large images band by band, where the
            generator tells how far its layers look (:mod:`gprior_jax.generators.tail`).
        styles: ``[num_styles, w_dim]``, where the layers take styles; None maps the code.
        noise: where the layers take noise.
        label: ``[num_classes]``, of a generator with classes that is held to none.

    Raises:
        ValueError: styles are missing for later layers, or a label is missing, or one of them is too much; or codes or
            styles of a batch.
    """
    beside = _conditions(prior, x, start, styles, label)
    words: dict[str, str] = {}
    if prior.noise_sizes and isinstance(noise, str):
        words["noise"] = noise
    elif prior.noise_sizes:
        beside["noise"] = noise
    dtype = jax.tree.leaves(prior.params)[0].dtype
    x, beside = jax.tree.map(lambda leaf: leaf.astype(dtype), (x, beside))
    stop = prior.num_layers if stop is None else stop

    def run(prior: Prior, inputs: tuple[Array | None, Any], start: int = start, stop: int = stop) -> Array:
        x, beside = inputs
        return prior.module.apply({"params": prior.params}, x, start, stop, prior.weights, **beside, **words)

    if not remat:
        return run(prior, (x, beside))
    starts = _block_starts(prior, start, stop)
    local = stop if beside else tail_start(prior, starts, stop)
    for first, last in zip(starts, [*starts[1:], stop], strict=True):
        if first < local:
            x = recomputed(partial(run, start=first, stop=last))(prior, (x, beside))
    assert x is not None
    return x if local == stop else run_in_bands(prior, x, local, stop)


def _conditions(prior: Prior, x: Array | None, start: int, styles: Array | None, label: Array | None) -> dict[str, Any]:
    """What decides the picture beside ``x``, see :func:`run_layers`: styles, or the class where it is no part of them.

    Raises:
        ValueError: something is missing, or too much.
    """
    if x is not None and not start:
        check_one("code", x, (prior.z_dim,))
    if styles is not None:
        check_styles(prior)
        check_one("styles", styles, (prior.num_styles, prior.w_dim))
    if not prior.num_styles:
        check_label(prior, label)
        has_classes = getattr(prior.module, "num_classes", 0)
        return {"label": prior.label if label is None else label} if has_classes else {}
    if styles is None:
        if start or x is None:
            raise ArgumentError(f"layer {start} of {prior} needs styles: give those of the codes.")
        return {"styles": map_code(prior, x, label)}
    if label is not None:
        raise ArgumentError("label belongs to codes: styles are made with it, leave it out beside them.")
    return {"styles": styles}


def _block_starts(prior: Prior, start: int, stop: int) -> list[int]:
    """The first of these layers, and those where the size of the feature map changes."""
    sizes = [prior.module.feature_shape(layer + 1)[0] for layer in range(start, stop)]
    return [start, *(start + i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1])]
