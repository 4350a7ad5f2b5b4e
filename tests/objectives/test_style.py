"""The difference of style against sums in words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_vgg

from gprior_jax.objectives import Style, gram
from gprior_jax.operators import Mask
from objectives.compared import A, B, value


@pytest.fixture(scope="module")
def net():
    return random_vgg()


@pytest.fixture(scope="module")
def maps(net):
    """Features of both images."""
    return [jax.jit(net.features)(image)[0] for image in (A, B)]


def gram_in_words(features, weights=None):
    """Channel by channel, as Gatys et al. 2015 define it, over the number of cells."""
    cells = np.asarray(features, np.float64).reshape(-1, features.shape[-1])
    weights = np.ones(len(cells)) if weights is None else np.asarray(weights).reshape(-1)
    return sum(w * np.outer(c, c) for w, c in zip(weights, cells, strict=True)) / len(cells)


def test_style_compares_gram_matrices(net, maps):
    a, b = maps
    np.testing.assert_allclose(gram(a), gram_in_words(a), rtol=1e-4, atol=1e-5)
    expected = np.mean((gram_in_words(a) - gram_in_words(b)) ** 2)
    assert value(Style(net, 3.0), A, B) == pytest.approx(expected, rel=1e-3)
    # The places of features do not count: cells in another order have the same matrix.
    np.testing.assert_allclose(gram(a[::-1, ::-1]), gram(a), rtol=1e-4, atol=1e-5)


def half_weights(features):
    """Weights of mean 1 of the left half of the cells."""
    return np.repeat([2.0, 0.0], features.shape[1] // 2)[None].repeat(features.shape[0], 0)


REGION = np.zeros((16, 16, 1), np.float32)
REGION[:, :8] = 1


def test_style_of_another_image_in_a_region(net, maps):
    a, b = maps
    term = Style(net, image=jnp.asarray(A), region=jnp.asarray(REGION))
    expected = np.mean((gram_in_words(a) - gram_in_words(b, half_weights(b))) ** 2)
    assert value(term, B, 0 * B) == pytest.approx(expected, rel=1e-3)


def test_the_region_is_what_is_known_unless_one_is_given(net, maps):
    a, b = maps
    expected = np.mean((gram_in_words(a, half_weights(a)) - gram_in_words(b, half_weights(b))) ** 2)
    assert value(Style(net), A, B, Mask(REGION)) == pytest.approx(expected, rel=1e-3)
    assert value(Style(net, region=REGION), A, B) == pytest.approx(expected, rel=1e-3)
    turned = Mask(1 - REGION)
    assert value(Style(net, region=REGION), A, B, turned) == pytest.approx(expected, rel=1e-3)


def test_larger_images_are_reduced_first(net):
    reduced = [x.reshape(8, 2, 8, 2, 3).mean((1, 3)) for x in (A, B)]
    assert value(Style(net, max_side=8), A, B) == pytest.approx(value(Style(net), *reduced), rel=1e-3)


def test_summary_tells_the_image_and_the_region():
    plain = Style("default").summary()
    told = [plain, Style("default", image=A).summary(), Style("default", image=B).summary()]
    told += [Style("default", region=REGION).summary(), Style("default", region=1 - REGION).summary()]
    assert all(one != other for i, one in enumerate(told) for other in told[:i])
    assert Style("default", image=A.copy()).summary() == Style("default", image=jnp.asarray(A)).summary()
