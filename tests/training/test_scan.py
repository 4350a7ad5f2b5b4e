import json

import numpy as np
import pytest

from gprior_jax.errors import GPriorError
from gprior_jax.training import scan
from gprior_jax.training.data import ImageZip
from training.test_data import damaged_png, make_zip, noise, png

GOOD = {f"{i:02}.png": png(noise(8, 8, 3)) for i in range(30)}


def broken_zip(path, count=2):
    bad = {f"bad{i}.png": damaged_png() if i % 2 else b"no image" for i in range(count)}
    return make_zip(path / "a.zip", GOOD | bad)


class Told:
    """Keeps what it is told."""

    def __init__(self):
        self.looked: list[tuple[int, int]] = []
        self.sentences: list[str] = []

    def options(self):
        return {"progress": lambda *numbers: self.looked.append(numbers), "tell": self.sentences.append}


def test_broken_images_are_named_and_left_out(tmp_path):
    told, images = Told(), ImageZip(broken_zip(tmp_path), "all")
    scan.leave_out_broken(images, tmp_path / "run", **told.options())
    assert images.names == sorted(GOOD)
    assert told.looked[0] == (1, 32)
    assert told.looked[-1] == (32, 32)
    assert len(told.sentences) == 1
    assert told.sentences[0].startswith("2 of 32 images are broken and left out: bad0.png, bad1.png. The first: ")
    images.image(len(images) - 1, 8)


def test_what_was_found_is_remembered_as_long_as_nothing_changes(tmp_path):
    path, run, told = broken_zip(tmp_path), tmp_path / "run", Told()
    scan.leave_out_broken(ImageZip(path, "all"), run, **Told().options())
    again = ImageZip(path, "all")
    scan.leave_out_broken(again, run, **told.options())
    assert not told.looked
    assert again.names == sorted(GOOD)
    assert sorted(json.loads((run / "scan.json").read_text())["broken"]) == ["bad0.png", "bad1.png"]
    (run / "scan.json").write_text("")
    scan.leave_out_broken(ImageZip(path, "all"), run, **told.options())
    assert len(told.looked) == 32
    make_zip(path, GOOD | {"bad0.png": GOOD["00.png"], "bad1.png": b"?"})
    changed = ImageZip(path, "all")
    scan.leave_out_broken(changed, run, **told.options())
    assert len(told.looked) == 64
    assert changed.names == sorted([*GOOD, "bad0.png"])


@pytest.mark.parametrize(("count", "part"), [(6, 0.1), (1, 0.0), (2, 0.01)])
def test_too_many(tmp_path, count, part):
    images = ImageZip(broken_zip(tmp_path, count), "all")
    with pytest.raises(GPriorError, match=rf"{count} of {30 + count} images of .*a\.zip are broken, more than"):
        scan.leave_out_broken(images, max_broken=part)


def test_one_may_always_be_broken_but_not_all(tmp_path):
    images = ImageZip(make_zip(tmp_path / "a.zip", {"a.png": GOOD["00.png"], "b.png": b"?"}), "all")
    scan.leave_out_broken(images, max_broken=0.01)
    assert images.names == ["a.png"]
    with pytest.raises(GPriorError, match="1 of 1 images"):
        scan.leave_out_broken(ImageZip(make_zip(tmp_path / "b.zip", {"b.png": b"?"}), "all"))


def test_nothing_broken_is_nothing_to_tell(tmp_path):
    told, images = Told(), ImageZip(make_zip(tmp_path / "a.zip", GOOD), "all")
    scan.leave_out_broken(images, **told.options())
    assert not told.sentences
    assert len(images) == len(GOOD)
    assert np.asarray(images.picture(0)).shape == (8, 8, 3)


def test_what_is_said_of_images_is_told_once(tmp_path):
    """Data of 12 bits in files of 16, whose range is guessed of each; a range that is given is no guess."""
    rng = np.random.default_rng(0)
    deep = {f"{i}.png": png(rng.integers(0, 4096, (8, 8), np.uint16)) for i in range(3)}
    path, told, run = make_zip(tmp_path / "a.zip", deep | {"plain.png": GOOD["00.png"]}), Told(), tmp_path / "run"
    images = ImageZip(path, "all")
    scan.leave_out_broken(images, run, **told.options())
    assert len(told.sentences) == 1
    assert told.sentences[0].startswith(f"3 of 4 images like this one: {path}: 0.png: its 16-bit samples lie between")
    given = ImageZip(path, "all", value_range="12")
    scan.leave_out_broken(given, **told.options())
    assert len(told.sentences) == 1 + 1
    assert "plain.png has 8 bits a sample: the range 12 is for those of more." in told.sentences[1]
    np.testing.assert_array_equal(given.image(0, 8), images.image(0, 8))
    assert abs(int(ImageZip(path, "all", value_range="16").image(0, 8).max()) - 255 / 16) <= 1


@pytest.mark.parametrize(("colour", "channels", "said"), [(0, 3, True), (40, 3, False), (0, 1, False)])
def test_gray_images_for_a_network_of_colours(tmp_path, colour, channels, said):
    rng = np.random.default_rng(0)
    entries = {}
    for index in range(40):
        pixels = np.repeat(rng.integers(0, 200, (8, 8, 1), dtype=np.uint8), 3, axis=-1)
        pixels[0, 0, 0] += colour * (index == 20)
        entries[f"{index:02}.png"] = png(pixels)
    images = ImageZip(make_zip(tmp_path / "a.zip", entries), split="all", channels=channels)
    told = []
    scan.leave_out_broken(images, tmp_path / "run", tell=told.append)
    gray = "are gray: a network of one channel learns them faster (image_channels 1)."
    assert told == ([f"the images of {tmp_path / 'a.zip'} {gray}"] if said else [])
    scan.leave_out_broken(images, tmp_path / "run", tell=told.append)
    assert len(told) == said
