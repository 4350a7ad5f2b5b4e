"""What a batch of images starts from."""

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import check_range
from gprior_jax.inversion.problem import Problem
from gprior_jax.inversion.result import Result
from gprior_jax.keys import MAX_ID
from gprior_jax.latents import FIXED, Parametrization, Variables
from gprior_jax.operators import Forward
from gprior_jax.typing import Array, ArrayLike

T = TypeVar("T")


class Inputs(NamedTuple):
    """What a batch of images starts from.

    Attributes:
        ids: ``[B]``.
        observed: ``[B, H, W, C]`` in [-1, 1].
        operator: the forward operator; its leaves are ``[B, ...]``.
        hints: ``{name: [B, samples or 1, ...]}``, variables to start from.
        labels: ``[B, num_classes]``, or None.
    """

    ids: np.ndarray
    observed: np.ndarray
    operator: Forward
    hints: Variables
    labels: Array | None

    def of_next_stage(self, result: Result, samples: int) -> "Inputs":
        """The same images, from what a stage has found."""
        hints = jax.tree.map(lambda leaf: leaf.reshape(-1, samples, *leaf.shape[1:]), result.variables)
        return self._replace(hints=hints)


def checked_ids(ids: ArrayLike | None, count: int) -> np.ndarray:
    """The ids of images; their places unless given.

    >>> checked_ids(None, 3)
    array([0, 1, 2])
    """
    numbers = np.arange(count) if ids is None else np.asarray(ids)
    whole = numbers.shape == (count,) and np.issubdtype(numbers.dtype, np.integer)
    if not whole or (numbers < 0).any() or (numbers > MAX_ID).any():
        raise ArgumentError(
            f"ids must be {count} integers from 0 to {MAX_ID}, one for each image; got shape {numbers.shape}."
        )
    return numbers


def check_concrete(*arguments: Any) -> None:
    """Check that nothing is traced: an inversion compiles and runs programs of its own.

    Raises:
        ArgumentError: something is, and what can be.
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arguments)):
        raise ArgumentError(
            "an inversion runs programs of its own and takes no traced arrays: call it outside of jit, vmap and grad; "
            "gp.differentiable.implicit and unrolled can be jitted, mapped and differentiated."
        )


def checked_images(images: ArrayLike, shape: tuple[int, ...], operator: Forward | None) -> np.ndarray:
    """Images as float32, if they are what a prior of images of some shape gives through an operator."""
    observed = check_range(images)
    if not observed.ndim or not len(observed):
        raise ArgumentError("images is empty: give at least one.")
    count = len(observed)
    if bad := [leaf for leaf in jax.tree.leaves(operator) if np.shape(leaf)[:1] != (count,)]:
        raise ArgumentError(
            f"the operator has a leaf of shape {np.shape(bad[0])} for {count} images: every leaf needs a leading "
            "axis of images, see gprior_jax.operators.broadcast and stack."
        )
    if operator is not None:
        image = jax.ShapeDtypeStruct((count, *shape), jnp.float32)
        shape = jax.eval_shape(jax.vmap(lambda op, x: op(x)), operator, image).shape[1:]
    if observed.shape[1:] != shape:
        of = "" if operator is None else " observed through this operator"
        wanted = ", ".join(map(str, shape))
        raise ArgumentError(f"images of shape {observed.shape}: this prior inverts [B, {wanted}]{of}.")
    finite = np.isfinite(observed).reshape(count, -1).all(axis=1)
    if not finite.all():
        bad = ", ".join(map(str, np.flatnonzero(~finite)[:10]))
        raise ArgumentError(f"images {bad} hold NaN or infinite pixels: give finite numbers in [-1, 1].")
    return observed


def check_starts(problem: Problem, prior: Prior, init: Variables, observed: np.ndarray) -> None:
    """Check that what images start from, a hint or a code of an encoder, has the shapes of their variables.

    Raises:
        ArgumentError: it has not, or a hint lacks what it belongs to.
    """
    prior = _shapes(with_label(prior, 0) if prior.num_classes else prior)
    own = jax.eval_shape(problem.parametrization.init, prior, jax.random.key(0))
    for name, value in init.items():
        wanted = (len(observed), *own[name].shape) if name in own else (len(observed), *np.shape(value)[1:])
        if np.shape(value) != wanted:
            raise ArgumentError(f"init holds {name!r} of shape {np.shape(value)}: give {wanted}.")
    if problem.encoder is None:
        problem.parametrization.check_init(init)
    else:
        _check_encoder(problem.parametrization, problem.encoder, prior, own, observed.shape[1:])


def _check_encoder(
    parametrization: Parametrization, encoder: Encoder, prior: Prior, own: Variables, seen: tuple[int, ...]
) -> None:
    """Raise ``ValueError`` unless an encoder takes what was seen, and gives variables like one's own."""
    wanted = encoder.module.input_shape
    if seen != wanted:
        raise ArgumentError(f"the encoder takes images of shape {wanted}, and {seen} were observed: start without.")
    found = jax.eval_shape(_encoded, *_shapes((encoder, np.zeros(wanted, np.float32))))
    hint = jax.eval_shape(parametrization.start_at, prior, jax.random.key(0), found)
    if any(name not in own or own[name].shape != value.shape for name, value in hint.items()):
        gives, told = (
            ", ".join(f"{n} {v.shape}" for n, v in each.items() if not n.startswith(FIXED)) for each in (found, own)
        )
        raise ArgumentError(f"the encoder gives {gives}, but what is searched for is {told}: start without.")


def _encoded(encoder: Encoder, image: Array) -> Variables:
    return encoder.encode(image)


def _shapes(tree: T) -> T:
    """What stands for arrays, wherever these lie: the caller may have put them on another mesh than that of a run."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)
