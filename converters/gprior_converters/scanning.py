"""Instructions of a pickle, gone through without being carried out."""

import io
import pickletools
from typing import Any

_MAX_OPCODES = 1 << 20
"""Instructions of one pickle; published files have some 10,000."""

_MAX_NESTING = 200
"""A block's affine layer in a stylegan2-ada-pytorch file lies about 40 deep."""

# Never written by these programs: old-style classes, the extension registry, buffers out of band, references outwards.
_REFUSED = {"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "PERSID", "DUP"}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_MUTATORS = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}


def shown(text: Any, length: int = 80) -> str:
    """Text of a file for a message: one line, printable, of bounded length."""
    line = "".join(c if c.isprintable() else " " for c in str(text)[: 4 * length])
    return " ".join(line.split())[:length].encode("ascii", "backslashreplace").decode()


def scan(file: io.BytesIO, extra: set[str]) -> None:
    """Go through the instructions of one pickle without carrying them out, and return to its start.

    Raises:
        ValueError: an instruction is cut, unknown, or such that no program of NVIDIA's would have written it.
    """
    start = file.tell()
    depths: list[int] = []
    marks: list[int] = []
    memo: dict[int, int] = {}
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        name = opcode.name
        if count > _MAX_OPCODES or name in _REFUSED or (name == "BINPERSID" and name not in extra):
            raise ValueError(f"instruction {name} at number {count}")
        if name == "MARK":
            marks.append(len(depths))
        elif name in _PUTS:
            index = len(memo) if name == "MEMOIZE" else argument
            if not isinstance(index, int) or not 0 <= index <= count:
                raise ValueError(f"memo entry {shown(index, 20)} at instruction {count}")
            memo[index] = depths[-1]
        elif name in _GETS:
            depths.append(memo[int(argument or 0)])
        elif name == "POP" and marks and marks[-1] == len(depths):
            marks.pop()
        else:
            _step(opcode, depths, marks)
    file.seek(start)


def _step(opcode: pickletools.OpcodeInfo, depths: list[int], marks: list[int]) -> None:
    """Follow one instruction on a stack that has the depth of every object in its place."""
    taken, fixed = [], len(opcode.stack_before)
    if pickletools.markobject in opcode.stack_before:
        start, fixed = marks.pop(), fixed - 2
        taken = depths[start:]
        del depths[start:]
    for _ in range(fixed):
        taken.insert(0, depths.pop())
    grown, parts = (taken[0], taken[1:]) if opcode.name in _MUTATORS else (0, taken)
    depth = max(grown, 1 + max(parts, default=0))
    if depth > _MAX_NESTING:
        raise ValueError(f"it is nested more than {_MAX_NESTING} deep")
    if opcode.stack_after:
        depths.append(depth)
