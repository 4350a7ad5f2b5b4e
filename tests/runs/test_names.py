"""Ids and names that follow from a file's name alone."""

import hashlib
import os
import unicodedata

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprior_jax.keys import MAX_ID
from gprior_jax.runs.names import MAX_BYTES, as_text, choose_name, id_of, result_name, same_name

BYTES = st.lists(st.binary(min_size=1, max_size=255).filter(lambda b: not {0, 47} & {*b} and b not in (b".", b"..")))
PATHS = BYTES.filter(bool).map(lambda parts: "/".join(map(os.fsdecode, parts)))


@given(PATHS)
def test_whatever_a_file_is_called_its_results_have_a_name(below):
    name = result_name(below)
    assert 0 < len(name.encode("utf-8")) <= MAX_BYTES
    assert "/" not in name
    assert not name.startswith(".")
    assert name == result_name(below)
    assert all(ord(character) >= 32 for character in name)
    as_text(below).encode("utf-8")
    assert "\n" not in as_text(below)


@given(PATHS)
def test_ids_are_whole_numbers_that_keys_take(below):
    number = id_of(below)
    assert 0 <= number <= MAX_ID
    assert np.asarray(jax.numpy.asarray(np.array([number])))[0] == number  # As the driver hands them on, in 32 bits.


def test_an_id_is_the_digest_of_the_name():
    digest = hashlib.sha256(b"sub/cat.png").digest()
    assert id_of("sub/cat.png") == int.from_bytes(digest[:4], "big") // 2
    assert len({id_of(name) for name in ("a.png", "a.jpg", "A.png", "sub/a.png", "sub/sub/a.png")}) == 5


def test_both_forms_of_an_accent_are_one_name():
    one, two = (unicodedata.normalize(form, "sub/Zoé.png") for form in ("NFC", "NFD"))
    assert one != two
    assert id_of(one) == id_of(two)
    assert result_name(one) == result_name(two) == unicodedata.normalize("NFC", "sub_Zoé")


@pytest.mark.parametrize(
    ("below", "name"),
    [
        ("cat.png", "cat"),
        ("cat.v2.png", "cat.v2"),
        ("cat", "cat"),
        ("sub/deep/cat.png", "sub_deep_cat"),
        (".cat.png", "_cat"),
        (".png", "_png"),
        (os.fsdecode(b"caf\xe9.png"), "caf%E9"),
        ("two\nlines.png", "two%0Alines"),
        ("猫" * 66 + ".png", "猫" * 66),
    ],
)
def test_names_of_results(below, name):
    assert result_name(below) == name


def test_long_names_are_cut_at_a_character_and_told_apart():
    first, second = "猫" * 80 + "a.png", "猫" * 80 + "b.png"
    assert result_name(first) != result_name(second)
    kept, _, digest = result_name(first).rpartition("_")
    assert kept == "猫" * 63  # 189 of 191 bytes.
    assert digest == hashlib.sha256(first.encode()).hexdigest()[:8]
    assert len(result_name("x" * 201)) == 200
    assert result_name("x" * 200) == "x" * 200


def test_what_shares_a_stem_gets_its_ending_else_its_folder_else_a_digest():
    def choose(below, place, **taken):
        return choose_name(below, place, taken.get)

    assert choose("b.png", "/in/b.png") == "b"
    assert choose("b.png", "/in/b.png", b="b.jpg") == "b_png"
    assert choose("b.png", "/y/b.png", b="b.png") == "b_y"
    assert choose("b.png", "/in/b.png", b="b.jpg", b_png="b_png.jpg") == "b_in"
    digest = hashlib.sha256(b"/y/b.png").hexdigest()
    assert choose("b.png", "/y/b.png", b="b.png", b_y="b_y.png") == f"b_{digest[:8]}"
    assert choose_name("b.png", "/y/b.png", lambda name: "b.png") == f"b_{digest[:16]}"
    long = result_name("x" * 199 + ".png")
    longer = choose_name("x" * 199 + ".png", "/in/x.png", {long: "x.jpg"}.get)
    assert len(longer) == 200
    assert longer != long


def test_names_that_some_file_systems_take_for_one():
    assert same_name("Straße") == same_name("STRASSE")
    assert same_name(unicodedata.normalize("NFD", "É")) == same_name("é")
    assert same_name("a") != same_name("b")


def test_text_is_left_as_it_is_unless_it_is_none():
    assert as_text("Zoé 猫 \u202f.png") == "Zoé 猫 \u202f.png"
    assert as_text(os.fsdecode(b"in/\xff\x1b[31m.png")) == "in/\\xff\\x1b[31m.png"
