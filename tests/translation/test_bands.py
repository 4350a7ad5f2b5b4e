"""Pictures in bands: what a whole run gives, whatever the bands are, and without holding the largest maps."""

import jax
import numpy as np
import pytest

from gprior_jax.translation import bands
from gprior_jax.translation.bands import Bands, Kept, Pixels
from gprior_jax.translation.translator import translate
from translation.networks import NETWORKS, picture, translator

CASES = [
    *((name, "own", False) for name in NETWORKS),
    ("unet", "own", True),
    ("resnet_batch", "stored", True),
]


@pytest.mark.parametrize(("name", "statistics", "dropout"), CASES)
def test_bands_are_a_whole_run(name, statistics, dropout):
    """In bands of several rows, of which the last overlaps the one before; a grey level is 0.008 here."""
    own = translator(name)
    image = picture(35, 43, own.channels[0])
    options = {"statistics": statistics, "key": jax.random.key(3) if dropout else None}
    whole = np.asarray(translate(own, image, run="whole", **options))
    found = translate(own, image, run="bands", band_bytes=4000, **options)
    np.testing.assert_allclose(found, whole, atol=2e-5)
    assert whole.std() > 0.1


def test_bands_cover_every_row_once():
    for height, rows in ((7, 2), (8, 4), (3, 5), (10, 4)):
        counted = np.zeros(height)
        sizes = set()
        for start, stop, own in bands._bands(height, rows):
            counted[start:stop] += own
            sizes.add(stop - start)
        assert (counted == 1).all()
        assert sizes == {min(rows, height)}


def test_maps_of_the_picture_s_size_are_not_kept(monkeypatch):
    """Of the largest map that is kept every side is a half."""
    kept = []
    monkeypatch.setattr(bands, "Kept", lambda numbers: kept.append(numbers.shape[:2]) or Kept(numbers))
    own = translator("resnet")
    plan, weights = (own.module.apply({"params": own.params}, method=m) for m in ("plan", "prepare"))
    ops = Bands(plan, weights, (40, 48), band_bytes=1000)
    ops.computed(own.module.run(ops, Pixels(None, (Kept(picture(40, 48)),))))
    assert {*kept} == {(20, 24), (10, 12)}


def test_bands_of_two_rows_and_a_mean_far_from_zero():
    """The moments of many bands are put together without cancellation."""
    own = translator("resnet")
    image = (0.9 + 1e-3 * picture(35, 43)).astype(np.float32)
    whole = translate(own, image, run="whole")
    np.testing.assert_allclose(translate(own, image, run="bands", band_bytes=1), whole, atol=2e-3)
