"""``gprior calibrate``."""

import dataclasses
from pathlib import Path
from typing import Annotated

from tyro import conf

from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.errors import ArgumentError, OccupiedError
from gprior_jax.runs.calibrations import calibrate_folder, write_calibration


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibrate(JsonFlag):
    """Measure, on pictures that are known, how wide intervals must be; --intervals of a restoration takes the file.

    Attributes:
        folder: output folder of a restoration with --samples, of pictures with --simulate or --truth: of the kind that
            will be restored, none of which the prior was trained on, a hundred or more.
        out: JSON file to write.
        level: part of the values that intervals shall cover.
    """

    folder: Annotated[Path, conf.Positional]
    out: Path
    level: float = 0.9

    def run(self) -> int:
        """Measure and write."""
        if not 0 < self.level < 1:
            raise ArgumentError(f"--level {self.level}: use a part, above 0 and below 1.")
        if self.out.exists():
            raise OccupiedError(f"{self.out} exists already: name another file or remove it first.")
        found = calibrate_folder(self.folder, self.level)
        write_calibration(self.out, found)
        measured = found.calibration
        if self.json:
            print_json({"out": str(self.out), "task": found.settings["task"]} | measured._asdict())
        say(
            f"{found.settings['task']}, {measured.images} images: mean +- {measured.scale:.3g} (deviation + "
            f"{measured.floor:g}) covers {measured.coverage:.1%} of their values, at most "
            f"{min(measured.width, 1.0):.0%} of the range wide: {self.out}",
            self.json,
        )
        return 0
