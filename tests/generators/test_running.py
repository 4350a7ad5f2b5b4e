"""Running layers of one code: what they take beside features, in which dtype, and with recomputed blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from generators.toys import Classes, Styles, class_images, toy_prior
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import astype
from gprior_jax.generators.running import run_layers

CLASSED, STYLED = toy_prior(Classes()), toy_prior(Styles())
Z, ROW = normal(1, 4), np.eye(3, dtype=np.float32)[1]


def test_layers_of_a_class():
    features, images = class_images(CLASSED, Z[None], ROW[None])
    found = run_layers(CLASSED, Z, stop=1, label=ROW)
    np.testing.assert_allclose(found, features[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run_layers(CLASSED, found, 1, label=ROW), images[0], rtol=1e-5, atol=1e-6)
    held = with_label(CLASSED, 1)
    np.testing.assert_allclose(run_layers(held, found, 1), images[0], rtol=1e-5, atol=1e-6)


def test_a_label_is_given_where_one_is_to_be_chosen():
    features = normal(2, 2, 2, 2)
    for x, start in ((Z, 0), (features, 1)):
        with pytest.raises(ArgumentError, match="toy is conditional: give a label, a class from 0 to 2"):
            run_layers(CLASSED, x, start)
        with pytest.raises(ArgumentError, match="toy is held to a class: leave label=None"):
            run_layers(with_label(CLASSED, 1), x, start, label=ROW)
    with pytest.raises(ArgumentError, match="toy has no classes"):
        run_layers(STYLED, Z, label=ROW)


def test_what_is_too_much():
    plain = random_prior("pggan")
    with pytest.raises(ArgumentError, match="tiny pggan has no classes"):
        run_layers(plain, normal(1, 8), label=ROW)
    with pytest.raises(ArgumentError, match="tiny pggan has no styles"):
        run_layers(plain, normal(1, 8), styles=normal(2, 2, 3))
    with pytest.raises(ArgumentError, match="label belongs to codes: styles are made with it"):
        run_layers(STYLED, None, styles=normal(2, 2, 3), label=ROW)


def test_later_layers_need_styles():
    for x, start in ((normal(2, 2, 2, 2), 1), (None, 0)):
        with pytest.raises(ArgumentError, match=f"layer {start} of toy needs styles: give those of the codes"):
            run_layers(STYLED, x, start)


def test_words_for_noise_are_ignored_where_layers_take_none():
    """Methods say ``noise="none"`` for any prior with styles; what is asked of a user is in synthesis."""
    np.testing.assert_array_equal(run_layers(CLASSED, Z, label=ROW, noise="none"), run_layers(CLASSED, Z, label=ROW))


def test_all_that_is_given_has_the_dtype_of_the_weights():
    prior = astype(toy_prior(Classes(noisy=True)), "bfloat16")
    noise = (np.ones((2, 2), np.float32), np.zeros((4, 4), np.float32))
    assert run_layers(prior, Z, label=ROW, noise=noise).dtype == jnp.bfloat16
    assert run_layers(astype(STYLED, "bfloat16"), None, styles=normal(3, 2, 3)).dtype == jnp.bfloat16


def test_remat_recomputes_blocks():
    prior, z = random_prior("pggan"), normal(1, 8)

    def loss(z, remat):
        return jnp.sum(run_layers(prior, z, remat=remat) ** 2)

    def remats(stop):
        jaxpr = jax.make_jaxpr(lambda z: run_layers(prior, z, stop=stop, remat=True))(z)
        return sum(e.primitive.name.startswith("custom_vjp_call") for e in jaxpr.eqns)

    # Blocks end where the size changes: 4, 8 and 16 pixels. What each saves is measured in tests/nn/test_recompute.py.
    assert [remats(stop) for stop in (2, 3, 5, 7)] == [1, 2, 3, 3]
    values, expected = jax.jit(lambda z: [jax.value_and_grad(loss)(z, remat) for remat in (True, False)])(z)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), values, expected)
