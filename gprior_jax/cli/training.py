"""The flags of every training command, and what they make of a session of its run."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import JsonFlag, RangeFlag
from gprior_jax.cli.telling import CountBar, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import use_cores
from gprior_jax.summary import versions
from gprior_jax.training.scan import MAX_BROKEN


@dataclasses.dataclass(frozen=True, kw_only=True)
class SessionFlags(JsonFlag, RangeFlag):
    """What training anything takes.

    Attributes:
        data: zip file of images, or folder with all that are in it; 5 % of them, chosen by name, are held out.
        out: the run's folder.
        snapshot_images: state, model and sheet are written every so many images.
        log_images: a line is printed and logged every so many images.
        max_images: stop after so many images in all; the whole schedule unless given.
        tensorboard: write what TensorBoard shows to tensorboard/ in the run's folder (the extra "tensorboard").
        max_broken: part of the images that may be broken: all are looked at before a run, and these are named and left
            out; more end it.
        licence: licence of the images, recorded in the model folder.
    """

    data: Path
    out: Path
    snapshot_images: int = 10_000
    log_images: int = 1_000
    max_images: int | None = None
    tensorboard: bool = False
    max_broken: float = MAX_BROKEN
    licence: str | None = None

    def check(self) -> None:
        """Raise :class:`ArgumentError` where flags are out of range or the data is not there; claim the cores."""
        use_cores()
        self.check_range()
        check_positive(self, "snapshot_images", "log_images", "max_images")
        if not self.data.exists():
            raise ArgumentError(f"--data {self.data} does not exist: give a zip file or a folder of images.")

    def session(
        self, total: int, sheets: str, summary: Callable[[dict[str, Any]], str], **provenance: Any
    ) -> dict[str, Any]:
        """The fields of a :class:`gprior_jax.training.sessions.Session`; its first row says where its sheets will be.

        Args:
            total: images of the whole run.
            sheets: what they show.
            summary: the numbers of a logged row that tell how a run does.
            **provenance: facts for the model folder.
        """
        sentences = [f"newest {sheets}, after every {self.snapshot_images} images: {self.out / 'newest.png'}"]

        def tell(row: dict[str, Any]) -> None:
            while sentences:  # Not before: a run may be refused.
                say(sentences.pop(), self.json)
            say(f"{row['images']:>8} images ({int(row['images']) / total:.0%})  {summary(row)}", self.json)

        return {
            "snapshot_images": self.snapshot_images,
            "log_images": self.log_images,
            "max_images": self.max_images,
            "provenance": provenance | {"data": self.data.name, "licence": self.licence, "versions": versions()},
            "tensorboard": self.tensorboard,
            "max_broken": self.max_broken,
            "value_range": self.value_range,
            "scanned": CountBar("images looked at"),
            "tell": warn,
            "report": tell,
        }
