"""Where the user wants kept what can be fetched or compiled again."""

import os
from pathlib import Path

CACHE_VARIABLE = "GPRIOR_CACHE"
"""Names the folder; ``off`` keeps no compiled programs, and fetched files where they usually are."""

_OFF = ("off", "0", "no", "none")


def is_off() -> bool:
    """Whether compiled programs shall not be kept."""
    return os.environ.get(CACHE_VARIABLE, "").lower() in _OFF


def named_folder() -> Path | None:
    """The folder that the variable names; None where it names none."""
    named = os.environ.get(CACHE_VARIABLE, "")
    return Path(os.path.expanduser(named)) if named and not is_off() else None
