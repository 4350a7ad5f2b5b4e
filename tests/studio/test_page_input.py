"""How pictures come to the studio's page, what is done with them, and what it says of those that it does not take."""

import io

import numpy as np
import pytest

from studio.paged import PHONE, Visit, photograph, steps


def test_photograph_is_placed_and_stopped(visit):
    visit.choose(name="portrait.png")
    canvas = visit.see("canvas.placing")
    before = visit.pixels("canvas.placing")
    box = canvas.bounding_box()
    visit.page.mouse.move(box["x"] + 200, box["y"] + 200)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 260, box["y"] + 230, steps=4)
    visit.page.mouse.up()
    moved = visit.pixels("canvas.placing")
    assert (moved != before).any()
    visit.page.mouse.wheel(0, -300)
    canvas.focus()
    visit.press("ArrowLeft", "+", "]")
    assert (visit.pixels("canvas.placing") != moved).any()
    for _ in range(5):
        visit.press("Control+z")
    visit.see('button[title^="Undo: Open"]')
    assert (visit.pixels("canvas.placing") == before).all()
    steps(visit, 100_000)
    visit.button("Invert").click()
    visit.see('.tile[data-state="running"]')
    first = visit.see('canvas.shown[data-shown*="preview"]').get_attribute("data-shown")
    visit.see(f'canvas.shown[data-shown*="preview"]:not([data-shown="{first}"])')
    assert "dB" in visit.page.locator(".progress .figure").inner_text()
    visit.button("Stop and keep").click()
    visit.done()
    assert "images/result" in visit.shown(first)


def test_masks_are_painted_and_filled(visit):
    visit.choose()
    visit.see("canvas.placing")
    visit.page.get_by_role("radio", name="Inpaint").click(force=True)
    visit.button("Inpaint").click()
    assert "paint" in visit.alert()
    box = visit.page.locator("canvas.placing").bounding_box()
    visit.page.mouse.move(box["x"] + 200, box["y"] + 200)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 300, box["y"] + 220, steps=4)
    visit.page.mouse.up()
    painted = visit.pixels("canvas.placing")
    visit.page.locator("canvas.placing").focus()
    visit.press("Space", "Shift+ArrowRight", "Control+z", "Control+z")
    visit.page.get_by_role("spinbutton", name="Answers").fill("2")
    steps(visit, 3)
    visit.button("Inpaint").click()
    visit.done()
    assert painted.any()
    assert visit.page.locator(".answers button").all_inner_texts() == ["Answer 1", "Answer 2", "Mean", "Disagreement"]
    best = visit.shown()
    visit.button("Disagreement").click()
    disagreement = visit.shown(best)
    assert "std" in disagreement
    # What is in view is what is kept.
    visit.page.get_by_role("tab", name="Keep").click()
    assert visit.page.locator('button[data-kind="npz"]').is_hidden()
    assert visit.download("png").endswith("_std.png")
    visit.button("Answer 2").click()
    visit.shown(disagreement)
    assert visit.download("npz").endswith("_2.npz")
    visit.page.get_by_role("tab", name="Edit").click()
    # A slider moves the result, whatever was looked at before.
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    visit.see('.item canvas.shown[data-shown^="blob:"]')


def test_what_was_cancelled_starts_again(visit):
    visit.choose(name="later.png")
    visit.see("canvas.placing")
    steps(visit, 100_000)
    visit.button("Invert").click()
    visit.see('.tile[data-state="running"]')
    visit.button("Cancel").click()
    visit.tiles(0)
    visit.button("Undo", ".toasts").click()
    visit.see('.tile[data-state="cancelled"]')
    visit.button("Start again").click()
    visit.see('canvas.shown[data-shown*="preview"]')
    visit.button("Stop and keep").click()
    visit.done()
    assert visit.button("Start again").count() == 0


def restore(visit, task, **fields):
    """Do a task with what is opened, in two steps; its numbers and choices by their labels."""
    visit.page.get_by_role("radio", name=task).click(force=True)
    for label, value in fields.items():
        field = visit.page.get_by_label(label.replace("_", " "), exact=True)
        if isinstance(value, str):
            field.select_option(label=value)
        else:
            field.fill(str(value))
    steps(visit, 2)
    visit.button(task).click()
    visit.see("canvas.placing", state="hidden")
    visit.done()


TASKS = [
    ("Colourise", {}, {}),
    ("Enlarge", {"Enlarge_by": "2"}, {"factor": 2}),
    ("Enlarge", {}, {"factor": 4}),  # It is larger than the prior: it is reduced first.
    ("Denoise", {}, {}),
    ("Deblur", {"Width": 0.8}, {"sigma": 0.8}),
    ("Deblur", {"Blur": "Motion", "Length": 3, "Angle": 30}, {"blur": "motion", "length": 3, "angle": 30}),
]


@pytest.mark.parametrize(("task", "fields", "settings"), TASKS)
def test_restorations(visit, task, fields, settings):
    visit.choose(photograph(size=(40, 60)))
    visit.see("canvas.placing")
    restore(visit, task, **fields)
    assert "images/result" in visit.shown()
    kept = visit.item()["settings"]
    square = {"center": [20, 30], "size": 40, "angle": 0}
    own = {name: kept.get(name) for name in settings}
    assert (own, kept["steps"], kept["placement"]) == (settings, 2, square)
    visit.page.get_by_role("tab", name="Facts").click()
    facts = visit.page.locator(".facts").inner_text()
    assert task in facts
    assert all(value in facts for value in fields.values() if isinstance(value, str))


def test_blurs_are_seen_and_kept_apart(visit):
    visit.choose()
    visit.see("canvas.placing")
    plain = visit.pixels("canvas.placing")
    visit.page.get_by_role("radio", name="Deblur").click(force=True)
    wide = visit.pixels("canvas.placing")
    assert (plain != wide).any()
    visit.page.get_by_label("Width").fill("0.5")
    visit.page.get_by_label("Blur", exact=True).select_option("motion")
    assert visit.page.get_by_label("Width").is_hidden()
    level = visit.pixels("canvas.placing")
    visit.page.get_by_label("Angle").fill("90")
    visit.press("Tab")
    assert (visit.pixels("canvas.placing") != level).any()
    # What is of the other blur is not there any more.
    visit.page.get_by_label("Blur", exact=True).select_option("")
    assert visit.page.get_by_label("Width").input_value() == ""


def test_refused_orders_are_told_and_tried_again(visit):
    visit.choose(photograph(size=(40, 60)))
    visit.see("canvas.placing")
    visit.page.route(
        "**/items",
        lambda route: route.fulfill(
            status=200, headers={"Studio-Refused": "429"}, json={"detail": "face.png: not now."}
        ),
        times=1,
    )
    steps(visit, 2)
    visit.button("Invert").click()
    assert visit.alert() == "face.png: not now."
    # Nothing is lost.
    assert visit.see("canvas.placing")
    visit.button("Invert").click()
    visit.done()


def test_pictures_are_pasted(visit):
    visit.paste(text="https://example.org/cat.png")
    assert visit.alert() == "The clipboard holds text, and no picture: copy a picture, or drop its file here."
    visit.paste()
    assert visit.alert().startswith("The clipboard holds no picture: ")
    visit.paste(photograph())
    visit.see("canvas.placing")
    assert visit.page.locator(".draft .title").inner_text().startswith("pasted ")
    visit.button("Put away").click()
    visit.see(".empty:visible")
    # Text goes where text is written.
    visit.draw(1)
    visit.press("s")
    visit.page.get_by_label("Name of this session").focus()
    visit.paste(text="Portraits")
    assert not visit.page.locator(".toast.error").count()


def test_two_fingers_resize_and_turn(chromium, address):
    with Visit(chromium, address, PHONE, has_touch=True) as visit:
        visit.choose(photograph(size=(60, 60)))
        canvas = visit.see("canvas.placing")
        box = canvas.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def fingers(apart, degrees):
            turn = np.deg2rad(degrees)
            dx, dy = apart * np.cos(turn), apart * np.sin(turn)
            return [(x - dx, y - dy), (x + dx, y + dy)]

        size, turn = (visit.page.get_by_label(name) for name in ("Size of the photograph", "Turn the photograph"))
        visit.touch(*(fingers(30 + 3 * i, 2 * i) for i in range(11)))
        # Twice as large, and turned by 20 degrees as the fingers were.
        assert float(size.input_value()) == pytest.approx(1.0, abs=0.05)
        assert float(turn.input_value()) == pytest.approx(20.0, abs=1.0)
        visit.see('button[title^="Undo: Move"]')
        visit.touch([(x, y)], [(x + 20, y)], [(x + 40, y)])
        assert float(size.input_value()) == pytest.approx(1.0, abs=0.05)
        visit.press("Control+z", "Control+z")
        visit.see('button[title^="Undo: Open"]')
        assert (float(size.input_value()), float(turn.input_value())) == (0.0, 0.0)


def test_camera(chromium, address):
    with Visit(chromium, address, permissions=["camera"]) as visit:
        visit.press("c")
        visit.page.wait_for_timeout(300)
        visit.button("Take the picture").click()
        visit.see("canvas.placing")
        assert "camera" in visit.page.locator(".draft .title").inner_text()
        visit.press("Escape")
        visit.see(".empty:visible")
        visit.button("Undo", ".toasts").click()
        visit.see("canvas.placing")


def _truncated():
    return photograph(kind="JPEG")[:400]


def _of_another_prior():
    buffer = io.BytesIO()
    np.savez(buffer, direction=np.ones(512, np.float32))
    return buffer.getvalue()


BAD = [
    (lambda: b"no picture at all", "notes.txt", "text/plain"),
    (lambda: b"no picture at all", "renamed.png", "image/png"),
    (lambda: photograph(size=(20_000, 10)), "line.png", "image/png"),
    (lambda: b"\0\0\0\x18ftypmp42" + bytes(2_000_000), "film.mp4", "video/mp4"),
    (lambda: b"", "empty.png", "image/png"),
    (lambda: photograph(size=(1100, 1000), kind="JPEG"), "large.jpg", "image/jpeg"),
    (lambda: photograph() + bytes(1_100_000), "heavy.png", "image/png"),
    (_truncated, "half.jpg", "image/jpeg"),
    (_of_another_prior, "smile.npz", ""),
]


def test_bad_input_is_one_sentence(visit):
    visit.draw(1)
    for content, name, kind in BAD:
        visit.drop(content(), name, kind)
        sentence = visit.alert()
        assert name in sentence
        assert sentence.count(". ") == 0
        assert len(sentence) < 250
        visit.tiles(1)
        assert "images/result" in visit.shown()
