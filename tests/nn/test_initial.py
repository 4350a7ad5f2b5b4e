import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gprior_jax.nn import initial

KEY = jax.random.key(0)
SHAPES = [(3, 3, 40, 60), (3, 3, 60, 40), (512, 64)]


@pytest.mark.parametrize(
    ("init", "deviation", "largest"),
    [
        (initial.normal(0.02), lambda shape: 0.02, np.inf),
        (initial.he_normal(), lambda shape: np.sqrt(2 / np.prod(shape[:-1])), 2 / 0.8796),
    ],
)
def test_numbers_drawn_at_once_have_their_deviations(init, deviation, largest):
    drawn = initial.at_once(lambda key: [init(key, shape) for shape in SHAPES], KEY)
    for array, shape in zip(drawn, SHAPES, strict=True):
        assert array.shape == shape
        wanted, count = deviation(shape), array.size
        assert float(array.mean()) == pytest.approx(0.0, abs=4 * wanted / np.sqrt(count))
        assert float(array.std()) == pytest.approx(wanted, rel=4 / np.sqrt(2 * count))
        assert float(jnp.abs(array).max()) <= largest * wanted * 1.0001
    first, second = (np.asarray(array).ravel() for array in drawn[:2])
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(first.size)


@pytest.mark.parametrize("kind", ["normal", "he_normal"])
def test_one_by_one_they_are_those_of_flax(kind):
    args = (0.5,) if kind == "normal" else ()
    shape = (3, 3, 4, 8)
    wanted = getattr(nn.initializers, kind)(*args)(KEY, shape, jnp.float32)
    np.testing.assert_allclose(getattr(initial, kind)(*args)(KEY, shape), wanted, rtol=1e-6)


def test_after_a_failure_numbers_are_drawn_one_by_one_again():
    def fails(key):
        initial.normal(1.0)(key, (2,))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        initial.at_once(fails, KEY)
    np.testing.assert_array_equal(initial.normal(1.0)(KEY, (2,)), jax.random.normal(KEY, (2,)))
