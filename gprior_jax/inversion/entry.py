"""An image on its way into a stream."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.inversion.filming import Film
from gprior_jax.latents import Variables
from gprior_jax.operators import Forward
from gprior_jax.typing import Key

Watch = Callable[[int, dict[str, float]], bool]


class Entry(NamedTuple):
    """An image on its way into a stream.

    Attributes:
        tag: comes back with the result.
        id: the image's key is folded from it, as :func:`gprior_jax.invert` does.
        observed: ``[H, W, C]`` in [-1, 1].
        operator: forward operator; its leaves are this image's.
        init: ``{name: [...]}``, variables to start from.
        label: class, an integer or ``[num_classes]``.
        watch: called after every call of the step with the steps that the image has taken, and the scalars of its
            latest evaluation by name, of the row of least loss; True lets the image leave with the best found so far.
        film: takes pictures on the way; of one that was saved those that come after that.
        key: of a run of its own, instead of the stream's.
    """

    tag: Any
    id: int
    observed: np.ndarray
    operator: Forward | None = None
    init: Variables | None = None
    label: Any = None
    watch: Watch | None = None
    film: Film | None = None
    key: Key | None = None
