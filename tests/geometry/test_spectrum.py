import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_params

from geometry.surfaces import AT, kinked, smooth
from gprior_jax import geometry
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2


def test_ten_directions_in_25_products():
    """Of W of a prior of 32 px; its weights' spectra fall as those of trained networks do."""
    module = StyleGAN2((8, 8, 6, 4), z_dim=8, w_dim=48, mapping_layers=1, architecture="plain")
    params = random_params(module, 4)
    fall = jnp.asarray(0.8 ** np.arange(48), jnp.float32)
    params = jax.tree.map(lambda x: x * fall[:, None] if x.ndim == 2 and x.shape[0] == 48 else x, params)

    @jax.jit
    def both(function, latent):
        return geometry.jacobian(function, latent), geometry.spectrum(function, latent, 10, products=25)

    function = geometry.outputs(Prior(params, module), "w")
    jacobian, found = both(function, jax.random.normal(jax.random.key(0), (48,)))
    assert jacobian.shape == (32 * 32 * 3, 48)
    _, values, vectors = np.linalg.svd(np.asarray(jacobian, np.float64), full_matrices=False)
    np.testing.assert_allclose(found.values, values[:10], rtol=1e-5)
    assert np.abs(np.sum(np.asarray(found.directions) * vectors[:10], 1)).min() >= 0.999


def test_all_of_a_small_latent():
    """As many products as there are numbers; the last value is 0."""
    found = geometry.spectrum(lambda x: smooth(x.ravel()[:4]), jnp.append(AT, 0.0), 5)
    wanted = geometry.singular_values(geometry.metric(smooth, AT))
    np.testing.assert_allclose(found.values[:4], wanted, rtol=1e-4)
    assert found.values[4] < 1e-3 * found.values[0]
    assert np.isfinite(found.directions).all()
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(5), atol=1e-4)


@pytest.mark.parametrize("values", [(9.0, 4.0, 1.0), (2.0,) * 40, (3.0, 3.0, 1.0, 1.0), (5.0,), ()])
def test_fewer_values_than_products(values):
    """Products that leave nothing give no values of their own: 9, 4 and 1 of rank 3 are not seven times as large."""
    rng = np.random.default_rng(7)
    right = np.linalg.qr(rng.normal(size=(40, 40)))[0][:, : len(values)] * np.asarray(values)
    left = np.linalg.qr(rng.normal(size=(50, 50)))[0][:, : len(values)]
    matrix = jnp.asarray(left @ right.T, jnp.float32)
    found = geometry.spectrum(lambda x: matrix @ x, jnp.zeros(40), 5)
    np.testing.assert_allclose(
        found.values, [*values[:5], *[0.0] * (5 - len(values))], rtol=1e-5, atol=5e-3
    )  # Roots of rounding.
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(5), atol=1e-5)


def test_derivatives_where_most_of_a_latent_counts_for_nothing():
    """As of style layers that nothing takes: the derivative is that of the part that counts."""

    def padded(x):
        return smooth(x[:4])

    def total(x, function):
        return geometry.spectrum(function, x, 2).values.sum()

    found = jax.grad(total)(jnp.concatenate([AT, jnp.ones(30)]), padded)
    np.testing.assert_allclose(found[:4], jax.grad(total)(AT, smooth), rtol=1e-3)
    assert not np.asarray(found[4:]).any()
    assert np.isfinite(jax.grad(total)(jnp.zeros(6), lambda x: 0 * x)).all()


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int32, jnp.bfloat16])
def test_latents_as_numpy_has_them(kind):
    latent = np.array([1, 0, 2, 1]).astype(kind)
    found = geometry.spectrum(smooth, latent, 2)
    np.testing.assert_allclose(found.values, geometry.spectrum(smooth, jnp.array([1.0, 0.0, 2.0, 1.0]), 2).values)
    assert geometry.local_components(smooth, latent, 0.1, 2).values.dtype == jnp.float32


def differences(function, direction, step):
    """Derivative of the largest singular value along a direction, by differences in float64."""
    with jax.enable_x64(True):
        at, along = (jnp.asarray(np.asarray(x, np.float64)) for x in (AT, direction))
        tops = [np.linalg.svd(jax.jacfwd(function)(at + s * along).reshape(-1, 4), compute_uv=False)[0] for s in step]
    return (tops[1] - tops[0]) / (step[1] - step[0])


def test_derivatives_of_singular_values():
    """Exact of smooth functions; of LeakyReLU autodiff leaves the kinks out, which are all there is."""
    direction = jnp.array([1.0, -2.0, 0.5, 1.0])

    def told(function):
        first = geometry.spectrum(function, AT, 1).directions
        return jax.jvp(lambda x: geometry.stretch(function, x, first)[0], (AT,), (direction,))[1]

    wanted = differences(smooth, direction, (-1e-4, 1e-4))
    assert float(told(smooth)) == pytest.approx(wanted, rel=1e-3)
    through = jax.jvp(lambda x: geometry.spectrum(smooth, x, 1).values[0], (AT,), (direction,))[1]
    assert float(through) == pytest.approx(wanted, rel=1e-2)
    assert float(told(kinked)) == 0.0
    assert abs(differences(kinked, direction, (-0.5, 0.5))) > 0.1


def test_local_components():
    """Near a point they are the Jacobian's; far from it they see what lies beyond kinks."""
    near = geometry.local_components(smooth, AT, 1e-2, 4)
    wanted = geometry.spectrum(smooth, AT, 4)
    np.testing.assert_allclose(near.values, wanted.values, rtol=1e-3)
    assert np.abs(np.sum(near.directions * wanted.directions, 1)).min() > 0.999
    few = geometry.local_components(smooth, AT, 1e-2, 1, pairs=2, key=jax.random.key(1))
    assert few.values[0] <= near.values[0] * 1.001


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: geometry.spectrum(smooth, AT, 5), "5 directions of 4 products"),
        (lambda: geometry.spectrum(smooth, AT, 3, products=2), "3 directions of 2 products"),
        (lambda: geometry.local_components(smooth, AT, 0.1, 3, pairs=2), "3 components of 2 pairs"),
        (lambda: geometry.local_components(smooth, AT, 0.1, 3, pairs=9), "3 components of 9 pairs"),
    ],
)
def test_wrong_use(call, told):
    with pytest.raises(ValueError, match=told):
        call()
