"""``gprior report``."""

import dataclasses
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

from tyro import conf

from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.metrics.attribution import from_json
from gprior_jax.runs import Entry, rewrite_report
from gprior_jax.runs.attribution import attribution_blocks
from gprior_jax.storage.atomic import read_json

REFERENCE = "reference.json"
"""Reference distances in a folder of gprior attribute."""


def blocks_of(folder: Path) -> Callable[[list[Entry]], Iterable[str]]:
    """What makes the HTML that comes first in the report of a folder."""
    if not (folder / REFERENCE).exists():
        return lambda entries: ()
    found, _ = from_json(read_json(folder / REFERENCE, "run gprior attribute again"), str(folder / REFERENCE))
    return partial(attribution_blocks, found)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report(JsonFlag):
    """Write an output folder's report.html again, from what is stored in it.

    Attributes:
        folder: what ``gprior invert`` wrote.
    """

    folder: Annotated[Path, conf.Positional]

    def run(self) -> int:
        """Write the report."""
        path = rewrite_report(self.folder, blocks_of(self.folder))
        if self.json:
            print_json({"report": str(path)})
        else:
            say(str(path))
        return 0
