"""Images and a small configuration to train on."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from gprior_jax.training.config import PGGANConfig


def png(pixels):
    """A PNG file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="package")
def image_zip(tmp_path_factory):
    """Thirty random 16-pixel images in a zip file, laid out as StyleGAN2-ADA's tool lays them out."""
    path = tmp_path_factory.mktemp("images") / "tiny.zip"
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(30):
            archive.writestr(f"00000/img{index:08}.png", png(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)))
        archive.writestr("dataset.json", '{"labels": null}')
    return path


@pytest.fixture(scope="package")
def labelled_zip(image_zip, tmp_path_factory):
    """The same images in three classes."""
    path = tmp_path_factory.mktemp("labelled") / "classes.zip"
    with zipfile.ZipFile(image_zip) as old, zipfile.ZipFile(path, "w") as new:
        names = [name for name in old.namelist() if name.endswith(".png")]
        for name in names:
            new.writestr(name, old.read(name))
        told = {"labels": [[name, i % 3] for i, name in enumerate(names)], "label_names": ["a", "b", "c"]}
        new.writestr("dataset.json", json.dumps(told))
    return path


@pytest.fixture(scope="package")
def tiny():
    """Ten steps: four at 8 pixels, six at 16, every second one with the R1 penalty."""
    return PGGANConfig(
        resolution=16,
        z_dim=8,
        base_channels=128,
        max_channels=8,
        batch_size=4,
        images_per_level=(16, 24),
        fade_fraction=0.5,
        r1_interval=2,
        ema_half_life=100.0,
        seed=1,
    )
