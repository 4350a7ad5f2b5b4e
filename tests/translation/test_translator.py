"""Pictures of any size through the networks; what cannot be translated; dropout by its key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.nn.whole import Settings, dropped, kept
from gprior_jax.translation import UNetTranslator, prepare_translator, translate
from gprior_jax.translation.translator import continued
from translation.networks import NETWORKS, picture, translator


def test_pictures_are_continued_by_reflection():
    """A picture of any size is that of the size that the network takes, cut back."""
    own = prepare_translator(translator("resnet"))
    image = picture(13, 10)
    wide = np.pad(image, ((0, 3), (0, 2), (0, 0)), mode="reflect")
    found = translate(own, image)
    np.testing.assert_array_equal(found, np.asarray(translate(own, wide))[:13, :10])
    np.testing.assert_array_equal(found, translate(translator("resnet"), image))  # Which prepares its weights itself.
    assert continued(picture(2, 3), 64).shape == (64, 64, 3)
    np.testing.assert_array_equal(continued(picture(8, 16), 8), picture(8, 16))


def test_small_and_thin_pictures():
    for name, size in (("resnet", (2, 2)), ("unet_instance", (3, 30))):
        found = np.asarray(translate(translator(name), picture(*size)))
        assert found.shape == (*size, 3)
        assert np.isfinite(found).all()


def test_dropout_is_drawn_by_the_key_alone():
    own, image = translator("unet"), picture(20, 20)
    keys = (None, jax.random.key(0), jax.random.key(0), jax.random.key(1))
    plain, first, again, other = (np.asarray(translate(own, image, key=key)) for key in keys)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - plain).max() > 1e-3
    without = translator("resnet")
    np.testing.assert_array_equal(translate(without, image, key=jax.random.key(0)), translate(without, image))


def test_dropout_keeps_a_half_and_doubles_it():
    x = jnp.ones((16, 16, 32))
    mask = kept(jax.random.key(0), "up_4", x.shape)
    assert abs(float(mask.mean()) - 0.5) < 0.02
    assert {*np.unique(dropped(x, mask))} == {0.0, 2.0}
    assert (mask != kept(jax.random.key(0), "up_5", x.shape)).any()


def test_statistics_of_a_batch():
    """Batch norm over a batch: of two equal images the statistics of one, and with the unbiased variance kept."""
    module, params = NETWORKS["resnet_batch"], translator("resnet_batch").params
    image = picture(16, 16)

    @jax.jit
    def batch(images):
        def one(image):
            return module.apply({"params": params}, image, Settings(axis_name="batch"), mutable=["statistics"])

        return jax.vmap(one, axis_name="batch")(images)

    found, kept = batch(np.stack([image, image]))
    np.testing.assert_allclose(found[0], translate(translator("resnet_batch"), image), atol=1e-5)
    kept = jax.tree.map(lambda leaf: leaf[0], kept["statistics"])
    assert {*kept} == {"first", "down_0", "down_1", "block_a", "block_b", "up_0", "up_1"}
    first = params["first"]
    padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="reflect")
    map_ = jax.lax.conv_general_dilated(
        padded[None], first["kernel"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )[0].reshape(-1, 3)
    both = np.concatenate([map_, map_])
    np.testing.assert_allclose(kept["first"]["norm_mean"], both.mean(0), atol=1e-5)
    np.testing.assert_allclose(kept["first"]["norm_variance"], both.var(0, ddof=1), rtol=1e-4)
    assert kept["block_a"]["norm_mean"].shape == (1, 12)


def test_what_cannot_be_translated():
    own = translator("resnet")
    for image, options, told in (
        (picture(8, 8, 1), {}, r"resnet takes RGB pictures \[H, W, 3\], not \[8, 8, 1\]"),
        (picture(8, 8)[None], {}, "of one picture at a time"),
        (picture(1, 8), {}, "8x1 pixels is too small: resnet takes sides from 2 on"),
        (picture(8, 8), {"statistics": "stored"}, "resnet has no running statistics"),
        (picture(8, 8), {"statistics": "mine"}, "use 'own' or 'stored'"),
        (picture(8, 8), {"run": "tiles"}, "use 'auto', 'whole' or 'bands'"),
        (np.zeros((8, 8, 3), np.uint8), {}, "8-bit pixels become that"),
    ):
        with pytest.raises(ArgumentError, match=told):
            translate(own, image, **options)
    with pytest.raises(ArgumentError, match="halvings 4: a U-Net has at least 5"):
        UNetTranslator(halvings=4)
