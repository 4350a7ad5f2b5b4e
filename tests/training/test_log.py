import struct

import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.training.log import Log, Pace, TensorBoard


def clock(*seconds):
    times = iter(seconds)
    return lambda: next(times)


def test_the_first_row_has_the_compilation_in_it_and_the_others_not():
    pace = Pace(0, 1000, clock(0.0, 50.0, 60.0, 70.0))
    assert pace.at(100) == {"images_per_second": 2.0, "seconds_left": 450.0}
    assert pace.at(200) == {"images_per_second": 10.0, "seconds_left": 80.0}
    assert pace.at(400) == {"images_per_second": 15.0, "seconds_left": 40.0}


def test_the_pace_is_that_of_the_last_rows():
    # Ten images in a second at first, one later on.
    pace = Pace(50, 300, clock(*[0.1 * i for i in range(11)], *[1.0 + i for i in range(1, 31)]))
    fast = [pace.at(50 + i)["images_per_second"] for i in range(1, 11)]
    slow = [pace.at(60 + i) for i in range(1, 31)]
    assert fast[-1] == pytest.approx(10.0)
    assert slow[-1] == {"images_per_second": pytest.approx(1.0), "seconds_left": pytest.approx(210.0)}


def test_no_images_leave_no_end():
    assert Pace(5, 10, clock(0.0, 1.0)).at(5) == {"images_per_second": 0.0, "seconds_left": float("inf")}


def test_rows_are_told_to_all_and_cut_when_a_run_goes_back(tmp_path):
    path, told, again = tmp_path / "log.csv", [], []
    log = Log(path, ("images", "size", "loss", "rare"), 0, Pace(0, 30), told.append, again.append)
    for seen in (10, 20):
        log.add({"loss": jnp.float32(seen)})
        log.add({"loss": jnp.float32(seen + 1), "rare": jnp.float32(7.0)})
        log.write(seen, {"size": 8})
    assert path.read_text() == "images,size,loss,rare\n10,8,10.5,7\n20,8,20.5,7\n"
    assert told == again
    assert {name: told[1][name] for name in ("images", "loss", "rare")} == {"images": 20, "loss": "20.5", "rare": "7"}
    assert told[1].keys() >= {"images_per_second", "seconds_left"}
    Log(path, ("images", "size", "loss", "rare"), 10, Pace(10, 30))
    assert path.read_text() == "images,size,loss,rare\n10,8,10.5,7\n"


def test_steps_that_went_together_count_one_by_one(tmp_path):
    path = tmp_path / "log.csv"
    log = Log(path, ("images", "loss", "rare"), 0, Pace(0, 30))
    log.add({"loss": jnp.asarray([1.0, 2.0, 6.0, 0.0]), "rare": jnp.float32(7.0)}, 3)
    log.add({"loss": jnp.asarray([11.0, 0.0, 0.0, 0.0])}, 1)
    log.write(40, {})
    assert path.read_text() == "images,loss,rare\n40,5,7\n"


def test_half_a_row_that_a_full_disk_has_left_is_no_row(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("images,size,loss\n10,8,0.5\n2")
    Log(path, ("images", "size", "loss"), 10, Pace(10, 30))
    assert path.read_text() == "images,size,loss\n10,8,0.5\n"


def events(folder):
    """What TensorBoard would read: the records of all files, in order."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.glob("events.*")):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            yield Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]


def test_tensorboard_gets_numbers_and_sheets(tmp_path):
    board = TensorBoard(tmp_path, 0)
    board.row({"images": 40, "loss": "0.5", "rare": "", "seconds_left": 3.0})
    board.sheet(np.zeros((8, 16, 3), np.uint8), 40)
    board.close()
    TensorBoard(tmp_path, 20).close()
    values = [(event.step, value) for event in events(tmp_path) for value in event.summary.value]
    assert {value.tag: (step, value.simple_value) for step, value in values if value.tag != "samples"} == {
        "loss": (40, 0.5),
        "seconds_left": (40, 3.0),
    }
    ((step, sheet),) = [(step, value.image) for step, value in values if value.tag == "samples"]
    assert (step, sheet.height, sheet.width) == (40, 8, 16)
    # A run that goes on from 20 images hides what was told beyond them.
    restarts = [event for event in events(tmp_path) if event.session_log.status]
    assert [event.step for event in restarts] == [20]
