"""``gprior translate``: pictures of several sizes, a second run, and what it refuses."""

import json

import jax
import numpy as np
import pytest
from PIL import Image
from translation.networks import picture, translator

from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import from_uint8, to_uint8
from gprior_jax.keys import purpose, seeded
from gprior_jax.runs import find_items
from gprior_jax.runs.names import id_of
from gprior_jax.runs.translated import TranslatedFolder, Unlisted
from gprior_jax.runs.translating import Translation, translate_files
from gprior_jax.storage.locks import hold
from gprior_jax.translation import translate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network with batch norm and dropout one way, and one with neither the other."""
    path = tmp_path_factory.mktemp("translators") / "both"
    zoo.save_translator(translator("unet"), path, back=translator("resnet"))
    return path


@pytest.fixture
def given(tmp_path):
    """Two pictures of other sizes."""
    path = tmp_path / "given"
    path.mkdir()
    for seed, (name, size) in enumerate({"a": (14, 12), "b": (9, 16)}.items()):
        Image.fromarray(to_uint8(picture(*size, seed=seed))).save(path / f"{name}.png")
    return path


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_pictures_of_any_size_and_a_second_run(folder, given, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["translate", str(given), "--model", str(folder), "--out", str(out), "--direction", "BtoA"]
    assert main(command) == 0
    assert "2 pictures translated" in capsys.readouterr().out
    for name in "ab":
        wanted = to_uint8(translate(translator("resnet"), from_uint8(opened(given / f"{name}.png"))))
        np.testing.assert_array_equal(opened(out / f"{name}.png"), wanted)
    report = (out / "report.html").read_text()
    assert report.count("data:image/png") == 4
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    Image.fromarray(to_uint8(picture(8, 8, seed=7))).save(given / "b.png")  # Another picture under the name.
    assert main([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["images"]
    assert [(row["name"], row["height"], row["width"]) for row in rows] == [("a", 14, 12), ("b", 8, 8)]
    assert (out / "a.png").stat().st_mtime_ns == before[out / "a.png"]
    assert opened(out / "b.png").shape == (8, 8, 3)
    assert main([*command, "--size", "16"]) == 2
    assert "holds a run with another size (None there, 16 now)" in capsys.readouterr().err


def test_dropout_by_seed_and_name_and_eval(folder, given, tmp_path):
    image = from_uint8(opened(given / "a.png"))
    key = jax.random.fold_in(purpose(seeded(3), "dropout"), id_of("a.png"))
    for extra, options in (
        (["--seed", "3"], {"key": key}),
        (["--eval"], {"statistics": "stored"}),
    ):
        out = tmp_path / extra[0]
        assert main(["translate", str(given / "a.png"), "--model", str(folder), "--out", str(out), *extra]) == 0
        np.testing.assert_array_equal(opened(out / "a.png"), to_uint8(translate(translator("unet"), image, **options)))


def test_sizes_and_names(folder, given, tmp_path):
    """The shorter side; two files of one stem keep apart, in one run and over several."""
    (given / "sub").mkdir()
    Image.fromarray(to_uint8(picture(9, 16, seed=5))).save(given / "sub" / "b.png")
    out = tmp_path / "out"
    rest = ["--model", str(folder), "--out", str(out), "--direction", "BtoA", "--size", "8"]
    assert main(["translate", str(given / "b.png"), *rest]) == 0
    assert opened(out / "b.png").shape == (8, 14, 3)
    first = opened(out / "b.png")
    assert main(["translate", str(given / "sub" / "b.png"), *rest]) == 0
    np.testing.assert_array_equal(opened(out / "b.png"), first)
    assert {path.name for path in out.glob("*.png")} == {"b.png", "b_sub.png"}


def test_gray_for_colours_is_said(folder, given, tmp_path, capsys):
    Image.fromarray(np.full((10, 10), 90, np.uint8)).save(given / "gray.png")
    command = ["translate", str(given / "gray.png"), "--model", str(folder), "--direction", "BtoA"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert "unet takes colours, and was shown gray in all of them: gray.png." in capsys.readouterr().err
    assert opened(tmp_path / "out" / "gray.png").shape == (10, 10, 3)


def test_a_broken_file_stops_no_other(folder, given, tmp_path, capsys):
    (given / "c.png").write_bytes(b"nothing")
    out = tmp_path / "out"
    command = ["translate", str(given), "--model", str(folder), "--out", str(out), "--direction", "BtoA"]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "c.png is no image that Pillow can read" in said
    assert "1 of 3 inputs could not be used" in said
    assert {path.name for path in out.glob("*.png")} == {"a.png", "b.png"}
    assert "c.png" in json.loads((out / "run.json").read_text())["failed"][str(given / "c.png")]


def test_what_is_refused(folder, given, tmp_path, capsys):
    rest = ["--model", str(folder), "--out", str(tmp_path / "out")]
    for arguments, sentence in (
        (["translate", *rest], "nothing to translate"),
        (["translate", str(given), *rest, "--size", "0"], "--size 0: use at least 1"),
        (["translate", str(given), *rest, "--direction", "BtoA", "--eval"], "neither running statistics nor dropout"),
        (["translate", str(given), *rest[:-1], str(given)], "lies where results will be written"),
        (["translate", str(given), "--model", "builtin", "--out", str(tmp_path / "o")], "holds a prior, no translator"),
    ):
        assert main(arguments) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_that_are_much_larger_than_what_it_knows_are_named(given, tmp_path, capsys):
    facts = {"training": {"resolution": 4}}
    zoo.save_translator(translator("resnet"), tmp_path / "small", provenance=facts)
    command = ["translate", str(given), "--model", str(tmp_path / "small")]
    assert main([*command, "--out", str(tmp_path / "large")]) == 0
    told = capsys.readouterr().err
    assert "was trained at 4 px, and these are much larger: a.png, b.png; size 4 (--size)" in told
    assert main([*command, "--out", str(tmp_path / "fitting"), "--size", "7"]) == 0
    assert "much larger" not in capsys.readouterr().err


def test_a_folder_from_before_a_setting_came_goes_on(folder, given, tmp_path, capsys):
    """Its run.json does not have the setting, which now has its default."""
    out = tmp_path / "out"
    command = ["translate", str(given), "--model", str(folder), "--out", str(out), "--direction", "BtoA", "--json"]
    assert main(command) == 0
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["network"].pop("affine", None) is not None
    (out / "run.json").write_text(json.dumps(record))
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    capsys.readouterr()
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.png")} == before


def test_shards_of_a_list_share_a_folder(folder, given, tmp_path, capsys):
    (given / "c.png").write_bytes(b"")
    command = ["translate", str(given), "--model", str(folder), "--direction", "BtoA", "--out"]
    for out, shards in (("out", ["1/2", "0/2"]), ("alone", ["0/1"])):
        for shard in shards:
            capsys.readouterr()
            main([*command, str(tmp_path / out), "--shard", shard, "--json"])
    found, wanted = (json.loads((tmp_path / out / "run.json").read_text()) for out in ("out", "alone"))
    assert (found["images"], found["failed"]) == (wanted["images"], wanted["failed"])
    assert [row["name"] for row in found["images"]] == ["a", "b"]
    for name in "ab":
        ours, theirs = (opened(tmp_path / out / f"{name}.png") for out in ("out", "alone"))
        np.testing.assert_array_equal(ours, theirs)
    assert (tmp_path / "out" / "report.html").read_text().count("data:image/png") == 4
    assert not [*(tmp_path / "out").glob(".*")]


def test_what_another_process_has_in_hand_is_waited_for(folder, given, tmp_path):
    out, job = tmp_path / "out", Translation(zoo.load_translator(folder, "BtoA"))
    lock, seen = hold(out / ".locks" / "a.lock"), []

    def let_go(done, total):
        seen.append((done, total))
        lock.release()

    outcome = translate_files(job, find_items([given]), out, progress=let_go)
    assert seen == [(1, 2), (2, 2)]
    assert [row["name"] for row in outcome.rows] == ["a", "b"]
    assert Unlisted(out).of((), find_items([given])) == []
    # What another one has done meanwhile is taken as it is.
    again = find_items([given])
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    translate_files(job, again, out)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")} == before


def test_other_settings_are_refused_while_another_is_at_work(folder, given, tmp_path):
    one, other = (Translation(zoo.load_translator(folder, "BtoA"), size=size) for size in (None, 16))
    items = find_items([given])
    at_work = TranslatedFolder(tmp_path / "out", one.settings(), items).at_work()
    with at_work, pytest.raises(ArgumentError, match="holds a run with another size"):
        translate_files(other, items, tmp_path / "out")
    assert len(translate_files(other, items, tmp_path / "out").rows) == 2
