"""Names of files: how they compare, which are passed over, and how they are told in text."""

import os
import unicodedata
from collections.abc import Sequence
from typing import Any

_BESIDE = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
"""What macOS and Windows put beside files, and hide by other means than a dot."""


def one_form(name: str) -> str:
    """A name in one of the two forms that Unicode has for accents: macOS writes one, others the other."""
    return unicodedata.normalize("NFC", name)


def normalized(path: str) -> str:
    r"""A path below a folder as it is compared: with ``/``, without ``./`` before it, in one form of Unicode.

    >>> normalized(r".\sub\a.png"), normalized("./a.png")
    ('sub/a.png', 'a.png')
    """
    return one_form("/".join(part for part in path.replace("\\", "/").split("/") if part not in ("", ".")))


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden from those who look for pictures.

    >>> [is_hidden(name) for name in ("b.png", "._b.png", "__MACOSX", "Thumbs.db")]
    [False, True, True, True]
    """
    return name.startswith(".") or name.lower() in _BESIDE


def bytes_of(name: str) -> bytes:
    """The bytes of a name that may be no UTF-8, as the file system has them."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Of Windows, whose names may hold other halves of pairs.
        return name.encode("utf-8", "backslashreplace")


def is_control(character: str) -> bool:
    """Whether a character does something to a terminal, or ends a line."""
    return ord(character) < 32 or 127 <= ord(character) < 160


def as_text(name: str | os.PathLike) -> str:
    r"""A path, or a sentence with one, as text that can be written anywhere.

    >>> as_text(os.fsdecode(b"caf\xe9.png")), as_text("two\nlines.png"), as_text("café.png")
    ('caf\\xe9.png', 'two\\x0alines.png', 'café.png')
    """
    told = bytes_of(os.fspath(name)).decode("utf-8", "backslashreplace")
    return "".join(f"\\x{ord(each):02x}" if is_control(each) else each for each in told)


def listed(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many there are beyond.

    >>> listed(["a.png", "b.png", "c.png"], 2)
    'a.png, b.png and 1 more'
    """
    told = ", ".join(as_text(name) for name in names[:most])
    return told if len(names) <= most else f"{told} and {len(names) - most} more"


def named_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object (as ``object_pairs_hook``), of which Python's reader would keep the last of two values of a name.

    Raises:
        ValueError: a name has two values.

    >>> import json
    >>> json.loads('{"a.png": 1, "a.png": 2}', object_pairs_hook=named_once)
    Traceback (most recent call last):
    ValueError: 'a.png' stands in it twice, with 1 and 2
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise ValueError(f"{name!r} stands in it twice, with {str(found[name])[:40]} and {str(value)[:40]}")
    return found
