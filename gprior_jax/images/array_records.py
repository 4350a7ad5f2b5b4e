"""Files of records with random access (ArrayRecord, package ``array_record``, extra ``arrayrecord``)."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gprior_jax.errors import GPriorError, require

ENDING = ".arrayrecord"

_AT_ONCE = 16
"""Records that are read one after the other before they are handed over."""

_EACH_ALONE = "group_size:1"
"""One record a chunk: what is read at random is read alone."""

_AT_RANDOM = "readahead_buffer_size:0,max_parallelism:0"
"""What the package recommends for reading at random."""


def _module() -> Any:
    return require("array_record.python.array_record_module", "arrayrecord")


def check_installed() -> None:
    """Raise :class:`gprior_jax.errors.MissingExtraError` where the package is not installed."""
    _module()


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Write a file of records.

    Raises:
        GPriorError: it cannot be written; what is there then is no such file.
        MissingExtraError: the package is not installed.
    """
    module = _module()
    try:
        writer = module.ArrayRecordWriter(str(path), _EACH_ALONE)
        try:
            for record in records:
                writer.write(record)
        finally:
            writer.close()  # Says what went wrong, a full disk too.
    except RuntimeError as error:
        raise GPriorError(f"{path} cannot be written: {_sentence(error)}.") from error


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a file, in order.

    Raises:
        GPriorError: it is no such file, or damaged.
        MissingExtraError: the package is not installed.
    """
    with _reader(path, "") as reader:
        count = reader.num_records()
        for start in range(0, count, _AT_ONCE):
            yield from reader.read(start, min(start + _AT_ONCE, count))


def read_record(path: Path, number: int) -> bytes:
    """One record of a file; raises as :func:`read_records`."""
    with _reader(path, _AT_RANDOM) as reader:
        (record,) = reader.read([number])
        return record


@contextlib.contextmanager
def _reader(path: Path, options: str) -> Iterator[Any]:
    module = _module()
    try:
        reader = module.ArrayRecordReader(str(path), options)
        try:
            reader.num_records()
            if not reader.ok():  # Of a file that was cut off it says so, and that there are none.
                raise RuntimeError("it has no index")
            yield reader
        finally:
            reader.close()
    except RuntimeError as error:
        raise GPriorError(f"{path} is no ArrayRecord file, or damaged ({_sentence(error)}): copy it again.") from error


def _sentence(error: RuntimeError) -> str:
    """What went wrong: the first of what the package strings together."""
    return str(error).split(";")[0].rstrip(".")
