"""Who uses the studio's page: by keys alone, on a phone, with a screen reader, while others do; and its server."""

import json

import pytest

from studio.paged import PHONE, Visit


def test_two_people_have_sessions_of_their_own(chromium, address):
    with Visit(chromium, address) as one, Visit(chromium, address) as other:
        one.draw(1)
        other.draw(1)
        other.draw(2)
        one.tiles(1)
        assert one.page.url.partition("#")[2].partition("/")[0] != other.page.url.partition("#")[2].partition("/")[0]


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
