import jax
import numpy as np
import pytest
from batteries import random_prior
from PIL import Image

from cli import priors
from cli.restoring import SIDE, mask, picture
from gprior_jax import zoo


@pytest.fixture(scope="package", autouse=True)
def _forget_programs():
    """The programs of the commands serve all files of this folder: they have the same few priors."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a prior of 16 px with as few layers as there are, and a discriminator."""
    folder = tmp_path_factory.mktemp("models") / "flat"
    zoo.save(random_prior("dcgan", "dcgan"), folder)
    return folder


@pytest.fixture(scope="session")
def little(tmp_path_factory):
    """Folder of a tinier prior with a discriminator, 8 px."""
    folder = tmp_path_factory.mktemp("models") / "little"
    zoo.save(priors.plain(), folder)
    return folder


@pytest.fixture(scope="session")
def styled(tmp_path_factory):
    """Folder of a tiny StyleGAN2 with a discriminator, 8 px."""
    folder = tmp_path_factory.mktemp("models") / "styled"
    zoo.save(priors.styled(), folder)
    return folder


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    """Folder of a tiny StyleGAN2 with three classes, 8 px."""
    folder = tmp_path_factory.mktemp("models") / "conditional"
    zoo.save(priors.conditional(), folder)
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


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """Three pictures of the prior's size."""
    folder = tmp_path_factory.mktemp("inputs")
    for seed, name in enumerate("abc"):
        picture(folder / f"{name}.png", seed)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Three pictures of half that size."""
    folder = tmp_path_factory.mktemp("small")
    for seed, name in enumerate("abc"):
        picture(folder / f"{name}.png", seed, SIDE // 2)
    return folder


@pytest.fixture(scope="session")
def truths(tmp_path_factory):
    """Intact pictures of two of the three."""
    folder = tmp_path_factory.mktemp("truths")
    for seed, name in enumerate("ac"):
        picture(folder / f"{name}.png", 10 + seed)
    return folder


@pytest.fixture(scope="session")
def masks(tmp_path_factory):
    """Different masks."""
    folder = tmp_path_factory.mktemp("masks")
    for name, box in (("a", (4, 4, 9, 8)), ("b", (0, 0, 8, 8)), ("c", (2, 7, 15, 12))):
        mask(folder / f"{name}.png", box)
    return folder
