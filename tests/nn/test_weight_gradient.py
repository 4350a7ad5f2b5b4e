"""Weight gradients of convolutions against sums in float64."""

import jax
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import weight_gradient
from gprior_jax.nn.weight_gradient import contract_pixels, gradient_path, kernel_by_products


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


@pytest.mark.slow
@pytest.mark.parametrize(("side", "features"), [(32, 32), (64, 32), (32, 64)])
def test_wide_layers_against_float64(side, features):
    """Sums of tens of thousands of terms keep five digits."""
    x, dy = normal(0, 16, side, side, features), normal(1, 16, side, side, features)
    x = np.where(x > 0, x, 0.2 * x)
    found = jax.jit(lambda x, dy: kernel_by_products(x, dy, (3, 3), 1, ((1, 1), (1, 1))))(x, dy)
    wanted = oracle(x, dy, (3, 3), 1, ((1, 1), (1, 1)))
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_contracted_pixels():
    x, dy = normal(0, 2, 3, 4), normal(1, 2, 3, 5)
    np.testing.assert_allclose(contract_pixels(x, dy), np.einsum("hwi,hwo->io", x, dy), rtol=1e-5, atol=1e-5)


def test_products_are_for_wide_layers_on_large_maps_of_a_cpu():
    assert gradient_path(32, 16, (32, 64), platform="cpu") == "products"
    assert gradient_path(16, 16, (64, 64), platform="cpu") == "xla"
    assert gradient_path(128, 128, (16, 64), platform="cpu") == "xla"
    assert gradient_path(64, 64, (64, 64), platform="gpu") == "xla"
    assert gradient_path(64, 64, (64, 64)) == ("products" if jax.default_backend() == "cpu" else "xla")
