import hashlib
import io
import json
import threading
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images.files import load_unscaled
from gprior_jax.training import data


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_held_out_split_is_fixed():
    """The rule itself, stated again: a later change would mix test images into training."""
    names = [f"00000/img{i:08}.png" for i in range(4000)]
    for name in names:
        first = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16)
        assert data.is_held_out(name) == (first / 2**64 < 0.05)
    assert 0.04 < np.mean([data.is_held_out(name) for name in names]) < 0.06
    assert [i for i, name in enumerate(names[:80]) if data.is_held_out(name)] == [4, 53, 71]


def test_splits_are_disjoint_and_complete(image_zip):
    train, held_out, everything = (data.ImageZip(image_zip, split) for split in ("train", "held_out", "all"))
    assert not set(train.names) & set(held_out.names)
    assert sorted(train.names + held_out.names) == everything.names
    assert len(everything) == 30
    assert len(held_out) == sum(data.is_held_out(name) for name in everything.names) > 0


@settings(deadline=None)
@given(
    num_images=st.integers(1, 40),
    position=st.integers(0, 200),
    batch_size=st.integers(1, 12),
    parts=st.integers(1, 11),
    seed=st.integers(0, 5),
)
def test_batch_order_is_a_function_of_the_position(num_images, position, batch_size, parts, seed):
    """Whatever the batches are cut into, image number n of the run is the same, so a run can be resumed."""
    order = data.batch_order(num_images, position, batch_size, seed, mirror=True, turn=True)
    split = min(parts, batch_size)
    first = data.batch_order(num_images, position, split, seed, mirror=True, turn=True)
    for whole, part in zip(order, first, strict=True):
        np.testing.assert_array_equal(whole[:split], part)
    plain = data.batch_order(num_images, position, batch_size, seed)
    np.testing.assert_array_equal(order.indices, plain.indices)
    assert plain.flips is plain.turns is None


def test_every_epoch_shows_every_image_once():
    indices, flips, turns = data.batch_order(10, 0, 40, 3, mirror=True, turn=True)
    assert set(turns) == {0, 1, 2, 3}
    epochs = indices.reshape(4, 10)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(10), (4, 1)))
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert 5 < flips.sum() < 35
    assert (data.batch_order(10, 0, 40, 4).indices != indices).any()


def test_images_are_centred_and_averaged_down(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    path = make_zip(tmp_path / "a.zip", {"x/one.PNG": png(pixels), "x/notes.txt": "hello"})
    images = data.ImageZip(path, "all")
    assert images.names == ["x/one.PNG"]
    square = pixels[:, 4:20].astype(np.float64)
    np.testing.assert_array_equal(images.image(0, 16), square)
    wanted = square.reshape(8, 2, 8, 2, 3).mean((1, 3))
    # Pillow rounds after each of its two passes.
    assert np.abs(images.image(0, 8) - wanted).max() <= 1
    assert images.image(0, 12).shape == (12, 12, 3)


@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_other_channels(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, channels), dtype=np.uint8)
    path = make_zip(tmp_path / "a.zip", {"one.png": png(pixels[..., 0] if channels == 1 else pixels)})
    images = data.ImageZip(path, "all", channels)
    np.testing.assert_array_equal(images.image(0, 16), pixels)
    assert images.batch(data.Order(np.array([0])), 8).shape == (1, 8, 8, channels)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned():
    """EXIF that says: a quarter turn."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


PICTURES = {
    "gray_16_bits": lambda: encoded(Image.fromarray(noise(8, 8, dtype=np.uint16))),
    "dark_16_bits": lambda: encoded(Image.fromarray(noise(8, 8, dtype=np.uint16) // 2 + 256)),
    "tiff_16_bits": lambda: encoded(Image.fromarray(noise(8, 8, dtype=np.uint16)), "TIFF"),
    "gray": lambda: encoded(Image.fromarray(noise(8, 8))),
    "alpha": lambda: encoded(Image.fromarray(noise(8, 8, 4))),
    "gray_alpha": lambda: encoded(Image.fromarray(noise(8, 8, 2), "LA")),
    "palette": lambda: encoded(Image.fromarray(noise(8, 8, 3)).quantize(16)),
    "palette_with_transparency": lambda: encoded(Image.fromarray(noise(8, 8, 3)).quantize(16), transparency=3),
    "cmyk": lambda: encoded(Image.fromarray(noise(8, 8, 4), "CMYK"), "JPEG"),
    "turned": lambda: encoded(Image.fromarray(noise(8, 12, 3)), "JPEG", exif=turned()),
    "bits": lambda: encoded(Image.fromarray(noise(8, 8) > 127)),
    "gif": lambda: encoded(Image.fromarray(noise(8, 8, 3)), "GIF"),
}


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_are_read_as_everywhere_else(tmp_path, kind):
    """Those that training gets are those that an inversion gets; 16-bit gray once was pure white."""
    content, name = PICTURES[kind](), "a.tif" if "tiff" in kind else "a.gif" if kind == "gif" else "a.png"
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / name).write_bytes(content)
    wanted = load_unscaled(tmp_path / "files" / name)
    rows = (wanted.shape[0] - 8) // 2
    for place in (make_zip(tmp_path / "a.zip", {name: content}), tmp_path / "files"):
        images = data.ImageZip(place, "all")
        found = images.batch(data.Order(np.array([0])), 8)[0]
        np.testing.assert_allclose(found, wanted[rows : rows + 8], atol=1e-6)
    assert found.std() > 0.1


HIDDEN = ("__MACOSX/photos/._a.png", "photos/._a.png", ".trash/a.png", "photos/.DS_Store", "photos/Thumbs.db")


def test_a_folder_is_as_good_as_a_zip_file(tmp_path):
    """The same names, splits, contents, checksums and classes; whatever is hidden is in neither."""
    content = {f"{kind}/sub/{i}.png": png(noise(8, 8, 3) // (i + 1)) for i in range(40) for kind in ("cat", "dog")}
    written = content | dict.fromkeys(HIDDEN, b"none")
    archive = make_zip(tmp_path / "a.zip", written)
    for name, pixels in written.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pixels)
    (tmp_path / "folder" / "cat" / "again").symlink_to(tmp_path / "folder" / "cat", target_is_directory=True)
    windows = make_zip(tmp_path / "windows.zip", {name.replace("/", "\\"): c for name, c in written.items()})
    dotted = make_zip(tmp_path / "dotted.zip", {f"./{name}": c for name, c in written.items()})
    for split in ("train", "held_out", "all"):
        first = data.ImageZip(archive, split)
        for other in (tmp_path / "folder", windows, dotted):
            images = data.ImageZip(other, split)
            assert images.names == first.names
            assert [images.digest(i) for i in range(len(images))] == [first.digest(i) for i in range(len(first))]
            np.testing.assert_array_equal(images.image(0, 8), first.image(0, 8))
            np.testing.assert_array_equal(images.labels()[0], first.labels()[0])
    assert first.names == sorted(content)
    assert first.labels()[1] == ["cat", "dog"]


def test_of_two_entries_of_one_name_the_later_counts(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(np.full((8, 8, 3), 10, np.uint8)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", png(np.full((8, 8, 3), 200, np.uint8)))
    images = data.ImageZip(path, "all")
    assert len(images) == 1
    assert (images.image(0, 8) == 200).all()


def test_batch_range_and_flips(image_zip):
    images = data.ImageZip(image_zip)
    plain = images.batch(data.Order(np.array([2, 0])), 16)
    assert plain.shape == (2, 16, 16, 3)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(plain[0], images.image(2, 16) / 127.5 - 1, atol=1e-6)
    flipped = images.batch(data.Order(np.array([2, 0]), np.array([True, False])), 16)
    np.testing.assert_array_equal(flipped[0], plain[0, :, ::-1])
    np.testing.assert_array_equal(flipped[1], plain[1])
    turned = images.batch(data.Order(np.array([2, 0]), None, np.array([0, 1])), 16)
    np.testing.assert_array_equal(turned[0], plain[0])
    np.testing.assert_array_equal(turned[1], plain[1].transpose(1, 0, 2)[::-1])


def test_stream_equals_direct_decoding(image_zip):
    images = data.ImageZip(image_zip)
    requests = [(0, 4, 8), (4, 4, 8), (8, 6, 16), (14, 40, 16)]
    found = list(data.stream(images, iter(requests), seed=5, mirror=True, turn=True))
    assert len(found) == len(requests)
    for (batch, indices), (position, size, resolution) in zip(found, requests, strict=True):
        order = data.batch_order(len(images), position, size, 5, True, True)
        np.testing.assert_array_equal(batch, images.batch(order, resolution))
        np.testing.assert_array_equal(indices, order.indices)


def test_a_stream_that_is_left_early_ends_its_threads(image_zip):
    before = threading.active_count()
    stream = data.stream(data.ImageZip(image_zip), iter([(4 * i, 4, 8) for i in range(100)]), seed=0)
    next(stream)
    assert threading.active_count() > before
    stream.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("content", [None, b"not a zip", b""])
def test_files_that_are_no_zip(tmp_path, content):
    if content is not None:
        (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(GPriorError, match=r"a\.zip is not a readable zip file of images"):
        data.ImageZip(tmp_path / "a.zip")


def test_zip_without_images(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.txt": "hello", "dataset.json": "{}"})
    with pytest.raises(GPriorError, match=r"holds no images \(PNG, JPEG and .*\): give a zip file or"):
        data.ImageZip(path)


def test_one_image_that_is_kept_out_of_training(tmp_path):
    name = next(name for i in range(1000) if data.is_held_out(name := f"{i}.png"))
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / name).write_bytes(png(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(GPriorError, match="one holds 1 image, none to train on: of 20 about one is kept for judging"):
        data.ImageZip(tmp_path / "one")
    assert len(data.ImageZip(tmp_path / "one", "held_out")) == 1
    trained_on = next(other for i in range(1000) if not data.is_held_out(other := f"{i}.png"))
    (tmp_path / "one" / name).rename(tmp_path / "one" / trained_on)
    with pytest.raises(GPriorError, match="one holds 1 image, none kept out of training: about one of 20 is; give"):
        data.ImageZip(tmp_path / "one", "held_out")


def damaged_png():
    content = bytearray(png(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)))
    return bytes(content[: len(content) // 2])


@pytest.mark.parametrize("content", [damaged_png(), b"hello", b""])
def test_damaged_image_is_named_in_the_training_thread(tmp_path, content):
    good = png(np.zeros((16, 16, 3), np.uint8))
    images = data.ImageZip(make_zip(tmp_path / "a.zip", {"good.png": good, "in/bad.png": content}), "all")
    told = r"a\.zip: in/bad\.png is (damaged|no image that Pillow can read)"
    with pytest.raises(ImageFileError, match=told):
        images.image(1, 8)
    with pytest.raises(ImageFileError, match=told):
        list(data.stream(images, iter([(0, 2, 8)]), seed=0))


def test_damaged_entry_of_the_zip(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.png": png(np.zeros((16, 16, 3), np.uint8))})
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"a\.zip: a\.png is damaged in the zip file"):
        data.ImageZip(path, "all").image(0, 8)


def test_one_reader_at_a_time(image_zip):
    """Threads that decode at once get their own images."""
    images = data.ImageZip(image_zip)
    wanted = [images.image(i, 16) for i in range(len(images))]
    wrong = []

    def read():
        wrong.extend(i for i in range(len(images)) if (images.image(i, 16) != wanted[i]).any())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_labels(tmp_path):
    """Classes of a split's images, in its order, and the names of the classes."""
    entries = {f"{i}.png": png(np.zeros((8, 8, 3), np.uint8)) for i in range(40)}
    told = {"labels": [[f"{i}.png", i % 3] for i in reversed(range(40))], "label_names": ["a", "b", "c"]}
    path = make_zip(tmp_path / "a.zip", entries | {"dataset.json": json.dumps(told)})
    images = data.ImageZip(path)
    labels, names = images.labels()
    assert names == ["a", "b", "c"]
    assert [f"{int(name[:-4]) % 3}" for name in images.names] == [str(label) for label in labels]
