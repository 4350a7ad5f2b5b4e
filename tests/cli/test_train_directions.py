"""``gprior train boundary`` and ``gprior train directions`` on tiny priors: what they write, and what they say."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from cli import priors
from cli.restoring import pixels, told
from gprior_jax import editing
from gprior_jax.cli.main import main
from gprior_jax.editing.strips import drawn, strip
from gprior_jax.generators.synthesis import map_latents, sample_z
from gprior_jax.runs import about_direction, load_direction, save_direction
from gprior_jax.summary import fingerprint

MEAN = ["--method", "mean"]


def boundary(model, out, *words):
    return main(["train", "boundary", "--model", str(model), "--out", str(out), *map(str, words)])


def directions(model, out, *words):
    return main(
        ["train", "directions", "--model", str(model), "--out", str(out), *map(str, words), "--batch-size", "8"]
    )


@pytest.fixture(scope="module")
def drawn_codes(tmp_path_factory):
    """A folder with 300 codes w and z of the style-based prior, and scores by the second number of w."""
    folder = tmp_path_factory.mktemp("codes")
    z = np.asarray(sample_z(priors.styled(), jax.random.key(5), 300))
    w = np.asarray(map_latents(priors.styled(), z))[:, 0]
    np.savez(folder / "w.npz", w=w)
    np.save(folder / "w.npy", w)
    np.savez(folder / "z.npz", z=z)
    np.save(folder / "scores.npy", w[:, 1])
    return folder


def test_boundary_of_files(styled, drawn_codes, tmp_path, capsys):
    out = tmp_path / "new" / "tall.npz"
    words = ["--codes", drawn_codes / "w.npz", "--scores", drawn_codes / "scores.npy", *MEAN]
    assert boundary(styled, out, *words, "--layers", "1-2", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    found, about = load_direction(out), about_direction(out)
    wanted = editing.train_boundary(
        np.load(drawn_codes / "w.npy"), np.load(drawn_codes / "scores.npy"), "w", method="mean"
    )
    np.testing.assert_allclose(found.vector, wanted.direction.vector, atol=1e-6)
    assert (found.name, found.space, found.layers) == ("tall", "w", (1, 2))
    assert found.offset == pytest.approx(wanted.direction.offset, rel=1e-4)
    assert found.deviation == pytest.approx(facts["deviation"])
    assert about["weights"] == fingerprint(priors.styled().params)
    for name in ("validation", "rest", "trained", "method"):
        assert about[name] == facts[name] == getattr(wanted, name)


def test_codes_are_brought_to_the_space(styled, drawn_codes, tmp_path):
    scores = ["--scores", drawn_codes / "scores.npy", *MEAN]
    sources = [("w", f"w:{drawn_codes / 'w.npy'}"), ("mapped", drawn_codes / "z.npz")]
    for name, source in sources:
        assert boundary(styled, tmp_path / f"{name}.npz", "--codes", source, *scores, "--space", "w") == 0
    first, second = (load_direction(tmp_path / f"{name}.npz").vector for name, _ in sources)
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert boundary(styled, tmp_path / "z.npz", "--codes", drawn_codes / "z.npz", *scores) == 0
    assert load_direction(tmp_path / "z.npz").vector.shape == (8,)
    assert boundary(styled, tmp_path / "p.npz", "--codes", drawn_codes / "w.npz", *scores, "--space", "w_plus") == 0
    assert load_direction(tmp_path / "p.npz").vector.shape == (4, 5)


def test_conditions(styled, drawn_codes, tmp_path):
    words = ["--codes", drawn_codes / "w.npz", "--scores", drawn_codes / "scores.npy", *MEAN]
    for i in (0, 2):
        save_direction(tmp_path / f"{i}.npz", editing.Direction(np.eye(5)[i], "w", name=str(i)))
    conditions = [tmp_path / "0.npz", tmp_path / "2.npz"]
    assert boundary(styled, tmp_path / "d.npz", *words, "--conditions", *conditions) == 0
    found = load_direction(tmp_path / "d.npz")
    np.testing.assert_allclose(found.vector[[0, 2]], 0, atol=1e-6)
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
    assert found.deviation > 0
    assert len(about_direction(tmp_path / "d.npz")["conditions"]) == 2


@pytest.fixture(scope="module")
def inverted(styled, tmp_path_factory):
    """Folders with inversions of eight pictures in W and in W+, four of them in a folder of their own each."""
    folder = tmp_path_factory.mktemp("inverted")
    for i in range(8):
        place = folder / "pictures" / ("old" if i < 4 else "young")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 30 * i, np.uint8)).save(place / f"{i}.png")
    common = ["--model", str(styled), "--steps", "2", "--perceptual", "none", "--devices", "1", "--recursive"]
    for method in ("w", "w_plus"):
        out = str(folder / method)
        assert main(["invert", str(folder / "pictures"), "--out", out, "--method", method, *common]) == 0
    return folder


@pytest.mark.slow
def test_boundary_from_labels_of_images(styled, inverted, tmp_path, capsys):
    out = tmp_path / "a.npz"
    words = ["--codes", inverted / "w", *MEAN]
    assert boundary(styled, out, *words, "--labels", "folders", "--positive", "young") == 0
    capsys.readouterr()
    by_folders = load_direction(out)
    assert by_folders.space == "w"
    assert about_direction(out)["positive"] == "young"
    (tmp_path / "l.csv").write_text("".join(f"{i}.png,{int(i > 3)}\n" for i in range(8)))
    assert boundary(styled, out, *words, "--labels", tmp_path / "l.csv") == 0
    np.testing.assert_allclose(load_direction(out).vector, by_folders.vector, atol=1e-6)
    (tmp_path / "s.json").write_text(json.dumps({f"{i}": i for i in range(7)}))
    assert boundary(styled, out, "--codes", inverted / "w_plus", *MEAN, "--scores", tmp_path / "s.json") == 0
    assert "1 of 8 codes have no score and are left out" in capsys.readouterr().err
    assert load_direction(out).vector.shape == (4, 5)
    assert (
        boundary(styled, out, *words[:1], inverted / "w_plus", *MEAN, "--labels", "folders", "--positive", "old") == 0
    )
    whole = load_direction(out).vector
    assert (
        boundary(
            *(styled, out, "--codes", inverted / "w_plus", *MEAN, "--labels", "folders"),
            *("--positive", "young", "--space", "w"),
        )
        == 0
    )
    assert "the mean is taken as w" in capsys.readouterr().err
    assert load_direction(out).vector @ whole.mean(0) < 0  # Towards the other class.


def bad_scores(folder):
    scores = np.load(folder / "scores.npy")
    np.save(folder / "nan.npy", np.where(np.arange(300) == 7, np.nan, scores))
    np.save(folder / "one.npy", np.ones(300))
    np.save(folder / "short.npy", scores[:5])
    np.save(folder / "other.npy", np.zeros((300, 7), np.float32))
    np.savez(folder / "equal.npz", w=np.ones((300, 5), np.float32))
    save_direction(folder / "four.npz", editing.Direction(np.ones(4), "w", name="four"))
    save_direction(folder / "five.npz", editing.Direction(np.ones(5), "w", name="five"))
    save_direction(folder / "twice.npz", editing.Direction(2 * np.ones(5), "w", name="twice"))


@pytest.mark.parametrize(
    ("codes", "scores", "more", "sentence"),
    [
        ("w.npz", "nan.npy", [], "1 of 300 scores are NaN or infinite (number 7 is the first)"),
        ("w.npz", "one.npy", [], "all 300 scores are 1: a boundary needs two classes"),
        ("w.npz", "short.npy", [], "are 5, the codes 300"),
        ("other.npy", "scores.npy", [], "other.npy holds float32 of shape (300, 7)"),
        ("equal.npz", "scores.npy", [], "codes of high and of low scores of b do not differ"),
        ("w.npz", "missing.npy", [], "missing.npy cannot be read"),
        ("w.npz", None, [], "give --scores of the codes, or --labels of their pictures"),
        ("w.npz", "scores.npy", ["--labels", "folders"], "give --scores of the codes, or --labels"),
        ("w.npz", "scores.npy", ["--positive", "a"], "--positive a is a class of --labels"),
        ("w.npz", "scores.npy", ["--conditions", "four.npz"], "as float32 of shape (4,): it is of w"),
        ("w.npz", "scores.npy", ["--conditions", "five.npz", "twice.npz"], "twice is made of five; leave it out"),
        ("w.npz", "scores.npy", ["--conditions", "w.npz"], "w.npz holds codes"),
        ("w.npz", "scores.npy", ["--space", "z"], "do not lead back to z"),
        ("w.npz", "scores.npy", ["--layers", "9"], "9"),
        ("w.npz", "scores.npy", ["--chosen", "0.9"], "--chosen 0.9"),
    ],
)
def test_bad_input_is_one_sentence(styled, drawn_codes, tmp_path, capsys, codes, scores, more, sentence):
    if not (drawn_codes / "nan.npy").exists():
        bad_scores(drawn_codes)
    words = ["--codes", drawn_codes / codes, *([] if scores is None else ["--scores", drawn_codes / scores])]
    more = [drawn_codes / word if word.endswith(".npz") else word for word in more]
    assert sentence in told(capsys, 2, boundary(styled, tmp_path / "b.npz", *words, *MEAN, *more))
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(styled, drawn_codes, capsys):
    words = ["--codes", drawn_codes / "w.npz", "--scores", drawn_codes / "scores.npy", *MEAN]
    assert "holds something else" in told(capsys, 2, boundary(styled, drawn_codes / "w.npz", *words))
    assert "name one that ends in .npz" in told(capsys, 2, boundary(styled, drawn_codes / "w.npy", *words))


@pytest.mark.parametrize(
    ("method", "more", "names"),
    [
        ("sefa", ["--layers", "1-2"], ["sefa_0", "sefa_1"]),
        ("ganspace", ["--samples", "20"], ["pca_0", "pca_1"]),
        ("ganspace", ["--samples", "20", "--layer", "2"], ["pca_0", "pca_1"]),
        ("local", ["--code", "seed:3"], ["local_0", "local_1"]),
    ],
)
def test_directions_with_strips(styled, tmp_path, capsys, method, more, names):
    out = tmp_path / "d"
    assert directions(styled, out, "--method", method, "--num", "2", *more, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in facts["directions"]] == names
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{n}.{e}" for n in names for e in ("npz", "png"))
    direction, about = load_direction(out / f"{names[0]}.npz"), about_direction(out / f"{names[0]}.npz")
    assert direction.space == "w"
    assert direction.layers == ((1, 2) if method == "sefa" else None)
    assert about["value"] == facts["directions"][0]["value"] > facts["directions"][1]["value"]
    picture = pixels(out / f"{names[0]}.png")
    assert picture.shape == (3 * 8, 7 * 8, 3)
    if method != "local":
        wanted = strip(priors.styled(), drawn(priors.styled(), 3), direction)
        np.testing.assert_allclose(picture.astype(int), wanted, atol=1)


@pytest.mark.parametrize("method", ["sefa", "local"])
def test_directions_of_a_prior_without_styles(model, tmp_path, method):
    assert directions(model, tmp_path / "d", "--method", method, "--num", "1") == 0
    assert load_direction(tmp_path / "d" / f"{method}_0.npz").space == "z"


def test_directions_of_a_prior_with_classes(conditional, tmp_path, capsys):
    assert directions(conditional, tmp_path / "d", "--method", "local", "--num", "1", "--code", "seed:1@2") == 0
    assert directions(conditional, tmp_path / "e", "--method", "ganspace", "--num", "1", "--samples", "9") == 0
    error = told(capsys, 2, directions(conditional, tmp_path / "f", "--method", "local", "--num", "1"))
    assert "needs a class" in error
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--method", "sefa", "--layer", "2"], "--layer is not for --method sefa"),
        (["--method", "sefa", "--code", "seed:1"], "--code is not for --method sefa"),
        (["--method", "local", "--samples", "9"], "--samples is not for --method local"),
        (["--method", "sefa", "--num", "0"], "--num 0: use at least 1"),
        (["--method", "sefa", "--num", "99"], "99 directions in w"),
        (["--method", "sefa", "--layers", "7"], "7"),
        (["--method", "local", "--num", "1", "--code", "seed:1,2"], "names 2 codes: name one"),
        (["--method", "ganspace", "--num", "2", "--layer", "50"], "layer 50 is out of range"),
    ],
)
def test_directions_refuse(styled, tmp_path, capsys, words, sentence):
    assert sentence in told(capsys, 2, directions(styled, tmp_path / "d", *words))
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(styled, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("mine")
    assert "exists already" in told(capsys, 2, directions(styled, tmp_path, "--method", "sefa", "--num", "1"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
