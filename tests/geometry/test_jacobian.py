import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import AT, jacobian64, smooth
from gprior_jax import geometry

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def truth():
    return jacobian64(AT)


def test_products_against_finite_differences(truth):
    """Central differences of step 1e-6 in float64 err by about 1e-10; float32 by its rounding."""
    step, change = RNG.normal(size=4).astype(np.float32), RNG.normal(size=(5, 6, 2)).astype(np.float32)
    at = geometry.linearize(smooth, AT)
    np.testing.assert_allclose(at.output, smooth(AT))
    np.testing.assert_allclose(at.push(step).ravel(), truth @ step, rtol=0, atol=1e-5 * np.abs(truth @ step).max())
    pulled = truth.T @ change.ravel()
    np.testing.assert_allclose(at.pull(change), pulled, rtol=0, atol=1e-5 * np.abs(pulled).max())
    np.testing.assert_allclose(at.metric(step), truth.T @ (truth @ step), rtol=1e-4)


@pytest.mark.parametrize("by", ["products", "columns"])
def test_the_metric_and_its_invariants(truth, by):
    metric = jax.jit(lambda x: geometry.metric(smooth, x, by=by, batch_size=3))(AT)
    wanted = truth.T @ truth
    np.testing.assert_allclose(metric, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    values = np.linalg.svd(truth, compute_uv=False)
    np.testing.assert_allclose(geometry.singular_values(metric), values, rtol=1e-5)
    assert float(geometry.log_volume(metric)) == pytest.approx(np.log(values).sum(), rel=1e-5)
    assert float(geometry.condition_number(metric)) == pytest.approx(values[0] / values[-1], rel=1e-5)
    shares = values / values.sum()
    assert float(geometry.effective_rank(jnp.asarray(values))) == pytest.approx(
        np.exp(-shares @ np.log(shares)), rel=1e-5
    )


def test_weights_of_outputs(truth):
    mask = np.zeros((5, 6, 1), np.float32)
    mask[1:3] = 0.5
    rows = np.broadcast_to(mask, (5, 6, 2)).ravel()
    wanted = truth.T @ (rows[:, None] * truth)
    for by in ("products", "columns"):
        found = geometry.metric(smooth, AT, weights=jnp.asarray(mask), by=by)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_the_volume_s_derivative_of_a_smooth_function():
    def log_volume(x):
        return geometry.log_volume(geometry.metric(smooth, x))

    def log_volume64(x):
        return np.log(np.linalg.svd(jacobian64(x), compute_uv=False)).sum()

    found = jax.jit(jax.grad(log_volume))(AT)
    at = np.asarray(AT, np.float64)
    wanted = [(log_volume64(at + e) - log_volume64(at - e)) / 2e-4 for e in 1e-4 * np.eye(4)]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3 * np.abs(wanted).max())


def test_many_latents_of_other_shapes():
    """W+ and the like: rows of numbers, and a batch of them."""
    latents = jnp.stack([AT, -AT]).reshape(2, 2, 2)
    found = jax.vmap(lambda x: geometry.metric(lambda y: smooth(y.ravel()), x))(latents)
    np.testing.assert_allclose(found[0], geometry.metric(smooth, AT), rtol=1e-5, atol=1e-6)
    assert found.shape == (2, 4, 4)


def test_edges():
    assert geometry.log_volume(jnp.diag(jnp.array([1.0, 0.0]))) == -jnp.inf
    assert float(geometry.effective_rank(jnp.array([3.0, 0.0]))) == 1.0
    assert np.isfinite(jax.grad(geometry.effective_rank)(jnp.array([3.0, 0.0]))).all()
    with pytest.raises(ValueError, match="by='rows': use 'products' or 'columns'"):
        geometry.metric(smooth, AT, by="rows")


def test_derivatives_in_weights_of_zero(truth):
    """A mask's pixels may be learned: each counts with the square of what it does, also where it is 0 now."""
    for by in ("products", "columns"):
        found = jax.grad(lambda mask, by=by: geometry.metric(smooth, AT, weights=mask, by=by)[0, 1])(
            jnp.zeros((5, 6, 1))
        )
        wanted = (truth[:, 0] * truth[:, 1]).reshape(5, 6, 2).sum(-1, keepdims=True)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_derivatives_where_the_metric_is_singular():
    """Of a direction that changes nothing the value is 0 and stays it; the others have their own derivatives."""
    found = jax.grad(lambda m: geometry.singular_values(m)[0])(jnp.diag(jnp.array([0.0, 4.0, 0.0])))
    np.testing.assert_allclose(found, np.diag([0, 0.25, 0]), atol=1e-6)
    assert np.isfinite(jax.grad(lambda m: geometry.singular_values(m).sum())(jnp.zeros((3, 3)))).all()
