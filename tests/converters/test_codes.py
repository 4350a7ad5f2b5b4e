"""Codes as ``.pt`` files: those of other programs, read without running anything."""

import re

import numpy as np
import pytest
import torch
from gprior_converters.codes import read_codes

from converters import nvidia
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.runs.sources import read_points

FFHQ = Prior({}, StyleGAN2((1,) * 9, 512, 512), name="ffhq")
TINY = Prior({}, StyleGAN2((6, 4), 8, 5), name="tiny")


def points(path, prior=TINY, **options):
    told = []
    return read_points(prior, str(path), tell=told.append, **options), told


def test_real_files(real):
    (point,), told = points(real / "styleclip_latents.pt", FFHQ)
    wanted = torch.load(real / "styleclip_latents.pt", map_location="cpu", weights_only=True)
    np.testing.assert_array_equal(point.variables["w_plus"], wanted[0].numpy())
    assert told == []
    with pytest.raises(CheckpointError, match=r"holds directions .*\(1, 512\), no codes: a code of ffhq"):
        points(real / "e4e_age.pt", FFHQ, space="w")


def test_rosinalitys_projector(tmp_path):
    content = {
        f"in/{name}.png": {
            "img": torch.rand(3, 8, 8) if name == "a" else torch.rand(1, 3, 8, 8),
            "latent": torch.full((4, 5) if name == "a" else (5,), float(i)),
            "noise": [torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 8, 8)],
        }
        for i, name in enumerate("ab")
    }
    torch.save(content, tmp_path / "projected.pt")
    # What is said of codes without a space is not of these: each picture has one.
    (a, b), told = points(tmp_path / "projected.pt", space="w")
    assert a.name == f"{tmp_path / 'projected.pt'}:in/a.png"
    np.testing.assert_array_equal(a.variables["w_plus"], np.zeros((4, 5)))
    np.testing.assert_array_equal(b.variables["w"], np.ones(5))
    assert any("noise maps that it holds beside codes are left out" in sentence for sentence in told)


FORMS = {
    "a batch in half precision": (lambda w: w.half(), 1),
    "by name": (lambda w: {"latent": w[0], "img": torch.zeros(3)}, 1),
    "as w": (lambda w: {"w": w, "loss": 0.5}, 1),
    "a list": (lambda w: [w, w], 2),
    "not in C order": (lambda w: w.transpose(1, 2).contiguous().transpose(1, 2), 1),
    "an array of numpy": (lambda w: {"w": w.numpy()}, 1),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_codes(tmp_path, form):
    make, count = FORMS[form]
    wanted = torch.arange(20.0).reshape(1, 4, 5)
    torch.save(make(wanted), tmp_path / "w.pt")
    found, _ = points(tmp_path / "w.pt")
    assert len(found) == count
    for point in found:
        np.testing.assert_array_equal(point.variables["w_plus"], wanted[0].numpy())


def test_what_is_no_code(tmp_path):
    torch.save({"a": torch.zeros(1, 5), "b": torch.zeros(3), "c": torch.zeros(3, 1, 5)}, tmp_path / "abc.pt")
    with pytest.raises(CheckpointError, match=re.escape("several others (a [1, 5], b [3], c [3, 1, 5])")):
        points(tmp_path / "abc.pt")
    torch.save("text", tmp_path / "text.pt")
    with pytest.raises(CheckpointError, match="holds a str, no codes"):
        points(tmp_path / "text.pt")
    (tmp_path / "page.pt").write_text("<html>")
    with pytest.raises(CheckpointError, match="is a web page"):
        points(tmp_path / "page.pt")


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save({"w": torch.zeros(1, 4, 5), "t": nvidia.Trap(open, str(tmp_path / "owned"), "w")}, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="could run code"):
        read_codes(tmp_path / "w.pt")
    assert not (tmp_path / "owned").exists()
