"""What ``gprior COMMAND --help`` prints: what a command needs, examples, and its flags in sections, with defaults."""

import shutil
import textwrap
from collections.abc import Sequence

from gprior_jax.cli.described import Flag, flags

_SECTIONS = {
    "the method": "method preset num_codes layer num_steps start free_codes free_label restarts goal tolerance "
    "patience perceptual perceptual_weight",
    "the prior": "model label labels seed truncation space noise",
    "the photographs": "recursive crop align face face_box landmarks paste value_range",
    "what is written": "size film film_frames pack pack_kind snapshot_images log_images tensorboard json",
    "this machine": "batch_size devices dtype codes_per_call remat save_every profile",
    "several machines": "shard distributed coordinator process processes",
    "where it listens": "host port token",
    "what it takes on": "queue lanes max_steps max_codes max_samples max_megabytes max_megapixels timeout keep_minutes "
    "keep_megabytes connections",
}
"""Sections of the flags that commands share, by the names of their fields; what a command has itself comes first."""

_PLACES = {name: (title, place) for title, names in _SECTIONS.items() for place, name in enumerate(names.split())}
_NEEDED, _OWN = "needed", "flags"
_INDENT = 26
_MOST_COLUMNS = 110


def help_text(program: str, kind: type, summary: str, examples: Sequence[str] = ()) -> str:
    """The help of a command, as wide as the terminal.

    Args:
        program: what it is called: ``gprior invert``.
        kind: its dataclass, whose fields are the flags.
        summary: what it does.
        examples: commands that a reader may copy.

    >>> from gprior_jax.cli.models import Models
    >>> print(help_text("gprior models", Models, "list them."))
    usage: gprior models [FLAGS]
    <BLANKLINE>
    list them.
    <BLANKLINE>
    what is written:
      --json                  print the results as JSON on standard output.
    """
    width = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
    found = list(flags(kind))
    needed = [flag.usage for flag in found if flag.needed]
    lines = [f"usage: {' '.join([program, *needed])} [FLAGS]", "", *textwrap.wrap(summary, width)]
    if examples:
        lines += ["", "examples:", *(f"  {example}" for example in examples)]
    for title in dict.fromkeys((_NEEDED, _OWN, *(flag.group for flag in found if flag.group), *_SECTIONS)):
        rows = sorted((flag for flag in found if _section(flag) == title), key=_place)
        if rows:
            lines += ["", f"{title}:", *(line for flag in rows for line in _row(flag, width))]
    return "\n".join(lines)


def _section(flag: Flag) -> str:
    """Where a flag stands: what a command declares itself with its own, what it shares where other commands have it."""
    if flag.needed:
        return _NEEDED
    if flag.group:
        return flag.group
    return _OWN if flag.own or flag.field not in _PLACES else _PLACES[flag.field][0]


def _place(flag: Flag) -> int:
    """The order in a section; what is given without a flag first."""
    if _section(flag) in _SECTIONS:
        return _PLACES[flag.field][1]
    return 0 if flag.positional else 1


def _row(flag: Flag, width: int) -> list[str]:
    """The lines of a flag."""
    wrapped = textwrap.wrap(flag.told, max(width - _INDENT, 20), break_long_words=False, break_on_hyphens=False)
    left = f"  {flag.usage}"
    if len(left) < _INDENT and wrapped:
        left = f"{left:<{_INDENT}}{wrapped.pop(0)}"
    return [left, *(" " * _INDENT + line for line in wrapped)]
