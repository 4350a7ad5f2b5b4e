"""Shares of a list: which images are in which, and folders that several of them are run into."""

from pathlib import Path

import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.runs import OutputFolder, find_items, run
from gprior_jax.runs.items import Item
from gprior_jax.runs.names import id_of
from gprior_jax.runs.shares import WHOLE, Share, Unrecorded, parse_share, recorded_names
from gprior_jax.storage.atomic import read_json
from runs.records import picture, pictures, results
from runs.test_runner import Negatives


def listed(*names):
    return [Item(id_of(name), Path(name), name, below=name) for name in names]


def test_every_image_is_in_one_share_and_shares_are_about_equal():
    items = listed(*(f"{number}.png" for number in range(2000)))
    shares = [Share(number, 16).of(items, items) for number in range(16)]
    assert sorted(item.name for share in shares for item in share) == sorted(item.name for item in items)
    # 125 each; of a binomial distribution the deviation is 10.8.
    assert all(85 < len(share) < 165 for share in shares)
    assert WHOLE.of(items, items) == items


def test_another_file_moves_none():
    before = listed("a.png", "b.png", "c.png", "d.png")
    after = listed("0.png", "a.png", "aa.png", "b.png", "d.png", "e.png")
    for number in range(3):
        share = Share(number, 3)
        kept = {item.name for item in share.of(before, before)} - {"c.png"}
        assert kept == {item.name for item in share.of(after, after)} & {"a.png", "b.png", "d.png"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("16/16", "numbered from 0, the last of 16 is 15/16"),
        ("0/0", "there is at least one share"),
        *(
            (text, "give the share's number and how many there are")
            for text in ("3", "a/b", "-1/4", "1/4/2", "", "٣/٤")
        ),
    ],
)
def test_what_names_no_share(text, why):
    with pytest.raises(ArgumentError, match=why):
        parse_share(text)


@pytest.fixture
def items(tmp_path):
    """Of two pictures the results would have one name."""
    pictures(tmp_path / "in", "abcdefg")
    picture(tmp_path / "in" / "c.bmp", 9)
    return find_items([tmp_path / "in"])


@pytest.fixture
def alone(items, tmp_path):
    """What one run over all gives."""
    run(Negatives(), items, tmp_path / "alone", batch_size=2)
    return tmp_path / "alone"


def test_shares_give_in_one_folder_what_one_run_gives(items, alone, tmp_path):
    out, read = tmp_path / "out", []
    for number in (2, 0, 1):
        job = Negatives()
        outcome = run(job, items, out, batch_size=2, part=Share(number, 3))
        assert [entry.row["name"] for entry in outcome.entries] == job.read
        assert outcome.is_whole  # Nobody else is at work in the folder.
        read += job.read
    assert sorted(read) == [*"ab", "c", "c_png", *"defg"]
    assert results(out) == results(alone)
    for file in ("history.csv", "report.html"):
        assert (out / file).read_text().replace("gprior: out", "") == (alone / file).read_text().replace(
            "gprior: alone", ""
        )
    assert read_json(out / "run.json")["images"] == read_json(alone / "run.json")["images"]


def test_the_last_to_end_writes_the_report(items, tmp_path):
    out, bad = tmp_path / "out", items[0].source
    bad.write_bytes(b"no picture")
    other = OutputFolder(out, Negatives().settings())
    lock = other.at_work()
    halves = [Share(number, 2) for number in range(2)]
    first = run(Negatives(), items, out, batch_size=2, part=halves[0])
    assert not first.is_whole
    assert not (out / "report.html").exists()
    listed_so_far = {row["name"] for row in read_json(out / "run.json")["images"]}
    assert listed_so_far == {entry.row["name"] for entry in first.entries} == recorded_names(out)
    lock.release()
    last = run(Negatives(), items, out, batch_size=2, part=halves[1])
    assert last.is_whole
    assert {row["name"] for row in read_json(out / "run.json")["images"]} == recorded_names(out)
    assert len(last.recorded) == len(items) - 1
    # Whichever of the two could not read it.
    assert [*read_json(out / "run.json")["failed"]] == [str(bad)]
    assert str(bad.name) in (out / "report.html").read_text()


def test_what_has_no_record_is_left(items, tmp_path):
    out = tmp_path / "out"
    run(Negatives(), items, out, batch_size=2, part=Share(0, 2))
    job = Negatives()
    run(job, items, out, batch_size=2, part=Unrecorded(out))
    assert sorted(job.read) == sorted(item.name for item in Share(1, 2).of(items, items))
    assert Unrecorded(out).of(items, items) == []
    assert recorded_names(tmp_path / "nowhere") == set()
