"""What records say of themselves: which file they are of, and what they were made with."""

import json
from pathlib import Path
from typing import Any

from gprior_jax.errors import CheckpointError, ImageFileError
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import read_about

About = dict[str, Any]
"""What a record says of itself: name, source, id, sha256, fingerprint (of the settings), place, below."""


def is_same(about: About, item: Item) -> bool:
    """Whether a record is of an item's id and content."""
    try:
        return about.get("id") == item.id and about.get("sha256") == item.digests()
    except ImageFileError:
        return False  # Its source is gone: to be done again, which tells it.


def abouts(folder: Path) -> dict[str, About]:
    """What all records in a folder say of themselves, by name; damaged ones, which are done again, are left out."""
    found: dict[str, About] = {}
    for path in sorted(folder.glob("*.npz")):
        try:
            about = read_about(path)
        except CheckpointError:
            continue
        if isinstance(about, dict) and {"fingerprint", "id", "source"} <= about.keys():
            found[path.stem] = about
    return found


def fingerprint_of(settings: dict[str, Any]) -> str:
    """Settings as text, the same for equal ones only."""
    return json.dumps(settings, sort_keys=True)
