"""Channel weights on an orthonormal basis: the same images and variables, better conditioned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior
from encoders.toys import toy_encoder

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.errors import ArgumentError
from gprior_jax.latents import AS_THEY_ARE, ChannelWeights, MeasuredWeights, MultiCode, WPlus
from gprior_jax.latents.basis import inverse_root
from latents.priors import plain_prior, styled_prior, tiny_prior

PRIOR = plain_prior()
WEIGHTS = ChannelWeights()
CASES = {
    "plain": (MultiCode(4, 2), PRIOR),
    "average": (MultiCode(4, 3, average=True), PRIOR),
    "groups": (MultiCode(4, 2, codes_per_call=2), PRIOR),
    "uneven groups": (MultiCode(6, 1, codes_per_call=3), tiny_prior()),
    "styles": (MultiCode(4, 2), styled_prior()),
    "w": (MultiCode(3, 2, space="w"), styled_prior()),
}


def started(name: str):
    parametrization, prior = CASES[name]
    drawn = parametrization.init(prior, jax.random.key(0))
    variables = drawn | {"alpha": drawn["alpha"] * (1 + jnp.asarray(normal(1, *drawn["alpha"].shape)))}
    return parametrization, prior, variables, *WEIGHTS.begin(parametrization, prior, variables)


@pytest.mark.parametrize("name", CASES)
def test_begin_and_end_are_inverse(name):
    _, _, variables, coordinates, constants = started(name)
    found = WEIGHTS.end(coordinates, constants)
    assert set(found) == set(variables) == {"codes", "alpha"}
    np.testing.assert_array_equal(found["codes"], variables["codes"])
    np.testing.assert_allclose(found["alpha"], variables["alpha"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_the_image_is_that_of_the_variables(name):
    parametrization, prior, _, coordinates, constants = started(name)
    moved = {"weights": coordinates["weights"] * (1 + 0.5 * jnp.asarray(normal(2, *coordinates["weights"].shape)))}
    image = WEIGHTS.render(parametrization, prior, moved, constants)
    expected = parametrization.render(prior, WEIGHTS.end(moved, constants))
    np.testing.assert_allclose(image, expected, rtol=1e-3, atol=1e-3)
    assert float(jnp.abs(image - parametrization.render(prior, started(name)[2])).max()) > 1e-3


def test_the_basis_is_orthonormal_but_for_the_damping():
    parametrization, prior = MultiCode(6, 3), random_prior("pggan")
    variables = parametrization.init(prior, jax.random.key(3))
    _, constants = ChannelWeights(1e-4).begin(parametrization, prior, variables)
    basis = np.asarray(constants["basis"], np.float64).reshape(6, -1, constants["basis"].shape[-1])
    gram = np.einsum("nxc,mxc->cnm", basis, basis)
    # What is damped is shorter than 1, by the part that was added: nothing is longer, and no two are alike.
    lengths = np.linalg.eigvalsh(gram)
    assert lengths.max() <= 1.0 + 1e-3
    features, _ = parametrization.features(prior, variables["codes"])
    plain = np.asarray(features, np.float64).reshape(6, -1, features.shape[-1])
    before = np.linalg.eigvalsh(np.einsum("nxc,mxc->cnm", plain, plain))
    assert np.median(lengths[:, 0] / lengths[:, -1]) > 10 * np.median(before[:, 0] / before[:, -1])


def test_channels_that_no_code_excites_stay_finite():
    parametrization, prior, variables, _, _ = started("plain")
    silent = jax.tree.map(jnp.zeros_like, prior.params)
    coordinates, constants = WEIGHTS.begin(parametrization, prior.replace(params=silent), variables)
    for leaf in jax.tree.leaves((coordinates, constants)):
        assert np.isfinite(leaf).all()


@pytest.mark.parametrize("size", [1, 2, 20, 60])
def test_theinverse_root_against_numpy(size):
    factor = normal(size, 5, size, 3 * size) + 3 * normal(7, 5, 1, 3 * size)  # Rows that are much alike.
    matrices = factor @ factor.transpose(0, 2, 1) + 0.01 * np.eye(size) * np.square(factor).sum((1, 2))[:, None, None]
    values, vectors = np.linalg.eigh(matrices.astype(np.float64))
    expected = np.einsum("bij,bj,bkj->bik", vectors, values**-0.5, vectors)
    found = inverse_root(jnp.asarray(matrices, jnp.float32))
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("parametrization", [WPlus(), MultiCode(2, 2, later_styles="weighted")], ids=str)
def test_others_are_refused(parametrization):
    with pytest.raises(ArgumentError, match="let the codes move"):
        WEIGHTS.check(parametrization)
    assert WEIGHTS.check(MultiCode(2, 2)) is WEIGHTS


@pytest.mark.parametrize("damping", [0.0, -1.0, float("nan"), float("inf")])
def test_damping_is_above_zero(damping):
    with pytest.raises(ArgumentError, match="damping"):
        ChannelWeights(damping)


def test_variables_as_they_are():
    prior, search = styled_prior(), WPlus(noise="free")
    variables = search.init(prior, jax.random.key(0))
    coordinates, constants = AS_THEY_ARE.fit(search, prior).begin(search, prior, variables)
    assert (coordinates, constants) == (variables, {})
    assert AS_THEY_ARE.end(coordinates, constants) == variables
    image = AS_THEY_ARE.render(search, prior, coordinates, constants)
    np.testing.assert_array_equal(image, search.render(prior, variables))
    # Of variables themselves not all are admissible.
    off = {name: 3 * value for name, value in variables.items()}
    jax.tree.map(np.testing.assert_array_equal, AS_THEY_ARE.project(search, off), search.project(off))
    assert not np.allclose(AS_THEY_ARE.project(search, off)["noise_0"], off["noise_0"])


def test_gradients_are_divided_by_the_metric():
    """Of an encoder's few directions and all others; and a preconditioner is symmetric."""
    size, few = 12, 4
    vectors, _ = np.linalg.qr(normal(1, size, size).astype(np.float64))
    stiffness = np.array([9.0, 5.0, 2.0, 1.0, 0.1])
    metric = vectors @ np.diag([*stiffness[:few], *[stiffness[few]] * (size - few)]) @ vectors.T
    module = MultiCodeEncoder(8, (4,), (8, 8, 4), layer=3, num_codes=3, z_dim=5, num_directions=few)
    directions = jnp.asarray(vectors[:, :few].T.reshape(few, 3, 4), jnp.float32)
    encoder = Encoder({"directions": directions, "stiffness": jnp.asarray(stiffness, jnp.float32)}, module)
    own = WEIGHTS.started_by(encoder)
    assert own == MeasuredWeights(metric_damping=0.33)
    gradient = normal(2, 3, 4)
    found = own.preconditioner(encoder)({"weights": jnp.asarray(gradient)})["weights"]
    damped = metric + 0.33 * np.trace(metric) / size * np.eye(size)
    np.testing.assert_allclose(found.reshape(-1), np.linalg.solve(damped, gradient.reshape(-1)), rtol=1e-4, atol=1e-5)
    assert WEIGHTS.preconditioner(encoder) is None


def test_another_encoder_has_no_metric():
    encoder = toy_encoder()
    assert WEIGHTS.started_by(encoder) is WEIGHTS
    assert AS_THEY_ARE.started_by(encoder) is AS_THEY_ARE
    assert AS_THEY_ARE.preconditioner(encoder) is None
