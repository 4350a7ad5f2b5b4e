"""Talking to the terminal: words, JSON, and the progress of inversions."""

import contextlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from gprior_jax.cli.bars import Bar
from gprior_jax.errors import GPriorError, GPriorWarning
from gprior_jax.images.pasting import Seam
from gprior_jax.runs import Outcome
from gprior_jax.runs.folder import PASTED
from gprior_jax.runs.names import as_text
from gprior_jax.runs.pasting import Paster
from gprior_jax.runs.report import mean_metrics


def say(text: str, as_json: bool = False) -> None:
    """Print for people: on standard output, or on standard error when that is kept for JSON."""
    _print(text, sys.stderr if as_json else sys.stdout)


def warn(text: str) -> None:
    """Print on standard error, in one line whatever the files in it are called."""
    _print(f"gprior: {as_text(text)}", sys.stderr)


def check_drawn(images: np.ndarray) -> None:
    """Check that a generator gave numbers before they are written as pictures.

    Raises:
        GPriorError: NaN or infinite pixels.
    """
    bad = sum(not np.isfinite(image).all() for image in images)
    if bad:
        raise GPriorError(
            f"{bad} of {len(images)} pictures hold pixels that are no finite numbers: use smaller numbers, "
            "or check the model."
        )


@contextlib.contextmanager
def warnings_told() -> Iterator[None]:
    """Inside, what the package warns of is told like anything else, each sentence once."""
    told: set[str] = set()
    with warnings.catch_warnings():
        show = warnings.showwarning

        def tell(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if not issubclass(category, GPriorWarning):
                show(message, category, *where)
            elif str(message) not in told:
                told.add(str(message))
                warn(str(message))

        warnings.simplefilter("always", GPriorWarning)
        warnings.showwarning = tell
        yield


def print_json(content: Any) -> None:
    """Print one JSON document on standard output."""
    _print(json.dumps(content, indent=2, ensure_ascii=False), sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """Print; what the terminal cannot write (a file name that is no text) as an escape, which JSON holds as it is."""
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


class StepBar:
    """Progress of an inversion on standard error: step, loss, PSNR and time left."""

    def __init__(self, title: str):
        """Start a bar; it appears with the first numbers."""
        self._title, self._stage, self._bar = title, "", Bar(title, "step")

    def __call__(self, numbers: dict[str, Any]) -> None:
        """Take the numbers that :func:`gprior_jax.invert` and what precedes it report; none end the bar."""
        if not numbers:
            self._bar.close()
            return
        stage = numbers.get("stage", "")
        if stage != self._stage:
            self._bar.close()
            self._stage, self._bar = stage, Bar(f"{self._title}, {stage}" if stage else self._title, "step")
        shown = {"loss": f"{numbers['loss']:.4g}"} if "loss" in numbers else {}
        if "psnr" in numbers:
            shown["psnr"] = f"{numbers['psnr']:.2f} dB"
        done = numbers["batch"] * numbers["num_steps"] + numbers["step"]
        self._bar.update(done, numbers["num_steps"] * numbers["batches"], **shown)


class CountBar:
    """Progress through a number of images on standard error; it ends with the last."""

    def __init__(self, title: str):
        """Start a bar; it appears with the first numbers."""
        self._bar = Bar(title, "image")

    def __call__(self, done: int, total: int) -> None:
        """Take how many images are done, and of how many."""
        self._bar.update(done, total)
        if done == total:
            self._bar.close()


def told_seams(seams: Sequence[Mapping[str, float] | None]) -> str:
    """How visible the edges of what was pasted or blended are, means over them, in words; see :class:`Seam`.

    >>> told_seams([{"step": 8.0, "jump": 2.0, "before": 1.5}, None])
    'the seam bridges 8 grey levels of 255 and jumps by 2 from pixel to pixel, 1.5 there before'
    """
    known = [seam for seam in seams if seam is not None]
    if not known:
        return "there is no seam, as all is covered"
    step, jump, before = (float(np.mean([seam[name] for seam in known])) for name in Seam._fields)
    return (
        f"the seam bridges {step:.3g} grey levels of 255 and jumps by {jump:.3g} from pixel to pixel, {before:.3g} "
        "there before"
    )


def tell_pasted(paster: Paster, as_json: bool) -> None:
    """Tell where results are in their photographs, and what is amiss there."""
    say(f"in their photographs: {paster.out / PASTED}", as_json)
    for sentence in paster.remarks:
        warn(sentence)


def counted(number: int, noun: str) -> str:
    """A number of things in words.

    >>> counted(1, "image"), counted(2, "image")
    ('1 image', '2 images')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def tell_outcome(outcome: Outcome, as_json: bool, paster: Paster | None = None) -> int:
    """Tell what a run over files came to.

    Args:
        outcome: of the run.
        as_json: as JSON.
        paster: what has put results back into their photographs.

    Returns:
        The exit code: 1 if an input could not be used or gave no finite result, else 0.
    """
    rows = [entry.row for entry in outcome.entries]
    diverged = [row["name"] for row in rows if row["status"] == "NONFINITE"]
    if as_json:
        report = str(outcome.report) if outcome.is_whole else None
        print_json({"images": rows, "failed": outcome.failed, "report": report})
    elif not outcome.is_whole:
        done = counted(len(rows), "image")
        say(f"{done} done so far; others work in {outcome.report.parent}, the last to end writes its report")
    else:
        mean = "mean " if len(rows) > 1 else ""
        means = "".join(f", {mean}{name} {value:.4g}" for name, value in mean_metrics(outcome.entries).items())
        say(f"{counted(len(rows), 'image')} done{means}: {outcome.report}")
    if paster is not None:
        tell_pasted(paster, as_json)
    if diverged:
        warn(f"the loss of {', '.join(diverged)} became infinite or NaN; its best result before that is kept.")
    if outcome.failed:
        warn(f"{len(outcome.failed)} of {len(rows) + len(outcome.failed)} inputs could not be used.")
    return 1 if outcome.failed or diverged or (paster is not None and paster.failed) else 0
