"""What the tests of the converters share: files of given tensors, and what becomes of them."""

import re

import pytest
import torch
from gprior_converters.convert import LAYOUTS, convert_file

from gprior_jax.errors import CheckpointError


def convert_content(tmp_path, content, name="g", **options):
    """Convert a file's content, in a folder of its own under a common file name."""
    folder = tmp_path / name
    folder.mkdir()
    torch.save(content, folder / "g.pth")
    return convert_file(folder / "g.pth", folder / "model", **options), folder / "model"


def changed(state, change):
    """A state with other or more tensors; those that are None are missing."""
    return {key: value for key, value in (state | change).items() if value is not None}


def assert_refused(tmp_path, state, told):
    """That a file is refused with one line that names it, and nothing is written."""
    path = tmp_path / "g.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=re.escape(told)) as caught:
        convert_file(path, tmp_path / "model")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["g.pth"]


def shapes_of(state):
    return {key: tuple(value.shape) for key, value in state.items()}


def recognised(shapes):
    """Names of the layouts that take a file with these shapes for theirs."""
    return [name for name, layout in LAYOUTS.items() if layout.recognises(shapes)]
