"""Results of runs in their photographs, from Python; the commands are tested with their own files."""

import jax
import numpy as np
import pytest
from PIL import Image

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.runs import Inversion, Paster, find_items, read_record, run
from gprior_jax.runs.pasting import Everything, keep_own_luma, photograph_of
from runs.records import SIDE, tiny_prior

RECIPE = gp.recipes.mganprior(num_codes=1, layer=0, num_steps=1, perceptual=None)


def photograph(path, size=(3 * SIDE, 2 * SIDE), seed=0):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)).save(path)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def done(tmp_path):
    """A run over one photograph: its items, and its folder."""
    items = find_items([photograph(tmp_path / "a.png")])
    out = tmp_path / "out"
    paster = Paster(out)
    run(Inversion(tiny_prior(), RECIPE, jax.random.key(0), devices=1), items, out, batch_size=1, finished=paster)
    assert (paster.remarks, paster.failed) == ([], [])
    return items, out


def test_a_run_pastes_as_it_goes(done):
    (item,), out = done
    before, after = pixels(item.source), pixels(out / "pasted" / "a.png")
    assert after.shape == before.shape
    np.testing.assert_array_equal(after[:, : SIDE // 2], before[:, : SIDE // 2])
    np.testing.assert_array_equal(after[:, -SIDE // 2 :], before[:, -SIDE // 2 :])
    assert (after[:, SIDE:-SIDE] != before[:, SIDE:-SIDE]).any(axis=-1).mean() > 0.9
    # The same by hand.
    square = im.to_uint8(read_record(out / "a.npz").image)
    (out / "by_hand.png").write_bytes(photograph_of(str(out / "a.npz")).pasted(square)[0])
    np.testing.assert_array_equal(pixels(out / "by_hand.png"), after)


def test_what_is_there_and_newer_stays(done):
    (item,), out = done
    path = out / "pasted" / "a.png"
    path.write_bytes(b"newer")
    Paster(out)(item, read_record(out / "a.npz"))
    assert path.read_bytes() == b"newer"
    path.unlink()
    Paster(out, keeper=Everything(keep_own_luma))(item, read_record(out / "a.npz"))
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels(path) @ luma - pixels(item.source) @ luma).max() < 1.1


def test_a_photograph_that_cannot_be_read_fails_alone(done):
    (item,), out = done
    (out / "pasted" / "a.png").unlink()
    item.source.write_text("no picture any more")
    paster = Paster(out)
    paster(item, read_record(out / "a.npz"))
    assert paster.failed == ["a"]
    (remark,) = paster.remarks
    assert remark.startswith(str(item.source))
    assert remark.endswith("Its result is not pasted.")
    assert not (out / "pasted" / "a.png").exists()


def test_the_photograph_of_an_inversion(done, tmp_path):
    (item,), out = done
    for source in (out, out / "a.npz"):
        assert photograph_of(str(source)) == (item.source, "center", "auto")
    np.savez(tmp_path / "codes.npz", z=np.zeros(4))
    for source in ("seed:3", tmp_path / "codes.npz", tmp_path, tmp_path / "none.npz"):
        with pytest.raises(ArgumentError, match="is no inversion of one photograph"):
            photograph_of(str(source))
    item.source.unlink()
    with pytest.raises(ArgumentError, match=r"a\.png, the photograph of .*, is not there: put it back"):
        photograph_of(str(out))
