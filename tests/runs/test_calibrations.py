"""Calibrations as files: measured on output folders, refused where they do not hold, and drawn in records."""

import json

import numpy as np
import pytest
from PIL import Image

import gprior_jax as gp
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.keys import seeded
from gprior_jax.runs import Restoring, find_items, read_record, run
from gprior_jax.runs.calibrations import (
    Calibrated,
    Uncertain,
    calibrate_folder,
    check_calibrated,
    read_calibration,
    with_intervals,
    write_calibration,
)
from gprior_jax.runs.measurements import DrawnMasks, Small
from gprior_jax.runs.record import write_record
from gprior_jax.tasks import Calibration, Interval, inpainting, upscaling
from gprior_jax.tasks.calibration import FLOOR
from runs.records import SIDE, pictures, record, tiny_prior

LEVEL = 0.7  # Of which three images are enough.


def filling(**options):
    prior = tiny_prior()
    recipe = gp.recipes.restoration("inpaint", prior, num_codes=2, layer=2, num_steps=2, perceptual=None)
    reader = DrawnMasks(prior, seeded(0), box=4)
    settings = {"samples": 2, "simulate": True, "devices": 1, "about": {"box": 4}} | options
    return Restoring(prior, recipe, seeded(0), inpainting(), reader, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of pictures that were filled, with samples and what is true."""
    place = tmp_path_factory.mktemp("filled")
    pictures(place / "in", "abc")
    run(filling(), find_items([place / "in"]), place / "out", batch_size=3)
    return place


@pytest.fixture(scope="module")
def calibrated(folder):
    return calibrate_folder(folder / "out", LEVEL)


def test_what_is_measured_is_of_the_holes(folder, calibrated):
    records = [read_record(folder / "out" / f"{name}.npz") for name in "abc"]
    hole = np.zeros((SIDE, SIDE, 3), bool)
    hole[2:6, 2:6] = True
    scores = []
    for one in records:
        np.testing.assert_array_equal(one.pictures["unknown"] > 0, hole)
        samples, truth = im.from_uint8(one.samples), im.from_uint8(one.pictures["truth"])
        own = np.abs(truth - samples.mean(axis=0)) / (samples.std(axis=0) + calibrated.calibration.floor)
        scores.append(own[hole])
    assert calibrated.calibration.images == 3
    # (1 - level) - level / 3 of the values may be missed, mean over images: of 144 values of equal weight.
    allowed = int(np.floor((0.3 - 0.7 / 3) * 144 + 1e-9))
    assert calibrated.calibration.scale == pytest.approx(np.sort(np.concatenate(scores))[-1 - allowed], rel=1e-4)
    assert calibrated.factor == 1
    assert calibrated.settings["task"] == "inpaint"
    assert {"key", "simulate", "crop"}.isdisjoint(calibrated.settings)


@pytest.fixture(scope="module")
def narrow(folder, calibrated):
    """Of the same pictures, filled as if nothing were known of the holes, with intervals of two deviations."""
    of_two = calibrated._replace(calibration=calibrated.calibration._replace(scale=2.0))
    job = filling(calibrated=of_two, simulate=False)
    assert job.settings()["intervals"] == {"level": LEVEL, "scale": 2.0, "floor": FLOOR}
    run(job, find_items([folder / "in"]), folder / "with", batch_size=3)
    return folder / "with"


def test_a_run_with_intervals(folder, narrow):
    out = narrow
    found = read_record(out / "a.npz")
    known = np.ones((SIDE, SIDE), bool)
    known[2:6, 2:6] = False
    low, high = (np.asarray(Image.open(out / kind / "a.png")).astype(int) for kind in ("low", "high"))
    original = np.asarray(Image.open(folder / "in" / "a.png")).astype(int)
    np.testing.assert_array_equal(low[known], original[known])
    np.testing.assert_array_equal(high[known], original[known])
    assert (low[~known] < high[~known]).all()
    samples = im.from_uint8(found.samples)
    mean, half = samples.mean(axis=0), 2.0 * (samples.std(axis=0) + FLOOR)
    wanted = np.clip(im.GREY_LEVEL * (1 + mean - half), 0, 255)
    # Outwards by up to 1, and samples are rounded in the record: by half a level in the mean, 2 * 0.5 in the deviation.
    assert (np.abs(low - wanted)[~known] <= 2.5).all()
    assert (wanted[~known] > 0).any()
    assert "coverage" not in found.metrics
    assert found.metrics["width"] == pytest.approx((high - low)[~known].mean() / 255, abs=0.01)
    assert (np.asarray(Image.open(out / "width" / "a.png"))[0] == 0).all()
    page = (out / "report.html").read_text()
    assert "lower ends of the intervals" in page
    assert "widths: 0 is black, 17% of the range red" in page


def test_what_is_covered_is_told_where_it_is_known(folder, calibrated):
    out = folder / "known"
    run(filling(calibrated=calibrated), find_items([folder / "in"]), out, batch_size=3)
    metrics = [read_record(out / f"{name}.npz").metrics for name in "abc"]
    # The same images: as the calibration says, up to the rounding of samples in files.
    assert np.mean([m["coverage"] for m in metrics]) == pytest.approx(calibrated.calibration.coverage, abs=0.03)
    assert "coverage" in (out / "report.html").read_text()


def test_a_file_holds_it(calibrated, tmp_path):
    path = tmp_path / "calibration.json"
    write_calibration(path, calibrated)
    assert read_calibration(path) == calibrated


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"samples": 3}, r"c\.json is a calibration with another samples \(2 there, 3 now\): calibrate with"),
        ({"about": {"box": 2}}, r"another box \(4 there, 2 now\)"),
    ],
)
def test_other_settings_are_refused(calibrated, change, expected):
    with pytest.raises(ArgumentError, match=expected):
        check_calibrated("c.json", calibrated, filling(**change).settings())


def test_another_task_is_refused_and_another_seed_is_not(calibrated):
    prior = tiny_prior()
    recipe = gp.recipes.restoration("upscale", prior, num_codes=2, layer=2, num_steps=2)
    other = Restoring(prior, recipe, seeded(0), upscaling(2), Small(prior, 2), samples=2)
    with pytest.raises(ArgumentError, match=r"another .*task \(inpaint there, upscale now\)"):
        check_calibrated("c.json", calibrated, other.settings())
    same = Restoring(**{**vars(filling()), "key": seeded(5), "simulate": False, "crop": "pad"})
    check_calibrated("c.json", calibrated, same.settings())


def test_another_factor_is_refused_by_the_name_of_the_picture(calibrated, tmp_path):
    prior = tiny_prior()
    recipe = gp.recipes.restoration("upscale", prior, num_codes=2, layer=2, num_steps=2)
    job = Restoring(prior, recipe, seeded(0), upscaling(2), Small(prior, 2), samples=2, calibrated=calibrated)
    pictures(tmp_path / "in", "a")
    outcome = run(job, find_items([tmp_path / "in"]), tmp_path / "out", batch_size=1)
    assert "a.png is to be enlarged by 2 and not by 1" in next(iter(outcome.failed.values()))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{}", "is no calibration of intervals"),
        ("[]", "no JSON object"),
        ("not JSON", "is damaged"),
        (None, "is missing: calibrate again"),
        ({"scale": float("nan")}, "cannot read, or damaged"),
        ({"format": 7}, "cannot read, or damaged"),
        ({"level": 1.0}, "cannot read, or damaged"),
        ({"scale": -1.0}, "cannot read, or damaged"),
        ({"floor": 0.0}, "cannot read, or damaged"),
        ({"factor": 0}, "cannot read, or damaged"),
        ({"images": float("inf")}, "is no calibration of intervals"),
        ({"settings": 3}, "is no calibration of intervals"),
    ],
)
def test_damaged_files(calibrated, tmp_path, content, expected):
    path = tmp_path / "c.json"
    if isinstance(content, dict):
        write_calibration(path, calibrated)
        content = json.dumps(json.loads(path.read_text()) | content)
    if content is not None:
        path.write_text(content)
    with pytest.raises(CheckpointError, match=expected):
        read_calibration(path)


def test_folders_that_tell_nothing(folder, narrow, tmp_path):
    with pytest.raises(ArgumentError, match=r"3 images to calibrate on: level 0\.9 needs at least 9"):
        calibrate_folder(folder / "out")
    with pytest.raises(ArgumentError, match="no intact pictures"):
        calibrate_folder(narrow)
    one, content = tmp_path / "one", (folder / "out" / "run.json").read_text()
    one.mkdir()
    (one / "run.json").write_text(content)
    alone = read_record(folder / "out" / "a.npz")._replace(samples=np.zeros((0, SIDE, SIDE, 3), np.uint8))
    write_record(one / "a.npz", alone, {})
    with pytest.raises(ArgumentError, match="one result of each picture"):
        calibrate_folder(one)
    (tmp_path / "run.json").write_text('{"settings": {}}')
    with pytest.raises(ArgumentError, match="holds no restorations"):
        calibrate_folder(tmp_path)
    with pytest.raises(CheckpointError):
        calibrate_folder(tmp_path / "nothing")


def test_ends_are_rounded_outwards():
    one, shape = record(), (1, SIDE, SIDE, 3)
    ends = Interval(np.full(shape, -0.5001, np.float32), np.full(shape, 0.5001, np.float32))
    whole = Interval(-np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32))
    found = with_intervals(one, Uncertain(whole, ends), 0, np.full(shape[1:], 0.5, np.float32))
    assert (im.from_uint8(found.pictures["low"]) <= ends.low).all()
    assert (im.from_uint8(found.pictures["high"]) >= ends.high).all()
    assert found.metrics["coverage"] == 1.0
    assert found.metrics["width"] == pytest.approx(0.5001)
    assert "unknown" not in found.pictures
    assert isinstance(Calibrated(Calibration(0.9, 1.0, 0.1, 9, 0.9, 0.1), 1, {}).factor, int)
