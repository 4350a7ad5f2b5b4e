"""LPIPS among the other metrics."""

from gprior_jax.images.arrays import check_unit
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.typing import Array


def lpips(network: LPIPS, image: Array, reference: Array) -> Array:
    """Learned perceptual distance (Zhang et al. 2018, arXiv:1801.03924) of one pair ``[H, W, 3]`` in [0, 1].

    Args:
        network: what :func:`gprior_jax.zoo.load_lpips` read, prepared where it is used repeatedly.
        image: sides of at least 16 pixels with VGG-16, 31 with AlexNet.
        reference: of the same shape.

    Returns:
        A scalar, 0 for equal images.

    Raises:
        ValueError: the images differ in shape or are too small; pixels of another range.

    >>> import jax, jax.numpy as jnp
    >>> from gprior_jax.perceptual.lpips import LPIPSNetwork
    >>> module, white = LPIPSNetwork("alexnet"), jnp.ones((32, 32, 3))
    >>> params = module.init(jax.random.key(0), white, method="init_all")["params"]  # In place of converted ones.
    >>> network, distance = LPIPS(params, module), jax.jit(lpips)
    >>> float(distance(network, white, white)), bool(distance(network, white, 0.5 * white) > 0)
    (0.0, True)
    """
    check_unit(image)
    check_unit(reference, "the reference")
    return network.distance(image * 2.0 - 1.0, reference * 2.0 - 1.0)
