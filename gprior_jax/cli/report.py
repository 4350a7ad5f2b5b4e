"""``gprior report``."""

import dataclasses
from pathlib import Path
from typing import Annotated

from tyro import conf

from gprior_jax.cli import common
from gprior_jax.runs import report


@dataclasses.dataclass(frozen=True)
class Report:
    """Write an output folder's report.html again, from what is stored in it.

    Attributes:
        folder: what ``gprior invert`` wrote.
        json: print the report's path as JSON on standard output.
    """

    folder: Annotated[Path, conf.Positional]
    json: bool = False

    def run(self) -> int:
        """Write the report."""
        path = report.write_report(self.folder)
        if self.json:
            common.print_json({"report": str(path)})
        else:
            common.say(str(path))
        return 0
