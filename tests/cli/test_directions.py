"""``gprior directions``: what files hold, in words and as JSON."""

import json

import numpy as np
import pytest
from batteries import normal

from cli import priors
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.editing import measure_deviations
from gprior_jax.runs.directions import read_directions


@pytest.fixture
def model(tmp_path):
    """A folder of a prior of 4 styles of 5 numbers, and codes of 8."""
    zoo.save(priors.styled(), tmp_path / "model")
    return str(tmp_path / "model")


def unit(*shape):
    rows = np.asarray(normal(0, *shape), np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def told(capsys, *words):
    """The exit code, standard output and standard error."""
    code = main(["directions", *map(str, words)])
    return code, *capsys.readouterr()


def test_words(tmp_path, model, capsys):
    content = {"boundary": unit(1, 5), "meta_data": {"manipulate_layers": "0-1,3"}}
    np.save(tmp_path / "wood.npy", np.array(content, object), allow_pickle=True)
    code, out, error = told(capsys, tmp_path / "wood.npy", "--model", model)
    assert (code, error) == (0, "")
    (direction,) = read_directions(tmp_path / "wood.npy", priors.styled())
    (measured,) = measure_deviations(priors.styled(), [direction])
    assert out.splitlines() == [
        f"{tmp_path / 'wood.npy'}: 1 direction (boundary)",
        "  stored as float64 [1, 5], rows of norm 1",
        "  space w, each [5], by the layers that it names, as only styles have some",
        "  for layers 0-1, 3",
        f"  wood: a standard deviation of the prior's codes is {measured.deviation:.4g} along it",
    ]


def test_json(tmp_path, model, capsys):
    np.save(tmp_path / "sefa_directions.npy", 3 * unit(9, 5))
    np.save(tmp_path / "latents.npy", normal(0, 2, 4, 5))
    np.savez(tmp_path / "fit.npz", mean=np.zeros(5), std=np.ones(5))
    files = [tmp_path / name for name in ("sefa_directions.npy", "latents.npy", "fit.npz")]
    code, out, error = told(capsys, *files, "--model", model, "--json")
    assert (code, error) == (0, "")
    directions, latents, fit = json.loads(out)["files"]
    assert (directions["kind"], directions["number"], directions["space"], directions["each"]) == (
        "directions",
        9,
        "w",
        [5],
    )
    assert (directions["space_because"], directions["norms"], directions["layers"]) == ("its length", [3.0, 3.0], None)
    assert len(directions["deviations"]) == len(directions["names"]) == 9
    assert directions["deviations_in_file"] is None
    assert (latents["kind"], latents["number"], latents["fits"], latents["shape"]) == (
        "codes",
        2,
        ["w_plus"],
        [2, 4, 5],
    )
    assert (fit["kind"], fit["fits"]) == ("statistics", [])
    code, out, _ = told(capsys, *files, "--model", model)
    assert "sefa_directions:7: a standard deviation" in out
    assert "and 1 more (--json tells all)" in out
    assert "2 codes (a bare array, by its name)\n  stored as float32 [2, 4, 5]\n  codes w_plus of the prior" in out
    assert "statistics (mean and std), no directions" in out


def test_one_of_several(tmp_path, model, capsys):
    np.save(tmp_path / "sefa_directions.npy", unit(10, 5))
    code, out, _ = told(capsys, f"{tmp_path}/sefa_directions.npy:9", "--model", model)
    assert (code, out.splitlines()[0]) == (0, f"{tmp_path}/sefa_directions.npy:9: 1 direction")


def test_the_space_is_asked(tmp_path, capsys):
    np.save(tmp_path / "age.npy", unit(1, 128))
    code, out, error = told(capsys, tmp_path / "age.npy", "--model", "builtin:portraits")
    assert code == 2
    assert "1 direction (a bare array, of unit norm)\n  stored as float64 [1, 128], rows of norm 1\n" in out
    assert "name the space, z or w, as in z:age.npy or w:age.npy. --space names it for all files." in error
    code, out, error = told(capsys, tmp_path / "age.npy", "--model", "builtin:portraits", "--space", "w")
    assert (code, error) == (0, "")
    assert "space w, each [128], by request" in out
    code, out, _ = told(capsys, f"z:{tmp_path}/age.npy", "--model", "builtin:portraits", "--space", "w")
    assert "space z, each [128], by request" in out


def test_what_cannot_be_used(tmp_path, model, capsys):
    np.save(tmp_path / "age_w.npy", unit(1, 5))
    np.save(tmp_path / "long_w.npy", unit(1, 7))
    np.save(tmp_path / "nan_boundary.npy", np.full((1, 5), np.nan))
    (tmp_path / "page.npy").write_text("<html>")
    names = ("long_w.npy", "page.npy", "nan_boundary.npy", "age_w.npy")
    code, out, error = told(capsys, *(tmp_path / name for name in names), "--model", model, "--json")
    assert code == 1  # The others are told of.
    files = json.loads(out)["files"]
    assert [("error" in facts) for facts in files] == [True, True, True, False]
    assert r"of shape (1, 7): it is of w by its name (_w_); a direction of" in error
    assert "page.npy is a web page, not a file of arrays" in error
    for name in names[:2]:
        assert told(capsys, tmp_path / name, "--model", model)[0] == 2
    assert told(capsys, tmp_path / "nothing.npy", "--model", model)[0] == 2
    assert told(capsys, "--model", model)[2].startswith("gprior: directions needs a file")


def test_one_row_for_every_layer_is_one_direction(tmp_path, model, capsys):
    """Of another prior, too, of whose layers nothing is known here."""
    np.save(tmp_path / "yaw_boundary.npy", np.repeat(unit(1, 7), 4, 0))
    code, out, _ = told(capsys, tmp_path / "yaw_boundary.npy", "--model", model)
    assert code == 2
    assert "yaw_boundary.npy: 1 direction (" in out
    np.save(tmp_path / "both_boundary.npy", unit(2, 7))
    assert "both_boundary.npy: 2 directions (" in told(capsys, tmp_path / "both_boundary.npy", "--model", model)[1]


def test_directions_are_no_codes_of_other_commands(tmp_path, model, capsys):
    """Today's fault: a boundary was sent through the mapping network."""
    np.save(tmp_path / "age_boundary.npy", unit(1, 8))
    for words in (
        ("morph", f"z:{tmp_path}/age_boundary.npy", "seed:1"),
        ("mix", "--rows", f"{tmp_path}/age_boundary.npy", "--columns", "seed:1", "--layers", "0-1"),
        ("arithmetic", "--positive", f"{tmp_path}/age_boundary.npy", "--space", "z"),
    ):
        assert main([*words, "--model", model, "--out", str(tmp_path / "a.png")]) == 2
        error = capsys.readouterr().err
        assert "holds directions (a bare array, of unit norm) as float64 of shape (1, 8), no codes: a code of" in error
        assert not (tmp_path / "a.png").exists()
