"""F(4x4, 3x3), and F(2x2, 3x3) in its three forms, against sums in double precision: values, gradients, and theirs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import winograd, winograd2

SIDES = [(6, 6), (3, 3), (7, 4), (18, 10), (5, 13), (23, 18)]
"""Of padded images: outputs of whole tiles, of one pixel, and of any sides; two of them are few, more, and many."""

both = pytest.mark.parametrize("form", [winograd, winograd2], ids=["4x4", "2x2"])


def exact(x, kernel):
    """Convolution of padded images, ``[B, H + 2, W + 2, I]``, in float64."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    height, width = x.shape[1] - 2, x.shape[2] - 2
    return sum(
        np.einsum("bhwi,io->bhwo", x[:, r : r + height, c : c + width], kernel[r, c])
        for r in range(3)
        for c in range(3)
    )


def convolved(form, x, kernel):
    return jax.vmap(form.convolve_padded, (0, None))(x, form.prepare(kernel))


@both
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_values_and_gradients(form, sides):
    """Of which the exact ones are sums of products as well."""
    x, kernel = normal(0, 2, *sides, 40), normal(1, 3, 3, 40, 33)
    dy = normal(2, 2, sides[0] - 2, sides[1] - 2, 33)
    y, pull = jax.vjp(partial(convolved, form), jnp.asarray(x), jnp.asarray(kernel))
    around = np.pad(dy, ((0, 0), (2, 2), (2, 2), (0, 0)))
    of_x = exact(around, kernel[::-1, ::-1].swapaxes(2, 3))
    height, width = dy.shape[1:3]
    of_kernel = [
        [np.einsum("bhwi,bhwo->io", x[:, r : r + height, c : c + width], dy, dtype=np.float64) for c in range(3)]
        for r in range(3)
    ]
    for actual, wanted in zip((y, *pull(jnp.asarray(dy))), (exact(x, kernel), of_x, of_kernel), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=3e-5 * np.abs(wanted).max())


@both
def test_gradients_of_gradients(form):
    """As R1 takes them: by the kernel, of the gradient by the images."""
    x, kernel = jnp.asarray(normal(0, 2, 8, 9, 3)), jnp.asarray(normal(1, 3, 3, 3, 4))

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def penalty(function):
        def of_images(x, kernel):
            return jnp.sum(jnp.sin(function(x, kernel)))

        return lambda kernel: jnp.sum(jnp.square(jax.grad(of_images)(x, kernel)))

    found, wanted = (jax.value_and_grad(penalty(f))(kernel) for f in (partial(convolved, form), plain))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def test_no_matrix_unit_rounds_the_transforms():
    """Of rows, as products with constant matrices; the product of windows and kernel is what layers are anywhere."""
    made = str(jax.make_jaxpr(winograd2._by_matrices)(normal(0, 6, 6, 3), normal(1, 4, 4, 3, 2)))
    assert made.count("dot_general[") == 3
    assert made.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") == 2


def test_transforms_are_each_others_transposes():
    """What the gradients are written with, against JAX's of what the forward pass is written with."""
    x, t = jnp.asarray(normal(0, 1, 12, 2)), [jnp.asarray(normal(i, 1, 2, 2)) for i in range(1, 7)]
    pulled = jax.linear_transpose(lambda x: winograd._inputs(x, 1), x)(t)[0]
    np.testing.assert_allclose(winograd._spread(t, 1), pulled, rtol=1e-5, atol=1e-5)
    y = jnp.asarray(normal(7, 1, 8, 2))
    pulled = jax.linear_transpose(lambda m: winograd._outputs(m, 1), t)(y)[0]
    for a, b in zip(winograd._gradients(y, 1), pulled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
