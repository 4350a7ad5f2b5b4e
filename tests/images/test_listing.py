"""Which files are meant by files, folders and patterns, and what is left out, and why."""

import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import list_images, place_of, suffixes


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def below(inputs, **options):
    return [found.below for found in list_images(inputs, **options).files]


def test_pictures_of_a_folder(tmp_path):
    touch(tmp_path, "b.png", "a.JPG", "c.txt", ".hidden.png", "d [1].webp", "inner/e.png")
    assert below([tmp_path]) == ["a.JPG", "b.png", "d [1].webp"]
    # A file that is named itself may have any ending; naming it twice lists it once.
    again = [tmp_path / "c.txt", str(tmp_path / "*.png"), tmp_path / "b.png", tmp_path / "d [1].webp"]
    assert below(again) == ["b.png", "c.txt", "d [1].webp"]


@pytest.mark.parametrize("suffix", sorted({".png", ".jfif", ".avif", ".jp2", ".tga", ".qoi", ".ico"} & suffixes()))
def test_every_ending_is_of_files_that_can_be_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    pixels = np.full((16, 16, 3), 200, np.uint8)
    form = Image.registered_extensions()[suffix]
    try:
        Image.fromarray(pixels).save(path, form)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {suffix}")
    assert below([tmp_path]) == [path.name]
    np.testing.assert_allclose(load_image(path, 16), 200 / 127.5 - 1, atol=0.05)


def test_endings_that_pillow_only_knows_are_none():
    assert {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm"} <= suffixes()
    assert not {".mpg", ".mpeg", ".eps", ".ps", ".h5", ".hdf", ".grib", ".pdf", ".mp4", ".txt", ""} & suffixes()


def test_a_plugin_of_pillow_adds_its_endings(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "e.heic")
    Image.registered_extensions()
    monkeypatch.setitem(Image.EXTENSION, ".heic", "HEIF")
    monkeypatch.setitem(Image.OPEN, "HEIF", (lambda *_: None, None))
    assert below([tmp_path]) == ["a.png", "e.heic"]


def test_what_is_left_out_is_counted_in_one_sentence(tmp_path):
    touch(tmp_path, "a.png", "e.heic", *(f"{i}.txt" for i in range(300)), "v.mp4", "README", "x.y", "z.w")
    touch(tmp_path, ".DS_Store", "Thumbs.db", "sub/d.png", "more.png/d.png", ".git/d.png")
    (tmp_path / "linked").symlink_to(tmp_path / "sub")
    remedy = "(no pictures, or none that Pillow reads: convert those to PNG or JPEG)"
    found = list_images([tmp_path])
    assert [path.name for path in found.paths] == ["a.png"]
    assert found.left_out == [
        f"{tmp_path}: left out 300 .txt, 1 without an ending, 1 .heic, 1 .mp4, 2 of other kinds {remedy}, "
        "3 folders (searched only when recursive)."
    ]
    found = list_images([tmp_path], recursive=True)
    assert [each.below for each in found.files] == ["a.png", "more.png/d.png", "sub/d.png"]
    assert found.left_out[0].endswith(f"{remedy}, 1 linked folder.")
    assert list_images([tmp_path / "a.png"]).left_out == list_images([tmp_path / "sub"]).left_out == []


def test_patterns_leave_out_what_folders_do(tmp_path):
    touch(tmp_path, "a.png", ".b.png", "c.txt", "sub/d.png", "sub/.e.png", ".hid/f.png")
    assert below([tmp_path / "*"]) == below([tmp_path]) == ["a.png"]
    assert list_images([tmp_path / "*"]).left_out[0].startswith(f"{tmp_path / '*'}: left out 1 .txt (no pictures")
    assert below([tmp_path / "*.png"]) == ["a.png"]
    assert below([tmp_path / "**"]) == below([tmp_path / "*"], recursive=True) == ["a.png", "sub/d.png"]
    assert below([tmp_path / "**" / "*.png"]) == ["a.png", "sub/d.png"]
    assert below([tmp_path / "**" / "d.png"]) == ["sub/d.png"]
    assert below([tmp_path / "s*" / "*"]) == ["sub/d.png"]
    # Who names it gets it.
    assert below([tmp_path / ".*.png"]) == [".b.png"]
    assert below([tmp_path / "*.txt"]) == ["c.txt"]
    assert below([tmp_path / ".hid" / "*"]) == ["f.png"]


def test_glob_relative_to_the_working_folder(tmp_path, monkeypatch):
    touch(tmp_path, "in/x1.png", "in/x2.png", "in/y.png", "in [1]/x3.png")
    monkeypatch.chdir(tmp_path)
    assert [str(path) for path in list_images(["in/x*.png"]).paths] == ["in/x1.png", "in/x2.png"]
    assert below(["in [1]/*.png"]) == ["x3.png"]
    assert below(["in/[xz]?.*"]) == ["x1.png", "x2.png"]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("empty", "empty holds no images."),
        ("texts", "texts holds no images; left out: 2 .txt (no pictures, or none that Pillow reads"),
        ("deep", "deep holds no images; left out: 1 folder (searched only when recursive)."),
        ("none*.png", "none*.png."),
        ("texts/*", "left out: 2 .txt"),
        ("gone.png", "does not exist: give image"),
        ("~nobody-of-this-name/a.png", "does not exist: give image"),
        ("x" * 300 + ".png", "does not exist: give image"),
        ("pipe.png", "pipe.png is no regular file"),
    ],
)
def test_inputs_that_match_nothing(tmp_path, entry, told):
    (tmp_path / "empty").mkdir()
    touch(tmp_path, "texts/a.txt", "texts/b.txt", "deep/sub/a.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(GPriorError) as caught:
        list_images([tmp_path / entry])
    assert told in str(caught.value)
    assert str(tmp_path / entry) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_special_files_in_a_folder_are_left_out(tmp_path):
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = list_images([tmp_path])
    assert ([path.name for path in found.paths], found.left_out) == (
        ["a.png"],
        [f"{tmp_path}: left out 1 special file."],
    )


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "sub/b.png")
    real = os.listdir

    def refused(path):
        if os.fspath(path).endswith(refuse):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "listdir", refused)
    refuse = "sub"
    found = list_images([tmp_path], recursive=True)
    assert found.left_out == [f"{tmp_path}: left out 1 folder that cannot be read (Permission denied)."]
    refuse = tmp_path.name
    with pytest.raises(GPriorError, match="cannot be read: Permission denied"):
        list_images([tmp_path])


def test_links(tmp_path):
    """Broken ones are told when they are read, so that the others go on; circles of folders come to an end."""
    touch(tmp_path, "in/a.png")
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    (tmp_path / "in" / "broken.png").symlink_to("nowhere.png")
    (tmp_path / "in" / "good.png").symlink_to("a.png")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    wanted = ["a.png", "broken.png", "good.png", "loop.png"]
    assert below([tmp_path / "in"], recursive=True) == wanted
    assert below([tmp_path / "in" / name for name in wanted]) == wanted
    assert below([tmp_path / "in" / "**"]) == wanted
    for name, told in (
        ("loop", "is a link that leads to itself"),
        ("broken", "is a link to nothing: name the picture"),
    ):
        with pytest.raises(ImageFileError, match=told):
            load_image(tmp_path / "in" / f"{name}.png", 16)


def test_a_folder_that_is_called_like_a_picture(tmp_path):
    """What a shell makes of ``*.png``: it stops nothing."""
    touch(tmp_path, "a.png", "full.png/b.png", "empty.png/notes.txt")
    named = [tmp_path / name for name in ("a.png", "full.png", "empty.png")]
    found = list_images(named)
    assert [each.below for each in found.files] == ["a.png", "empty.png", "b.png"]
    with pytest.raises(ImageFileError, match=r"empty\.png cannot be read: Is a directory"):
        load_image(tmp_path / "empty.png", 16)
    assert below([tmp_path / "*.png"]) == ["a.png"]


def test_one_file_is_listed_once_however_it_is_reached(tmp_path, monkeypatch):
    touch(tmp_path, "in/sub/d.png")
    (tmp_path / "link").symlink_to(tmp_path / "in" / "sub")
    monkeypatch.chdir(tmp_path)
    ways = ["in/sub/d.png", tmp_path / "in", "link", "in/sub", "./in/sub/../sub/*"]
    assert below(ways, recursive=True) == below(ways[::-1], recursive=True) == ["sub/d.png"]
    assert place_of("link/d.png") == place_of(tmp_path / "in" / "sub" / "d.png")


def test_the_folder_of_the_results_is_passed_over(tmp_path):
    touch(tmp_path, "a.png", "out/a.png", "out/measured/a.png")
    assert below([tmp_path], recursive=True, without=tmp_path / "out") == ["a.png"]
    assert list_images([tmp_path], without=tmp_path / "out").left_out == []


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_match_in_either_form_of_an_accent(tmp_path, forms):
    typed, stored = (unicodedata.normalize(form, "Zoé") for form in forms)
    touch(tmp_path, f"{stored}/{stored} 1.png")
    for entry in (f"{typed}/{typed} 1.png", typed, f"{typed}/{typed}*.png", f"*/{typed} 1.*", f"{typed}/**"):
        (path,) = list_images([tmp_path / entry]).paths
        assert os.path.samefile(path, tmp_path / stored / f"{stored} 1.png")
