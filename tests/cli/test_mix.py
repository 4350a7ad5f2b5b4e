"""``gprior mix`` on a tiny style-based prior."""

import json

import numpy as np
import pytest
from PIL import Image

from cli import priors
from cli.codes import drawn, mapped, run, same
from cli.restoring import LUMA, mask, picture, pixels, told
from gprior_jax.cli.main import main


def test_grid_of_mixed_styles(styled, tmp_path, capsys):
    out = tmp_path / "mix.png"
    words = ["--rows", "seed:1", "seed:2", "--columns", "seed:3,4,5", "--layers", "0-2", "--truncation", 0.7, "--json"]
    assert run("mix", styled, out, *words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["styles"] == [0, 2]
    assert facts["columns"] == ["seed:3", "seed:4", "seed:5"]
    rows, columns = (mapped(source, truncation_psi=0.7) for source in ("seed:1,2", "seed:3-5"))
    styles = np.empty((3, 4, 4, 5), np.float32)
    styles[0, 0] = 0
    styles[0, 1:], styles[1:, 0] = columns, rows
    for i in range(2):
        for j in range(3):
            styles[i + 1, j + 1] = np.concatenate([columns[j, :3], rows[i, 3:]])
    images = drawn(priors.styled(), styles.reshape(12, 4, 5), space="w_plus").reshape(3, 4, 8, 8, 3)
    images[0, 0] = 1.0  # The corner is white.
    same(out, images)


@pytest.fixture(scope="module")
def filled(styled, tmp_path_factory):
    """Folder of an inpainted picture, which has twice the prior's side."""
    folder = tmp_path_factory.mktemp("filled")
    words = ["inpaint", picture(folder / "a.png", 0), "--mask", mask(folder / "m.png", (4, 4, 10, 12))]
    words += ["--model", styled, "--out", folder / "out", "--method", "w_plus", "--steps", 2]
    assert main([*map(str, words), "--perceptual", "none", "--devices", "1"]) == 0
    return folder / "out"


def test_mixtures_of_an_inpainted_row_keep_what_was_known(styled, filled, tmp_path):
    out = tmp_path / "mix.png"
    assert run("mix", styled, out, "--rows", filled, "seed:1", "--columns", "seed:2", "--layers", "2-") == 0
    sheet, seen, hole = pixels(out), pixels(filled / "a.png"), np.s_[2:6, 2:5]
    np.testing.assert_array_equal(sheet[8:16, :8], seen)  # Beside the row, its result.
    mixed, known = sheet[8:16, 8:], np.ones((8, 8), bool)
    known[hole] = False
    np.testing.assert_array_equal(mixed[known], seen[known])
    assert (mixed[hole] != seen[hole]).any()
    assert run("mix", styled, tmp_path / "plain.png", "--rows", "seed:1", "--columns", "seed:2", "--layers", "2-") == 0
    np.testing.assert_allclose(sheet[16:, 8:].astype(int), pixels(tmp_path / "plain.png")[8:, 8:].astype(int), atol=1)


def test_a_mixture_is_pasted_where_something_was_missing(styled, filled, tmp_path):
    words = ["--rows", filled, "--columns", "seed:2", "--layers", "2-", "--paste"]
    assert run("mix", styled, tmp_path / "mix.png", *words) == 0
    changed = (pixels(tmp_path / "mix.png") != pixels(filled.parent / "a.png")).any(axis=-1)
    assert changed[6:10, 6:8].all()
    changed[2:14, 2:12] = False  # What was missing, and where it meets the rest.
    assert not changed.any()


def test_colours_are_pasted_in_the_light_of_the_photograph(styled, tmp_path):
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / "a.png")
    words = ["--model", styled, "--out", tmp_path / "found", "--method", "w_plus", "--steps", 2, "--perceptual", "none"]
    assert main([*map(str, ["colorize", tmp_path / "a.png", *words, "--batch-size", 1, "--devices", 1])]) == 0
    words = ["--rows", tmp_path / "found", "--columns", "seed:2", "--layers", "2-", "--paste"]
    assert run("mix", styled, tmp_path / "mix.png", *words) == 0
    before, after = (pixels(tmp_path / f"{name}.png").astype(float) for name in ("a", "mix"))
    np.testing.assert_allclose(after @ LUMA, before @ LUMA, atol=1.0)
    assert np.abs(after - before).mean() > 10


@pytest.mark.slow
def test_geometry_draws_an_inpainted_end_as_its_result(styled, filled, tmp_path):
    out, seen = tmp_path / "out", pixels(filled / "a.png")
    small = ["--segments", 4, "--steps", 1, "--directions", 2, "--cells", 0, "--truncation", 1]
    words = ["geometry", filled, "seed:2", "--model", styled, "--out", out, *small]
    assert main([*map(str, words)]) == 0
    for row in np.split(pixels(out / "strips.png"), 2):
        np.testing.assert_array_equal(row[:, :8], seen)
    known = np.ones((8, 8), bool)
    known[2:6, 2:5] = False
    for cell in np.split(np.concatenate(np.split(pixels(out / "directions.png"), 2), axis=1), 10, axis=1):
        np.testing.assert_array_equal(cell[known], seen[known])


@pytest.mark.parametrize(
    ("out", "words", "sentence"),
    [
        ("m.png", ["--rows", "seed:1", "--columns", "seed:2", "--layers", "fine"], "styles 0 to 3"),
        ("m.png", ["--rows", "seed:1", "--columns", "seed:2", "--layers", "top"], "use coarse, middle, fine"),
        ("m.webp", ["--rows", "seed:1", "--columns", "seed:2"], "ends in .png"),
        ("m.png", ["--rows", "seed:1", "--columns", "--layers", "0"], "nothing to mix"),
    ],
)
def test_wrong_mixtures(styled, tmp_path, capsys, out, words, sentence):
    assert sentence in told(capsys, 2, run("mix", styled, tmp_path / out, *words))
    assert not list(tmp_path.iterdir())


def test_mixtures_of_a_prior_without_styles(little, tmp_path, capsys):
    assert "no styles to mix" in told(
        capsys, 2, run("mix", little, tmp_path / "m.png", "--rows", "a", "--columns", "b")
    )


def test_results_are_not_written_over(little, tmp_path, capsys):
    (tmp_path / "run.json").write_text("{}")
    for source in (tmp_path, "seed:1"):
        error = told(capsys, 2, run("mix", little, tmp_path / "cat.png", "--columns", "a", "--rows", source))
        assert "cat.png would lie among a run's results (run.json): name a file in another folder" in error
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
