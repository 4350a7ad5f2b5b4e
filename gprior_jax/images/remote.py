"""Pictures in the cloud, ``gs://bucket/cat.png``, by the paths of etils that Orbax has too.

As a :class:`pathlib.Path` such a name is ``gs:/bucket/cat.png``: :func:`url_of` gives it back.
"""

import errno
import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from gprior_jax.errors import GPriorError, ImageFileError, MissingExtraError
from gprior_jax.images.archives import MAX_BYTES
from gprior_jax.images.patterns import Found, is_magic

SCHEMES = ("gs", "s3", "az", "hf")
"""Those that etils knows: Google, Amazon, Azure, Hugging Face."""

_URL = re.compile(rf"({'|'.join(SCHEMES)})://?([^/].*)")

T = TypeVar("T")


def is_url(text: str) -> bool:
    """Whether an input is a place in the cloud.

    >>> is_url("gs://bucket/cat.png"), is_url("/home/gs/cat.png")
    (True, False)
    """
    return re.match(rf"({'|'.join(SCHEMES)})://", text) is not None


def url_of(path: Path) -> str | None:
    """The name in the cloud that a path stands for; None of a path on disk.

    >>> url_of(Path("gs://bucket/cat.png")), url_of(Path("cat.png"))
    ('gs://bucket/cat.png', None)
    """
    if not path.parts or path.parts[0] not in _BEGINNINGS or os.path.lexists(path.parts[0]):
        return None
    found = _URL.fullmatch(path.as_posix())
    return None if found is None else f"{found[1]}://{found[2]}"


_BEGINNINGS = tuple(f"{scheme}:" for scheme in SCHEMES)


def find(url: str, recursive: bool, suffixes: Collection[str]) -> Iterator[Found]:
    """The files that a name, a folder or a pattern in the cloud stands for, whatever they are.

    Args:
        url: the input.
        recursive: search the folders in a folder, too.
        suffixes: of what is no folder for certain; services are asked about others.

    Raises:
        GPriorError: it cannot be reached, or is not there.
    """
    parts = url.rstrip("/").split("/")
    if magic := [index for index, part in enumerate(parts) if is_magic(part)]:
        root, pattern = "/".join(parts[: magic[0]]), "/".join(parts[magic[0] :])
        yield from _search(root, pattern, False, suffixes)
        return
    path = _told(url, lambda: _path(url))
    if _told(url, path.is_dir):
        yield from _search("/".join(parts), "*", recursive, suffixes)
    elif _told(url, path.exists):
        yield Found(Path(url), parts[-1])
    else:
        raise GPriorError(f"{url} does not exist: give image files, folders or patterns.")


def _search(root: str, pattern: str, recursive: bool, suffixes: Collection[str], below: str = "") -> Iterator[Found]:
    # Not by walk, which etils 1.15 calls as Amazon's files do not understand (findings/etils_walk.sh).
    url = f"{root}/{below}{pattern}"
    names = _told(url, lambda: [str(path) for path in _path(f"{root}/{below}").glob(pattern)])
    for name in sorted(names):
        own = name[len(root) :].strip("/")
        is_folder = PurePosixPath(own).suffix.lower() not in suffixes and _told(url, _path(name).is_dir)
        if not is_folder:
            yield Found(Path(name), own)
        elif recursive:
            yield from _search(root, "*", recursive, suffixes, f"{own}/")


def read(url: str) -> bytes:
    """The content of a file in the cloud.

    Raises:
        FileNotFoundError: there is none.
        ImageFileError: it is too large, or cannot be reached.
    """
    try:
        with _path(url).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from error
    except ImportError as error:
        raise _missing(url, error) from error
    except Exception as error:  # Every service has errors of its own.
        raise ImageFileError(f"{url} cannot be read: {_line(error)}.") from error
    if len(content) > MAX_BYTES:
        raise ImageFileError(f"{url} has more than {MAX_BYTES // 2**30} GiB: too large for a picture.")
    return content


def _path(url: str) -> Any:
    from etils import epath  # A tenth of a second, where nothing is in the cloud.

    return epath.Path(url)


def _told(url: str, function: Callable[[], T]) -> T:
    """What a function gives; what goes wrong in one sentence."""
    try:
        return function()
    except ImportError as error:
        raise _missing(url, error) from error
    except Exception as error:  # Every service has errors of its own.
        raise GPriorError(f"{url} cannot be read: {_line(error)}.") from error


def _missing(url: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(f"{url} cannot be read ({_line(error)}): pip install 'gprior-jax[cloud]'")


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
