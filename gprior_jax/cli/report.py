"""``gprior report``."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Annotated

from tyro import conf

from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.metrics.attribution import from_json
from gprior_jax.runs import rewrite_report
from gprior_jax.runs.attribution import attribution_blocks
from gprior_jax.storage.atomic import read_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report(JsonFlag):
    """Write an output folder's report.html again, from what is stored in it.

    Attributes:
        folder: what ``gprior invert`` wrote.
    """

    folder: Annotated[Path, conf.Positional]

    def run(self) -> int:
        """Write the report."""
        reference, blocks = self.folder / "reference.json", None
        if reference.exists():
            found, _ = from_json(read_json(reference, "run gprior attribute again"), str(reference))
            blocks = partial(attribution_blocks, found)
        path = rewrite_report(self.folder) if blocks is None else rewrite_report(self.folder, blocks)
        if self.json:
            print_json({"report": str(path)})
        else:
            say(str(path))
        return 0
