"""Directions without labels: from the weights (SeFa), from what a prior draws (GANSpace), and around one code.

Their signs are fixed: the largest number of a vector is positive.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_one
from gprior_jax.editing.directions import Direction, Space
from gprior_jax.editing.spread import drawn_labels
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior, check_layer
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, check_styles
from gprior_jax.generators.synthesis import features, map_latents, sample_z
from gprior_jax.inversion.batching import in_batches
from gprior_jax.keys import purpose, seeded
from gprior_jax.typing import Array

W_SAMPLES = 10_000
"""Codes for the principal components of w."""

FEATURE_SAMPLES = 2000
"""Codes for those of features, which are all held at once."""


class Found(NamedTuple):
    """A direction that nobody asked for by name.

    Attributes:
        direction: of length 1.
        value: what they are ordered by, the largest first: an eigenvalue (SeFa), the part of the variance (GANSpace),
            or a singular value: how far the image goes for a small step (local).
    """

    direction: Direction
    value: float


def signed(vector: np.ndarray) -> np.ndarray:
    """A vector or its opposite, whose largest number is positive.

    >>> signed(np.array([0.6, -0.8])).tolist()
    [-0.6, 0.8]
    """
    return vector * np.sign(vector.flat[np.argmax(np.abs(vector))])


def sefa(prior: Prior, num: int = 10, layers: Sequence[int] | None = None) -> list[Found]:
    """Directions that the first matrix of every layer lengthens most: closed-form factorisation of the weights.

    Shen and Zhou 2021, arXiv:2007.06600; SeFa's ``utils.py``: the style matrices of all chosen layers side by side (of
    the outputs only that of the last; of a generator without styles its first layer), every column of length 1, and the
    eigenvectors of their product with its transpose.

    Args:
        prior: the generator.
        num: of directions.
        layers: style layers to look at, and that the directions are meant for; None is all.

    Returns:
        directions of w, or of z where there are no styles; their values are eigenvalues.

    Raises:
        ArgumentError: a layer that is none, more directions than the space has, or a generator that does not tell its
            matrices.

    >>> import gprior_jax as gp
    >>> [found.direction.space for found in sefa(gp.load("builtin"), 2)]
    ['z', 'z']
    """
    space: Space = "w" if prior.num_styles else "z"
    if not hasattr(prior.module, "latent_maps"):
        raise ArgumentError(f"{prior} does not tell what its codes are multiplied with (latent_maps): use GANSpace.")
    layers = check_layers(prior, layers)
    _check_number(prior, space, num)
    maps = prior.module.apply({"params": prior.params}, method="latent_maps")
    chosen = maps if layers is None else [maps[layer] for layer in layers]
    matrix = np.concatenate([np.asarray(each, np.float64) for each in chosen], axis=1)
    lengths = np.linalg.norm(matrix, axis=0)
    matrix = matrix[:, lengths > 0] / lengths[lengths > 0]
    values, vectors = np.linalg.eigh(matrix @ matrix.T)  # Rising.
    return _named("sefa", space, layers, vectors.T[::-1][:num], values[::-1][:num])


def ganspace(
    prior: Prior,
    num: int = 10,
    layers: Sequence[int] | None = None,
    *,
    features_at: int | None = None,
    samples: int | None = None,
    seed: int = 0,
    batch_size: int = 16,
) -> list[Found]:
    """Directions in which what a prior draws varies most: principal components of w, or of features.

    Harkonen et al. 2020, arXiv:2004.02546. Of features, the directions of the codes are those that explain the
    components best (section 2.2: least squares from their coordinates back to the codes).

    Args:
        prior: the generator; without styles it needs ``features_at``.
        num: of directions.
        layers: style layers that the directions are meant for; None is all.
        features_at: layer whose features are looked at; None is w itself.
        samples: codes to draw; 10,000 for w and 2,000 for features unless given.
        seed: of the codes.
        batch_size: codes at once.

    Returns:
        directions of w, or of z where there are no styles; their values are parts of the whole variance.

    Raises:
        ArgumentError: neither styles nor a layer, a layer out of range, or more directions than there can be.

    >>> import gprior_jax as gp
    >>> len(ganspace(gp.load("builtin:portraits"), 3, samples=100))
    3
    """
    layers = check_layers(prior, layers)
    space: Space = "w" if prior.num_styles else "z"
    _check_number(prior, space, num)
    if features_at is None and not prior.num_styles:
        raise ArgumentError(f"{prior} has no styles, and its codes vary alike in all directions: name features_at.")
    samples = samples or (W_SAMPLES if features_at is None else FEATURE_SAMPLES)
    if samples <= num:
        raise ArgumentError(f"{samples} samples for {num} directions: draw more.")
    z = np.asarray(sample_z(prior, purpose(seeded(seed), "directions"), samples))
    labels = drawn_labels(prior, samples, seed)
    codes = z if not prior.num_styles else np.asarray(map_latents(prior, z, label=labels))[:, 0]
    codes = codes.astype(np.float64) - codes.mean(0, dtype=np.float64)
    if features_at is None:
        values, vectors = np.linalg.eigh(codes.T @ codes)
        return _named("pca", space, layers, vectors.T[::-1][:num], (values / values.sum())[::-1][:num])
    check_layer(prior, features_at, 1)
    drawn = in_batches(partial(_features, prior, features_at), batch_size, (z, labels) if prior.num_classes else (z,))
    coordinates, values = _coordinates(drawn.reshape(samples, -1), num)
    # The coordinates are orthogonal: least squares from all of them is least squares from each.
    vectors = coordinates.T @ codes
    return _named("pca", space, layers, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), values)


def _features(prior: Prior, layer: int, codes: tuple[np.ndarray, ...]) -> Array:
    return features(prior, codes[0], layer, label=codes[1] if len(codes) > 1 else None)


def _coordinates(rows: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates ``[N, num]`` of rows ``[N, F]`` on their principal components, of length 1, and parts of variance.

    From the products of the rows with each other: there are fewer of them than numbers in a row.
    """
    rows = rows - rows.mean(0)
    products = (rows @ rows.T).astype(np.float64)
    values, vectors = np.linalg.eigh(products)
    return vectors[:, ::-1][:, :num], (values / values.sum())[::-1][:num]


def local_directions(
    prior: Prior,
    code: np.ndarray,
    space: Literal["z", "w"] | None = None,
    num: int = 5,
    layers: Sequence[int] | None = None,
    *,
    features_at: int | None = None,
    label: Any = None,
) -> list[Found]:
    """Directions that change the image most around one code: top right singular vectors of the generator's Jacobian.

    The Jacobian is never held: the vectors are found from products with it and with its transpose (ARPACK).

    Args:
        prior: the generator.
        code: ``[D]``; for w also styles ``[num_styles, w_dim]``, all of which are moved alike.
        space: of the code and the directions; None is w where the prior has styles, else z.
        num: of directions, below D.
        layers: style layers that are moved; None is all.
        features_at: layer whose features count; None is the image.
        label: of a z of a prior with classes, see :func:`gprior_jax.generators.labels.as_labels`.

    Returns:
        directions; their values are singular values, root of the summed squares of all pixels for a step of 1.

    Raises:
        ArgumentError: codes of another shape, or more directions than there can be.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> code = gp.sample_z(prior, jax.random.key(0), 1)[0]
    >>> found = local_directions(prior, code, num=2, features_at=1)
    >>> found[0].value > found[1].value
    True
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    space = space or ("w" if prior.num_styles else "z")
    layers = check_layers(prior, layers)
    size = prior.z_dim if space == "z" else prior.w_dim
    _check_number(prior, space, num, size - 1)
    check_layer(prior, prior.num_layers if features_at is None else features_at, 1)
    run = _around(prior, jnp.asarray(code, jnp.float32), space, layers, features_at, label)

    @jax.jit
    def product(step: Array) -> Array:
        origin = jnp.zeros(size)
        _, moved = jax.jvp(run, (origin,), (step,))
        return jax.vjp(run, origin)[1](moved)[0]

    def of(step: np.ndarray) -> np.ndarray:
        return np.asarray(product(jnp.asarray(step.ravel(), jnp.float32)), np.float64)

    start = np.random.default_rng(0).normal(size=size)
    # float32 products: to ask for more digits would never end.
    values, vectors = eigsh(LinearOperator((size, size), of, dtype=np.float64), num, v0=start, tol=1e-5)  # pyright: ignore
    order = np.argsort(-values)
    return _named("local", space, layers, vectors.T[order], np.sqrt(np.maximum(values[order], 0.0)))


def _around(
    prior: Prior, code: Array, space: Space, layers: tuple[int, ...] | None, features_at: int | None, label: Any
) -> Any:
    """The image, or the features of a layer, of a code moved by a step ``[D]``."""
    if space == "z":
        check_one("code", code, (prior.z_dim,))
        held = prior if label is None else _held(prior, label)
        return lambda step: run_layers(held, code + step, 0, features_at)
    check_styles(prior)
    styles = code if code.ndim == 2 else as_styles(prior, code, "w")
    styles = as_styles(prior, styles, "w_plus")
    rows = jnp.ones((prior.num_styles, 1))
    if layers is not None:
        rows = jnp.zeros_like(rows).at[jnp.array(layers)].set(1.0)
    return lambda step: run_layers(prior, None, 0, features_at, styles=styles + rows * step)


def _held(prior: Prior, label: Any) -> Prior:
    from gprior_jax.generators.labels import with_label

    return with_label(prior, label)


def check_layers(prior: Prior, layers: Sequence[int] | None) -> tuple[int, ...] | None:
    """Style layers in rising order; None for all.

    Raises:
        ArgumentError: one that is none, no layer at all, or layers of a prior without styles.
    """
    if layers is None:
        return None
    check_styles(prior)
    chosen = tuple(sorted({int(layer) for layer in layers}))
    if not chosen or chosen[0] < 0 or chosen[-1] >= prior.num_styles:
        raise ArgumentError(f"layers {list(layers)}: {prior} has style layers 0 to {prior.num_styles - 1}.")
    return None if len(chosen) == prior.num_styles else chosen


def _check_number(prior: Prior, space: Space, num: int, highest: int | None = None) -> None:
    highest = highest or (prior.z_dim if space == "z" else prior.w_dim)
    if not 1 <= num <= highest:
        raise ArgumentError(f"{num} directions in {space} of {prior}: ask for 1 to {highest}.")


def _named(
    kind: str, space: Space, layers: tuple[int, ...] | None, vectors: np.ndarray, values: np.ndarray
) -> list[Found]:
    rows = zip(vectors, values, strict=True)
    return [
        Found(Direction(signed(vector).astype(np.float32), space, layers, name=f"{kind}_{i}"), float(value))
        for i, (vector, value) in enumerate(rows)
    ]
