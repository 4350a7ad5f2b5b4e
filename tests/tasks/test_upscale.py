import jax
import numpy as np
import pytest

from gprior_jax import tasks
from gprior_jax.images import arrays as im
from gprior_jax.operators import Downsample
from tasks.solved import KEY, PRIOR, images, one, recipe, reduced


def upscale(factor, **options):
    return tasks.upscale(PRIOR, reduced(factor), key=KEY, recipe=recipe("upscale"), **options)


@pytest.mark.parametrize("factor", [2, 4])
def test_it_reduces_to_its_input(factor):
    found = one("upscale") if factor == 4 else upscale(factor)
    again = jax.vmap(Downsample(factor, "bicubic"))(im.from_uint8(im.to_uint8(found.images)))
    error = np.mean((np.asarray(again) - reduced(factor)) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(10 * np.log10(4 / error), found.consistency, atol=1e-2)
    assert found.consistency.mean() > 40


def test_without_consistency_it_is_the_reconstruction():
    free, found = upscale(2, consistent=False), upscale(2)
    np.testing.assert_array_equal(free.images, np.clip(free.reconstruction, -1, 1))
    np.testing.assert_array_equal(free.reconstruction, found.reconstruction)
    assert free.consistency.mean() < found.consistency.mean()


@pytest.mark.parametrize("filter", ["area", "bilinear", "bicubic"])
def test_it_is_simulated_by_its_filter(filter):
    task = tasks.upscaling(2, filter)
    image = images()[0]
    wanted = Downsample(2, filter)(image)
    np.testing.assert_array_equal(task.degrade(image, KEY), wanted)
    np.testing.assert_array_equal(task.operator({})(image), wanted)


def test_a_factor_can_follow_from_the_images():
    task = tasks.upscaling(None, "area", resolution=8)
    for side in (1, 2, 4):
        operator = task.operator({"observed": np.zeros((3, side, side, 3))})
        np.testing.assert_array_equal(operator(images()[0]), Downsample(8 // side, "area")(images()[0]))
    with pytest.raises(ValueError, match="simulated by a given factor"):
        task.degrade(images()[0], KEY)


def test_sides_without_a_whole_factor():
    with pytest.raises(
        ValueError, match="6x6 pixels has no whole factor to the prior's 8: use squares of side 4, 2, 1"
    ):
        tasks.upscale(PRIOR, images()[:, :6, :6], key=KEY)
    with pytest.raises(ValueError, match="8x8 pixels has no whole factor"):
        tasks.upscale(PRIOR, images(), key=KEY)
    with pytest.raises(ValueError, match="2x4 pixels has no whole factor"):
        tasks.upscale(PRIOR, images()[:, :4, :2], key=KEY)
    assert tasks.enlarging_factor(PRIOR, (2, 2)) == 4
