import numpy as np
import pytest
from batteries import random_prior
from PIL import Image

from gprior_jax import models


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a tiny prior with a discriminator, 16 px."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    models.save(random_prior("pggan", "pggan"), folder)
    return folder


@pytest.fixture
def pictures(tmp_path):
    """Folder of three small pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, name in enumerate(("a", "b", "c")):
        pixels = np.random.default_rng(i).integers(0, 255, (20 + i, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder
