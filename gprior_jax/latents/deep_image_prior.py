"""The weights of an untrained network as variables."""

import dataclasses
from typing import Any

import flax.traverse_util
import jax

from gprior_jax.generators.labels import check_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.latents.parametrization import Parametrization, Variables, from_hint
from gprior_jax.typing import Array, Key, Params


@dataclasses.dataclass(frozen=True)
class DeepImagePrior(Parametrization):
    """No trained prior at all: the weights of an untrained network of the same architecture are fitted to the image.

    Deep image prior (Ulyanov, Vedaldi and Lempitsky 2018, arXiv:1711.10925): the structure of the network alone, and
    stopping early, hold back noise and fill holes. It is what a pretrained prior has to beat. Variables: ``{"code":
    [z_dim]}``, which stays as it was drawn (:data:`CODE_RATE`), and the weights as ``{"weights/layer/kernel": ...}``.

    >>> import gprior_jax as gp
    >>> found = jax.jit(DeepImagePrior().init)(gp.load("builtin"), jax.random.key(0))
    >>> found["code"].shape, sum(name.startswith("weights/") for name in found) > 10
    ((128,), True)
    """

    def fit(self, prior: Prior) -> "DeepImagePrior":
        """Itself; raises ``ValueError`` for a prior with classes that is held to none."""
        check_label(prior, None)
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code and weights."""
        code_key, weights_key = jax.random.split(key)
        code = prior.latent.sample(code_key, (prior.z_dim,))
        params = prior.module.init(weights_key, code, method="init_all")["params"]
        return from_hint({"code": code} | as_variables(params), hint)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image under these weights."""
        return run_layers(dataclasses.replace(prior, params=as_params(variables), weights=None), variables["code"])


CODE_RATE = (("code", 0.0),)
"""Rates for :class:`gprior_jax.inversion.optimizer.Optimizer` that leave the code of a deep image prior as drawn."""

WEIGHTS = "weights/"
"""Prefix of the names of weights among the variables: ``weights/layer/kernel``."""


def as_variables(params: Params) -> Variables:
    """Nested weights as variables.

    >>> as_variables({"layer0": {"bias": 1}})
    {'weights/layer0/bias': 1}
    """
    flat: Any = flax.traverse_util.flatten_dict(params, sep="/")
    return {WEIGHTS + name: leaf for name, leaf in flat.items()}


def as_params(variables: Variables) -> Params:
    """The weights among variables, nested: the other way round."""
    own = {name.removeprefix(WEIGHTS): leaf for name, leaf in variables.items() if name.startswith(WEIGHTS)}
    return flax.traverse_util.unflatten_dict(own, sep="/")
