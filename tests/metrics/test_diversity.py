import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import metrics
from gprior_jax.metrics.diversity import random_pairs

KEY = jax.random.key(0)
diversity = jax.jit(metrics.ms_ssim_diversity, static_argnums=2)
ms_ssim = jax.jit(metrics.ms_ssim)


def images(spread, number=6):
    rng = np.random.default_rng(0)
    base, own = rng.random((24, 24, 3)), rng.random((number, 24, 24, 3))
    return jnp.asarray((1 - spread) * base + spread * own, jnp.float32)


def test_mean_over_all_pairs_of_a_small_set():
    x = images(0.5, 4)
    wanted = np.mean([ms_ssim(x[i], x[j]) for i in range(4) for j in range(i)])
    assert float(diversity(x, KEY)) == pytest.approx(float(wanted), abs=1e-5)


def test_mean_over_the_drawn_pairs_of_a_large_set():
    x = images(0.5)
    chosen = np.asarray(random_pairs(KEY, 6, 5))
    wanted = np.mean([ms_ssim(x[i], x[j]) for i, j in chosen])
    found = diversity(x, KEY, 5)
    assert float(found) == pytest.approx(float(wanted), abs=1e-5)


def test_lower_is_more_diverse():
    found = [float(diversity(images(spread, 4), KEY)) for spread in (0, 0.3, 0.6, 1)]
    assert found[0] == pytest.approx(1, abs=1e-5)
    assert found == sorted(found, reverse=True)


def test_pairs_are_of_two_images_and_reach_all():
    chosen = np.asarray(random_pairs(KEY, 50, 1000))
    assert chosen.shape == (1000, 2)
    assert (chosen[:, 0] != chosen[:, 1]).all()
    assert set(chosen.ravel()) == set(range(50))


def test_too_few_images_are_told():
    with pytest.raises(ValueError, match="two images"):
        metrics.ms_ssim_diversity(jnp.zeros((1, 24, 24, 3)), KEY)
    with pytest.raises(ValueError, match="smaller than the window"):
        metrics.ms_ssim_diversity(jnp.zeros((3, 8, 8, 3)), KEY)
