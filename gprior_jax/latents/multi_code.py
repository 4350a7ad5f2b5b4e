"""Several latent codes, composed at a layer, as variables."""

import dataclasses
from collections.abc import Collection
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior, check_layer
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, check_styles, map_code
from gprior_jax.latents.basis import projected
from gprior_jax.latents.classes import check_class, first_label, of_class
from gprior_jax.latents.composition import weighted_sum
from gprior_jax.latents.parametrization import Parametrization, Variables, from_hint
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key


def default_layer(prior: Prior) -> int:
    """Composing layer where none is named: mGANprior's 6, or six tenths of a shallower prior's layers.

    Six tenths of the five layers of a 32-px DCGAN is the best of them with 20 codes that move, or 30 as drawn
    (``benchmarks/RESULTS.md``).

    >>> import gprior_jax as gp
    >>> default_layer(gp.load("builtin")), gp.load("builtin").num_layers
    (6, 11)
    """
    return max(1, min(6, round(0.6 * prior.num_layers)))


@dataclasses.dataclass(frozen=True)
class MultiCode(Parametrization):
    """Several latent codes, composed at a layer with a weight for every code and channel (Gu et al. 2020).

    Variables: ``{"codes": [N, z_dim], "alpha": [N, C]}``, C the channels at the layer. The image is
    ``G2(sum_n alpha_n * G1(codes_n))`` with G1 the first ``layer`` layers and G2 the rest (arXiv:1912.07116,
    equations 2 and 3). Alpha starts at 1 / N (mGANprior, ``derivable_models/pggan_multi_z.py``) and is free: no sign,
    sum or norm is imposed, as in the published code.

    Where layers take styles, G1 of a code takes the code's own, and the later layers take one set of styles, see
    ``later_styles``.

    Attributes:
        num_codes: N.
        layer: the composing layer, 1 to the number of layers less one; in a PGGAN numbered as mGANprior does. None
            takes :func:`default_layer`.
        average: divide the composed features by N once more, as the published code does (the paper's equation does
            not); only with it do the published learning rates mean the same.
        codes_per_call: codes that go through G1 at once; fewer take less memory and more time. None takes all.
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
        space: what the codes are: ``"z"``, or ``"w"`` of a prior with styles, started from mapped random codes.
        later_styles: styles of the layers from ``layer`` on, of a prior with styles: ``"mean"`` over the codes',
            ``"weighted"`` (variable ``"style_weights": [N]``, from 1 / N), or ``"free"`` (variable ``"styles":
            [num_styles - layer, w_dim]``, from the mean).
        start_spread: how far the other codes lie from that of an encoder, where images start from one: at 1 they are
            drawn like any, at 0 they are that code.
        free_label: the class of codes z is a variable too, ``"label": [num_classes]``, see
            :class:`gprior_jax.latents.Z`; codes w hold a class each.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> fitted = gp.latents.MultiCode(num_codes=5).fit(prior)
    >>> fitted.layer, {name: value.shape for name, value in fitted.init(prior, jax.random.key(0)).items()}
    (6, {'codes': (5, 128), 'alpha': (5, 128)})
    """

    num_codes: int
    layer: int | None = None
    average: bool = False
    codes_per_call: int | None = saves_memory(None)
    remat: bool = saves_memory(False)
    space: Literal["z", "w"] = "z"
    later_styles: Literal["mean", "weighted", "free"] = "mean"
    start_spread: float = 1.0
    free_label: bool = False

    starts_at = ("codes",)

    def __post_init__(self):
        if self.free_label and self.space == "w":
            raise ArgumentError("codes w hold the class that they were mapped with: leave free_label out.")
        if self.num_codes < 1:
            raise ArgumentError(f"num_codes {self.num_codes}: use at least one code.")
        if self.codes_per_call is not None and (self.codes_per_call < 1 or self.num_codes % self.codes_per_call):
            raise ArgumentError(
                f"codes_per_call {self.codes_per_call} must divide num_codes {self.num_codes} into whole groups."
            )

    def fit(self, prior: Prior) -> "MultiCode":
        """Itself with a layer; raises ``ValueError`` for a layer, styles or a class that the prior does not have."""
        check_class(prior, self.free_label)
        layer = default_layer(prior) if self.layer is None else self.layer
        check_layer(prior, layer, lowest=1, highest=prior.num_layers - 1)
        if self.space != "z" or self.later_styles != "mean":
            check_styles(prior)
        return dataclasses.replace(self, layer=layer)

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw the codes; alpha is 1 / N throughout."""
        codes = prior.latent.sample(key, (self.num_codes, prior.z_dim))
        if self.space == "w":
            codes = jax.vmap(lambda z: map_code(prior, z)[0])(codes)
        channels = prior.feature_shape(self._cut)[-1]
        alpha = jnp.full((self.num_codes, channels), 1.0 / self.num_codes, jnp.float32)
        variables = from_hint({"codes": codes, "alpha": alpha} | first_label(prior, self.free_label), hint)
        if self.later_styles == "weighted":
            variables = from_hint({"style_weights": jnp.full(self.num_codes, 1.0 / self.num_codes)}, hint) | variables
        elif self.later_styles == "free":
            mean = self._inputs(of_class(prior, variables, self.free_label), variables["codes"]).mean(0)
            variables = from_hint({"styles": mean[self._cut :]}, hint) | variables
        return variables

    def encoder_of(self, prior: Prior) -> Encoder | None:
        """The prior's encoder of as many codes z at this layer, where it has one; else its other."""
        own = prior.multi_encoder
        fits = own is not None and self.space == "z" and not self.free_label and self._is_of(own)
        return own if fits else prior.encoder

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise ``ValueError`` for one of several codes, but not of as many at this layer."""
        module = encoder.module
        if isinstance(module, MultiCodeEncoder) and not self._is_of(encoder):
            raise ArgumentError(
                f"the encoder is of {module.num_codes} codes at layer {module.layer}, but {self.num_codes} at layer "
                f"{self.layer} are searched for: use its numbers, or start without."
            )

    def _is_of(self, encoder: Encoder) -> bool:
        """Whether an encoder is of as many codes at this layer."""
        module, own = encoder.module, (self.num_codes, self.layer)
        return isinstance(module, MultiCodeEncoder) and (module.num_codes, module.layer) == own

    def start_at(self, prior: Prior, key: Key, code: Variables) -> Variables:
        """Codes around one, which comes first and draws the image alone; or all of them, with their weights.

        Raises:
            ValueError: the code is not of the space of these.
        """
        if self.space == "z" and "features" in code:
            own = self.features(prior, code["codes"])[0]
            return {"codes": code["codes"], "alpha": projected(own, code["features"])}
        if self.space not in code and not (self.space == "w" and "w_plus" in code):
            held = ", ".join(f"{name} {value.shape}" for name, value in code.items())
            raise ArgumentError(f"the encoder gives {held}, but codes {self.space} are searched for: start without.")
        centre = code[self.space] if self.space in code else code["w_plus"].mean(0)
        around = prior.latent.sample(key, (self.num_codes, prior.z_dim))
        if self.space == "w":
            around = jax.vmap(lambda z: map_code(prior, z)[0])(around)
        codes = (centre + self.start_spread * (around - centre)).at[0].set(centre)
        channels = prior.feature_shape(self._cut)[-1]
        alpha = jnp.zeros((self.num_codes, channels)).at[0].set(self.num_codes if self.average else 1.0)
        return {"codes": codes, "alpha": alpha}

    def check_init(self, names: Collection[str]) -> None:
        """Raise ``ValueError`` for weights of codes without the codes."""
        weights = [name for name in ("alpha", "style_weights") if name in names]
        if weights and "codes" not in names:
            raise ArgumentError(
                f"init holds {weights[0]!r} without 'codes': weights of codes that are drawn mean nothing, give both."
            )

    def is_drawn(self, encoder: Encoder | None = None) -> bool:
        """Codes are; beside an encoder's code the others, and of an encoder of several codes none."""
        around = self.num_codes > 1 and self.start_spread > 0.0
        return encoder is None or (encoder.module.space != "codes" and around)

    @property
    def _cut(self) -> int:
        if self.layer is None:
            raise ArgumentError("the composing layer is left to the prior: call fit(prior) first.")
        return self.layer

    def _inputs(self, prior: Prior, codes: Array) -> Array:
        """What the first half takes of every code: its styles ``[N, num_styles, w_dim]``, or the code itself."""
        if self.space == "w":
            return as_styles(prior, codes, "w")
        return jax.vmap(partial(map_code, prior))(codes) if prior.num_styles else codes

    def compose(self, prior: Prior, variables: Variables) -> Array:
        """The composed features, ``prior.feature_shape(layer)``."""
        return self._halfway(of_class(prior, variables, self.free_label), variables)[0]

    def _halfway(self, prior: Prior, variables: Variables) -> tuple[Array, Array | None]:
        """The composed features of a prior held to its class, and the later layers' styles where layers take styles."""
        inputs = self._inputs(prior, variables["codes"])  # Both halves take them: codes are mapped once.
        return self._compose(prior, inputs, variables["alpha"]), self._later(prior, variables, inputs)

    def composed_of(self, features: Array, alpha: Array) -> Array:
        """Features of all codes ``[N, H, W, C]``, each channel times its weight ``[N, C]``, added up."""
        return weighted_sum(features, alpha)

    def channelwise(self, array: Array) -> Array:
        """An array ``[C, N, ...]`` of whole channels with all their codes, as it is: codes are not apart."""
        return array

    def _compose(self, prior: Prior, inputs: Array, alpha: Array) -> Array:
        """The same, of what the first half takes."""
        g1 = jax.vmap(partial(self._first_half, prior))

        def composed_of(inputs: Array, alpha: Array) -> Array:
            return weighted_sum(g1(inputs), alpha)

        size = self.codes_per_call
        if size is None or size >= len(alpha):
            composed = composed_of(inputs, alpha)
        else:
            # One group after the other; a group's activations are recomputed in the backward pass.
            groups = tuple(x.reshape(-1, size, *x.shape[1:]) for x in (inputs, alpha))
            shape = jax.eval_shape(composed_of, groups[0][0], groups[1][0])
            step = jax.checkpoint(lambda total, group: (total + composed_of(*group), None))
            composed = jax.lax.scan(step, jnp.zeros(shape.shape, shape.dtype), groups)[0]
        return composed / self.num_codes if self.average else composed

    def _first_half(self, prior: Prior, own: Array) -> Array:
        """Features of one code, of what the first half takes."""
        run = partial(run_layers, prior, stop=self._cut, remat=self.remat)
        return run(None, styles=own) if prior.num_styles else run(own)

    def features(self, prior: Prior, codes: Array) -> tuple[Array, Array | None]:
        """What every code adds at alpha 1, ``[N, *prior.feature_shape(layer)]``, and the mean of their styles."""
        inputs = self._inputs(prior, codes)
        size = self.codes_per_call or self.num_codes
        first_half = partial(self._first_half, prior)
        every = jax.vmap(first_half)(inputs) if size >= len(codes) else jax.lax.map(first_half, inputs, batch_size=size)
        return every / self.num_codes if self.average else every, self._mean(inputs) if prior.num_styles else None

    def from_composed(self, prior: Prior, composed: Array, styles: Array | None) -> Array:
        """The image of composed features, and of the later layers' styles where layers take styles."""
        return run_layers(prior, composed, start=self._cut, remat=self.remat, styles=styles)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the composed features."""
        prior = of_class(prior, variables, self.free_label)
        return self.from_composed(prior, *self._halfway(prior, variables))

    def parts(self, prior: Prior, variables: Variables) -> tuple[Array, Array | None]:
        """What every code adds to the composed features, and the later layers' styles where layers take styles.

        Returns:
            ``[N, *prior.feature_shape(layer)]``, whose sum over N :meth:`compose` gives, and the styles for
            :meth:`from_composed`.
        """
        prior = of_class(prior, variables, self.free_label)
        features, _ = self.features(prior, variables["codes"])
        alpha = jnp.expand_dims(variables["alpha"], tuple(range(1, features.ndim - 1)))
        return features * alpha, self._later(prior, variables, self._inputs(prior, variables["codes"]))

    def _mean(self, inputs: Array) -> Array:
        """The mean of all codes' styles."""
        return inputs.sum(0) / self.num_codes

    def _later(self, prior: Prior, variables: Variables, inputs: Array) -> Array | None:
        """Styles of the later layers, of what the first half takes of every code."""
        if self.later_styles == "free":
            # Those of the layers before, which are not run, only fill the place.
            return jnp.pad(variables["styles"], ((self._cut, 0), (0, 0)))
        if self.later_styles == "weighted":
            return jnp.einsum("n,nsw->sw", variables["style_weights"], inputs)
        return self._mean(inputs) if prior.num_styles else None
