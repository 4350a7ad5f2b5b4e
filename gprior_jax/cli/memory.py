"""When memory does not suffice: one sentence that names what takes less."""

import re
from typing import Any

from gprior_jax.errors import OutOfMemoryError, is_out_of_memory

_REMEDIES = (
    ("batch_size", 1, "fewer images at once (--batch-size 1)"),
    ("codes_per_call", 1, "fewer codes at a time (--codes-per-call)"),
    ("remat", True, "recomputed activations (--remat)"),
    ("dtype", "bfloat16", "half the precision (--dtype bfloat16)"),
)
"""Flag, its value when there is nothing more to gain by it, and what to tell."""


def run_within_memory(command: Any) -> int:
    """The exit code of a command's ``run``.

    Raises:
        OutOfMemoryError: memory did not suffice; the sentence names the flags of this command that save some.
    """
    try:
        return command.run()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(_sentence(command, str(error))) from error


def _sentence(command: Any, text: str) -> str:
    fields = vars(command)
    remedies = [told for name, least, told in _REMEDIES if name in fields and fields[name] != least]
    remedy = f": use {', '.join(remedies)}, or a machine with more." if remedies else ": use a machine with more."
    return f"memory did not suffice{_size(text)}{remedy}"


def _size(text: str) -> str:
    """How much was wanted, where the error says so.

    >>> _size("Out of memory allocating 78958289284 bytes."), _size("Unable to allocate 7.45 GiB for an array")
    (' (79.0 GB more were wanted)', ' (7.45 GiB more were wanted)')
    """
    if not (found := re.search(r"allocat(?:e|ing) ([\d.]+) ?(bytes|[KMGTPE]iB)\b", text)):
        return ""
    number, unit = found.groups()
    if unit == "bytes":
        gigabytes = float(number) / 1e9
        number, unit = (f"{gigabytes:.1f}", "GB") if gigabytes >= 1 else (f"{1000 * gigabytes:.1f}", "MB")
    return f" ({number} {unit} more were wanted)"
