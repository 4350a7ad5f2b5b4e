"""Codes that are kept in memory."""

import numpy as np

from gprior_jax.editing import Point
from gprior_jax.studio.kept_codes import KeptCodes
from gprior_jax.studio.owned import Codes


def codes(name):
    return Codes(Point(name, {"z": np.zeros(2)}), None, "")


def test_what_was_asked_for_longest_ago_is_let_go():
    kept = KeptCodes(most=2)
    first = kept.keep("s", "1", codes("1"))
    kept.keep("s", "2", codes("2"))
    assert kept.find("s", "1") is first
    kept.keep("t", "1", codes("3"))
    assert kept.find("s", "2") is None
    assert kept.find("s", "1") is first
    assert kept.find("t", "1") is not None
    kept.forget("s", "1")
    kept.forget("s", "9")  # Never here.
    assert kept.find("s", "1") is None
