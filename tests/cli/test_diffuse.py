"""``gprior diffuse`` on a tiny prior."""

import json

import numpy as np
import pytest

from cli import priors
from cli.restoring import picture, pixels, told
from gprior_jax.cli.main import main
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images import arrays as im


def diffuse(model, out, targets, contexts, *words):
    own = ["--batch-size", "2", *map(str, words)]
    command = ["diffuse", *map(str, targets), "--context", *map(str, contexts), "--model", str(model)]
    return main([*command, "--out", str(out), *own])


@pytest.fixture
def files(tmp_path):
    return [picture(tmp_path / f"{name}.png", seed, side=8) for seed, name in enumerate("abc")]


def test_every_target_in_every_context(styled, files, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--box", 1, 2, 4, 3, "--steps", 3, "--json"]
    assert diffuse(styled, out, files[:1], files[1:], *words) == 0
    told = capsys.readouterr()
    assert "has no encoder" in told.err
    facts = json.loads(told.out)
    assert [image["name"] for image in facts["images"]] == ["a_in_b", "a_in_c"]
    assert facts["box"] == [1, 2, 4, 3]
    assert facts["recipe"]["solver"]["num_steps"] == 3
    sheet = pixels(out / "sheet.png").reshape(2, 8, 5, 8, 3).swapaxes(1, 2)
    target, context = pixels(files[0]), pixels(files[1])
    composite = context.copy()
    composite[1:5, 2:5] = target[1:5, 2:5]
    for found, wanted in zip(sheet[0], (target, context, composite), strict=False):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(sheet[1, 4], pixels(out / "a_in_c.png"))
    with np.load(out / "a_in_b.npz") as arrays:
        image = synthesize(priors.styled(), arrays["w_plus"], space="w_plus")[0]
    np.testing.assert_allclose(sheet[0, 4].astype(int), im.to_uint8(np.asarray(image)), atol=1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--box", 0, 0, 9, 2], "does not fit"),
        (["--steps", 0], "--steps 0"),
        (["--perceptual-weight", -1, "--perceptual", "default"], "weight -1.0"),
    ],
)
def test_wrong_use(styled, files, tmp_path, capsys, words, sentence):
    assert sentence in told(capsys, 2, diffuse(styled, tmp_path / "out", files[:1], files[1:], *words))
    assert not (tmp_path / "out").exists()


def test_priors_without_styles(little, files, tmp_path, capsys):
    assert "no styles, which semantic diffusion moves" in told(
        capsys, 2, diffuse(little, tmp_path / "out", files[:1], files[1:])
    )
