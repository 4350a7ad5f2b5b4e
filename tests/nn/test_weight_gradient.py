"""Weight gradients of convolutions against sums in float64."""

from functools import partial

import jax
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import weight_gradient
from gprior_jax.nn.weight_gradient import contract_pixels, gradient_path, kernel_by_products, kernel_by_winograd


def oracle(x, dy, size, stride, padding):
    """Tap by tap in float64."""
    x = np.pad(np.asarray(x, np.float64), ((0, 0), *padding, (0, 0)))
    height, width = dy.shape[1:3]
    taps = [
        [
            np.einsum(
                "bhwi,bhwo->io",
                x[:, a : a + stride * (height - 1) + 1 : stride, b : b + stride * (width - 1) + 1 : stride],
                np.asarray(dy, np.float64),
            )
            for b in range(size[1])
        ]
        for a in range(size[0])
    ]
    return np.array(taps)


SHAPES = [
    ((4, 12, 12), (3, 3), 1, ((1, 1), (1, 1))),
    ((3, 11, 9), (3, 3), 2, ((0, 0), (0, 0))),
    ((4, 12, 8), (4, 4), 2, ((1, 1), (1, 1))),
    ((2, 6, 7), (2, 2), 1, ((1, 0), (0, 1))),
    ((2, 13, 13), (5, 3), 3, ((2, 1), (0, 2))),
    ((2, 7, 7), (1, 1), 2, ((0, 0), (0, 0))),
]


@pytest.mark.parametrize("part_bytes", [1 << 10, 1 << 30])
@pytest.mark.parametrize(("images", "size", "stride", "padding"), SHAPES)
def test_products_against_float64(monkeypatch, part_bytes, images, size, stride, padding):
    """Also where the batch is taken in parts, of one image and of all."""
    monkeypatch.setattr(weight_gradient, "_PART_BYTES", part_bytes)
    x = normal(0, *images, 5) + 0.3
    sides = [1 + (n + sum(pad) - k) // stride for n, pad, k in zip(images[1:], padding, size, strict=True)]
    dy = normal(1, images[0], *sides, 6)
    found = jax.jit(lambda x, dy: kernel_by_products(x, dy, size, stride, padding))(x, dy)
    wanted = oracle(x, dy, size, stride, padding)
    assert found.shape == (*size, 5, 6)
    assert np.abs(found - wanted).max() <= 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("part_bytes", [1 << 10, 1 << 30])
@pytest.mark.parametrize(
    ("images", "padding"),
    [((4, 12, 12), ((1, 1), (1, 1))), ((3, 11, 9), ((0, 0), (0, 0))), ((2, 6, 7), ((2, 0), (1, 3)))],
)
def test_winograd_against_float64(monkeypatch, part_bytes, images, padding):
    monkeypatch.setattr(weight_gradient, "_PART_BYTES", part_bytes)
    x = normal(0, *images, 5) + 0.3
    sides = [side + sum(pad) - 2 for side, pad in zip(images[1:], padding, strict=True)]
    dy = normal(1, images[0], *sides, 6)
    found = jax.jit(lambda x, dy: kernel_by_winograd(x, dy, padding))(x, dy)
    wanted = oracle(x, dy, (3, 3), 1, padding)
    assert found.shape == (3, 3, 5, 6)
    # The points 2 and -2 cost a digit (nn/winograd.py).
    assert np.abs(found - wanted).max() <= 5e-6 * np.abs(wanted).max()


@pytest.mark.slow
@pytest.mark.parametrize("formulation", ["products", "winograd"])
@pytest.mark.parametrize(("side", "features"), [(32, 32), (64, 32), (32, 64)])
def test_wide_layers_against_float64(side, features, formulation):
    """Sums of tens of thousands of terms keep five digits."""
    x, dy = normal(0, 16, side, side, features), normal(1, 16, side, side, features)
    x = np.where(x > 0, x, 0.2 * x)
    padding = ((1, 1), (1, 1))
    ways = {
        "products": lambda x, dy: kernel_by_products(x, dy, (3, 3), 1, padding),
        "winograd": lambda x, dy: kernel_by_winograd(x, dy, padding),
    }
    found = jax.jit(ways[formulation])(x, dy)
    wanted = oracle(x, dy, (3, 3), 1, ((1, 1), (1, 1)))
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_contracted_pixels():
    x, dy = normal(0, 2, 3, 4), normal(1, 2, 3, 5)
    np.testing.assert_allclose(contract_pixels(x, dy), np.einsum("hwi,hwo->io", x, dy), rtol=1e-5, atol=1e-5)


def test_which_layers_of_a_cpu_have_which():
    path = partial(gradient_path, platform="cpu")
    assert path(32, 32, (8, 64, 64)) == path(128, 128, (2, 16, 16)) == path(32, 64, (1, 23, 23)) == "winograd"
    assert path(128, 128, (1, 16, 16)) == path(128, 128, (8, 4, 4)) == "xla"  # Few pixels.
    assert path(16, 16, (8, 64, 64)) == path(32, 16, (8, 32, 64)) == "winograd"
    assert path(32, 8, (8, 32, 64)) == path(32, 64, (8, 32, 32), stride=2) == path(64, 64, (8, 32, 32), size=(4, 4))
    assert path(32, 8, (8, 32, 64)) == "products"
    assert path(16, 8, (8, 64, 64)) == path(64, 128, (8, 16, 64), stride=2) == "xla"
    assert gradient_path(64, 64, (8, 64, 64), platform="gpu") == "xla"
    assert gradient_path(64, 64, (8, 64, 64)) == ("winograd" if jax.default_backend() == "cpu" else "xla")
