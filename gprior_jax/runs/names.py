"""What follows from an input's name: its id, and what its results are called."""

import hashlib
import os
from collections.abc import Callable
from pathlib import PurePosixPath

from gprior_jax.storage.names import as_text as as_text
from gprior_jax.storage.names import bytes_of, is_control, one_form

MAX_BYTES = 200
"""Length of a result's name, bytes of UTF-8: with ``_12.png`` and ``.lock`` behind it, every file system has room."""

_DIGITS = 8


def id_of(below: str) -> int:
    """An image's id, from its name below the input, ``cat.png`` or ``sub/cat.png``: 31 bits of the name's SHA-256.

    Nothing else has a part in it: neither where the folder lies nor what else is in it. Two inputs may have one id: the
    same name below two folders, or by chance, one pair in two thousand million. They then start from the same random
    numbers, and have nothing else to do with each other. Below 2 ** 31 an id is an int32 and a uint32 as it is, and
    none is the number of :mod:`gprior_jax.inversion.driver` for a next stage.

    >>> id_of("cat.png"), id_of("sub/cat.png")
    (1554493040, 1535953526)
    """
    return int.from_bytes(hashlib.sha256(bytes_of(one_form(below))).digest()[:4], "big") >> 1


def result_name(below: str) -> str:
    """What the results of an input are called: its stem, after those of its folders below the input.

    What is no text becomes ``%E9``, as control characters do; of more than :data:`MAX_BYTES` the beginning is kept,
    with a digest of the whole.

    >>> result_name("cat.png"), result_name("sub/cat.v2.png"), result_name("x" * 250 + ".png")[190:]
    ('cat', 'sub_cat.v2', 'x_6ad8282c')
    """
    path = PurePosixPath(below)
    return _fitted("_".join([*path.parts[:-1], path.stem]), below)


def _fitted(name: str, whole: str) -> str:
    """A name that any file system takes; the digest is of ``whole``."""
    name = "".join(map(_escaped, one_form(name)))
    name = f"_{name[1:]}" if name.startswith(".") else name  # Hidden files are not results.
    if len(name.encode()) <= MAX_BYTES:
        return name
    kept = name.encode()[: MAX_BYTES - _DIGITS - 1].decode(errors="ignore")
    return f"{kept}_{_digest(whole)}"


def choose_name(below: str, place: str, owner: Callable[[str], str | None]) -> str:
    """The name of an input's results that no other input has: that of :func:`result_name`, or a longer one.

    Args:
        below: its name below the input.
        place: where it is, see :func:`gprior_jax.images.listing.place_of`.
        owner: what the input that has a name is called below its own, None where there is none.

    >>> choose_name("b.png", "in/b.png", {"b": "b.jpg"}.get), choose_name("b.png", "y/b.png", {"b": "b.png"}.get)
    ('b_png', 'b_y')
    """
    name = result_name(below)
    if (other := owner(name)) is None:
        return name
    suffix, folder = PurePosixPath(below).suffix, PurePosixPath(place.replace(os.sep, "/")).parent.name
    ending = suffix[1:] if suffix.lower() != PurePosixPath(other).suffix.lower() else ""
    for end in (ending, folder, _digest(place)):
        longer = _fitted(f"{name}_{end}", f"{below} {end}")
        if end and owner(longer) is None:
            return longer
    return _fitted(f"{name}_{digest_of(place)}", place)


def same_name(name: str) -> str:
    """A name as file systems compare it that tell neither case nor forms of Unicode apart."""
    return one_form(one_form(name).casefold())


def digest_of(place: str) -> str:
    """What tells a place without naming it: records go to other people."""
    return hashlib.sha256(bytes_of(place)).hexdigest()[: 2 * _DIGITS]


def _digest(text: str) -> str:
    return hashlib.sha256(bytes_of(one_form(text))).hexdigest()[:_DIGITS]


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"%{code - 0xDC00:02X}"
    if is_control(character) or 0xD800 <= code <= 0xDFFF:
        return f"%{code:02X}"
    return character
