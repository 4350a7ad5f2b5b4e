"""The studio's page in a browser: results, and all that is done with them."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from studio.paged import photograph


def test_dropped_picture_is_inverted(visit):
    visit.drop(photograph(), "cat.png", "image/png")
    visit.done()
    assert visit.page.locator(".item .title").inner_text() == "cat.png"
    told = visit.page.locator(".item .over .remark")
    assert "PSNR" in told.inner_text()
    assert "images/result" in visit.shown()
    # It is still there when the page is loaded again.
    visit.go(visit.page.url)
    visit.page.reload()
    visit.tiles(1)
    assert "images/result" in visit.shown()


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


def test_edits_are_seen_on_the_tiles(visit):
    visit.draw(1)
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    first = '.tiles li:first-child .tile:has(.edited:not([hidden])) img[src^="data:"]'
    visit.see(first)
    assert visit.page.locator(".item .over .remark").inner_text() == "Edited"
    visit.draw(2)
    # Of one that is not in view the server is asked.
    visit.page.reload()
    visit.see(first)
    assert visit.page.locator(".tile .edited:visible").count() == 1


def test_an_edit_is_marked_though_its_small_picture_is_refused(visit):
    """And asked for again when it may be another answer."""
    visit.draw(1)
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    visit.see('.tiles li:first-child .tile:has(.edited:not([hidden])) img[src^="data:"]')
    visit.draw(2)
    asked = []

    def refuse(route):
        asked.append(route.request.post_data_json["item"])
        refused = {"status": 200, "headers": {"Studio-Refused": "422", "Content-Type": "application/json"}}
        route.fulfill(body='{"detail": "no."}', **refused)

    visit.page.route("**/render", refuse)
    visit.page.reload()
    marked = '.tiles li:first-child .tile:has(.edited:not([hidden]))[aria-label$=", edited"]'
    visit.see(marked)
    visit.page.wait_for_timeout(300)
    assert asked == ["1"]
    visit.page.unroute("**/render")
    visit.context.set_offline(True)
    visit.see("#away:visible")
    visit.context.set_offline(False)
    visit.see(f'{marked} img[src^="data:"]')
    visit.wrong.clear()


@pytest.mark.parametrize("broken", [False, True])
def test_small_pictures_of_a_server_that_fails_are_not_asked_for_for_ever(visit, broken):
    """Nor where what it sends is no picture; with another session they are asked for at once."""
    visit.draw(1)
    visit.page.locator("input[data-direction]").first.focus()
    visit.press("PageUp")
    visit.see('.tiles li:first-child .tile:has(.edited:not([hidden])) img[src^="data:"]')
    visit.draw(2)
    asked, first = [], visit.page.url

    def fail(route):
        asked.append(visit.page.evaluate("Date.now()"))
        refused = {} if broken else {"Studio-Refused": "500"}
        route.fulfill(body='{"detail": "no."}', status=200, headers={"Content-Type": "application/json"} | refused)

    visit.page.route("**/render", fail)
    visit.page.clock.install()
    visit.page.reload()
    for _ in range(20):
        visit.page.wait_for_timeout(100)
        visit.page.clock.run_for(10_000)
    assert len(asked) == 5
    pauses = np.diff(asked)
    assert (pauses >= [2_000, 5_000, 15_000, 30_000]).all()
    visit.page.unroute("**/render")
    visit.press("s")
    visit.button("New session").click()
    visit.tiles(0)
    visit.go(first)
    visit.see('.tiles li:first-child .tile:has(.edited:not([hidden])) img[src^="data:"]')


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
    visit.page.locator('dialog [data-how="morph"]').click()
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


def test_looking_into_a_result(visit):
    visit.draw(1)
    visit.draw(2)
    visit.page.get_by_role("tab", name="Look").click()
    visit.page.get_by_label("Lay it over the picture").check()
    visit.see("canvas.heat[data-shown]:visible")
    # It is under this tab alone, and the key brings both.
    visit.page.get_by_role("tab", name="Edit").click()
    visit.see("canvas.heat", state="hidden")
    visit.press("h")
    visit.see("canvas.heat[data-shown]:visible")
    visit.button("Find the way").click()
    visit.see(".way + .way img", timeout=60_000)
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


def test_damaged_sessions_are_shown_and_removed(visit):
    visit.draw(1)
    told = visit.page.request.get("/studio/sessions").json()
    damaged = [{"id": "00c0ffee0000", "created": None, "bytes": 1_500_000, "why": "Its session.json is damaged."}]
    removed = []

    def sessions(route):
        route.fulfill(json=told | {"damaged": [] if removed else damaged})

    def remove(route):
        removed.append(route.request.method)
        route.fulfill(json=damaged[0])

    visit.page.route("**/studio/sessions", sessions)
    visit.page.route("**/studio/sessions/00c0ffee0000", remove)
    visit.press("s")
    card = visit.page.locator("dialog .session.damaged")
    assert card.inner_text().splitlines() == ["Damaged session", "Its session.json is damaged. It takes 1.5 MB."]
    assert card.evaluate("(card) => card.tagName") == "DIV"  # Nothing opens it.
    visit.button("Remove Damaged session 00c0ffee0000").click()
    card.wait_for(state="detached")
    assert removed == ["DELETE"]


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
