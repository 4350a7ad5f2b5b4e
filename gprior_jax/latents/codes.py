"""Latent codes as variables: one, or several composed at a layer."""

import dataclasses
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.generators import styles
from gprior_jax.generators.base import Prior, check_label, check_layer, map_code, run_layers
from gprior_jax.latents.parametrization import Variables
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class Z:
    """One latent code: ``{"z": [z_dim]}``, started from the prior's distribution.

    Attributes:
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
    """

    remat: bool = False

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` for a conditional prior: no class is named."""
        check_label(prior, None)

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

    Of a style-based generator, G1 of a code takes the code's own styles, and the later layers take one set of styles,
    see ``later_styles``.

    Attributes:
        num_codes: N.
        layer: the composing layer, 1 to the number of layers less one; in a PGGAN numbered as mGANprior does.
        average: divide the composed features by N once more, as the published code does (the paper's equation does
            not); only with it do the published learning rates mean the same.
        codes_per_call: codes that go through G1 at once; fewer take less memory and more time. None takes all.
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
        space: what the codes are: ``"z"``, or ``"w"`` of a style-based generator, started from mapped random codes.
        later_styles: styles of the layers from ``layer`` on, of a style-based generator: ``"mean"`` over the codes',
            ``"weighted"`` (variable ``"style_weights": [N]``, from 1 / N), or ``"free"`` (variable ``"styles":
            [num_styles - layer, w_dim]``, from the mean).
    """

    num_codes: int
    layer: int
    average: bool = False
    codes_per_call: int | None = None
    remat: bool = False
    space: Literal["z", "w"] = "z"
    later_styles: Literal["mean", "weighted", "free"] = "mean"

    def __post_init__(self):
        if self.num_codes < 1:
            raise ValueError(f"num_codes {self.num_codes}: use at least one code.")
        if self.codes_per_call is not None and (self.codes_per_call < 1 or self.num_codes % self.codes_per_call):
            raise ValueError(
                f"codes_per_call {self.codes_per_call} must divide num_codes {self.num_codes} into whole groups."
            )

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` for a layer or styles that the prior does not have, or a conditional prior."""
        check_label(prior, None)
        check_layer(prior, self.layer, lowest=1, highest=prior.num_layers - 1)
        if self.space != "z" or self.later_styles != "mean":
            styles.check_style_based(prior)

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw the codes; alpha is 1 / N throughout."""
        codes = prior.latent.sample(key, (self.num_codes, prior.z_dim))
        if self.space == "w":
            codes = jax.vmap(lambda z: map_code(prior, z)[0])(codes)
        channels = prior.feature_shape(self.layer)[-1]
        alpha = jnp.full((self.num_codes, channels), 1.0 / self.num_codes, jnp.float32)
        variables = {"codes": codes, "alpha": alpha} | (hint or {})
        if self.later_styles == "weighted":
            variables = {"style_weights": jnp.full(self.num_codes, 1.0 / self.num_codes)} | variables
        elif self.later_styles == "free":
            mean = self._styles(prior, variables["codes"]).mean(0)
            variables = {"styles": mean[self.layer :]} | variables
        return variables

    def _styles(self, prior: Prior, codes: Array) -> Array:
        """Styles of all codes, ``[N, num_styles, w_dim]``."""
        if self.space == "w":
            return styles.as_styles(prior, codes, "w")
        return jax.vmap(partial(map_code, prior))(codes)

    def _inputs(self, prior: Prior, variables: Variables) -> Array:
        """What the first half takes of every code: its styles, or the code itself for a generator without styles."""
        return self._styles(prior, variables["codes"]) if prior.num_styles else variables["codes"]

    def _later_styles(self, prior: Prior, variables: Variables, own: Array) -> Array | None:
        """Styles of the second half, ``[num_styles, w_dim]``; None for a generator without styles."""
        if not prior.num_styles:
            return None
        if self.later_styles == "free":
            # Those of the layers before, which are not run, only fill the place.
            return jnp.pad(variables["styles"], ((self.layer, 0), (0, 0)))
        if self.later_styles == "weighted":
            return jnp.einsum("n,nsw->sw", variables["style_weights"], own)
        return own.mean(0)

    def compose(self, prior: Prior, variables: Variables) -> Array:
        """The composed features, ``prior.feature_shape(layer)``."""
        return self._compose(prior, self._inputs(prior, variables), variables["alpha"])

    def _compose(self, prior: Prior, inputs: Array, alpha: Array) -> Array:
        """The same, of what the first half takes."""
        run = partial(run_layers, prior, stop=self.layer, remat=self.remat)
        g1 = jax.vmap(lambda own: run(None, styles=own) if prior.num_styles else run(own))

        def weighted_sum(inputs: Array, alpha: Array) -> Array:
            return jnp.einsum("n...c,nc->...c", g1(inputs), alpha)

        if self.codes_per_call is None or self.codes_per_call == self.num_codes:
            composed = weighted_sum(inputs, alpha)
        else:
            composed = _sum_in_groups(weighted_sum, inputs, alpha, self.codes_per_call)
        return composed / self.num_codes if self.average else composed

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the composed features."""
        inputs = self._inputs(prior, variables)  # Both halves take them: codes are mapped once.
        composed = self._compose(prior, inputs, variables["alpha"])
        later = self._later_styles(prior, variables, inputs)
        return run_layers(prior, composed, start=self.layer, remat=self.remat, styles=later)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """None."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """Alpha is free: no sign, sum or norm is imposed, as in the published code."""
        return variables


def _sum_in_groups(weighted_sum, inputs: Array, alpha: Array, size: int) -> Array:
    """Sum over groups of codes, one after the other; a group's activations are recomputed in the backward pass."""
    groups = tuple(x.reshape(-1, size, *x.shape[1:]) for x in (inputs, alpha))
    shape = jax.eval_shape(weighted_sum, groups[0][0], groups[1][0])
    step = jax.checkpoint(lambda total, group: (total + weighted_sum(*group), None))
    return jax.lax.scan(step, jnp.zeros(shape.shape, shape.dtype), groups)[0]
