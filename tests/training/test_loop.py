import csv
import dataclasses
import json
import sys
import zipfile
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError, GPriorError, MissingExtraError
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images.files import encode_png
from gprior_jax.keys import purpose
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.training import loop, pggan, sessions, stylegan2
from training.settings import CONDITIONAL
from training.test_data import make_zip, png

OPTIONS = {"snapshot_images": 8, "log_images": 4, "provenance": {"data": "tiny"}}


@pytest.fixture(scope="module")
def finished(tiny, image_zip, tmp_path_factory):
    """An uninterrupted run: its folder, the prior that it returned, the rows that it reported."""
    out, rows = tmp_path_factory.mktemp("runs") / "whole", []
    prior = loop.train(tiny, image_zip, out, report=rows.append, **OPTIONS)
    return out, prior, rows


@pytest.fixture
def no_steps(monkeypatch):
    def fail(*args):
        pytest.fail("a step was taken")

    monkeypatch.setattr(pggan, "step", fail)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_equal_to_the_bit(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def read_state(out, config, name):
    return load_tree(out / "state" / name, jax.eval_shape(lambda: pggan.init(config, jax.random.key(0))))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_runs_on_gray_and_on_transparent_images(tiny, image_zip, tmp_path, channels):
    config = dataclasses.replace(tiny, resolution=8, images_per_level=(8,), image_channels=channels)
    prior = loop.train(config, image_zip, tmp_path / "run", **OPTIONS)
    assert prior.image_shape == (8, 8, channels)
    assert prior.critic.module.input_shape == (8, 8, channels)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(prior.params))
    with Image.open(tmp_path / "run" / "newest.png") as sheet:
        assert sheet.mode == {1: "L", 4: "RGBA"}[channels]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["image_channels"] == channels


@pytest.mark.slow
def test_everything_is_written(finished, tiny):
    out, prior, _ = finished
    assert names(out) == ["config.json", "log.csv", "model", "newest.png", "samples", "scan.json", "state"]
    assert (out / "newest.png").read_bytes() == (out / "samples" / "000000040.png").read_bytes()
    assert json.loads((out / "config.json").read_text())["images_per_level"] == [16, 24]
    # The last two states are kept, every grid is.
    assert names(out / "state") == ["000000032", "000000040"]
    assert names(out / "samples") == [f"{seen:09d}.png" for seen in (8, 16, 24, 32, 40)]
    sizes = []
    for name in names(out / "samples"):
        with Image.open(out / "samples" / name) as image:
            sizes.append(image.size)
    assert sizes == [(64, 64)] * 2 + [(128, 128)] * 3

    stored = zoo.load(out / "model")
    assert stored.resolution == prior.resolution == 16
    assert_equal_to_the_bit(stored.params, prior.params)
    assert_equal_to_the_bit(stored.critic.params, prior.critic.params)
    facts = zoo.read_config(out / "model")["provenance"]
    assert facts["data"] == "tiny"
    assert facts["images_seen"] == 40
    assert facts["training"]["r1_interval"] == 2


@pytest.mark.slow
def test_the_prior_is_the_averaged_generator(finished, tiny):
    out, prior, _ = finished
    state = read_state(out, tiny, "000000040")
    assert int(state.images_seen) == 40
    z = np.random.default_rng(0).standard_normal((2, 8), np.float32)
    wanted = pggan.generate(pggan.build(tiny)[0], state.average, z, 2, 1.0)
    np.testing.assert_allclose(synthesize(prior, z), wanted, atol=1e-5)


@pytest.mark.slow
def test_log(finished, tiny):
    out, _, reported = finished
    with open(out / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["images"]) for row in rows] == list(range(4, 41, 4))
    assert [row["resolution"] for row in rows] == ["8"] * 4 + ["16"] * 6
    # Two of the six steps at 16 pixels lie in the first half of the fade of 12 images.
    assert [row["fade"] for row in rows[4:]] == ["0.000", "0.333", "0.667", "1.000", "1.000", "1.000"]
    assert [bool(row["penalty"]) for row in rows] == [False, True] * 5
    for row in rows:
        assert all(np.isfinite(float(row[name])) for name in ("generator", "discriminator", "real_logit", "fake_logit"))
    assert [{name: str(row[name]) for name in loop.log_fields(tiny)} for row in reported] == rows
    assert all(row["images_per_second"] > 0 for row in reported)


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(finished, tiny, image_zip, tmp_path):
    """Stopped at the start of a level and within a fade; the second time killed after its snapshot."""
    whole, prior, _ = finished
    out = tmp_path / "run"
    first = loop.train(tiny, image_zip, out, max_images=16, **OPTIONS)
    assert first.resolution == 8
    assert zoo.load(out / "model").resolution == 8
    assert names(out / "state") == ["000000008", "000000016"]
    loop.train(tiny, image_zip, out, max_images=24, **OPTIONS)
    with open(out / "log.csv", "a") as file:
        file.write("28,16,1.000,0,0,0,0,\n")
    (out / "state" / "000000028.orbax-checkpoint-tmp-1").mkdir()
    resumed = loop.train(tiny, image_zip, out, **OPTIONS)

    assert (out / "log.csv").read_bytes() == (whole / "log.csv").read_bytes()
    assert_equal_to_the_bit(read_state(out, tiny, "000000040"), read_state(whole, tiny, "000000040"))
    assert_equal_to_the_bit(resumed.params, prior.params)
    for name in names(whole / "samples"):
        assert (out / "samples" / name).read_bytes() == (whole / "samples" / name).read_bytes()


def test_a_run_of_one_level_resumes_to_the_bit(tiny, image_zip, tmp_path):
    config = dataclasses.replace(tiny, resolution=8, images_per_level=(12,), r1_interval=1, max_channels=4)
    whole = loop.train(config, image_zip, tmp_path / "whole", **OPTIONS)
    loop.train(config, image_zip, tmp_path / "run", max_images=8, **OPTIONS)
    resumed = loop.train(config, image_zip, tmp_path / "run", **OPTIONS)
    assert_equal_to_the_bit(resumed.params, whole.params)
    state = "000000012"
    assert_equal_to_the_bit(read_state(tmp_path / "run", config, state), read_state(tmp_path / "whole", config, state))


@pytest.mark.slow
def test_a_finished_run_is_left_alone(finished, tiny, image_zip, no_steps):
    out, prior, _ = finished
    before = (out / "log.csv").read_bytes()
    again = loop.train(tiny, image_zip, out, **OPTIONS)
    assert (out / "log.csv").read_bytes() == before
    assert_equal_to_the_bit(again.params, prior.params)
    sooner = loop.train(tiny, image_zip, out, max_images=8, **OPTIONS)  # Where it has been long ago.
    assert_equal_to_the_bit(sooner.params, prior.params)


def begun(config, data, out):
    """A run that has a snapshot, of which only the name is looked at here."""
    loop.train(config, data, out, max_images=0, **OPTIONS)
    (out / "state" / "000000008").mkdir(parents=True)


def test_settings_are_free_as_long_as_there_is_no_snapshot(tiny, image_zip, tmp_path, no_steps):
    loop.train(tiny, image_zip, tmp_path / "run", max_images=0, **OPTIONS)
    other = dataclasses.replace(tiny, batch_size=8)
    loop.train(other, image_zip, tmp_path / "run", max_images=0, **OPTIONS)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["batch_size"] == 8


def test_two_processes_do_not_train_into_one_folder(tiny, image_zip, tmp_path, no_steps):
    out = tmp_path / "run"
    with sessions.alone(out):
        with pytest.raises(GPriorError, match=rf"another process trains into {out}: wait until it ends, or give"):
            loop.train(tiny, image_zip, out, max_images=0, **OPTIONS)
        assert not (out / "config.json").exists()
    loop.train(tiny, image_zip, out, max_images=0, **OPTIONS)
    assert not (out / ".locks").exists()


def test_other_settings_in_the_same_folder(tiny, image_zip, tmp_path, no_steps):
    begun(tiny, image_zip, tmp_path / "run")
    other = dataclasses.replace(tiny, learning_rate=1e-3, r1_gamma=2.0, images_per_level=(16, 32))
    with pytest.raises(GPriorError) as caught:
        loop.train(other, image_zip, tmp_path / "run", **OPTIONS)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'run'} holds a run with another ")
    assert "another learning_rate (0.002 there, 0.001 now), r1_gamma (1.0 there, 2.0 now): use" in message


def test_an_interrupt_is_told_in_one_sentence(tiny, image_zip, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(pggan, "step", interrupt)
    with pytest.raises(KeyboardInterrupt, match="interrupted; the same command starts afresh: there is no snap"):
        loop.train(tiny, image_zip, tmp_path / "run", **OPTIONS)
    (tmp_path / "run" / "state" / "000000008").mkdir(parents=True)
    monkeypatch.setattr(loop, "_restore", lambda config, *_: pggan.init(tiny, jax.random.key(0)))
    with pytest.raises(KeyboardInterrupt, match=r"goes on from the last snapshot in .*run\.$"):
        loop.train(tiny, image_zip, tmp_path / "run", **OPTIONS)


def test_a_failed_start_leaves_nothing_that_a_better_one_trips_over(tiny, image_zip, tmp_path, no_steps):
    with pytest.raises(CheckpointError):
        loop.train(tiny, image_zip, tmp_path / "run", init_from=tmp_path / "gone", **OPTIONS)
    loop.train(dataclasses.replace(tiny, seed=5), image_zip, tmp_path / "run", max_images=0, **OPTIONS)


def test_other_images_in_the_same_folder(tiny, image_zip, tmp_path, no_steps):
    begun(tiny, image_zip, tmp_path / "run")
    with zipfile.ZipFile(image_zip) as source, zipfile.ZipFile(tmp_path / "other.zip", "w") as target:
        for name in source.namelist():
            target.writestr(f"other/{name}", source.read(name))
    with pytest.raises(GPriorError, match=r"holds a run with another data \(\d+ images"):
        loop.train(tiny, tmp_path / "other.zip", tmp_path / "run", **OPTIONS)


def test_snapshots_are_at_logged_rows(tiny, image_zip, tmp_path):
    with pytest.raises(ValueError, match="snapshot_images 10 must be a multiple of log_images 4"):
        loop.train(tiny, image_zip, tmp_path / "run", snapshot_images=10, log_images=4)


def test_unreadable_data_leaves_no_folder(tiny, tmp_path):
    with pytest.raises(GPriorError, match=r"gone\.zip is not a readable zip"):
        loop.train(tiny, tmp_path / "gone.zip", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_full_disk_keeps_the_last_snapshot(tiny, tmp_path, monkeypatch):
    """A snapshot that cannot be finished leaves an older state to go on from, and its model."""
    state, sheet = pggan.init(tiny, jax.random.key(0)), np.zeros((8, 8, 3), np.uint8)
    prior = pggan.averaged_prior(tiny, state)
    sessions.snapshot(tmp_path, 8, prior, {"images_seen": 8}, sheet, state)

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("gprior_jax.zoo.folder.write_json", fail)
        with pytest.raises(OSError, match="No space"):
            sessions.snapshot(tmp_path, 16, prior, {"images_seen": 16}, sheet, state)
    assert zoo.read_config(tmp_path / "model")["provenance"]["images_seen"] == 8
    assert names(tmp_path / "state") == ["000000008"]
    assert names(tmp_path / "samples") == ["000000008.png"]


@pytest.fixture(scope="module")
def conditional(labelled_zip, tmp_path_factory):
    """An uninterrupted run of a StyleGAN2 with classes: its folder, and the prior that it returned."""
    out = tmp_path_factory.mktemp("conditional") / "whole"
    return out, loop.train(CONDITIONAL, labelled_zip, out, **OPTIONS)


@pytest.mark.slow
def test_a_resumed_stylegan2_equals_an_uninterrupted_one(conditional, labelled_zip, tmp_path):
    out, whole = conditional
    loop.train(CONDITIONAL, labelled_zip, tmp_path / "run", max_images=8, **OPTIONS)
    resumed = loop.train(CONDITIONAL, labelled_zip, tmp_path / "run", **OPTIONS)
    assert_equal_to_the_bit(resumed.params, whole.params)
    assert_equal_to_the_bit(resumed.critic.params, whole.critic.params)
    assert (tmp_path / "run" / "log.csv").read_bytes() == (out / "log.csv").read_bytes()
    facts = zoo.read_config(tmp_path / "run" / "model")["provenance"]
    assert facts["label_names"] == ["a", "b", "c"]
    stored = zoo.load(tmp_path / "run" / "model")
    assert stored.num_classes == 3
    assert_equal_to_the_bit(stored.params, resumed.params)


def test_classes_that_the_data_does_not_have(labelled_zip, image_zip, tmp_path):
    wrong = dataclasses.replace(CONDITIONAL, num_classes=4)
    with pytest.raises(GPriorError, match="has 3 classes, not 4: train with num_classes 3"):
        loop.train(wrong, labelled_zip, tmp_path / "run", **OPTIONS)
    with pytest.raises(GPriorError, match="conditional training needs 'labels'"):
        loop.train(CONDITIONAL, image_zip, tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_classes_that_count_from_one(tmp_path):
    """They are one too many, and what is told says why."""
    entries = {f"{n}.png": png(np.zeros((8, 8, 3), np.uint8)) for n in range(8)}
    entries["dataset.json"] = json.dumps({"labels": [[name, 1 + number % 3] for number, name in enumerate(entries)]})
    data = make_zip(tmp_path / "a.zip", entries)
    with pytest.raises(GPriorError, match=r"has 4 classes, not 3: .* 4; they count from 0, and no image is of 0\.$"):
        loop.train(CONDITIONAL, data, tmp_path / "run", **OPTIONS)


@pytest.mark.slow
def test_a_run_for_tensorboard(tiny, image_zip, tmp_path):
    rows = []
    loop.train(tiny, image_zip, tmp_path, max_images=8, tensorboard=True, report=rows.append, **OPTIONS)
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    assert content.count(b"fake_logit") == len(rows) == 2
    assert content.count(b"PNG") == 1
    assert rows[-1]["seconds_left"] == 0.0


def shown_steps(config, tmp_path, monkeypatch):
    """The images and labels of all steps, where every class has a colour of its own: an image tells its class."""
    path = tmp_path / "colours.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(40):
            archive.writestr(f"{index:03}.png", encode_png(np.full((8, 8, 3), 100 * (index % 3), np.uint8)))
        archive.writestr("dataset.json", json.dumps({"labels": [[f"{i:03}.png", i % 3] for i in range(40)]}))
    shown = []

    def steps(config, state, seen, number, real, labels, key):
        shown.extend(zip(np.asarray(real[:number]), np.asarray(labels[:number]), strict=True))
        assert not real[number:].any()
        return state._replace(images_seen=state.images_seen + 8 * number), {}

    monkeypatch.setattr(stylegan2, "train_steps", steps)
    monkeypatch.setattr(loop, "look", lambda *args: sessions.Look(np.zeros((8, 8, 3), np.uint8), {}))
    monkeypatch.setattr(sessions, "snapshot", lambda *args: None)
    loop.train(config, path, tmp_path / "run", snapshot_images=64, log_images=64)
    assert len(shown) == 8
    return shown


@pytest.mark.parametrize("group", [4, 8])
def test_classes_stand_together_with_their_images(group, tmp_path, monkeypatch):
    config = dataclasses.replace(CONDITIONAL, batch_size=8, minibatch_group=group, images=64, turns=False)
    shown = shown_steps(config, tmp_path, monkeypatch)
    for real, labels in shown:
        classes = labels.argmax(1)
        assert (labels.max(1) == 1.0).all()
        np.testing.assert_allclose((real.mean((1, 2, 3)) + 1) * 127.5, 100.0 * classes, atol=1e-3)
        # Groups one after the other: no class comes back after another has begun.
        followed = classes.reshape(group, -1).T.reshape(-1)
        assert (np.diff(followed) >= 0).all()
    assert len({tuple(labels.argmax(1)) for _, labels in shown}) > 1


def test_classes_that_come_in_later(tmp_path, monkeypatch):
    config = dataclasses.replace(
        CONDITIONAL, batch_size=8, images=64, turns=False, condition_from=16, condition_until=48
    )
    shown = shown_steps(config, tmp_path, monkeypatch)
    for index, (real, labels) in enumerate(shown):
        share = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1][index]
        classes = np.round((real.mean((1, 2, 3)) + 1) * 127.5 / 100).astype(int)
        np.testing.assert_allclose(labels, share * np.eye(3)[classes] + (1 - share) / 3, atol=1e-6)
        together = (np.diff(classes.reshape(4, -1).T.reshape(-1)) >= 0).all()
        assert together == (share > 0)


def test_the_sheet_has_the_classes_of_its_moment(monkeypatch):
    config = dataclasses.replace(CONDITIONAL, condition_from=0, condition_until=100)
    monkeypatch.setattr(stylegan2, "sample", lambda config, state, z, labels: labels)
    labels = loop.sample_grid(config, SimpleNamespace(images_seen=np.int32(25)))
    np.testing.assert_allclose(labels[:2], [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], atol=1e-6)


def test_tensorboard_that_is_not_installed_leaves_no_run(tiny, image_zip, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"gprior-jax\[tensorboard\]"):
        loop.train(tiny, image_zip, tmp_path / "run", tensorboard=True, **OPTIONS)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_purposes_share_no_key(tiny, image_zip, tmp_path, monkeypatch):
    """What draws the projected discriminators is no key that steps or the sheet derive theirs from."""
    keys = []

    def init(config, network, key):
        keys.append(key)

    monkeypatch.setattr(loop.projected, "init", init)
    loop._restore(tmp_path, tiny, None, {})
    taken = [purpose(jax.random.key(tiny.seed), name) for name in ("steps", "sheet", "networks")]
    drawn = [*keys, *jax.random.split(keys[0])]
    below = [key for own in taken for key in (own, *(jax.random.fold_in(own, i) for i in range(64)))]
    data = [tuple(jax.random.key_data(key).tolist()) for key in (*drawn, *below)]
    assert len(set(data)) == len(data)


@pytest.mark.slow
def test_a_finished_run_that_goes_on_equals_a_longer_one(conditional, labelled_zip, tmp_path):
    """Nothing that a StyleGAN2 has been through depends on how long it goes on."""
    options = OPTIONS | {"snapshot_images": 4}
    out, whole = conditional
    first = dataclasses.replace(CONDITIONAL, images=8)
    loop.train(first, labelled_zip, tmp_path / "run", **options)
    longer = loop.train(CONDITIONAL, labelled_zip, tmp_path / "run", **options)
    assert_equal_to_the_bit(longer.params, whole.params)
    assert (tmp_path / "run" / "log.csv").read_bytes() == (out / "log.csv").read_bytes()
    assert json.loads((tmp_path / "run" / "config.json").read_text())["images"] == 16


def test_broken_images_are_left_out_and_not_looked_for_again(tiny, image_zip, tmp_path, no_steps):
    """The list of what is used is the run's: another list is another run."""
    with zipfile.ZipFile(image_zip) as source, zipfile.ZipFile(tmp_path / "more.zip", "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("00000/broken.png", b"none")
    looked, told = [], []
    options = OPTIONS | {"scanned": lambda *numbers: looked.append(numbers), "tell": told.append, "max_images": 0}
    for _ in range(2):
        loop.train(tiny, tmp_path / "more.zip", tmp_path / "run", **options)
    assert len(looked) == len(loop.ImageZip(image_zip)) + 1
    assert len(told) == 2
    assert "00000/broken.png" in told[1]
    # Without the broken one it is the same set.
    loop.train(tiny, image_zip, tmp_path / "run", **options)
    with pytest.raises(GPriorError, match="are broken, more than the part 0 that may be"):
        loop.train(tiny, tmp_path / "more.zip", tmp_path / "other", max_broken=0.0, **options)
