"""Lists of inputs: ``@list.txt``, one path a line, and ``-`` for those on standard input."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gprior_jax.errors import GPriorError
from gprior_jax.storage.names import normalized

STDIN = "-"


def list_of(entry: str) -> tuple[list[str], Path] | None:
    """The lines of a list, and the folder that paths in it are relative to; None of an input that is none.

    Raises:
        GPriorError: it cannot be read.
    """
    if entry == STDIN:
        return [*_lines(sys.stdin.buffer.read())], Path()
    if not entry.startswith("@") or os.path.lexists(entry):
        return None
    path = Path(os.path.expanduser(entry[1:]))
    try:
        return [*_lines(path.read_bytes())], path.parent
    except OSError as error:
        raise GPriorError(f"the list {path} cannot be read: {error.strerror or error}.") from error


def _lines(content: bytes) -> Iterator[str]:
    for line in content.removeprefix(b"\xef\xbb\xbf").splitlines():
        if text := os.fsdecode(line.strip()):
            yield text


def below_of(line: str) -> str:
    """The name of a listed file below its list, which is its own where it does not lie there.

    >>> below_of("./sub/cat.png"), below_of("/tmp/cat.png"), below_of("../cat.png")
    ('sub/cat.png', 'cat.png', 'cat.png')
    """
    path = PurePosixPath(normalized(line))
    return path.name if line.startswith(("/", "~")) or ".." in path.parts else path.as_posix()
