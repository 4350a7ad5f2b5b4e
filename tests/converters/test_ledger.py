import numpy as np
import pytest
from gprior_converters.ledger import Ledger

from gprior_jax.errors import CheckpointError


def make(**shapes):
    return {key: np.full(shape, index, np.float32) for index, (key, shape) in enumerate(shapes.items(), start=1)}


def test_every_tensor_is_accounted_for():
    state = make(a=(2, 3), b=(3,), c=())
    ledger = Ledger(state, "f.pth")
    np.testing.assert_array_equal(ledger.take("a", (2, 3)), state["a"])
    np.testing.assert_array_equal(ledger.take("b", (3,)), state["b"])
    ledger.leave_out("c", "not there")
    ledger.close("PGGAN")
    assert ledger.left_out == ("c",)
    # The caller's dict is not emptied.
    assert state.keys() == {"a", "b", "c"}


def test_all_problems_are_named_at_once():
    ledger = Ledger(make(a=(2, 3), b=(3,), extra=(4,)), "f.pth")
    assert ledger.take("a", (3, 2)).shape == (3, 2)
    assert ledger.take("gone", (5,)).shape == (5,)
    ledger.take("b", (3,))
    with pytest.raises(CheckpointError) as caught:
        ledger.close("PGGAN generator")
    assert str(caught.value) == (
        "f.pth looks like the layout PGGAN generator but does not fit it (missing: gone [5]; misshapen: a [2, 3] "
        "instead of [3, 2]; unexpected: extra [4]); nothing was written: check that the file is whole, or describe "
        "the network with --architecture."
    )


def test_a_tensor_is_used_once():
    ledger = Ledger(make(a=(2,)), "f.pth")
    ledger.take("a", (2,))
    ledger.take("a", (2,))
    with pytest.raises(CheckpointError, match=r"missing: a \[2\]"):
        ledger.close("PGGAN")


def test_long_lists_are_cut():
    ledger = Ledger(make(**{f"k{i}": (1,) for i in range(9)}), "f.pth")
    with pytest.raises(CheckpointError, match=r"k5 \[1\] and 3 more\)"):
        ledger.close("PGGAN")
