"""The studio's page in a browser: all that can be done with it, what it says of bad input, and who can use it."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from cli import priors
from PIL import Image

from studio.paged import PHONE, Visit, browser, photograph
from studio.studios import studio


@pytest.fixture(scope="module")
def chromium():
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def address(chromium, little, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "sessions"
    with studio(priors.plain(), folder, little, megabytes=1.0, megapixels=1.0) as ask:
        ask.workspace.book.find()
        yield f"http://127.0.0.1:{ask.port}"


@pytest.fixture
def visit(chromium, address):
    with Visit(chromium, address) as made:
        yield made
        assert not made.wrong


def steps(visit, number):
    """Set the number of steps of what is placed."""
    if not visit.page.locator("details.drawer[open]").count():
        visit.page.locator("details.drawer summary").click()
    visit.page.get_by_label("Steps", exact=True).fill(str(number))


def test_dropped_picture_is_inverted(visit):
    visit.drop(photograph(), "cat.png", "image/png")
    visit.done()
    assert visit.page.locator(".item .title").inner_text() == "cat.png"
    assert "PSNR" in visit.page.locator(".item .over .remark").inner_text()
    assert "images/result" in visit.shown()
    # It is still there when the page is loaded again.
    visit.go(visit.page.url)
    visit.page.reload()
    visit.tiles(1)
    assert "images/result" in visit.shown()


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


def test_sliders_undo_and_redo(visit):
    visit.draw(1)
    plain = visit.shown()
    slider = visit.page.locator("input[data-direction]").first
    slider.focus()
    visit.press(*["ArrowRight"] * 5)
    edited = visit.shown(plain)
    assert slider.input_value() == "0.5"
    box = slider.bounding_box()
    visit.page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    visit.shown(edited)
    assert float(slider.input_value()) > 2
    visit.see(".strip img[src]")
    assert visit.page.locator(".cells .here").count() == 1
    visit.press("Control+z")
    visit.see("input[data-direction]")
    assert slider.input_value() == "0.5"
    visit.press("Control+z")
    assert visit.shown(edited) == plain
    assert slider.input_value() == "0"
    visit.press("Control+y", "Control+y")
    visit.page.reload()
    visit.see("input[data-direction]")
    assert float(slider.input_value()) > 2
    visit.press("Control+z")
    visit.see('button[title^="Redo"]:enabled')
    assert slider.input_value() == "0.5"
    visit.see(f'canvas.shown:not([data-shown="{plain}"])')
    visit.press("r")
    visit.see(f'canvas.shown[data-shown="{plain}"]')
    assert slider.input_value() == "0"


def test_views_compare(visit):
    visit.drop(photograph(), "cat.png", "image/png")
    visit.done()
    visit.press("2")
    visit.see('.easel[data-mode="side"]')
    assert visit.page.locator(".picture:visible").count() == 2
    visit.press("3")
    divider = visit.page.get_by_role("slider", name="Where the picture is split")
    divider.focus()
    visit.press("ArrowLeft")
    assert divider.get_attribute("aria-valuenow") == "48"
    box = divider.bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] - 60, box["y"] + 20, steps=3)
    visit.page.mouse.up()
    assert int(divider.get_attribute("aria-valuenow")) < 45
    visit.press("4", "p")
    assert visit.see('.easel.pixels[data-mode="difference"]')


def test_two_results_together(visit):
    visit.draw(1)
    visit.draw(2)
    tiles = visit.page.locator(".tiles .tile")
    before = visit.shown()
    tiles.nth(0).drag_to(tiles.nth(1))
    visit.page.locator('[data-how="morph"]').click()
    half = visit.shown(before)
    morph = visit.page.locator('[data-part="morph"]')
    morph.focus()
    visit.press("End")
    visit.shown(half)
    assert np.abs(_other(visit, 0) - visit.pixels()).max() <= 3
    visit.button("Without the morph").click()
    assert visit.shown(half)
    # Without dragging, by buttons.
    visit.button("Morph").click()
    visit.see(".partner:visible")


def test_several_codes_are_kept_apart_from_one(visit):
    visit.draw(1)
    visit.drop(photograph(), "cat.png", "image/png")
    visit.tiles(2)
    visit.done()
    visit.button("Morph").click()
    assert visit.alert().startswith("cat.png is composed of several codes")
    visit.page.get_by_role("tab", name="Look").click()
    visit.button("Find the way").click()
    assert visit.alert().startswith("cat.png is composed of several codes")
    # The sliders go on as before.
    assert not visit.page.locator(".partner:visible").count()
    visit.page.get_by_role("tab", name="Edit").click()
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    visit.see('.item canvas.shown[data-shown^="blob:"]')


def _other(visit, number):
    """The pixels of another result, and back."""
    here = visit.page.locator('.tile[aria-current="true"]').get_attribute("data-item")
    shown = visit.shown()
    visit.page.locator(".tiles .tile").nth(number).click()
    visit.shown(shown)
    found = visit.pixels()
    visit.page.locator(f'[data-item="{here}"]').click()
    visit.see(f'canvas.shown[data-shown="{shown}"]')
    return found


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
    assert "std" in visit.shown(best)
    # A slider moves the result, whatever was looked at before.
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    visit.see('.item canvas.shown[data-shown^="blob:"]')


def test_restorations(visit):
    visit.choose()
    visit.see("canvas.placing")
    visit.page.get_by_role("radio", name="Denoise").click(force=True)
    steps(visit, 2)
    visit.button("Denoise").click()
    visit.done()
    visit.page.get_by_role("tab", name="Facts").click()
    assert "Denoise" in visit.page.locator(".facts").inner_text()


@pytest.mark.parametrize(
    ("task", "setting", "order"),
    [
        ("Colourise", {}, {"task": "colorize"}),
        ("Enlarge", {"Enlarge by": "2"}, {"task": "upscale", "factor": 2}),
        ("Enlarge", {}, {"task": "upscale", "factor": 4}),  # It is larger than the prior: it is reduced first.
    ],
)
def test_orders(visit, task, setting, order):
    """What is sent is taken down, so that no program is compiled for each."""
    sent = []

    def take(route):
        sent.append(route.request.post_data_buffer)
        route.fulfill(status=503, json={"detail": "not now."})

    visit.page.route("**/items", take)
    visit.choose(photograph(size=(40, 60)))
    visit.see("canvas.placing")
    visit.page.get_by_role("radio", name=task).click(force=True)
    for label, value in setting.items():
        visit.page.get_by_label(label).select_option(value)
    visit.button(task).click()
    assert visit.alert() == "face.png: not now."
    found = re.search(rb'name="order"\r\n\r\n(.*?)\r\n--', sent[0], re.DOTALL)
    assert found
    told = json.loads(found[1])
    assert told == order | {"name": "face.png", "placement": {"center": [20, 30], "size": 40, "angle": 0}}
    # Nothing is lost: it can be tried again.
    assert visit.see("canvas.placing")
    visit.wrong.clear()


def test_looking_into_a_result(visit):
    visit.draw(1)
    visit.draw(2)
    visit.page.get_by_role("tab", name="Look").click()
    visit.page.get_by_label("Lay it over the picture").check()
    visit.see("canvas.heat[data-shown]:visible")
    # What the server finds is tested with it; it compiles for long.
    way = {"strip": visit.strip(), "length": 2.0, "energy": 4.0, "speeds": [1.0, 2.0]}
    told = {"line": way, "geodesic": way | {"length": 1.0}, "remark": "half as long."}
    visit.page.route("**/path", lambda route: route.fulfill(json=told))
    visit.button("Find the way").click()
    visit.see(".way + .way img")
    assert "Geodesic" in visit.page.locator(".ways").inner_text()
    visit.drop(photograph(), "cat.png", "image/png")
    visit.done()
    visit.button("Explain").click()
    visit.see("canvas.territories[data-shown]:visible", timeout=60_000)
    assert visit.page.locator(".codes li").count() >= 2
    assert visit.page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_results_are_kept(visit):
    visit.draw(1)
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    visit.page.get_by_role("tab", name="Keep").click()
    kept = {}
    for kind in ("png", "npz", "report"):
        with visit.page.expect_download() as download:
            visit.page.locator(f'button[data-kind="{kind}"]').click()
        assert download.value.suggested_filename.rpartition(".")[0].endswith("_edited")
        with open(download.value.path(), "rb") as file:
            kept[kind] = file.read()
    assert Image.open(io.BytesIO(kept["png"])).size == (8, 8)
    assert zipfile.ZipFile(io.BytesIO(kept["npz"])).namelist()
    assert b"<html" in kept["report"].lower()
    for kind, word in (("command", "gprior"), ("python", "gprior_jax")):
        visit.page.locator(f'details[data-kind="{kind}"] summary').click()
        visit.see(f'details[data-kind="{kind}"] code:text("{word}")')


def test_sessions(visit):
    visit.draw(1)
    first = visit.page.url
    visit.press("s")
    visit.page.get_by_label("Name of this session").fill("Portraits")
    visit.button("Rename").click()
    visit.see("#bar :text('Portraits')")
    visit.see("dialog .session:has-text('Portraits')")
    visit.button("New session").click()
    visit.see(".empty:visible")
    assert visit.page.url != first
    visit.page.locator(".recent .session", has_text="Portraits").click()
    visit.tiles(1)
    assert visit.page.url == first
    visit.press("s")
    visit.button("Remove Portraits").click()
    visit.button("Undo", ".toasts").click()
    visit.page.locator("dialog .session", has_text="Portraits").click()
    visit.tiles(1)


def test_removed_results_come_back(visit):
    visit.draw(1)
    visit.draw(2)
    visit.press("Delete")
    visit.tiles(1)
    visit.press("Control+z")
    visit.tiles(2)
    visit.press("Control+z", "Control+z")
    visit.tiles(0)
    visit.press("Control+y")
    visit.tiles(1)


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
        assert not visit.wrong


def _truncated():
    return photograph(kind="JPEG")[:400]


def _of_another_prior():
    buffer = io.BytesIO()
    np.savez(buffer, direction=np.ones(512, np.float32))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (lambda: b"no picture at all", "notes.txt", "text/plain"),
        (lambda: b"no picture at all", "notes.png", "image/png"),
        (lambda: photograph(size=(20_000, 10)), "line.png", "image/png"),
        (lambda: b"\0\0\0\x18ftypmp42" + bytes(2_000_000), "film.mp4", "video/mp4"),
        (_truncated, "half.jpg", "image/jpeg"),
        (_of_another_prior, "smile.npz", ""),
    ],
    ids=["text", "renamed text", "thin", "video", "truncated", "direction"],
)
def test_bad_input_is_one_sentence(chromium, address, content, name, kind):
    with Visit(chromium, address) as visit:
        visit.draw(1)
        visit.drop(content(), name, kind)
        sentence = visit.alert()
        assert name in sentence
        assert sentence.count(". ") == 0
        assert len(sentence) < 250
        visit.tiles(1)
        assert "images/result" in visit.shown()
        # The browser itself notes every answer that is a refusal.
        assert all("Failed to load resource" in line for line in visit.wrong)


def test_two_people_have_sessions_of_their_own(chromium, address):
    with Visit(chromium, address) as one, Visit(chromium, address) as other:
        one.draw(1)
        other.draw(1)
        other.draw(2)
        one.tiles(1)
        assert one.page.url.partition("#")[2].partition("/")[0] != other.page.url.partition("#")[2].partition("/")[0]
        assert not one.wrong + other.wrong


def test_goes_on_when_the_server_is_back(visit):
    visit.draw(1)
    before = visit.shown()
    visit.context.set_offline(True)
    slider = visit.page.locator("input[data-direction]").first
    slider.focus()
    visit.press("ArrowRight")
    visit.see("#away:visible")
    visit.context.set_offline(False)
    visit.see("#away", state="hidden")
    visit.press("ArrowRight")
    visit.shown(before)
    assert slider.input_value() == "0.2"
    assert all("ERR_INTERNET_DISCONNECTED" in line for line in visit.wrong)
    visit.wrong.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(chromium, address, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    with Visit(chromium, address, color_scheme=scheme) as visit:
        _check(axe, visit, "empty")
        visit.draw(1)
        visit.draw(2)
        visit.page.locator("input[data-direction]").first.focus()
        for tab in ("Edit", "Look", "Keep", "Facts"):
            visit.page.get_by_role("tab", name=tab).click()
            _check(axe, visit, tab)
        visit.press("?")
        _check(axe, visit, "keys")
        visit.press("Escape")
        visit.choose()
        visit.see("canvas.placing")
        visit.page.locator("details.drawer summary").click()
        _check(axe, visit, "draft")


def _check(axe, visit, name):
    found = axe.run(visit.page).response["violations"]
    told = {each["id"]: [node["html"] for node in each["nodes"]] for each in found}
    assert not told, f"{name}: {json.dumps(told, indent=1)}"


def test_fits_a_phone(chromium, address):
    with Visit(chromium, address, PHONE, has_touch=True) as visit:
        visit.draw(1)
        visit.choose()
        visit.see("canvas.placing")
        for _ in range(2):
            wide = visit.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE["width"]
            visit.page.locator(".tiles .tile").first.click()
            visit.see(".item:visible")
        # The picture is in view while the last slider is moved.
        visit.page.locator("input[data-direction]:visible").last.focus()
        box = visit.page.locator("canvas.shown").bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] < PHONE["height"]


def test_keys_are_listed_and_switched_off(visit):
    visit.press("?")
    visit.page.get_by_role("switch", name="Keys without Ctrl are on").uncheck()
    visit.press("Escape", "g")
    visit.page.wait_for_timeout(200)
    visit.tiles(0)
