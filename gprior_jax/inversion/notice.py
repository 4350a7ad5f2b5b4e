"""Progress of an inversion as plain numbers, now and then."""

import time

import jax
import numpy as np

from gprior_jax.inversion.problem import Evaluation
from gprior_jax.typing import Progress

_PROGRESS_SECONDS = 0.5


class Notice:
    """Reports progress about twice a second; asking for numbers waits for the device, so it is not done each step."""

    def __init__(self, progress: Progress | None, batch: int, batches: int, count: int, num_steps: int):
        """Report to ``progress`` on batch ``batch`` of ``batches``, of ``count`` images and ``num_steps`` steps."""
        self._progress, self._fixed = progress, {"batch": batch, "batches": batches, "images": count}
        self._num_steps = num_steps
        self._started: float | None = None
        self._last = -np.inf

    def __call__(self, done: int, evaluation: Evaluation) -> None:
        """Take the evaluations of the latest steps, after ``done`` steps."""
        now = time.monotonic()
        if self._progress is None or (now - self._last < _PROGRESS_SECONDS and done < self._num_steps):
            return
        loss, terms = jax.device_get((evaluation.loss[-1], jax.tree.map(lambda term: term[-1], evaluation.terms)))
        now = self._last = time.monotonic()
        if self._started is None:  # The first call has compiled; time is counted from here.
            self._started, self._first = now, done
        rate = (done - self._first) / max(now - self._started, 1e-9)
        numbers = {"step": done, "num_steps": self._num_steps, "loss": float(np.nanmean(loss))}
        if "pixel_mse" in terms:
            numbers["psnr"] = float(np.nanmean(10 * np.log10(4.0 / np.maximum(terms["pixel_mse"], 1e-12))))
        if rate > 0:
            numbers["seconds_left"] = (self._num_steps - done) / rate
        self._progress(self._fixed | numbers)
