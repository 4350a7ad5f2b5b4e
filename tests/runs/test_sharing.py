"""Several processes that work into one folder: nothing is done twice, lost, or seen half."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gprior_jax.runs import find_items, read_record, run
from gprior_jax.storage.atomic import read_json
from runs.records import picture, pictures, results
from runs.test_runner import Negatives

WORKER = """
import sys
sys.path[:0] = sys.argv[1:3]
from gprior_jax.runs import find_items, run
from runs.test_runner import Negatives

job = Negatives()
outcome = run(job, find_items(sys.argv[4:]), sys.argv[3], batch_size=2)
print(" ".join(item.name for batch in job.batches for item in batch.items))
print(len(outcome.entries), len(outcome.recorded))
"""

ROOT = Path(__file__).parents[2]


def worker(out, *inputs):
    command = [sys.executable, "-c", WORKER, str(ROOT), str(ROOT / "tests"), str(out), *map(str, inputs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_share_the_work(tmp_path):
    (tmp_path / "in").mkdir()
    for seed in range(24):
        picture(tmp_path / "in" / f"{seed:02}.png", seed)
    out, inputs = tmp_path / "out", [tmp_path / "in"]
    # Of the second also pictures that the first has not.
    picture(tmp_path / "more.png", 77)
    workers = [worker(out, *inputs), worker(out, *inputs, tmp_path / "more.png")]
    while any(each.poll() is None for each in workers):
        for path in out.glob("*.npz"):
            read_record(path)
        if (out / "run.json").exists():
            read_json(out / "run.json")
    told = [each.communicate() for each in workers]
    assert [each.returncode for each in workers] == [0, 0], told
    done = [stdout.splitlines()[0].split() for stdout, _ in told]
    names = [f"{seed:02}" for seed in range(24)] + ["more"]
    assert sorted(done[0] + done[1]) == names  # Each of them once.
    assert [row["name"] for row in read_json(out / "run.json")["images"]] == names
    assert "25 images." in (out / "report.html").read_text()
    entries = [stdout.splitlines()[1].split() for stdout, _ in told]
    assert [count for count, _ in entries] == ["24", "25"]
    assert max(int(count) for _, count in entries) == 25
    assert sorted(path.name for path in out.glob(".*")) == []
    alone = tmp_path / "alone"
    run(Negatives(), find_items([*inputs, tmp_path / "more.png"]), alone, batch_size=2)
    assert results(out) == results(alone)


class Slow(Negatives):
    """Begins, and waits until it may go on."""

    def __init__(self):
        super().__init__()
        self.begun, self.may_end = threading.Event(), threading.Event()

    def solve(self, batch, progress):
        self.begun.set()
        assert self.may_end.wait(60)
        yield from super().solve(batch, progress)


@pytest.fixture
def shared(tmp_path):
    """Items, and a run over them that has all but the last in hand: half of these it has read ahead."""
    pictures(tmp_path / "in")
    items, slow = find_items([tmp_path / "in"]), Slow()
    thread = threading.Thread(target=run, args=(slow, items, tmp_path / "out"), kwargs={"batch_size": 2})
    thread.start()
    assert slow.begun.wait(60)
    while len(slow.read) < 4:
        time.sleep(0.01)
    yield items, slow
    slow.may_end.set()
    thread.join()


def test_what_another_has_in_hand_is_waited_for(tmp_path, shared):
    items, slow = shared
    told, out, own = [], tmp_path / "out", Negatives()

    def tell(sentence):
        told.append(sentence)
        slow.may_end.set()

    outcome = run(own, items, out, batch_size=4, tell=tell)
    assert own.read == ["e"]
    assert told == ["4 images are in the hands of another process: waiting for them"]
    assert [entry.row["name"] for entry in outcome.entries] == list("abcde")
    assert slow.read == list("abcd")


def test_what_another_leaves_undone_is_done(tmp_path):
    """Another process takes images in hand, and is killed."""
    pictures(tmp_path / "in")
    out, job = tmp_path / "out", Negatives()
    code = "import sys, time; from gprior_jax.storage.locks import hold; lock = hold(sys.argv[1]); print(); "
    command = [sys.executable, "-c", code + "sys.stdout.flush(); time.sleep(60)", str(out / ".locks" / "c.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        told = []

        def tell(sentence):
            told.append(sentence)
            process.kill()

        outcome = run(job, find_items([tmp_path / "in"]), out, batch_size=2, tell=tell)
    assert told == ["1 images are in the hands of another process: waiting for them"]
    assert [entry.row["name"] for entry in outcome.entries] == list("abcde")
    assert job.read == ["a", "b", "d", "e", "c"]
    # At the place that it has in the list, as if it had been done with its mates.
    assert [batch.places for batch in job.batches] == [[0, 1], [1], [0], [0]]
    run(Negatives(), find_items([tmp_path / "in"]), tmp_path / "alone", batch_size=2)
    assert results(out) == results(tmp_path / "alone")


def test_other_settings_are_refused_while_another_is_at_work(tmp_path, shared):
    items, _ = shared
    with pytest.raises(ValueError, match="holds a run with another own"):
        run(Negatives(own=1), items, tmp_path / "out", batch_size=4)
