"""States of images that are under way: what killed processes have left of those that are done."""

import numpy as np
import pytest

from gprior_jax.runs.items import Item
from gprior_jax.runs.states import States


@pytest.fixture
def states(tmp_path):
    """Two of them, and the half of a third."""
    folder = tmp_path / ".states"
    for name in ("a", "b.c"):
        (folder / name).mkdir(parents=True)
        (folder / name / "arrays").write_bytes(np.zeros(3).tobytes())
    (folder / "b.c.orbax-checkpoint-tmp-17").mkdir()
    return States(tmp_path, {})


def test_states_of_images_that_are_done_are_swept(states, tmp_path):
    states.sweep([Item(0, tmp_path / "b.c.png", "b.c"), Item(1, tmp_path / "d.png", "d")])
    assert [path.name for path in (tmp_path / ".states").iterdir()] == ["a"]
    states.sweep([Item(2, tmp_path / "a.png", "a")])
    assert not (tmp_path / ".states").exists()
    states.sweep([Item(2, tmp_path / "a.png", "a")])
