"""Codes that are split over devices render what they render together, and so do their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import image_mesh, replicate
from gprior_jax.latents import MultiCode, Z
from gprior_jax.latents.split_codes import SplitCodes, split
from latents.priors import conditional_prior, plain_prior, styled_prior

MESH = image_mesh((1, 4))
KEY = jax.random.key(0)


def apart(parametrization: MultiCode) -> SplitCodes:
    found = split(parametrization, MESH)
    assert isinstance(found, SplitCodes)
    return found


@pytest.mark.parametrize(
    ("prior", "parametrization"),
    [
        (plain_prior(), MultiCode(8, 2, average=True, codes_per_call=1, remat=True)),
        (styled_prior(), MultiCode(4, 1)),
        (styled_prior(), MultiCode(4, 1, space="w", later_styles="weighted")),
        (styled_prior(), MultiCode(4, 1, later_styles="free")),
        (conditional_prior(), MultiCode(4, 1, free_label=True)),
    ],
    ids=["plain", "mean", "weighted", "free", "class"],
)
def test_values_and_gradients(prior, parametrization):
    """Of every variable, those of no code too; the sum over 8 codes is one of 4 sums of 2, in float32."""

    def loss(parametrization, values):
        image = parametrization.render(prior, values)
        return jnp.sum(image * normal(3, *image.shape))

    values = parametrization.init(prior, KEY)
    values["alpha"] = jnp.asarray(normal(2, *values["alpha"].shape))
    wanted, found = (
        jax.jit(jax.value_and_grad(loss, 1), static_argnums=0)(each, replicate(MESH, values))
        for each in (parametrization, apart(parametrization))
    )
    for name, gradient in (wanted[1] | {"": wanted[0]}).items():
        scale = float(jnp.abs(gradient).max())
        np.testing.assert_allclose((found[1] | {"": found[0]})[name], gradient, atol=2e-5 * scale, err_msg=name)


def test_features_stay_on_their_devices():
    whole = MultiCode(4, 1)
    codes = replicate(MESH, whole.init(styled_prior(), KEY)["codes"])
    found, styles = jax.jit(apart(whole).features)(styled_prior(), codes)
    expected, mean = whole.features(styled_prior(), codes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert styles is not None
    assert mean is not None
    np.testing.assert_allclose(styles, mean, rtol=1e-5, atol=1e-6)
    assert found.addressable_shards[0].data.shape == (1, *expected.shape[1:])


def test_what_is_split():
    assert split(Z(), image_mesh(4)) == Z()
    made = apart(MultiCode(8, 2, codes_per_call=4))
    assert (made.num_codes, made.layer, made.mesh) == (8, 2, MESH.abstract_mesh)
    with pytest.raises(ArgumentError, match=r"6 codes cannot be split evenly over the 4 devices .* 4 or 8 codes"):
        split(MultiCode(6, 2), MESH)


@pytest.mark.parametrize(
    ("names", "shape", "axis"),
    [
        (("codes",), (2, 8, 5), 1),
        (("mu", "alpha"), (2, 8, 8), 1),
        (("memory", "codes"), (2, 10, 8, 5), 2),  # Of an optimiser that keeps ten of them.
        (("row", "codes"), (2, 5), None),  # Of one that keeps sums.
        (("whitening",), (2, 12, 8, 8), 1),
        (("whitening",), (2, 6, 8, 8), None),
        (("styles",), (2, 8, 5), None),
    ],
)
def test_which_axis_is_split(names, shape, axis):
    assert apart(MultiCode(8, 2)).split_axis(tuple(map(jax.tree_util.DictKey, names)), shape) == axis
