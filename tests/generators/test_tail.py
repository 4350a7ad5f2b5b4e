"""The last blocks of a generator in bands are those blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax.generators import tail
from gprior_jax.generators.prior import astype, prepare
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.tail import run_in_bands, tail_start

PGGANS = ["pggan", "pggan_winograd", "pggan_neighbour"]


def test_where_the_tail_begins(monkeypatch):
    """Maps have 128, 512 and 2048 numbers at 4, 8 and 16 px, the image 768."""
    prior, starts = random_prior("pggan"), [0, 2, 4]
    assert tail_start(prior, starts, 7) == 7  # Of any image so small.
    found = {}
    for numbers in (1025, 1024, 257, 256, 65, 64, 1):
        monkeypatch.setattr(tail, "BAND_NUMBERS", numbers)
        found[numbers] = tail_start(prior, starts, 7)
    # Layer 0 sees the whole code.
    assert found == {1025: 7, 1024: 4, 257: 4, 256: 2, 65: 2, 64: 2, 1: 2}
    assert tail_start(prior, [3, 4], 7) == 3
    assert tail_start(random_prior("dcgan"), [0, 1], 3) == 3  # Which does not tell.


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("name", PGGANS)
def test_recomputation_in_bands_changes_nothing(name, ready, monkeypatch):
    prior = random_prior(name)
    prior = prepare(prior) if ready else prior
    cut = 2
    x = normal(1, 2, *prior.feature_shape(cut))
    target = normal(2, 2, *prior.image_shape)

    def loss(params, x, remat):
        own = prior if ready else prior.replace(params=params)
        images = jax.vmap(lambda x: run_layers(own, x, cut, remat=remat))(x)
        return jnp.sum(target * images**2), images

    def gradient(remat):
        return jax.jit(jax.grad(lambda *args: loss(*args, remat), (0, 1), has_aux=True))(prior.params, x)

    expected = gradient(False)
    monkeypatch.setattr(tail, "BAND_NUMBERS", 40)
    assert "scan" in str(jax.make_jaxpr(lambda x: run_layers(prior, x, cut, remat=True))(x[0]))
    for a, b in zip(*map(jax.tree.leaves, (gradient(True), expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("numbers", [1, 100, 300, 1 << 20])
def test_bands_of_any_height(numbers, monkeypatch):
    monkeypatch.setattr(tail, "BAND_NUMBERS", numbers)
    prior = prepare(random_prior("pggan"))
    for start, stop, size in ((1, 7, 4), (3, 6, 8), (6, 7, 16)):
        x = normal(start, size, size, 8)
        expected = run_layers(prior, x, start, stop)
        np.testing.assert_allclose(run_in_bands(prior, x, start, stop), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_bands_in_half_the_precision(dtype, monkeypatch):
    """Rows beyond the picture are zeros there too: pixel norm made no numbers of them in float16."""
    prior = prepare(astype(random_prior("pggan"), dtype))
    x = normal(1, *prior.feature_shape(2)).astype(dtype)
    expected = run_layers(prior, x, 2).astype(jnp.float32)
    monkeypatch.setattr(tail, "BAND_NUMBERS", 40)
    found, gradient = jax.value_and_grad(lambda x: run_layers(prior, x, 2, remat=True).astype(jnp.float32).sum())(x)
    assert float(found) == pytest.approx(float(expected.sum()), abs=0.02 * float(jnp.abs(expected).sum()))
    assert gradient.dtype == dtype
    assert bool(jnp.isfinite(gradient).all())
