"""Several codes that are spread over devices: each runs the first layers of its own, and one sum composes them."""

import dataclasses
import functools
from collections.abc import Callable

import jax
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.multi_code import MultiCode
from gprior_jax.latents.parametrization import Parametrization, Variables
from gprior_jax.typing import Array, PyTree

CODES = "codes"
"""Name of the mesh axis."""

OF_CODES = ("codes", "alpha", "style_weights")
"""Variables with a leading axis of codes."""

_OF_WEIGHTS = ("weights", "basis")
"""Those of :class:`gprior_jax.latents.ChannelWeights` and of its constants."""

_EVERYWHERE, _APART = PartitionSpec(), PartitionSpec(CODES)


@dataclasses.dataclass(frozen=True)
class SplitCodes(MultiCode):
    """:class:`MultiCode`, whose codes are split over the axis ``codes`` of a mesh.

    The variables are those of :class:`MultiCode`, whole to everything outside (an optimiser, a penalty), and so are its
    results but for the order of a sum. Every device of the axis runs the first layers for N / D of the codes; what the
    codes compose is added up over the axis, and so are the later layers' styles, of priors with styles. What comes
    after, every device of the axis does. In the backward pass nothing is sent: the gradient of the sum is known
    everywhere, and a code's is that of its device. (A class that moves belongs to all codes: its gradient is added up.)

    Made by :func:`split`.

    Attributes:
        mesh: of Auto axes, one of them ``codes``.
    """

    mesh: AbstractMesh = dataclasses.field(kw_only=True)

    def _added(self, function: Callable[..., PyTree], arguments: tuple, specs: tuple) -> PyTree:
        """The sum over the axis of codes of what every device of it makes of its own.

        The sum is left to the partitioner, so that its transpose is a broadcast: nothing is sent back.
        """
        parts = self._apart(lambda *own: jax.tree.map(lambda leaf: leaf[None], function(*own)), specs, _APART)
        return jax.tree.map(lambda leaf: leaf.sum(0), parts(*arguments))

    def _apart(self, function: Callable[..., PyTree], takes: PyTree, gives: PyTree) -> Callable[..., PyTree]:
        """A function of every device's own codes; images stay with the partitioner."""
        apart = functools.partial(jax.shard_map, mesh=self.mesh, axis_names={CODES}, check_vma=False)
        return apart(function, in_specs=takes, out_specs=gives)

    def _halfway(self, prior: Prior, variables: Variables) -> tuple[Array, Array | None]:
        specs = {name: _APART if name in OF_CODES else _EVERYWHERE for name in variables}
        composed, styles = self._added(super()._halfway, (prior, variables), (_EVERYWHERE, specs))
        if self.later_styles == "free":  # Of no code.
            styles = self._later(prior, variables, variables["codes"])
        return composed, styles

    def composed_of(self, features: Array, alpha: Array) -> Array:
        """See :meth:`MultiCode.composed_of`."""
        return self._added(super().composed_of, (features, alpha), (_APART, _APART))

    def features(self, prior: Prior, codes: Array) -> tuple[Array, Array | None]:
        """See :meth:`MultiCode.features`; those of a code are on its device."""

        def own(prior: Prior, codes: Array) -> tuple[Array, Array | None]:
            features, styles = features_of(prior, codes)
            return features, None if styles is None else styles[None]

        features_of = super().features
        features, styles = self._apart(own, (_EVERYWHERE, _APART), _APART)(prior, codes)
        return features, None if styles is None else styles.sum(0)

    def channelwise(self, array: Array) -> Array:
        """An array ``[C, N, ...]``, of which every device takes all codes of some channels."""
        return jax.lax.with_sharding_constraint(array, NamedSharding(self.mesh, _APART))

    def split_axis(self, path: tuple, shape: tuple[int, ...]) -> int | None:
        """Which axis of an array ``[rows, ...]`` of a state is split over devices, if one is, by its path.

        A wrong guess costs time alone: what is computed does not depend on where arrays lie.
        """
        named = {getattr(key, "key", None) for key in path}
        if named & {*OF_CODES, *_OF_WEIGHTS} and self.num_codes in shape[1:]:
            return shape.index(self.num_codes, 1)
        # A matrix for every channel, see ``channelwise``.
        return 1 if "whitening" in named and shape[1] % self.mesh.shape[CODES] == 0 else None


def split(parametrization: Parametrization, mesh: Mesh) -> Parametrization:
    """A parametrisation whose codes are split over a mesh, where this has an axis for them.

    Raises:
        ArgumentError: it is no MultiCode, or has a number of codes that the axis does not divide.

    >>> split(MultiCode(4, 2), jax.make_mesh((1, 1), ("images", "codes"))).num_codes
    4
    """
    if CODES not in mesh.axis_names:
        return parametrization
    devices = mesh.shape[CODES]
    if type(parametrization) is not MultiCode:  # One of a user's that derives from it may compose in another way.
        raise ArgumentError(
            f"the axis codes of {devices} devices splits the codes of MultiCode, not {type(parametrization).__name__}: "
            "spread images alone."
        )
    count, at_once = parametrization.num_codes, parametrization.codes_per_call
    if count % devices:
        below, above = count // devices * devices, -(-count // devices) * devices
        raise ArgumentError(
            f"{count} codes cannot be split evenly over the {devices} devices of the axis codes: take "
            f"{f'{below} or {above}' if below else above} codes, or another number of devices."
        )
    own = count // devices
    if at_once is not None and own > at_once and own % at_once:
        raise ArgumentError(f"codes_per_call {at_once} must divide the {own} codes of each device into whole groups.")
    fields = {field.name: getattr(parametrization, field.name) for field in dataclasses.fields(MultiCode)}
    return SplitCodes(**fields, mesh=mesh.abstract_mesh)
