"""Talking to the terminal: words, JSON, and the progress of inversions."""

import contextlib
import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from gprior_jax.errors import GPriorWarning, require
from gprior_jax.runs import Outcome
from gprior_jax.runs.folder import PASTED
from gprior_jax.runs.pasting import Paster
from gprior_jax.runs.report import mean_metrics


def say(text: str, as_json: bool = False) -> None:
    """Print for people: on standard output, or on standard error when that is kept for JSON."""
    print(text, file=sys.stderr if as_json else sys.stdout, flush=True)


def warn(text: str) -> None:
    """Print on standard error."""
    print(f"gprior: {text}", file=sys.stderr, flush=True)


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
    print(json.dumps(content, indent=2, ensure_ascii=False), flush=True)


class StepBar:
    """Progress of an inversion on standard error: step, loss, PSNR and time left."""

    def __init__(self, title: str):
        """Start a bar; it appears with the first numbers."""
        self._title, self._bar = title, None

    def __call__(self, numbers: dict[str, Any]) -> None:
        """Take the numbers that :func:`gprior_jax.invert` reports; none end the bar."""
        if not numbers:
            if self._bar is not None:
                self._bar.close()
            return
        if self._bar is None:
            tqdm = require("tqdm", "cli").tqdm
            total = numbers["num_steps"] * numbers["batches"]
            self._bar = tqdm(total=total, desc=self._title, unit="step", dynamic_ncols=True)
        self._bar.update(numbers["batch"] * numbers["num_steps"] + numbers["step"] - self._bar.n)
        shown = {"loss": f"{numbers['loss']:.4g}"}
        if "psnr" in numbers:
            shown["psnr"] = f"{numbers['psnr']:.2f} dB"
        self._bar.set_postfix(shown)


class CountBar:
    """Progress through a number of images on standard error; it ends with the last."""

    def __init__(self, title: str):
        """Start a bar; it appears with the first numbers."""
        self._title, self._bar = title, None

    def __call__(self, done: int, total: int) -> None:
        """Take how many images are done, and of how many."""
        if self._bar is None:
            self._bar = require("tqdm", "cli").tqdm(total=total, desc=self._title, unit="image", dynamic_ncols=True)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()


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
        print_json({"images": rows, "failed": outcome.failed, "report": str(outcome.report)})
    else:
        means = "".join(f", mean {name} {value:.4g}" for name, value in mean_metrics(outcome.entries).items())
        say(f"{len(rows)} images done{means}: {outcome.report}")
    if paster is not None:
        say(f"in their photographs: {paster.out / PASTED}", as_json)
        for sentence in paster.remarks:
            warn(sentence)
    if diverged:
        warn(f"the loss of {', '.join(diverged)} became infinite or NaN; its best result before that is kept.")
    if outcome.failed:
        warn(f"{len(outcome.failed)} of {len(rows) + len(outcome.failed)} inputs could not be used.")
    return 1 if outcome.failed or diverged or (paster is not None and paster.failed) else 0
