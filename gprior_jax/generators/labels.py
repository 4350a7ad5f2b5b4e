"""Classes of generators that have some."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.typing import Array, ArrayLike, Key

_TOLD = 4
"""Labels that a message has."""


def check_label(prior: Prior, label: Any) -> None:
    """Raise ``ValueError`` unless a label is given exactly where the generator has classes to choose from."""
    if label is None and prior.num_classes:
        raise ArgumentError(f"{prior} is conditional: give a label, a class from 0 to {prior.num_classes - 1}.")
    if label is not None and prior.label is not None:
        raise ArgumentError(f"{prior} is held to a class: leave label=None, or free it with prior.replace(label=None).")
    if label is not None and not prior.num_classes:
        raise ArgumentError(f"{prior} has no classes: leave label=None.")


def as_labels(prior: Prior, label: ArrayLike | None, batch: tuple[int, ...]) -> Array | None:
    """One-hot labels ``[*batch, num_classes]``, or None where no label is given.

    Raises:
        ValueError: no label for a generator with classes, one for another, a class that does not exist, or a shape
            that is neither integers nor rows.
    """
    check_label(prior, label)
    if label is None:
        return None
    label, classes = jnp.asarray(label), prior.num_classes
    if jnp.issubdtype(label.dtype, jnp.integer):
        if label.shape not in ((), batch):
            raise ArgumentError(f"labels of shape {label.shape} for {batch}: give one class, or one for each.")
        if not isinstance(label, Tracer) and ((label < 0) | (label >= classes)).any():
            # Of a batch, what is wrong in it.
            outside = sorted({int(number) for number in label.ravel() if not 0 <= number < classes})
            told = label.tolist() if label.size <= _TOLD else outside[:_TOLD]
            raise ArgumentError(f"label {told}: {prior} has classes 0 to {classes - 1}.")
        label = jax.nn.one_hot(label, classes)
    elif label.shape not in ((classes,), (*batch, classes)):
        raise ArgumentError(f"labels of shape {label.shape} for {batch}: give integers or rows of {classes} numbers.")
    return jnp.broadcast_to(label, (*batch, classes))


def random_label(prior: Prior, key: Key) -> Array | None:
    """A class, all equally likely, ``[num_classes]``; None of a prior without classes, or held to one.

    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> random_label(Prior({}, StyleGAN2((4,), num_classes=3)), jax.random.key(0)).shape
    (3,)
    """
    if not prior.num_classes:
        return None
    return jax.nn.one_hot(jax.random.randint(key, (), 0, prior.num_classes), prior.num_classes)


def with_label(prior: Prior, label: ArrayLike) -> Prior:
    """A generator with classes held to one: it is used like one without, and takes no label.

    Truncation still goes towards the mean over all classes, which is what the weights hold. Held to another class than
    before it is without encoders that know that one alone, see :func:`freed`.

    Args:
        prior: a generator with classes, held to one or not.
        label: a class, an integer; or ``[num_classes]``, a mixture of classes.

    Raises:
        ValueError: the generator has no classes, or not this one.

    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> with_label(Prior({}, StyleGAN2((4,), num_classes=3)), 1).num_classes
    0
    """
    own = as_labels(dataclasses.replace(prior, label=None), label, ())
    before = prior.label
    if before is None or own is None or isinstance(before, Tracer) or isinstance(own, Tracer):
        return dataclasses.replace(prior, label=own)
    prior = prior if np.array_equal(before, own) else freed(prior)
    return dataclasses.replace(prior, label=own)


def freed(prior: Prior) -> Prior:
    """A generator held to no class, without the encoders that were trained for the class that it was held to.

    Those of styles are for all classes, as styles hold what they take of one; those of codes z are not.

    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> freed(with_label(Prior({}, StyleGAN2((4,), num_classes=3)), 1)).num_classes
    3
    """
    if prior.label is None:
        return prior
    encoder = prior.encoder
    is_of_class = encoder is not None and encoder.module.space == "z"
    return dataclasses.replace(prior, label=None, encoder=None if is_of_class else encoder, multi_encoder=None)
