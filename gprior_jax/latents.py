"""Latent parametrisations: the variables that are optimised, and the image that they stand for.

A parametrisation is a frozen dataclass (static and hashable) with four functions for one image:
``init(prior, key, hint) -> variables``, ``render(prior, variables) -> image``, ``penalty(prior, variables) -> {name:
scalar}`` and ``project(variables) -> variables``, applied after each update. Variables are a dict of arrays.
"""

import dataclasses
from functools import partial
from typing import Any, ClassVar, Protocol

import flax.traverse_util
import jax
import jax.numpy as jnp

from gprior_jax.generators.base import Prior, check_layer, run_layers
from gprior_jax.typing import Array, Key, Params

Variables = dict[str, Array]


class Parametrization(Protocol):
    """What the solver asks of a parametrisation, a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` if it does not fit the prior."""
        ...

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Variables to start from; entries of ``hint`` are taken as they are."""
        ...

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image ``[R, R, C]``."""
        ...

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """Named scalars to add to the objective."""
        ...

    def project(self, variables: Variables) -> Variables:
        """The nearest admissible variables."""
        ...


@dataclasses.dataclass(frozen=True)
class Z:
    """One latent code: ``{"z": [z_dim]}``, started from the prior's distribution.

    Attributes:
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
    """

    remat: bool = False

    def check(self, prior: Prior) -> None:
        """Fits every prior."""

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code."""
        return {"z": prior.latent.sample(key, (prior.z_dim,))} | (hint or {})

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image."""
        return run_layers(prior, variables["z"], remat=self.remat)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """None."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """Every code is admissible."""
        return variables


@dataclasses.dataclass(frozen=True)
class MultiCode:
    """Several latent codes, composed at a layer with a weight for every code and channel (Gu et al. 2020).

    Variables: ``{"codes": [N, z_dim], "alpha": [N, C]}``, C the channels at the layer. The image is
    ``G2(sum_n alpha_n * G1(codes_n))`` with G1 the first ``layer`` layers and G2 the rest (arXiv:1912.07116,
    equations 2 and 3). Alpha starts at 1 / N (mGANprior, ``derivable_models/pggan_multi_z.py``).

    Attributes:
        num_codes: N.
        layer: the composing layer, 1 to the number of layers less one; in a PGGAN numbered as mGANprior does.
        average: divide the composed features by N once more, as the published code does (the paper's equation does
            not); only with it do the published learning rates mean the same.
        codes_per_call: codes that go through G1 at once; fewer take less memory and more time. None takes all.
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
    """

    num_codes: int
    layer: int
    average: bool = False
    codes_per_call: int | None = None
    remat: bool = False

    def __post_init__(self):
        if self.num_codes < 1:
            raise ValueError(f"num_codes {self.num_codes}: use at least one code.")
        if self.codes_per_call is not None and (self.codes_per_call < 1 or self.num_codes % self.codes_per_call):
            raise ValueError(
                f"codes_per_call {self.codes_per_call} must divide num_codes {self.num_codes} into whole groups."
            )

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` for a layer that the prior cannot be composed at."""
        check_layer(prior, self.layer, lowest=1, highest=prior.num_layers - 1)

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw the codes; alpha is 1 / N throughout."""
        codes = prior.latent.sample(key, (self.num_codes, prior.z_dim))
        features = prior.feature_shape(self.layer)[-1]
        alpha = jnp.full((self.num_codes, features), 1.0 / self.num_codes, jnp.float32)
        return {"codes": codes, "alpha": alpha} | (hint or {})

    def compose(self, prior: Prior, variables: Variables) -> Array:
        """The composed features, ``prior.feature_shape(layer)``."""
        codes, alpha = variables["codes"], variables["alpha"]
        g1 = jax.vmap(partial(run_layers, prior, stop=self.layer, remat=self.remat))

        def weighted_sum(codes: Array, alpha: Array) -> Array:
            return jnp.einsum("n...c,nc->...c", g1(codes), alpha)

        if self.codes_per_call is None or self.codes_per_call == self.num_codes:
            composed = weighted_sum(codes, alpha)
        else:
            composed = _sum_in_groups(weighted_sum, codes, alpha, self.codes_per_call)
        return composed / self.num_codes if self.average else composed

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the composed features."""
        return run_layers(prior, self.compose(prior, variables), start=self.layer, remat=self.remat)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """None."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """Alpha is free: no sign, sum or norm is imposed, as in the published code."""
        return variables


@dataclasses.dataclass(frozen=True)
class DeepImagePrior:
    """No trained prior at all: the weights of an untrained network of the same architecture are fitted to the image.

    Deep image prior (Ulyanov, Vedaldi and Lempitsky 2018, arXiv:1711.10925): the structure of the network alone, and
    stopping early, hold back noise and fill holes. It is what a pretrained prior has to beat. Variables: ``{"code":
    [z_dim]}``, which stays as it was drawn (:data:`CODE_RATE`), and the weights as ``{"weights/layer/kernel": ...}``.
    """

    def check(self, prior: Prior) -> None:
        """Fits every prior."""

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code and weights."""
        code_key, weights_key = jax.random.split(key)
        code = prior.latent.sample(code_key, (prior.z_dim,))
        params = prior.module.init(weights_key, code, method="init_all")["params"]
        return {"code": code} | {_WEIGHTS + name: leaf for name, leaf in _flat(params).items()} | (hint or {})

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image under these weights."""
        own = {name.removeprefix(_WEIGHTS): leaf for name, leaf in variables.items() if name.startswith(_WEIGHTS)}
        params = flax.traverse_util.unflatten_dict(own, sep="/")
        return run_layers(dataclasses.replace(prior, params=params, weights=None), variables["code"])

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """None."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """All weights are admissible."""
        return variables


CODE_RATE = (("code", 0.0),)
"""Rates for :class:`gprior_jax.inversion.optimizer.Optimizer` that leave the code of a deep image prior as drawn."""

_WEIGHTS = "weights/"


def _flat(params: Params) -> Variables:
    flat: Any = flax.traverse_util.flatten_dict(params, sep="/")
    return flat


def _sum_in_groups(weighted_sum, codes: Array, alpha: Array, size: int) -> Array:
    """Sum over groups of codes, one after the other; a group's activations are recomputed in the backward pass."""
    groups = (codes.reshape(-1, size, codes.shape[-1]), alpha.reshape(-1, size, alpha.shape[-1]))
    shape = jax.eval_shape(weighted_sum, groups[0][0], groups[1][0])
    step = jax.checkpoint(lambda total, group: (total + weighted_sum(*group), None))
    return jax.lax.scan(step, jnp.zeros(shape.shape, shape.dtype), groups)[0]
