"""What is said of a run that goes wrong, and when."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.training.dcgan_config import DCGANConfig
from gprior_jax.training.monitor import Monitor, diversity

FINE = {"generator": 0.9, "discriminator": 1.1, "real_right": 0.8, "fake_right": 0.7, "diversity": 0.9}
SURE = FINE | {"discriminator": 0.01, "real_right": 1.0, "fake_right": 0.998}
ALIKE = FINE | {"diversity": 0.1}


def say(rows, config=None, start=50_000):
    """Sentences with the number of the row that they came with."""
    said: list[tuple[int, str]] = []
    now = [0]
    monitor = Monitor(config or DCGANConfig(images=200_000), lambda text: said.append((now[0], text)))
    for index, row in enumerate(rows):
        now[0] = index
        monitor({"images": start + 1000 * index, "resolution": 64} | {k: f"{v:.6g}" for k, v in row.items()})
    return said


def test_nothing_is_said_of_a_run_that_is_fine():
    assert say([FINE] * 10) == []
    assert say([SURE, SURE, FINE] * 5) == []
    assert say([ALIKE, ALIKE, FINE] * 5) == []


def test_a_discriminator_that_is_sure_is_told_once():
    said = say([FINE, *[SURE] * 6])
    assert [index for index, _ in said] == [3]
    assert said[0][1] == (
        "after 53,000 images the discriminator tells 99.8% of all images apart, and the generator has lost touch: it "
        "learns little from that. If it stays so, begin again with smooth labels (label_smoothing 0.1), or more "
        "generator_steps."
    )
    # Over, and again: again told.
    assert [index for index, _ in say([*[SURE] * 4, FINE, *[SURE] * 4])] == [2, 7]


def test_advice_is_of_the_settings():
    (said,) = say([SURE] * 3, DCGANConfig(images=200_000, loss="minimax", discriminator_steps=3))
    assert "its gradient vanishes in the minimax game" in said[1]
    assert "begin again with loss nonsaturating, fewer discriminator_steps, smooth labels" in said[1]


def test_images_that_are_alike():
    said = say([FINE, *[ALIKE] * 5, FINE | {"diversity": 0.5}, FINE, *[ALIKE] * 3])
    assert [index for index, _ in said] == [3, 7, 10]
    assert "differ from those most like them by 0.10 of what real ones do: the generator repeats itself" in said[0][1]
    assert said[1][1] == "after 57,000 images drawn images differ again, by 0.90 of what real ones do."


def test_a_beginning_is_no_collapse():
    config = DCGANConfig(images=20_000)
    assert say([ALIKE] * 10, config, start=1000) == []
    assert [index for index, _ in say([ALIKE] * 19, config, start=1000)] == [11]
    # On its way, however slowly it began.
    rising = [FINE | {"diversity": 0.05 * 1.05**row} for row in range(19)]
    assert say(rising, config, start=1000) == []


def test_a_loss_that_is_no_number():
    said = say([FINE, FINE | {"generator": float("nan")}, FINE | {"generator": float("nan")}])
    assert [index for index, _ in said] == [1]
    assert "the loss of the generator is no number: begin again with a lower learning_rate" in said[0][1]


def test_rows_of_other_runs_are_passed_over():
    assert say([{"generator": 1.0, "discriminator": 0.01}] * 5) == []


def test_diversity_of_images_by_their_nearest_neighbours():
    rng = np.random.default_rng(0)
    real = jnp.asarray(rng.uniform(-1, 1, (24, 16, 16, 3)), jnp.float32)
    other = jnp.asarray(rng.uniform(-1, 1, (24, 16, 16, 3)), jnp.float32)
    assert float(diversity(other, real)) == pytest.approx(1.0, abs=0.1)
    assert float(diversity(other[jnp.arange(24) % 8], real)) == 0.0
    assert float(diversity(0.5 * other, real)) == pytest.approx(0.5, abs=0.05)
    # What differs in fine detail only is alike.
    noise = jnp.asarray(rng.choice([-1.0, 1.0], (24, 16, 8, 1, 3)), jnp.float32)
    fine = jnp.concatenate([noise, -noise], axis=3).reshape(24, 16, 16, 3)
    assert float(diversity(fine, real)) < 0.01
    gradient = jax.grad(lambda x: diversity(x, real))(other)
    assert np.isfinite(gradient).all()
