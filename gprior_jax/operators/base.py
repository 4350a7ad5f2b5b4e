"""What an operator is, how operators follow each other, and how they get a leading axis of images."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, PyTree

T = TypeVar("T")

Forward = Callable[[Array], Array]
"""What inversion asks of an operator: a callable pytree, of one image. This package's are an :class:`Operator`."""


class Operator(Protocol):
    """What was done to an image before it was observed; a pytree whose leaves are one image's parameters."""

    @property
    def linear(self) -> bool:
        """Whether ``op(a * x + b * y) == a * op(x) + b * op(y)``."""
        ...

    @property
    def pixelwise(self) -> bool:
        """Whether pixel (i, j) of the observation depends on no pixel of the image but (i, j)."""
        ...

    @property
    def known(self) -> Array | None:
        """``[H, W, 1]``, 1 where a pixel of the observation carries information; None where all do."""
        ...

    def __call__(self, image: Array) -> Array:
        """The observation of one image ``[H, W, C]`` in [-1, 1]."""
        ...


@flax.struct.dataclass
class Identity:
    """The image itself was observed: plain inversion.

    >>> Identity()(jnp.ones((4, 4, 3))).shape
    (4, 4, 3)
    """

    linear = True
    pixelwise = True
    known = None

    def __call__(self, image: Array) -> Array:
        """Return ``image``."""
        return image


@flax.struct.dataclass
class Compose:
    """Operators one after the other, from left to right: in the order in which things happened to the image.

    Attributes:
        operators: the first is applied to the image, each other to what the one before it gave.

    >>> import gprior_jax as gp
    >>> seen = Compose((gp.operators.Luma(), gp.operators.Downsample(4)))
    >>> seen.linear, seen.pixelwise, seen(jnp.zeros((64, 64, 3))).shape
    (True, False, (16, 16, 3))
    """

    operators: tuple[Any, ...]

    @property
    def linear(self) -> bool:
        """Whether all operators are."""
        return all(operator.linear for operator in self.operators)

    @property
    def pixelwise(self) -> bool:
        """Whether all operators are."""
        return all(operator.pixelwise for operator in self.operators)

    @property
    def known(self) -> Array | None:
        """Product of the masks from the last operator on that mixes pixels: what that one gives is all observed."""
        known = None
        for operator in self.operators:
            known = known if operator.pixelwise else None
            own = operator.known
            known = own if known is None else known if own is None else known * own
        return known

    def __call__(self, image: Array) -> Array:
        """Apply all operators to one image ``[H, W, C]``."""
        for operator in self.operators:
            image = operator(image)
        return image


def compose(*operators: Operator) -> Operator:
    """One operator that applies several from left to right: ``compose(a, b)(x) == b(a(x))``.

    >>> compose() == Identity() == compose(Identity())
    True
    """
    if len(operators) == 1:
        return operators[0]
    return Compose(tuple(operators)) if operators else Identity()


def observed_shape(operator: Operator, image_shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of the observation of one image; nothing is computed.

    >>> observed_shape(Identity(), (4, 4, 3))
    (4, 4, 3)
    """
    return jax.eval_shape(operator, jax.ShapeDtypeStruct(tuple(image_shape), jnp.float32)).shape


def adjoint(operator: Operator, image_shape: Sequence[int]) -> Callable[[Array], Array]:
    """The transpose A^T of a linear operator A: ``sum(A(x) * y) == sum(x * A^T(y))``.

    Args:
        operator: one image's operator.
        image_shape: ``(H, W, C)`` of the image.

    Returns:
        A function from an observation (float32, :func:`observed_shape`) to an image ``[H, W, C]``.

    Raises:
        ValueError: the operator is not linear.

    >>> from gprior_jax.operators import Downsample
    >>> spread = adjoint(Downsample(2, "area"), (2, 2, 1))
    >>> spread(jnp.ones((1, 1, 1)))[..., 0].tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    """
    if not operator.linear:
        raise ArgumentError(f"{_name(operator)} is not linear, so it has no adjoint.")
    transpose = jax.linear_transpose(operator, jax.ShapeDtypeStruct(tuple(image_shape), jnp.float32))
    return lambda observation: transpose(observation)[0]


def _name(operator: Operator) -> str:
    if isinstance(operator, Compose):
        return f"compose({', '.join(map(_name, operator.operators))})"
    return type(operator).__name__


def broadcast(operator: T, count: int) -> T:
    """Give every leaf a leading axis of ``count`` equal entries, on the host and without copying.

    >>> broadcast(compose(Identity(), Identity()), 5)
    Compose(operators=(Identity(), Identity()))
    """
    return jax.tree.map(lambda leaf: np.broadcast_to(_on_host(leaf), (count, *np.shape(leaf))), operator)


def stack(operators: Sequence[T]) -> T:
    """Join operators of one structure, one for each image, to one whose leaves have a leading axis; on the host.

    Args:
        operators: at least one; of the same classes and static fields, with leaves of the same shapes.

    Returns:
        An operator for ``jax.vmap`` over its leaves.

    Raises:
        ValueError: there is none, or their structures or shapes differ.

    >>> import gprior_jax as gp
    >>> masks = [gp.operators.Mask(gp.operators.box_mask(8, side)) for side in (2, 4)]
    >>> both = stack(masks)
    >>> jax.vmap(lambda mask, image: mask(image))(both, jnp.ones((2, 8, 8, 3))).sum(axis=(1, 2, 3)).tolist()
    [180.0, 144.0]
    """
    if not operators:
        raise ArgumentError("there is no operator to stack: give at least one.")
    first = _layout(operators[0])
    for index, operator in enumerate(operators):
        if _layout(operator) != first:
            raise ArgumentError(
                f"operator {index} differs from operator 0 in structure: {_layout(operator)}, not {first}."
            )
    return jax.tree.map(lambda *leaves: np.stack([_on_host(leaf) for leaf in leaves]), *operators)


def _layout(operator: PyTree) -> tuple[Any, ...]:
    leaves, structure = jax.tree.flatten(operator)
    return structure, [np.shape(leaf) for leaf in leaves]


def _on_host(leaf: Any) -> np.ndarray:
    return np.asarray(leaf, jnp.result_type(leaf))  # Python's floats become float32, not float64.
