"""``gprior merge``."""

import dataclasses
import shutil
from pathlib import Path
from typing import Annotated

from tyro import conf

from gprior_jax import runs
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.report import REFERENCE, blocks_of
from gprior_jax.cli.telling import counted, print_json, say, warn
from gprior_jax.errors import ArgumentError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Merge(JsonFlag):
    """Put output folders of the same settings together, as tasks of an array job wrote them; again at will.

    Attributes:
        folders: what gprior invert and others wrote with --shard.
        to: folder for all; unless given, the one folder that is named: its run.json, history.csv and report.html are
            written anew, of all that is in it.
    """

    folders: Annotated[tuple[Path, ...], conf.Positional]
    to: Path | None = None

    def run(self) -> int:
        """Merge them."""
        if not self.folders:
            raise ArgumentError("nothing to merge: name output folders.")
        first = self.folders[0]
        if self.to is None and len(self.folders) > 1:
            raise ArgumentError("--to is missing: name the folder that these are merged into.")
        to = self.to or first
        reference: Path | None = next((path for path in (f / REFERENCE for f in self.folders) if path.exists()), None)
        blocks = blocks_of(to if reference is None else reference.parent)
        ending = runs.merge(self.folders, to, blocks=blocks, tell=warn)
        if reference is not None and not (to / REFERENCE).exists():
            shutil.copyfile(reference, to / REFERENCE)
        failed = ending.run["failed"]
        if self.json:
            print_json({"images": ending.run["images"], "failed": failed, "report": str(ending.report)})
        else:
            say(f"{counted(len(ending.entries), 'image')} together: {ending.report}")
        if failed:
            warn(f"{counted(len(failed), 'input')} could not be used.")
        return 1 if failed else 0
