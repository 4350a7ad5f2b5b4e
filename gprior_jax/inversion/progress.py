"""Progress of an inversion as plain numbers, now and then."""

import time
from typing import Any

import jax
import numpy as np

from gprior_jax.images.arrays import psnr_of
from gprior_jax.inversion.problem import Evaluation
from gprior_jax.typing import ArrayLike, Progress

_EVERY_S = 0.5


class Reporter:
    """Reports about twice a second; asking for numbers waits for the device, so it is not done in every step."""

    def __init__(self, progress: Progress | None, num_steps: int, facts: dict[str, Any]):
        """Report to ``progress`` on ``num_steps`` steps, with ``facts`` in every report."""
        self._progress, self._num_steps, self._facts = progress, num_steps, facts
        self._first: tuple[int, float] | None = None
        self._last = -np.inf

    def __call__(self, done: int, evaluation: Evaluation) -> None:
        """Take the evaluations of the latest steps, after ``done`` steps."""
        if self._progress is None or (time.monotonic() - self._last < _EVERY_S and done < self._num_steps):
            return
        found = jax.device_get(evaluation)  # The last is taken here: on the device that were another program.
        loss, terms = found.loss[-1], {name: term[-1] for name, term in found.terms.items()}
        now = self._last = time.monotonic()
        numbers = {"step": done, "num_steps": self._num_steps, "loss": _mean(loss)}
        if "pixel_mse" in terms:
            numbers["psnr"] = _mean(psnr_of(terms["pixel_mse"]))
        self._first = self._first or (done, now)  # The first call has compiled; time is counted from here.
        if done > self._first[0]:
            numbers["seconds_left"] = (self._num_steps - done) * (now - self._first[1]) / (done - self._first[0])
        self._progress(self._facts | numbers)


def _mean(values: ArrayLike) -> float:
    """Mean of the finite ones; NaN where there are none."""
    found = np.asarray(values)
    finite = found[np.isfinite(found)]
    return float(finite.mean()) if finite.size else float("nan")
