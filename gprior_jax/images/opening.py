"""Pictures as files hold them, opened: upright, 8 bits a sample, of any mode; and any mode as sRGB."""

import contextlib
import errno
import io
import os
import struct
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from gprior_jax.errors import ImageFileError
from gprior_jax.images.contents import content_of
from gprior_jax.images.deep import deep_samples, is_deep, is_misread
from gprior_jax.images.profiles import to_srgb
from gprior_jax.images.remarks import remark
from gprior_jax.images.samples import ValueRange, eight_bits, parse_range, range_of

MIN_SIDE = 8
MAX_ASPECT = 10.0
MAX_PIXELS = 178_000_000
"""Limits of what is taken as a picture: shorter, thinner or larger files are named and refused.

More than twice ``PIL.Image.MAX_IMAGE_PIXELS``, 178,956,970 pixels, Pillow does not open.
"""


def open_picture(
    path: Path,
    convert: Callable[[Image.Image], Image.Image],
    smallest: int = MIN_SIDE,
    value_range: ValueRange | None = "auto",
    content: bytes | None = None,
) -> Image.Image:
    """Open a picture, turn it upright, bring it to 8 bits and convert it; whatever goes wrong becomes one sentence.

    Args:
        path: the file.
        convert: makes what is returned, of a picture of 8 bits; ``info["name"]`` says what to call it.
        smallest: side that it has at least, pixels.
        value_range: see :func:`gprior_jax.images.files.load_image`; None takes 0 for black and the largest sample for
            white, which is right for masks.
        content: of the file, where it is not read from disk; the path is then its name only.

    Raises:
        ImageFileError: see :func:`gprior_jax.images.files.load_image`.
        ValueError: a range that is none.
    """
    if value_range is not None:
        parse_range(value_range)
    with opened(path, smallest, content) as (image, again):
        image = convert(_upright(image, again, value_range, str(path)))
        image.load()
        return image


@contextlib.contextmanager
def opened(
    path: Path, smallest: int = MIN_SIDE, content: bytes | None = None
) -> Iterator[tuple[Image.Image, Callable[[], Image.Image]]]:
    """A picture that is open and not yet loaded, and what opens it once more; see :func:`open_picture`.

    Raises:
        ImageFileError: whatever goes wrong inside, in one sentence.
    """

    def again() -> Image.Image:
        return Image.open(path if content is None else io.BytesIO(content))

    with _one_sentence(path):
        content = content_of(path) if content is None else content
    with _one_sentence(path), _PILLOW_SILENT, again() as image:
        _check_size(path, image.size, smallest)
        if is_misread(image):
            raise ImageFileError(
                f"{path} keeps its colours of 16 bits in planes, which Pillow misreads: save it as PNG."
            )
        yield image, again


def size_of(path: Path, smallest: int = MIN_SIDE, content: bytes | None = None) -> tuple[int, int]:
    """Width and height of a picture once it is upright, from the head of its file; see :func:`open_picture`.

    Raises:
        ImageFileError: missing, unreadable, or of a size that cannot be a picture.
    """
    with opened(path, smallest, content) as (image, _):
        width, height = image.size
        return (height, width) if image.getexif().get(_ORIENTATION, 1) in _LYING else (width, height)


def mode_of(path: Path, smallest: int = MIN_SIDE) -> str:
    """Pillow's mode of a picture (``"L"`` is gray of 8 bits), from the head of its file; raises as :func:`size_of`."""
    with opened(path, smallest) as (image, _):
        return image.mode


_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)
"""The EXIF tag, and its values for pictures that lie on a side."""


@contextlib.contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside becomes one sentence."""
    try:
        yield
    except ImageFileError:
        raise
    except UnidentifiedImageError:
        raise ImageFileError(f"{path} is no image that Pillow can read: convert it to PNG or JPEG.") from None
    except Image.DecompressionBombError:
        # Pillow's own limit, twice the one that it warns of; some formats are measured before their size is known here.
        raise ImageFileError(
            f"{path} is too large, reduce it below {MAX_PIXELS // 10**6} million pixels first."
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from error  # Of the file system: Pillow's own have no number.
        raise ImageFileError(f"{path} is damaged ({error}): copy or export it again.") from error
    except (TypeError, LookupError, ArithmeticError, struct.error) as error:
        if not _of_pillow(error):
            raise  # Of our own making.
        # A tag that holds words where a number belongs.
        raise ImageFileError(f"{path} is damaged ({error}): copy or export it again.") from error


def _of_pillow(error: Exception) -> bool:
    """Whether an exception left Pillow's own code."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).startswith("PIL.")


def unreadable(path: str | os.PathLike, error: OSError) -> ImageFileError:
    """That a file cannot be read at all, in one sentence."""
    if error.errno == errno.ELOOP:
        return ImageFileError(f"{path} is a link that leads to itself: name the picture.")
    if isinstance(error, FileNotFoundError):
        link = os.path.islink(path)
        return ImageFileError(f"{path} is a link to nothing: name the picture." if link else f"{path} does not exist.")
    return ImageFileError(f"{path} cannot be read: {error.strerror or error}.")


def _upright(
    image: Image.Image, again: Callable[[], Image.Image], value_range: ValueRange | None, name: str
) -> Image.Image:
    """An opened picture as one of 8 bits, turned as its EXIF block says."""
    if is_deep(image):
        deep = deep_samples(image, again)
        own = (0.0, max(float(deep.values.max(initial=0)), 1e-9)) if value_range is None else value_range
        image = eight_bits(deep, *range_of(deep, own, name))
    else:
        image = ImageOps.exif_transpose(image)
        if value_range not in (None, "auto"):
            remark(f"{name} has 8 bits a sample: the range {value_range} is for those of more.")
    image.info = image.info | {"name": name}
    return image


class _Silence:
    """Pillow's warnings (of large files, of odd EXIF blocks) are not shown while any thread is inside.

    Filters are of the whole process: if each thread put back what it found, one might put back another's silence.
    """

    def __init__(self):
        self._lock, self._inside, self._filters = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self):
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")

    def __exit__(self, *_: object):
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_PILLOW_SILENT = _Silence()


def _check_size(path: Path, size: tuple[int, int], smallest: int) -> None:
    width, height = size
    told = f"{path} is {width}x{height} pixels"
    if min(size) < smallest:
        raise ImageFileError(f"{told}: too small, use a picture of at least {smallest}x{smallest}.")
    if max(size) > MAX_ASPECT * min(size):
        raise ImageFileError(f"{told}: too long and thin, crop it to at most {MAX_ASPECT:.0f} to 1 first.")
    if width * height > MAX_PIXELS:
        raise ImageFileError(f"{told}: too large, reduce it below {MAX_PIXELS // 10**6} million pixels first.")


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to sRGB, 8 bits: by its colour profile, and transparent pixels over white."""
    colours, alpha = _srgb_and_alpha(image)
    white = Image.new("RGB", image.size, (255, 255, 255))
    return colours if alpha is None else Image.composite(colours, white, alpha)


def to_rgba(image: Image.Image) -> Image.Image:
    """Any Pillow mode to sRGB with alpha, 8 bits; what has no transparency is opaque."""
    colours, alpha = _srgb_and_alpha(image)
    colours.putalpha(255 if alpha is None else alpha)
    return colours


def _srgb_and_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    name = image.info.get("name", "the picture")
    if is_deep(image) and image.mode not in ("RGB", "RGBA"):
        deep = deep_samples(image)
        image = eight_bits(deep, *range_of(deep, name=name))
    colours, alpha = split_alpha(image)
    colours.info = image.info
    return to_srgb(colours, name), alpha


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours without palette, and alpha; None where all is opaque."""
    if image.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return (image.convert("RGB") if image.mode == "P" else image.copy()), None
    whole = image.convert("RGBA")
    gray = image.mode in ("L", "LA", "La")
    return (whole.getchannel(0) if gray else whole.convert("RGB")), whole.getchannel("A")
