import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import metrics
from gprior_jax.images import arrays as im
from gprior_jax.metrics.fidelity import SMALLEST, fidelity


def pictures(side):
    return np.random.default_rng(0).uniform(-1, 1, (2, 2, side, side, 3)).astype(np.float32)


def test_figures_are_of_the_images_as_files_hold_them():
    images, references = pictures(12)
    found = fidelity(images, references)
    assert list(found) == ["psnr", "ssim"]
    for i in range(2):
        held, reference = (im.to_unit(x[i]) for x in (im.from_uint8(im.to_uint8(images)), references))
        assert found["psnr"][i] == pytest.approx(float(metrics.psnr(held, reference)), abs=1e-4)
        assert found["ssim"][i] == pytest.approx(float(metrics.ssim(held, reference)), abs=1e-5)
    again = fidelity(im.from_uint8(im.to_uint8(images)) + 0.4 / 127.5, im.from_uint8(im.to_uint8(images)))
    assert np.isinf(again["psnr"]).all()


def test_images_that_are_too_small_for_a_window_have_no_similarity():
    assert SMALLEST["ssim"] == 11
    images, references = jnp.asarray(pictures(8))
    assert list(fidelity(np.asarray(images), np.asarray(references))) == ["psnr"]


def test_a_reference_that_is_missing_is_nan_and_the_others_stay():
    images, references = pictures(12)
    references[1, 3, 4, 0] = np.nan
    found, whole = fidelity(images, references), fidelity(images, pictures(12)[1])
    for name in ("psnr", "ssim"):
        assert np.isnan(found[name][1])
        np.testing.assert_allclose(found[name][0], whole[name][0], rtol=1e-6)
