import pytest

from gprior_jax.runs.items import Item


@pytest.fixture
def item(tmp_path):
    source = tmp_path / "cat.jpg"
    source.write_bytes(b"pixels")
    return Item(0, source, "cat")
