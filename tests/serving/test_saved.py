"""Jobs that a server saves when it is told to stop, and goes on with when it starts again."""

import io
import json
import shutil

import numpy as np
import pytest
from batteries import random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.serving import saved, states
from gprior_jax.serving.jobs import State
from gprior_jax.serving.pictures import Sent
from gprior_jax.serving.shelf import GoneError, UnknownJobError
from serving.served import LONG, asked, engine, png, submit, until

STEPS = 600
KINDS = ({"seed": 1}, {"seed": 2}, {"seed": 3, "task": "deblur", "sigma": 1.0, "samples": 2})


def submitted(made):
    return [submit(made, steps=STEPS, **own) for own in KINDS]


def ended(jobs):
    until(lambda: all(job.has_ended for job in jobs))
    assert [job.state for job in jobs] == [State.DONE] * len(jobs), [job.why for job in jobs]
    return [(job.kept.png, job.kept.more, job.kept.numbers, arrays(job.kept.npz)) for job in jobs]


def arrays(content):
    with np.load(io.BytesIO(content)) as stored:
        return {name: stored[name] for name in stored.files}


def unsaid(tell):
    raise AssertionError(tell)


@pytest.fixture(scope="module")
def uninterrupted():
    with engine(slots=1) as made:
        return ended(submitted(made))


def test_they_go_on_and_end_the_same(tmp_path, uninterrupted):
    """One was on its way, its steps are not taken again; others had waited; twice interrupted."""
    state = tmp_path / "state"
    with engine(slots=1, state=state) as made:
        jobs = submitted(made)
        until(lambda: jobs[0].step > 20)
        assert made.close(0.0) == (0, 3)
        assert [job.state for job in jobs] == [State.SAVED] * 3
        assert "goes on when it is started again" in made.told(jobs[1])["error"]
    names, begun = [job.id for job in jobs], jobs[0].step
    assert state.stat().st_mode & 0o077 == 0
    with engine(slots=1, state=state) as made:
        assert made.go_on(unsaid) == 3
        jobs = [made.find(name) for name in names]
        until(lambda: jobs[0].started is not None and jobs[0].step > begun + 20)
        assert made.close(0.0) == (0, 3)
    assert {path.name for path in state.glob("*.npz")} == {f"{name}.npz" for name in names}
    begun = jobs[0].step
    with engine(slots=1, state=state) as made:
        made.go_on(unsaid)
        jobs = [made.find(name) for name in names]
        until(lambda: jobs[0].seen is not None)
        assert jobs[0].step > begun
        ended(jobs)
    # Finished results are there again, too, for as long as they had left.
    with engine(slots=1, state=state) as made:
        assert made.go_on(unsaid) == 0
        assert not list(state.glob("*.npz"))
        jobs = [made.find(name) for name in names]
        assert [made.told(job)["step"] for job in jobs] == [STEPS] * 3
        found = ended(jobs)
    with engine(slots=1, state=state, keep_minutes=1e-6) as made:
        assert made.go_on(unsaid) == 0
        with pytest.raises(GoneError):
            made.find(names[0])
    assert not state.exists()
    for (picture, more, numbers, stored), wanted in zip(found, uninterrupted, strict=True):
        assert (picture, more, numbers) == wanted[:3]
        assert stored.keys() == wanted[3].keys()
        for name, array in stored.items():
            np.testing.assert_array_equal(array, wanted[3][name], err_msg=name)


def test_what_is_given_up_is_not_gone_on_with(tmp_path):
    """Before or after the server was told to stop; and a warming-up is nobody's."""
    with engine(slots=1, state=tmp_path / "a") as made:
        made.warm(asked(), made.maker.read(asked(), Sent(png())))
        jobs = [submit(made, steps=LONG, seed=seed) for seed in range(3)]
        until(lambda: jobs[0].step > 2)
        made.cancel(jobs[1].id)
        made.close(0.0)
        made.cancel(jobs[2].id)
        with pytest.raises(UnknownJobError):
            made.find(jobs[2].id)
    with engine(slots=1, state=tmp_path / "a") as made:
        assert made.go_on(unsaid) == 1
        made.cancel(jobs[0].id)
        until(lambda: not made.counts()["running"])
    assert not (tmp_path / "a").exists()


def test_what_cannot_be_gone_on_with_is_told_and_stays(tmp_path):
    """Of another seed, of other limits, and a file that is none."""
    state, said = tmp_path / "state", []
    with engine(slots=1, state=state) as made:
        first = submit(made, steps=LONG)
        until(lambda: first.step > 2)
        made.close(0.0)
    (state / "odd.npz").write_bytes(b"hello")
    for own in ({"seed": 1}, {"steps": 5}):
        with engine(slots=1, state=state, **own) as made:
            assert made.go_on(said.append) == 0
    told = "\n".join(said)
    assert "odd.npz is no result of this program, or damaged" in told
    assert "was asked of a server of another model, seed or version" in told
    assert "use at most 5" in told
    assert {path.name for path in state.glob("*.npz")} == {"odd.npz", f"{first.id}.npz"}


def test_a_damaged_state_starts_again(tmp_path):
    with engine(slots=1, state=tmp_path) as made:
        first = submit(made, steps=STEPS)
        until(lambda: first.step > 10)
        made.close(0.0)
    for file in (tmp_path / f"{first.id}.state").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    with engine(slots=1, state=tmp_path) as made:
        made.go_on(unsaid)
        (found,) = ended([made.find(first.id)])
        assert len(found[3]["history_loss"]) == STEPS


def test_a_folder_is_one_servers(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="is a file"), engine(state=tmp_path / "file"):
        pass
    with engine(state=tmp_path), pytest.raises(ArgumentError, match="that of another server"), engine(state=tmp_path):
        pass


def test_a_full_disk_cancels_what_cannot_be_saved(tmp_path, monkeypatch, caplog):
    """Where a state alone cannot be written the job starts again."""
    real = saved.write_arrays

    def full(path, arrays):
        if path.name != f"{jobs[0].id}.npz":
            raise OSError(28, "No space left on device")
        real(path, arrays)

    with engine(slots=1, state=tmp_path) as made:
        jobs = [submit(made, steps=STEPS, seed=seed) for seed in range(2)]
        until(lambda: jobs[0].step > 2)
        monkeypatch.setattr(states, "save_arrays", full)
        monkeypatch.setattr(saved, "write_arrays", full)
        assert made.close(0.0) == (1, 1)
    assert [job.state for job in jobs] == [State.SAVED, State.CANCELLED]
    assert "No space left on device" in caplog.text
    monkeypatch.undo()
    with engine(slots=1, state=tmp_path) as made:
        assert made.go_on(unsaid) == 1
        (found,) = ended([made.find(jobs[0].id)])
        assert len(found[3]["history_loss"]) == STEPS


def test_what_means_nothing_to_this_server_stays(tmp_path):
    """Of a prior of another size, of a version with other settings, and a result of another command."""
    said = []
    with engine(slots=1, state=tmp_path) as made:
        jobs = [submit(made, steps=LONG, task="inpaint", box=2), submit(made, steps=LONG, seed=1)]
        until(lambda: jobs[0].step > 2)
        made.close(0.0)
    with np.load(tmp_path / f"{jobs[1].id}.npz") as stored:
        held = dict(stored)
    about = json.loads(str(held["about"]))
    about["asked"]["unheard_of"] = 1
    np.savez(tmp_path / f"{jobs[1].id}.npz", **held | {"about": json.dumps(about)})
    np.savez(tmp_path / "cat.npz", about=json.dumps({"fingerprint": "{}"}))
    larger = random_prior("pggan")
    assert larger.resolution != 8
    with engine(slots=1, state=tmp_path, prior=larger) as made:
        assert made.go_on(said.append) == 0
    assert len(said) == len(list(tmp_path.glob("*.npz"))) == 3
    assert sum("was asked of a server of another model, seed or version" in told for told in said) == 2
    assert sum("cat.npz is no job of a server" in told for told in said) == 1


def test_others_may_not_read_a_folder_that_was_there(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    with engine(state=folder):
        assert folder.stat().st_mode & 0o077 == 0
    folder.mkdir(mode=0o755)
    (folder / "file").write_text("")
    with pytest.raises(ArgumentError, match="others may read"), engine(state=folder):
        pass
    assert folder.stat().st_mode & 0o777 == 0o755


def test_steps_are_not_counted_twice_where_no_state_was_saved(tmp_path):
    with engine(slots=1, state=tmp_path) as made:
        first = submit(made, steps=STEPS)
        until(lambda: first.step > 10)
        made.close(0.0)
    shutil.rmtree(tmp_path / f"{first.id}.state")
    with engine(slots=1, state=tmp_path) as made:
        made.go_on(unsaid)
        again = made.find(first.id)
        ended([again])
        assert again.step == STEPS


def test_the_result_that_ended_first_is_the_first_to_go(tmp_path):
    """Not the one that came first."""
    with engine(slots=1, state=tmp_path) as made:
        jobs = [submit(made, seed=seed) for seed in range(2)]
        ended(jobs)
        jobs[1].ended -= 30.0
        made.close(0.0)
    with engine(slots=1, state=tmp_path, keep_minutes=0.25) as made:
        made.go_on(unsaid)
        assert made.find(jobs[0].id).state is State.DONE
        with pytest.raises(GoneError):
            made.find(jobs[1].id)
