"""Several processes that share a list: what each does, what is done of those that die, and what the first tells."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gprior_jax.runs import find_items, run
from gprior_jax.runs.hosts import HOSTS, progress_told, read_hosts, run_with_hosts
from gprior_jax.runs.shares import Share, recorded_names
from gprior_jax.storage.atomic import read_json
from runs.records import picture, results
from runs.test_runner import Negatives

WORKER = """
import sys, time
sys.path[:0] = sys.argv[1:3]
from gprior_jax.runs import find_items
from gprior_jax.runs.hosts import run_with_hosts
from gprior_jax.runs.shares import parse_share
from runs.test_runner import Negatives

class Slow(Negatives):
    def solve(self, batch, progress):
        for record in super().solve(batch, progress):
            time.sleep(float(sys.argv[6]))
            yield record

job, told = Slow(), []
items, share = find_items([sys.argv[4]]), parse_share(sys.argv[5])
outcome = run_with_hosts(job, items, sys.argv[3], share, batch_size=2, tell=told.append, every=0.2)
print(*(item.name for batch in job.batches for item in batch.items))
print(len(outcome.entries), outcome.is_whole)
print(*told, sep="\\n")
"""

ROOT = Path(__file__).parents[2]
NAMES = [f"{seed:02}" for seed in range(16)]


@pytest.fixture
def inputs(tmp_path):
    (tmp_path / "in").mkdir()
    for seed, name in enumerate(NAMES):
        picture(tmp_path / "in" / f"{name}.png", seed)
    return tmp_path / "in"


def started(out, inputs, count, pause):
    words = [sys.executable, "-c", WORKER, str(ROOT), str(ROOT / "tests"), str(out), str(inputs)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return [subprocess.Popen([*words, f"{number}/{count}", str(pause)], **pipes) for number in range(count)]


def ended(workers):
    told = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers), told
    return [stdout.splitlines() for stdout, _ in told]


def test_a_first_process_alone_does_everything(inputs, tmp_path):
    """As the last that lives."""
    job, told = Negatives(), []
    items, out = find_items([inputs]), tmp_path / "out"
    outcome = run_with_hosts(job, items, out, Share(0, 4), batch_size=2, tell=told.append)
    assert sorted(job.read) == NAMES
    assert [entry.row["name"] for entry in outcome.entries] == NAMES
    assert outcome.is_whole
    assert len(job.started) == 2  # For its share, and for what was left.
    assert not (out / HOSTS).exists()


def test_another_one_does_what_the_first_has_left(inputs, tmp_path):
    job = Negatives()
    outcome = run_with_hosts(job, find_items([inputs]), tmp_path / "out", Share(3, 4), batch_size=2)
    assert sorted(job.read) == NAMES
    assert sorted(entry.row["name"] for entry in outcome.entries) == NAMES
    assert (tmp_path / "out" / "report.html").exists()


def test_an_input_that_cannot_be_used_is_noted_once(inputs, tmp_path):
    (inputs / "05.png").write_bytes(b"")
    for number in (1, 0):
        outcome = run_with_hosts(Negatives(), find_items([inputs]), tmp_path / "out", Share(number, 2), batch_size=2)
        assert [*outcome.failed] == [str(inputs / "05.png")]
    assert [*read_json(tmp_path / "out" / "run.json")["failed"]] == [str(inputs / "05.png")]


@pytest.mark.slow
def test_one_of_two_is_killed_and_one_and_then_four_go_on(inputs, tmp_path):
    out = tmp_path / "out"
    workers = started(out, inputs, 2, 0.4)
    deadline = time.monotonic() + 60
    while len(recorded_names(out)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    for worker in workers:  # The other one would go on with all.
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    assert 2 <= len(before) < len(NAMES)
    job = Negatives()
    run_with_hosts(job, find_items([inputs]), out, Share(0, 1), batch_size=2)
    assert sorted([*job.read, *(name[:-4] for name in before)]) == NAMES
    assert all((out / name).stat().st_mtime_ns == when for name, when in before.items())
    for path in [*out.glob("0*.npz"), *out.glob("0*.png")]:
        path.unlink()
    four = ended(started(out, inputs, 4, 0.0))
    assert sorted(name for lines in four for name in lines[0].split()) == NAMES[:10]  # Each of them once.
    assert four[0][1] == "16 True"
    run(Negatives(), find_items([inputs]), tmp_path / "alone", batch_size=2)
    assert results(out) == results(tmp_path / "alone")
    assert [row["name"] for row in read_json(out / "run.json")["images"]] == NAMES
    assert not [*out.glob(".*")]


class Slow(Negatives):
    """Takes its time, and looks at what the processes tell of themselves."""

    def __init__(self, out):
        super().__init__()
        self.out, self.seen = out, {}

    def solve(self, batch, progress):
        for record in super().solve(batch, progress):
            time.sleep(0.05)
            self.seen |= read_hosts(self.out)
            yield record


@pytest.mark.parametrize("number", [0, 1])
def test_only_the_first_tells_how_far_all_are(inputs, tmp_path, number):
    job, told = Slow(tmp_path / "out"), []
    picture(tmp_path / "another.png", 99)
    run(Negatives(), find_items([tmp_path / "another.png"]), tmp_path / "out", batch_size=2)  # Not of this list.
    (tmp_path / "out" / HOSTS).mkdir(parents=True)
    (tmp_path / "out" / HOSTS / "2.json").write_text('{"failed": 2, "updated": 0}')  # Of one that was killed.
    (tmp_path / "out" / HOSTS / "3.json").write_text("")
    run_with_hosts(
        job, find_items([inputs]), tmp_path / "out", Share(number, 4), batch_size=2, tell=told.append, every=0.04
    )
    assert job.seen.keys() == {number, 2}
    sentences = [sentence for sentence in told if sentence.startswith("4 processes: ")]
    assert bool(sentences) == (number == 0)
    assert all(int(each.split()[2]) <= 16 for each in sentences)
    assert all("of 16 images done, 2 failed" in each and "process 2 is silent" in each for each in sentences)
    assert not (tmp_path / "out" / HOSTS).exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((2, 0, 10, 0, 0.0), "2 processes: 0 of 10 images done"),
        ((2, 10, 10, 0, 1.0), "2 processes: 10 of 10 images done"),
        ((8, 5, 1000, 2, 0.5, [1, 4]), "8 processes: 5 of 1000 images done, 2 failed, 0.5 images/s, 33 min left; "
         "processes 1, 4 are silent: they may have died"),
    ],
)  # fmt: skip
def test_progress_in_words(arguments, expected):
    assert progress_told(*arguments) == expected
