import jax
import numpy as np
import pytest

from gprior_jax import tasks
from gprior_jax.operators import Blur, gaussian_kernel
from tasks.solved import COUNT, KEY, PRIOR, SEVERAL, images, recipe, several

KERNEL = np.asarray(gaussian_kernel(0.7))


def test_a_kernel_for_every_image():
    each = np.repeat(KERNEL[None], COUNT, axis=0)
    found = tasks.deblur(PRIOR, images(), each, key=KEY, recipe=recipe("deblur"), **SEVERAL)
    np.testing.assert_array_equal(found.images, several("deblur").images)
    # Another kernel for the last changes the last alone.
    each[2] = 0.0
    each[2, 0, 0] = 1.0
    other = tasks.deblur(PRIOR, images(), each, key=KEY, recipe=recipe("deblur"), **SEVERAL)
    np.testing.assert_array_equal(other.images[:2], found.images[:2])
    assert np.abs(other.images[2] - found.images[2]).max() > 1e-3


def test_it_is_simulated_by_its_kernel():
    kernel = np.random.default_rng(0).random((3, 3)).astype(np.float32)
    degraded = jax.jit(tasks.deblurring(kernel).degrade)(images()[0], KEY)
    np.testing.assert_allclose(degraded, jax.jit(Blur(kernel).__call__)(images()[0]), atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (3,), (1, 1, 3, 3)])
def test_kernels_that_are_none(shape):
    with pytest.raises(ValueError, match=r"kernel of shape .*: give \[k, k\] or \[B, k, k\] with k odd"):
        tasks.deblur(PRIOR, images(), np.ones(shape), key=KEY)
