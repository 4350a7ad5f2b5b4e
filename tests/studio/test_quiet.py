"""Refusals as the studio's page asks for them, and as everybody else is told."""

import pytest

SESSION = "/studio/sessions/nothing"


def test_the_page_is_refused_quietly(ask):
    status, told, headers = ask("GET", SESSION, Studio_Page="1")
    assert (status, headers["studio-refused"]) == (200, "404")
    assert told == ask("GET", SESSION)[1]
    assert "no such session" in told["detail"]


def test_others_are_told_by_the_status(ask):
    status, _, headers = ask("GET", SESSION)
    assert (status, headers["studio-refused"]) == (404, None)


@pytest.mark.parametrize("kind", ["image", "empty"])
def test_pictures_and_streams_of_the_page_are_refused_with_nothing(ask, kind):
    own = {"Sec_Fetch_Dest": kind, "Sec_Fetch_Site": "same-origin"}
    status, content, headers = ask("GET", f"{SESSION}/items/1/preview.png", **own)
    assert (status, content, headers["studio-refused"]) == (204, b"", "404")
    # A picture of another page is none of ours.
    status, _, _ = ask("GET", f"{SESSION}/items/1/preview.png", **own | {"Sec_Fetch_Site": "none"})
    assert status == 404


def test_answers_are_as_they_are(ask):
    status, told, headers = ask("GET", "/studio/about", Studio_Page="1")
    assert (status, headers["studio-refused"]) == (200, None)
    assert told["limits"]["side"] > 0
