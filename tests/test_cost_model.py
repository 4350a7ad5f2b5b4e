"""The cost model of ``benchmarks``: cases that can be told by hand, and that the document has what it says."""

import pytest
from test_docs import DOCUMENTS

from benchmarks.cost_model import (
    H100,
    STEPS_OF_1024,
    V5E,
    WIDE,
    Layout,
    Machine,
    Row,
    Step,
    calibrated,
    run_seconds,
    step_seconds,
    sum_seconds,
)

CHIPS = Machine(chips=8, operations=10.0)
STEP = Step(100.0)


def test_images_over_chips_of_their_own():
    assert step_seconds(STEP, CHIPS, Layout(), 8) == pytest.approx(80.0)
    assert step_seconds(STEP, CHIPS, Layout(images=8), 8) == pytest.approx(10.0)
    assert step_seconds(STEP, CHIPS, Layout(images=8), 9) == pytest.approx(20.0)  # One device has two.
    assert step_seconds(STEP, CHIPS, Layout(images=2, processes=4), 2) == pytest.approx(10.0)


def test_devices_that_share_cores_take_turns():
    shared = Machine(chips=2, operations=10.0, launch=1.0)
    alone, two, eight = (step_seconds(STEP, shared, Layout(images=count), 8) for count in (1, 2, 8))
    assert (alone, two) == pytest.approx((81.0, 41.0))
    assert eight == pytest.approx(4 * (10.0 + 1.0))  # As much to compute as for two, and four times the calls.
    assert step_seconds(STEP, shared._replace(alone=1.6), Layout(), 8) == pytest.approx(81.0 / 1.6)


def test_memory_where_it_takes_longer():
    slow = CHIPS._replace(bandwidth=2.0)
    assert step_seconds(Step(100.0, moved=19.0), slow, Layout(), 1) == pytest.approx(10.0)
    assert step_seconds(Step(100.0, moved=60.0), slow, Layout(), 1) == pytest.approx(30.0)


def test_codes_that_are_split():
    """What is not split every device does; then the sums."""
    step = Step(100.0, apart=0.8, sent=16.0)
    joined = CHIPS._replace(link=4.0, hop=0.5)
    assert step_seconds(step, joined, Layout(codes=4), 1) == pytest.approx(2.0 + 8.0 / 4 + sum_seconds(16.0, joined, 4))
    assert step_seconds(step, joined, Layout(), 1) == pytest.approx(10.0)
    # Every device sends all but its own part of the whole twice.
    assert sum_seconds(16.0, joined, 4) == pytest.approx(2 * 3 * 0.5 + 2 * (16.0 - 16.0 / 4) / 4.0)
    assert sum_seconds(16.0, joined, 1) == 0.0


def test_a_run_of_several_processes():
    started = Machine(chips=2, operations=10.0, start=7.0)
    # 3 steps of 2 batches of 4 images, and a start; two processes have a core and one batch each.
    assert run_seconds(STEP, started, Layout(), 8, 3, 4) == pytest.approx(7.0 + 6 * 40.0)
    assert run_seconds(STEP, started, Layout(processes=2), 8, 3, 4) == pytest.approx(7.0 + 3 * 40.0)
    # Four share the two cores, at the start too.
    assert run_seconds(STEP, started, Layout(processes=4), 8, 3, 4) == pytest.approx(14.0 + 3 * 4 * 10.0 * 2.0 * 4 / 4)


def test_the_document_says_what_the_model_does():
    for name, (step, steps) in STEPS_OF_1024.items():
        (row,) = [line for line in DOCUMENTS["docs/scaling.md"].splitlines() if line.startswith(f"| {name} |")]
        hours = [
            run_seconds(step._replace(moved=part * step.moved), on, Layout(on.chips), 1_000_000, steps, on.chips) / 3600
            for on in (H100, V5E)
            for part in (0.0, 1.0)
        ]
        assert [f"{each:.1f}" for each in hours] == [cell.strip().removesuffix(" h") for cell in row.split("|")[-5:-1]]


def test_calibration_reproduces_the_rows_that_it_is_of():
    machine = Machine(chips=2, operations=50.0, link=3.0, hop=0.1, launch=0.4, alone=1.6)
    layouts = [("strong", Layout(), 8), ("weak", Layout(), 2), ("strong", Layout(images=2), 8), (WIDE, Layout(), 1)]
    rows = [Row(kind, layout, images, STEP) for kind, layout, images in layouts]
    found, wide = calibrated(rows, [step_seconds(STEP, machine, row.layout, row.images) for row in rows], (0.1, 3.0), 2)
    assert found == pytest.approx(machine)
    assert wide == pytest.approx(machine)
