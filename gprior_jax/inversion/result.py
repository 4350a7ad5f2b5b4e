"""Results of a batch of images."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gprior_jax.inversion.problem import Evaluation
from gprior_jax.inversion.solver import Solution


class Result(NamedTuple):
    """Results of a batch of images, on the host; with ``samples=K`` every array has an axis of K after the first.

    Of a recipe of several stages, all is that of the last one.

    Attributes:
        images: ``[B, R, R, C]``, about [-1, 1].
        variables: ``{name: [B, ...]}``, the best iterate.
        loss: ``[B]``, its loss.
        terms: ``{name: [B]}``, its terms, unweighted.
        step: ``[B]``, the step it was found at.
        status: ``[B]``, :class:`gprior_jax.errors.Status`.
        history: ``{"loss" or a term: [B, T]}``, every evaluation; an image that has stopped repeats its last.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 2))
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> result = gp.invert(prior, images, recipe, key=jax.random.key(1))
    >>> result.images.shape, result.loss.shape, {name: value.shape for name, value in result.variables.items()}
    ((2, 64, 64, 3), (2,), {'alpha': (2, 2, 128), 'codes': (2, 2, 128)})
    """

    images: np.ndarray
    variables: dict[str, np.ndarray]
    loss: np.ndarray
    terms: dict[str, np.ndarray]
    step: np.ndarray
    status: np.ndarray
    history: dict[str, np.ndarray]


def result_of(solution: Solution, seen: Evaluation) -> Result:
    """A result from solutions ``[B]`` and all their evaluations ``[B, T]``, both on the host."""
    history = {"loss": np.asarray(seen.loss)} | {name: np.asarray(values) for name, values in seen.terms.items()}
    found: Any = solution
    rows = np.arange(len(found.step))
    terms = {name: history[name][rows, found.step] for name in seen.terms}
    return Result(found.image, found.variables, found.loss, terms, found.step, found.status, history)


def joined(results: Sequence[Result]) -> Result:
    """Several results as one; histories that ended early repeat their last entry up to the longest."""
    longest = max(result.history["loss"].shape[1] for result in results)
    padded = []
    for result in results:
        more = ((0, 0), (0, longest - result.history["loss"].shape[1]))
        history = {name: np.pad(values, more, mode="edge") for name, values in result.history.items()}
        padded.append(result._replace(history=history))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *padded)


def by_loss(result: Result, count: int) -> Result:
    """The samples of ``count`` images on an axis of their own, the least loss first; those without one last."""
    split = jax.tree.map(lambda leaf: leaf.reshape(count, -1, *leaf.shape[1:]), result)
    order = np.argsort(np.where(np.isfinite(split.loss), split.loss, np.inf), axis=1, kind="stable")
    images = np.arange(count)[:, None]
    return jax.tree.map(lambda leaf: leaf[images, order], split)
