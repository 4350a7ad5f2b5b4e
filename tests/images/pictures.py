"""What the tests of files share: making pictures, and reading what is said of bad ones."""

from typing import NamedTuple

from PIL import Image


class Size(NamedTuple):
    """Of a prior, what decides how its pictures are read."""

    image_shape: tuple[int, int, int]


def one_sentence(error, path, *told):
    """Whether the error is one line that names the file and says what it is and what to do."""
    text = str(error.value)
    assert text.startswith(str(path)), text
    assert "\n" not in text
    assert text.endswith(".")
    for words in told:
        assert words in text, text


def write(path, mode="RGB", size=(20, 16), color=None, **options):
    Image.new(mode, size, color if color is not None else 0).save(path, **options)
    return path
