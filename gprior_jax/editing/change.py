"""How much an edit has changed of what it should have left alone."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.batching import in_batches
from gprior_jax.objectives import Observation, Term
from gprior_jax.operators import Identity, Mask
from gprior_jax.typing import Array, ArrayLike


def changes(
    terms: Sequence[Term], own: ArrayLike, edited: ArrayLike, kept: ArrayLike | None = None, batch_size: int = 8
) -> dict[str, np.ndarray]:
    """Distances of edited images from the image as it was.

    Args:
        terms: of objectives, fitted (:meth:`gprior_jax.objectives.Term.fit`): what is compared, unweighted.
        own: ``[R, R, C]`` in [-1, 1].
        edited: ``[S, R, R, C]``.
        kept: ``[R, R, 1]``, 1 where nothing should have changed, which alone is looked at; None looks at all.
        batch_size: images at once.

    Returns:
        ``{name of the term: [S]}``.

    Raises:
        ValueError: nothing is kept.

    >>> from gprior_jax.objectives import Pixel
    >>> changes([Pixel()], np.zeros((4, 4, 3)), np.ones((2, 4, 4, 3)))["pixel_mse"].tolist()
    [1.0, 1.0]
    """
    if kept is not None and not np.asarray(kept).any():
        raise ArgumentError("the edit covers the whole image: there is nothing to compare outside of it.")
    operator = Identity() if kept is None else Mask(jnp.asarray(kept, jnp.float32))
    found = {}
    for term in terms:
        compare = partial(_distances, term, operator, jnp.clip(jnp.asarray(own, jnp.float32), -1.0, 1.0))
        images = np.clip(np.asarray(edited, np.float32), -1.0, 1.0)
        found[term.name] = in_batches(compare, min(batch_size, len(images)), images)
    return found


@jax.jit
def _distances(term: Term, operator: Identity | Mask, own: Array, edited: Array) -> Array:
    target = term.target(Observation(operator(own), operator))
    return jax.vmap(lambda image: term.loss(image, operator(image), target, {}))(edited)
