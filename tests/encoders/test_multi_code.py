"""The encoder of several codes: its shapes, and that images are apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_params

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import FeatureEncoder, MultiCodeEncoder, whole
from gprior_jax.errors import ArgumentError

MODULE = MultiCodeEncoder(16, (4, 6, 5), (8, 8, 7), layer=3, num_codes=2, z_dim=9, num_directions=3)
IMAGES = normal(1, 3, 16, 16, 3) * 0.3


@pytest.fixture(scope="module")
def encoder():
    params = random_params(MODULE, 0)
    # Variances are no weights like others.
    network = MODULE.inner().init(jax.random.key(0), jnp.zeros(MODULE.input_shape), method="init_all")["params"]
    return Encoder(params | {"network": network}, MODULE)


def test_shapes(encoder):
    assert MODULE.input_shape == (16, 16, 3)
    assert (MODULE.space, MODULE.code_shape) == ("codes", (2, 9))
    found = encoder.encode(jnp.asarray(IMAGES[0]))
    assert {name: value.shape for name, value in found.items()} == {"features": (8, 8, 7), "codes": (2, 9)}
    np.testing.assert_array_equal(found["codes"], encoder.params["codes"])
    np.testing.assert_array_equal(encoder.shared()["codes"], encoder.params["codes"])
    own = {name: value.shape for name, value in encoder.params.items() if name != "network"}
    assert own == {"codes": (2, 9), "directions": (3, 2, 7), "stiffness": (4,)}
    assert whole(**encoder.params) == encoder.params


def test_images_are_apart_and_the_codes_are_those_of_all(encoder):
    together = jax.vmap(encoder.encode)(IMAGES)
    for index, image in enumerate(IMAGES):
        alone = encoder.encode(jnp.asarray(image))
        np.testing.assert_allclose(together["features"][index], alone["features"], rtol=1e-4, atol=1e-4)
    assert float(np.abs(np.diff(together["features"], axis=0)).max(axis=(1, 2, 3)).min()) > 0.01
    np.testing.assert_array_equal(together["codes"], np.broadcast_to(encoder.params["codes"], (3, 2, 9)))


def test_the_network_is_its_own_module(encoder):
    inner = MODULE.inner()
    assert inner == FeatureEncoder(16, (4, 6, 5), (8, 8, 7))
    found = inner.apply({"params": encoder.params["network"]}, IMAGES[0])
    np.testing.assert_array_equal(found, encoder.encode(jnp.asarray(IMAGES[0]))["features"])


def test_every_block_counts_and_the_mean_is_added(encoder):
    image = jnp.asarray(IMAGES[0])
    before = encoder.encode(image)["features"]
    for name in ("first", "blocks_0", "blocks_1", "last"):
        network = encoder.params["network"] | {name: jax.tree.map(jnp.zeros_like, encoder.params["network"][name])}
        changed = encoder.replace(params=encoder.params | {"network": network}).encode(image)["features"]
        assert float(jnp.abs(changed - before).max()) > 1e-3
    network = encoder.params["network"] | {"mean": encoder.params["network"]["mean"] + 2.0}
    changed = encoder.replace(params=encoder.params | {"network": network}).encode(image)["features"]
    np.testing.assert_allclose(changed, before + 2.0, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("channels", "side"), [((4,), 8), ((4, 6), 4), ((4, 6, 8), 6)])
def test_halvings_without_channels_are_refused(channels, side):
    with pytest.raises(ArgumentError, match=f"every halving down to {side} px"):
        FeatureEncoder(16, channels, (side, side, 7))
    assert FeatureEncoder(16, (4,), (16, 16, 7)).halvings == 0
