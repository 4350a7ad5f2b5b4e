"""Strips: pictures of codes moved along a direction, from one side to the other."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gprior_jax.editing.directions import Direction
from gprior_jax.editing.points import Variables, render
from gprior_jax.editing.spread import drawn_labels
from gprior_jax.generators.labels import as_labels
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import map_latents, sample_z
from gprior_jax.images import arrays as im
from gprior_jax.keys import seeded

STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""In deviations: the published programs go from -3 to 3."""


def drawn(prior: Prior, num: int, seed: int = 0, truncation_psi: float = 1.0) -> Variables:
    """Codes to be moved: ``{"w_plus": [num, num_styles, w_dim]}``, or z with the class of each where there are some.

    Args:
        prior: the generator.
        num: of codes.
        seed: of them; the first are those of ``gprior generate``.
        truncation_psi: of styles.
    """
    z, labels = np.asarray(sample_z(prior, seeded(seed), num)), drawn_labels(prior, num, seed)
    if prior.num_styles:
        return {"w_plus": np.asarray(map_latents(prior, z, label=labels, truncation_psi=truncation_psi))}
    rows = as_labels(prior, labels, (num,))
    return {"z": z} | ({} if rows is None else {"label": np.asarray(rows)})


def moved(codes: Variables, direction: Direction, strengths: Sequence[float]) -> Variables:
    """Codes moved along a direction by every strength, one code after the other.

    Args:
        codes: ``{name: [K, ...]}``, with ``"w_plus"`` or ``"z"``.
        direction: of their space; of z none of its layers counts.
        strengths: S of them, in the direction's deviations (in its length, where these are not known).

    Returns:
        ``{name: [K * S, ...]}``.

    >>> codes = {"w_plus": np.zeros((2, 3, 4))}
    >>> moved(codes, Direction(np.eye(4)[0], "w", layers=(1,), deviation=2.0), [-1, 1])["w_plus"][:, 1, 0].tolist()
    [-2.0, 2.0, -2.0, 2.0]
    """
    found = {name: np.repeat(np.asarray(values), len(strengths), 0) for name, values in codes.items()}
    space = "z" if direction.space == "z" else "w_plus"
    count = len(codes[space])
    steps = np.tile(np.asarray(strengths, np.float32) * (direction.deviation or 1.0), count)
    step = direction.vector
    if space == "w_plus":
        step = np.broadcast_to(step, codes[space].shape[1:])
        if direction.layers is not None:
            step = step * np.isin(np.arange(len(step)), direction.layers)[:, None]
    by = steps.reshape(-1, *[1] * step.ndim) * step
    return found | {space: (found[space] + by).astype(np.float32)}


def strip(
    prior: Prior,
    codes: Variables,
    direction: Direction,
    strengths: Sequence[float] = STRENGTHS,
    *,
    noise: Literal["const", "none"] = "const",
    batch_size: int = 8,
) -> np.ndarray:
    """A row of pictures for every code, moved along a direction from left to right.

    Args:
        prior: the generator.
        codes: ``{"z": [K, z_dim]}`` or ``{"w_plus": [K, num_styles, w_dim]}``, see :func:`drawn`.
        direction: of their space.
        strengths: S of them, in the direction's deviations, see :func:`moved`.
        noise: what is stored with the weights, or ``"none"``.
        batch_size: images at once.

    Returns:
        uint8 ``[K * R, S * R, C]``.

    >>> import gprior_jax as gp
    >>> prior, direction = gp.load("builtin"), Direction(np.eye(128)[0], "z", deviation=1.0)
    >>> strip(prior, {"z": np.zeros((2, 128), np.float32)}, direction, strengths=(-2.0, 0.0, 2.0)).shape
    (128, 192, 3)
    """
    pictures = render(prior, moved(codes, direction, strengths), noise=noise, batch_size=batch_size)
    return im.grid(im.to_uint8(pictures), len(strengths))
