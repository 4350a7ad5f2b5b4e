"""Runs over many files, of a job that makes negatives: what is written, what is done again, what is told."""

import json

import numpy as np
import pytest

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.images.files import load_image
from gprior_jax.inversion.meter import Meter, TooManyImagesError
from gprior_jax.runs import find_items, read_record, run
from gprior_jax.runs.names import id_of
from runs.records import SIDE, picture, pictures, record, results, times


class Negatives:
    """A job that notes what it is asked for."""

    resolution = SIDE
    devices = 1

    def __init__(self, **settings):
        self.own, self.read, self.started, self.batches = settings, [], [], []

    def settings(self):
        return {"made": "negatives", "recipe": {"steps": 3}} | self.own

    def load(self, item):
        self.read.append(item.name)
        return {"observed": load_image(item.source, SIDE)}

    def start(self, batch_size):
        self.started.append(batch_size)
        return self.solve

    def solve(self, batch, progress):
        self.batches.append(batch)
        if progress is not None:
            progress({"step": 1})
        for item, place in zip(batch.items, batch.places, strict=True):
            own = record(item.name)._replace(source=str(item.source), image=-batch.arrays["observed"][place])
            yield own._replace(metrics={"id": float(batch.ids[place])})


def ids_of(stems):
    """Ids of files of these stems."""
    return [id_of(f"{stem}.png") for stem in stems]


@pytest.fixture
def items(tmp_path):
    pictures(tmp_path / "in")
    return find_items([tmp_path / "in"])


def again(items, out, **settings):
    """Another run: its job, and its outcome."""
    job = Negatives(**settings)
    return job, run(job, items, out, batch_size=2)


def test_everything_is_written(items, tmp_path):
    job, out = Negatives(), tmp_path / "out"
    outcome = run(job, items, out, batch_size=2, facts={"model": "somewhere/tiny"}, size=16)
    assert [entry.row["name"] for entry in outcome.entries] == list("abcde")
    assert outcome.failed == {}
    assert outcome.report == out / "report.html"
    assert {path.name for path in out.iterdir() if path.is_file()} == {
        *(f"{name}.{ending}" for name in "abcde" for ending in ("png", "npz")),
        *("run.json", "history.csv", "report.html"),
    }
    content = json.loads((out / "run.json").read_text())
    assert content["settings"] == job.settings()
    assert [row["source"] for row in content["images"]] == [str(item.source) for item in items]
    assert content["model"] == "somewhere/tiny"
    assert content["batch_size"] == 2
    assert content["device"]["devices"] == 1
    assert content["versions"]["gprior-jax"] == gp.__version__
    for item in items:
        np.testing.assert_array_equal(read_record(out / f"{item.name}.npz").image, -load_image(item.source, SIDE))
        assert load_image(out / f"{item.name}.png", 16).shape == (16, 16, 3)
    text = outcome.report.read_text()
    assert all(f"<h2>{name}</h2>" in text for name in "abcde")


def test_batches_are_of_one_shape(items, tmp_path):
    job, _ = again(items, tmp_path / "out")
    assert job.started == [2]
    assert [[item.name for item in batch.items] for batch in job.batches] == [["a", "b"], ["c", "d"], ["e"]]
    assert [batch.arrays["observed"].shape for batch in job.batches] == [(2, SIDE, SIDE, 3)] * 3
    assert [batch.ids.tolist() for batch in job.batches] == [ids_of("ab"), ids_of("cd"), ids_of("ee")]


def test_a_second_run_reads_nothing_and_keeps_everything(items, tmp_path):
    out, told = tmp_path / "out", []
    _, first = again(items, out)
    before, written = times(out), results(out)
    job = Negatives()
    second = run(job, items, out, batch_size=2, tell=told.append)
    assert job.read == job.started == []
    assert times(out) == before
    assert results(out) == written
    assert told == ["5 of 5 images are done already"]
    assert [entry.row for entry in second.entries] == [entry.row for entry in first.entries]
    assert [entry.block for entry in second.entries] == [entry.block for entry in first.entries]
    np.testing.assert_equal([entry.history for entry in second.entries], [entry.history for entry in first.entries])


def test_a_run_sweeps_what_is_left_of_images_that_are_done(items, tmp_path):
    run(Negatives(), items, tmp_path / "out")
    left = tmp_path / "out" / ".states" / items[0].name  # Killed between the record and this.
    left.mkdir(parents=True)
    run(Negatives(), items, tmp_path / "out")
    assert not left.exists()


def test_what_has_changed_is_done_again_at_its_place(items, tmp_path):
    out = tmp_path / "out"
    again(items, out)
    before, written = times(out), results(out)
    picture(items[3].source, 99)
    job, outcome = again(items, out)
    assert job.read == ["d"]
    (batch,) = job.batches
    # The place in the batch is that of a whole run; the free one holds a copy.
    assert batch.places == [1]
    assert batch.ids.tolist() == ids_of("dd")
    np.testing.assert_array_equal(batch.arrays["observed"][0], batch.arrays["observed"][1])
    changed = {name for name, time in times(out).items() if time != before[name]}
    assert changed == {"d.png", "d.npz", "mean/d.png", "samples/d_1.png", "samples/d_2.png"}
    assert results(out)["d.npz"] != written["d.npz"]
    assert [entry.row["name"] for entry in outcome.entries] == list("abcde")


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_what_is_cut_short_is_done_again(items, tmp_path, part):
    out = tmp_path / "out"
    again(items, out)
    written = results(out)
    path = out / "b.npz"
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    job, _ = again(items, out)
    assert job.read == ["b"]
    assert results(out) == written


@pytest.mark.parametrize("array", ["image", "history_loss", "metric_id"])
def test_what_is_damaged_inside_is_done_again(items, tmp_path, array):
    out = tmp_path / "out"
    again(items, out)
    written = results(out)
    content, name = bytearray(written["b.npz"]), f"{array}.npy".encode()
    content[content.index(name) + len(name) + 20 + 128] ^= 0xFF  # The first number, behind the heads of zip and NumPy.
    (out / "b.npz").write_bytes(content)
    with pytest.raises(gp.errors.CheckpointError):
        read_record(out / "b.npz")
    job, _ = again(items, out)
    assert job.read == ["b"]
    assert results(out) == written


def test_other_settings_are_refused_and_only_they_are_named(items, tmp_path):
    out = tmp_path / "out"
    again(items, out)
    before = times(out), (out / "run.json").read_bytes()
    told = r"out holds a run with another recipe\.steps \(3 there, 4 now\): give another folder for the results\.$"
    with pytest.raises(ArgumentError, match=told):
        again(items, out, recipe={"steps": 4})
    assert (times(out), (out / "run.json").read_bytes()) == before


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(items, tmp_path):
    out, told = tmp_path / "out", []
    items[1].source.write_text("no picture")
    items[4].source.unlink()
    job = Negatives()
    outcome = run(job, items, out, batch_size=2, tell=told.append)
    assert [entry.row["name"] for entry in outcome.entries] == ["a", "c", "d"]
    assert list(outcome.failed) == [str(items[1].source), str(items[4].source)]
    assert list(outcome.failed.values()) == told
    assert told[0] == f"{items[1].source} is no image that Pillow can read: convert it to PNG or JPEG."
    assert str(items[4].source) in told[1]
    assert json.loads((out / "run.json").read_text())["failed"] == outcome.failed
    assert "b.png is no image" in outcome.report.read_text()
    # The place of what failed holds a copy of another.
    assert [(batch.places, batch.ids.tolist()) for batch in job.batches] == [
        ([0], ids_of("aa")),
        ([0, 1], ids_of("cd")),
    ]
    picture(items[1].source, 1)
    picture(items[4].source, 4)
    job, outcome = again(items, out)
    assert job.read == ["b", "e"]
    assert outcome.failed == {}
    again(items, tmp_path / "whole")
    assert results(out) == results(tmp_path / "whole")


def test_nothing_can_be_read(items, tmp_path):
    for item in items:
        item.source.write_text("no picture")
    job, outcome = again(items, tmp_path / "out")
    assert job.started == []
    assert outcome.entries == []
    assert len(outcome.failed) == 5
    assert outcome.report.exists()
    assert (tmp_path / "out" / "history.csv").read_text() == "image,step,loss\n"


@pytest.mark.parametrize("function", ["write_bytes", "write_record"])
@pytest.mark.parametrize("left", [0, 1, 3])
def test_an_interrupted_run_ends_as_one_that_was_not(items, tmp_path, monkeypatch, function, left):
    again(items, tmp_path / "whole")
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt(patch, function, left)
        with pytest.raises(KeyboardInterrupt):
            again(items, out)
    done = times(out)
    finished = {name for name in "abcde" if f"{name}.npz" in done}
    assert len(finished) == {"write_record": left, "write_bytes": left // 4}[function]
    job, outcome = again(items, out)
    assert job.read == [name for name in "abcde" if name not in finished]
    assert results(out) == results(tmp_path / "whole")
    kept = times(out)
    assert all(kept[f"{name}.npz"] == done[f"{name}.npz"] for name in finished)
    assert [entry.row["name"] for entry in outcome.entries] == list("abcde")
    assert (out / "history.csv").read_bytes() == (tmp_path / "whole" / "history.csv").read_bytes()


def interrupt(patch, function, left):
    """Let a function that writes files be interrupted after some calls."""
    from gprior_jax.runs import folder

    whole, calls = getattr(folder, function), []

    def write(*arguments):
        if len(calls) == left:
            raise KeyboardInterrupt
        calls.append(arguments)
        whole(*arguments)

    patch.setattr(folder, function, write)


def test_what_was_edited_meanwhile_is_done_again(items, tmp_path):
    class Edited(Negatives):
        def load(self, item):
            arrays = super().load(item)
            if item.name == "c":
                picture(item.source, 77)
            return arrays

    run(Edited(), items, tmp_path / "out", batch_size=2)
    job, _ = again(items, tmp_path / "out")
    assert job.read == ["c"]


def test_an_image_has_the_key_of_its_id_in_a_part_of_the_list(items, tmp_path):
    _, whole = again(items, tmp_path / "whole")
    assert [entry.metrics["id"] for entry in whole.entries] == ids_of("abcde")
    # As one of two processes has it, see gprior_jax.runs.shares.
    _, share = again(items[1::2], tmp_path / "share")
    assert [entry.metrics["id"] for entry in share.entries] == ids_of("bd")


def test_watchers_see_every_batch(items, tmp_path):
    seen = []

    def watch(title):
        seen.append(title)
        return seen.append

    run(Negatives(), items, tmp_path / "out", batch_size=3, watch=watch)
    assert seen == ["images 1 to 3 of 5", {"step": 1}, {}, "images 4 to 5 of 5", {"step": 1}, {}]


def test_blocks_come_first_in_the_report(items, tmp_path):
    def blocks(entries):
        yield f"<p>all {len(entries)}</p>"

    text = run(Negatives(), items, tmp_path / "out", blocks=blocks).report.read_text()
    assert 0 < text.index("<p>all 5</p>") < text.index("Settings and versions") < text.index("<h2>a</h2>")


def test_many_images_are_listed_and_the_first_shown(items, tmp_path, monkeypatch):
    monkeypatch.setattr("gprior_jax.runs.work.MAX_IMAGES", 2)
    for _ in range(2):  # As they are done, and as they are read again.
        _, outcome = again(items, tmp_path / "out")
        assert [bool(entry.block) for entry in outcome.entries] == [True, True, False, False, False]


def test_the_batch_size_follows_from_the_resolution(items, tmp_path):
    job = Negatives()
    run(job, items[:3], tmp_path / "out")
    assert job.started == [3]


@pytest.mark.parametrize("options", [{"batch_size": -1}, {"size": 0}])
def test_numbers_out_of_range(items, tmp_path, options):
    with pytest.raises(ArgumentError):
        run(Negatives(), items, tmp_path / "out", **options)


def test_results_are_not_written_among_the_inputs(items, tmp_path):
    with pytest.raises(ArgumentError, match=r"a\.png lies where results will be written"):
        again(items, tmp_path / "in")
    assert not (tmp_path / "in" / "run.json").exists()


@pytest.mark.parametrize("fits", [1, 2])
def test_where_memory_does_not_suffice_half_as_many_are_done_at_once(items, tmp_path, fits):
    class Large(Negatives):
        def solve(self, batch, progress):
            if len(batch.ids) > fits:
                raise ValueError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.")
            yield from super().solve(batch, progress)

    told = []
    outcome = run(Large(), items, tmp_path / "out", batch_size=4, tell=told.append)
    assert len(outcome.entries) == len(items)
    assert outcome.run["batch_size"] == fits
    assert [sentence for sentence in told if "memory" in sentence] == [
        f"memory did not suffice for {size} images at once: going on with {size // 2}" for size in (4, 2) if size > fits
    ]


def test_what_is_known_not_to_fit_is_not_halved_but_fitted(items, tmp_path):
    class Known(Negatives):
        def solve(self, batch, progress):
            if len(batch.ids) > 3:
                raise TooManyImagesError(needs=10**9, free=10**8, images=len(batch.ids), fits=3)
            yield from super().solve(batch, progress)

    told = []
    outcome = run(Known(), items, tmp_path / "out", batch_size=5, tell=told.append)
    assert len(outcome.entries) == len(items)
    assert outcome.run["batch_size"] == 3
    assert "memory did not suffice for 5 images at once: going on with 3" in told


def test_steps_are_measured(items, tmp_path):
    class Measured(Negatives):
        meter = Meter(free=lambda mesh: None)

    assert run(Negatives(), items, tmp_path / "one").run["steps"] is None
    assert run(Measured(), items, tmp_path / "other").run["steps"] is None
    Measured.meter.told = lambda: {"seconds": 3.0}
    assert run(Measured(), items, tmp_path / "third").run["steps"] == {"seconds": 3.0}
    Measured.meter._steps = 7  # Of a run before.
    run(Measured(), items, tmp_path / "fourth")
    assert Measured.meter._steps == 0


def test_where_memory_does_not_suffice_for_one_image_it_is_told(items, tmp_path):
    class TooLarge(Negatives):
        def solve(self, batch, progress):
            raise MemoryError

    with pytest.raises(MemoryError):
        run(TooLarge(), items, tmp_path / "out", batch_size=2)
    assert not (tmp_path / "out" / ".locks").exists()
