"""Memory that does not suffice is told in one sentence, with flags that the command has and that would help."""

import jax
import numpy as np
import pytest

from cli.restoring import told
from cli.test_main import raised_by
from gprior_jax.errors import OutOfMemoryError

XLA = "RESOURCE_EXHAUSTED: Out of memory allocating 78958289284 bytes."
LATER = "INTERNAL: Error dispatching computation: Out of memory allocating 5000000 bytes."
INVERT = ("invert", "a.png", "--out", "x")


@pytest.mark.parametrize(
    ("error", "size"),
    [
        (jax.errors.JaxRuntimeError(XLA), " (79.0 GB more were wanted)"),
        (ValueError(XLA), " (79.0 GB more were wanted)"),
        (jax.errors.JaxRuntimeError(LATER), " (5.0 MB more were wanted)"),
        (MemoryError(), ""),
    ],
)
def test_one_sentence(monkeypatch, capsys, error, size):
    line = told(capsys, 1, raised_by(monkeypatch, error, INVERT))
    assert line == (
        f"gprior: memory did not suffice{size}: use fewer images at once (--batch-size 1), fewer codes at a time "
        "(--codes-per-call), recomputed activations (--remat), half the precision (--dtype bfloat16), or a machine "
        "with more."
    )


def test_numpy_says_how_much(monkeypatch, capsys):
    with pytest.raises(MemoryError) as caught:
        np.empty((10**9, 10**6))
    line = told(capsys, 1, raised_by(monkeypatch, caught.value, ("generate", "--out", "x")))
    assert "iB more were wanted)" in line
    assert "--codes-per-call" not in line
    assert "--batch-size 1" in line


def test_what_is_taken_already_is_no_remedy(monkeypatch, capsys):
    words = (*INVERT, "--batch-size", "1", "--codes-per-call", "1", "--remat", "--dtype", "bfloat16")
    line = told(capsys, 1, raised_by(monkeypatch, ValueError(XLA), words))
    assert line == "gprior: memory did not suffice (79.0 GB more were wanted): use a machine with more."


@pytest.mark.parametrize("error", [RuntimeError("INTERNAL: something else"), ValueError("out of range"), KeyError(XLA)])
def test_other_faults_keep_their_traceback(monkeypatch, error):
    with pytest.raises(type(error)):
        raised_by(monkeypatch, error, INVERT)


def test_the_traceback_is_there_to_debug(monkeypatch):
    monkeypatch.setenv("GPRIOR_DEBUG", "1")
    with pytest.raises(OutOfMemoryError) as caught:
        raised_by(monkeypatch, ValueError(XLA), INVERT)
    assert str(caught.value.__cause__) == XLA
