"""Roles of composed codes: what is left out, what is added, and whose channels are whose."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal
from latents.priors import plain_prior, styled_prior

from gprior_jax.latents import MultiCode
from gprior_jax.metrics import explain

N, LAYER = 3, 2


def result(prior, **options):
    """A parametrisation and variables of it."""
    parametrization = MultiCode(N, LAYER, **options).fit(prior)
    variables = parametrization.init(prior, jax.random.key(0))
    return parametrization, variables | {"alpha": jnp.asarray(normal(2, *variables["alpha"].shape))}


OPTIONS = [{}, {"average": True}]
STYLED = [{"space": "w"}, {"later_styles": "weighted"}, {"later_styles": "free", "space": "w"}]


@pytest.mark.parametrize(
    ("prior", "options"),
    [*((plain_prior(), options) for options in OPTIONS), *((styled_prior(), options) for options in STYLED)],
    ids=str,
)
def test_parts_add_up_to_the_result(prior, options):
    parametrization, variables = result(prior, **options)
    parts = explain.parts_of(prior, parametrization, variables)
    np.testing.assert_allclose(parts.features.sum(0), parametrization.compose(prior, variables), rtol=1e-4, atol=1e-5)
    image = explain.picture_of(prior, parametrization, parts, np.ones(N))
    np.testing.assert_allclose(image, parametrization.render(prior, variables), rtol=1e-3, atol=1e-4)


def test_channels_left_out_are_weights_of_zero():
    prior = plain_prior()
    parametrization, variables = result(prior)
    parts = explain.parts_of(prior, parametrization, variables)
    entries = explain.carried(variables["alpha"])
    assert 0 < int(entries.sum()) < entries.size
    draw = partial(explain.picture_of, prior, parametrization, parts)
    found = jax.jit(jax.vmap(draw))(explain.without_each(entries))
    for code in range(N):
        alpha = np.array(variables["alpha"])
        alpha[code, alpha[code] > 0.2] = 0.0
        wanted = parametrization.render(prior, variables | {"alpha": alpha})
        np.testing.assert_allclose(found[code], wanted, rtol=1e-3, atol=1e-4)


def test_rows_of_a_batch_are_their_own():
    """Of sizes that jaxlib 0.10.2 sums wrongly on a CPU if the product is written out."""
    features = jnp.asarray(normal(0, 20, 16, 16, 128))
    kept = normal(1, 4, 20, 128)
    draw = partial(explain._composed, explain.Parts(features, None))
    wanted = np.einsum("nhwc,tnc->thwc", features, kept)
    np.testing.assert_allclose(jax.jit(jax.vmap(draw))(kept), wanted, rtol=1e-3, atol=1e-4)
    by_code = np.einsum("nhwc,tn->thwc", features, kept[..., 0])
    np.testing.assert_allclose(jax.jit(jax.vmap(draw))(kept[..., 0]), by_code, rtol=1e-3, atol=1e-4)


def test_contributions_are_derivatives():
    prior = plain_prior()
    parametrization, variables = result(prior)
    parts = explain.parts_of(prior, parametrization, variables)
    add = jax.jit(jax.vmap(partial(explain.contribution, prior, parametrization, parts)))
    found, alpha = np.asarray(add(np.eye(N))), variables["alpha"]
    for code in range(N):
        own = jnp.zeros_like(alpha).at[code].set(alpha[code])
        _, slope = jax.jvp(lambda a: parametrization.render(prior, variables | {"alpha": a}), (alpha,), (own,))
        np.testing.assert_allclose(found[code], slope, rtol=1e-3, atol=1e-4 * float(np.abs(slope).max()))


def test_differences_are_of_what_is_seen():
    image, other = np.full((1, 1, 2), 1.5), np.array([[[3.0, 0.5]]])
    np.testing.assert_allclose(explain.difference(image, other), [[0.25]])


def test_maps_of_the_same_place_are_alike():
    left, right = np.eye(4, dtype=np.float32)[0].reshape(2, 2), np.eye(4, dtype=np.float32)[3].reshape(2, 2)
    maps = np.stack([left, 3 * left + 1, right])
    wanted = np.corrcoef(maps.reshape(3, -1))[np.triu_indices(3, 1)].mean()
    np.testing.assert_allclose(explain.similarity(maps), wanted, rtol=1e-5)
    assert np.isnan(explain.similarity(np.stack([left, np.zeros((2, 2))])))


def test_channels_belong_to_codes():
    features = np.zeros((2, 2, 2, 3), np.float32)
    features[0, ..., 0], features[1, ..., 0] = 3.0, -4.0  # They cancel in part, which no share hides.
    features[1, 0, 0, 1] = 5.0
    shares = explain.channel_shares(explain.Parts(jnp.asarray(features), None))
    np.testing.assert_allclose(shares, [[0.36, 0.0, 0.0], [0.64, 1.0, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(explain.codes_a_channel(shares), [1 / (0.36**2 + 0.64**2), 1.0, 0.0], rtol=1e-6)
