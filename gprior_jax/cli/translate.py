"""``gprior translate``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import JsonFlag, RangeFlag, SearchFlag
from gprior_jax.cli.sharing import ShareFlags
from gprior_jax.cli.telling import CountBar, counted, print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.keys import purpose, seeded
from gprior_jax.runs import Item, find_items
from gprior_jax.runs.shares import WHOLE, Part
from gprior_jax.runs.translated import Unlisted
from gprior_jax.runs.translating import Outcome, Translation, translate_files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Translate(SearchFlag, ShareFlags, JsonFlag, RangeFlag):
    """Translate pictures of any size by a network of pix2pix or CycleGAN; the same command goes on with a run.

    Batch norm takes the statistics of the picture, and dropout is drawn, as in the published test programs; --eval is
    theirs.

    Attributes:
        inputs: image files, folders, quoted patterns, tar files, places in the cloud (gs://, s3://), and lists of
            these: @list.txt, one a line, or - for standard input.
        model: model folder that gprior convert or gprior train translation wrote, or a bundled name.
        out: folder for the results: NAME.png (of sub/NAME.jpg sub_NAME.png), run.json, report.html.
        direction: of a model that has both.
        eval: running statistics in batch norm, and no dropout.
        size: resize pictures first, so that their shorter side has so many pixels; networks do best at the size that
            they were trained at, 256 of most published ones.
        seed: of dropout; each picture's is folded from it and the picture's name below the input.
        pieces: whole, or in bands of rows, which gives the same in a part of the memory; auto takes bands for large
            pictures.
    """

    inputs: Annotated[tuple[str, ...], conf.Positional]
    model: str
    out: Path
    direction: zoo.Direction = "AtoB"
    eval: bool = False
    size: int | None = None
    seed: int = 0
    pieces: Literal["auto", "whole", "bands"] = "auto"

    def run(self) -> int:
        """Translate all inputs."""
        check_positive(self, "size")
        self.check_range()
        if not self.inputs:
            raise ArgumentError("nothing to translate: name image files, folders or quoted patterns.")
        translator = zoo.load_translator(self.model, self.direction)
        module = translator.module
        if self.eval and not (module.has_running_statistics or module.has_dropout):
            raise ArgumentError(f"--eval: {translator} has neither running statistics nor dropout, leave it out.")
        job = Translation(
            translator,
            None if self.eval else purpose(seeded(self.seed), "dropout"),
            "stored" if self.eval and module.has_running_statistics else "own",
            self.size,
            self.value_range,
            self.pieces,
        )
        items = find_items(self.inputs, self.recursive, without=self.out, tell=warn)
        facts = {"model": self.model, "direction": self.direction, "seed": self.seed}
        outcome = self._translated(job, items, facts)
        if self.json:
            print_json({"images": outcome.rows, "failed": outcome.failed, "report": str(outcome.report)})
        else:
            say(f"{counted(len(outcome.rows), 'picture')} translated: {self.out}; before and after: {outcome.report}")
        if outcome.failed:
            warn(f"{len(outcome.failed)} of {len(outcome.rows) + len(outcome.failed)} inputs could not be used.")
        return 1 if outcome.failed else 0

    def _translated(self, job: Translation, items: list[Item], facts: dict[str, Any]) -> Outcome:
        """This process's part of the pictures; where several are at it, then what nobody has done."""

        def run(part: Part) -> Outcome:
            bar = CountBar("pictures")
            return translate_files(job, items, self.out, facts=facts, tell=warn, progress=bar, part=part)

        own = run(self.share)
        if not self.distributed:
            return own
        if self.share.number == 0:
            return run(WHOLE)
        rest = run(Unlisted(self.out))
        return rest._replace(rows=own.rows + rest.rows, failed=own.failed | rest.failed)
