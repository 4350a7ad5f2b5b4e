"""The published encoder's shape; its numbers are in ``tests/converters/test_encoder.py``."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.errors import ArgumentError


@pytest.mark.parametrize(("space", "shape"), [("w_plus", (6, 5)), ("w", (5,)), ("z", (7,))])
def test_gives_a_code_of_its_space(space, shape):
    module = ResidualEncoder(16, (4, 6, 6), shape, space)
    params = module.init(jax.random.key(0), jnp.zeros(module.input_shape))["params"]
    assert "shortcut" in params["blocks_0"]
    assert "shortcut" not in params["blocks_1"]  # It does not widen.
    images = normal(1, 3, 16, 16, 3) * 0.3
    encoder = Encoder(params, module)
    batch = jax.vmap(encoder.encode)(images)[space]
    assert batch.shape == (3, *shape)
    # With the stored statistics, an image's code is its own affair.
    np.testing.assert_allclose(batch[1], encoder.encode(images[1])[space], rtol=1e-5, atol=1e-5)


def test_of_a_batch_the_codes_are_normalised_over_it():
    module = ResidualEncoder(8, (4, 6), (5,), "w")
    params = module.init(jax.random.key(0), jnp.zeros(module.input_shape))["params"]
    images = normal(1, 16, 8, 8, 3)
    codes, _ = jax.vmap(
        lambda image: module.apply({"params": params}, image, "batch", mutable=["statistics"]), axis_name="batch"
    )(images)
    np.testing.assert_allclose(np.mean(codes, 0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.std(codes, 0), 1.0, rtol=1e-3)


def test_channels_fit_the_resolution():
    with pytest.raises(ArgumentError, match=r"channels \(4, 6\): an encoder of 16 px takes those of its first layer"):
        ResidualEncoder(16, (4, 6), (5,), "w")
