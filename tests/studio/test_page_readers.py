"""Who uses the studio's page: by keys alone, on a phone, with a screen reader, while others do; and its server."""

import contextlib
import dataclasses
import json

import jax
import pytest
from cli import priors

from gprior_jax import zoo
from studio.paged import PHONE, Visit, photograph
from studio.studios import studio


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
    visit.see("#away:visible")
    slider = visit.page.locator("input[data-direction]").first
    slider.focus()
    visit.press("ArrowRight")
    assert not visit.page.locator(".toast").count()
    visit.context.set_offline(False)
    visit.see("#away", state="hidden")
    visit.press("ArrowRight")
    visit.shown(before)
    assert slider.input_value() == "0.2"
    # No page can keep a browser from noting that nothing answers.
    assert all("ERR_INTERNET_DISCONNECTED" in line for line in visit.wrong)
    visit.wrong.clear()


def test_stopped_server_is_noticed_while_nothing_is_done(chromium, little, tmp_path):
    with contextlib.ExitStack() as ended:
        folder, other = tmp_path / "sessions", tmp_path / "other"
        zoo.save(priors.styled(), other)
        with studio(priors.plain(), folder, little) as ask:
            port = ask.port
            visit = ended.enter_context(Visit(chromium, f"http://127.0.0.1:{port}"))
            visit.draw(1)
            visit.page.clock.install()
            visit.page.reload()
            visit.see("body[data-ready]")
            before = visit.shown()
        visit.page.clock.fast_forward(20_000)
        visit.see("#away:visible")
        # Started again with another prior: the page says so, and what there is stays to be seen.
        with studio(priors.styled(), folder, other, port=port):
            visit.page.clock.fast_forward(6_000)
            visit.see(f"#bar :text('{other}')")
            assert "the page has been loaded again" in visit.see(".toast.note p").inner_text()
            visit.wrong.clear()
            assert visit.shown() == before
            assert f"this result is of {little}" in visit.page.locator(".part:visible").inner_text()
            visit.draw(2)
            assert visit.page.locator("input[data-direction]:visible, [data-part='psi']:visible").count()
            visit.choose()
            visit.see("canvas.placing")
        # Again, before anybody has noticed, with other weights of the same name: what is being placed is not lost.
        double = jax.tree.map(lambda leaf: 2 * leaf, priors.styled().params)
        with studio(dataclasses.replace(priors.styled(), params=double, weights=None), folder, other, port=port):
            visit.page.clock.fast_forward(16_000)
            told = visit.see(".toast.note:has-text('weights') p").inner_text()
            assert told == f"{other} has other weights now: load the page again to work with it."
            assert visit.page.locator("canvas.placing").is_visible()
            visit.button("Put away").click()
            visit.page.clock.fast_forward(16_000)
            visit.see(".toast.note:has-text('the page has been loaded again')")
            visit.page.locator('[data-item="2"]').click()
            assert "with other weights than those that" in visit.see(".part:visible .remark").inner_text()
        visit.wrong.clear()


def test_everything_by_keys(visit):
    files = iter(["cat.png", "fill.png"])
    # One listener for all: where one comes and goes, the browser may ask in between.
    visit.page.on(
        "filechooser",
        lambda asks: asks.set_files({"name": next(files), "mimeType": "image/png", "buffer": photograph()}),
    )
    visit.tab_to("button.main")
    visit.press("Enter")
    canvas = visit.see("canvas.placing")
    # The button that begins has the focus.
    visit.press("Enter")
    visit.done()
    visit.tab_to("input[data-direction]")
    visit.press(*["ArrowRight"] * 3)
    visit.see(".tile .edited:visible")
    assert visit.page.locator(".item .over .remark").inner_text().startswith("Edited")
    visit.press("Control+z")
    visit.see(".tile .edited", state="hidden")
    visit.draw(2)
    visit.draw(3)
    visit.tab_to('select[id^="other"]')
    visit.press("ArrowDown")
    visit.tab_to('[data-how="morph"]')
    visit.press("Enter")
    visit.tab_to('[data-part="morph"]')
    visit.press("End")
    visit.see(".partner:visible")
    _fill_by_keys(visit)
    assert not canvas.is_visible()
    visit.tab_to('[role="tab"]')
    visit.press("ArrowRight", "ArrowRight")
    visit.tab_to('button[data-kind="png"]')
    assert visit.download("png", lambda: visit.press("Enter")) == "fill.png"


def _fill_by_keys(visit):
    """Open a photograph, paint over something, and let it be filled."""
    visit.press("o")
    visit.see("canvas.placing")
    visit.tab_to('input[type="radio"]')
    visit.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert visit.page.get_by_role("radio", name="Inpaint").is_checked()
    for wanted, value in (('[id^="samples"]', "2"), ("summary", None), ('[id^="steps"]', "3")):
        visit.tab_to(wanted)
        if value is None:
            visit.press("Enter")
        else:
            visit.page.keyboard.type(value)
    visit.tab_to("canvas.placing")
    visit.press("Space", "Shift+ArrowRight", "Shift+ArrowDown", "Control+z")
    visit.tab_to('button[type="submit"]')
    visit.press("Enter")
    visit.tiles(4)
    visit.done()


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


def test_page_opens_where_the_browser_s_storage_is_switched_off(chromium, address):
    """As where all cookies are blocked."""
    off = """for (const own of ["localStorage", "sessionStorage"])
      Object.defineProperty(window, own, { get() { throw new DOMException("blocked", "SecurityError"); } });"""
    with Visit(chromium, address) as visit:
        visit.context.add_init_script(off)
        visit.page.reload()
        visit.see("body[data-ready]")
        assert not visit.page.locator(".toast.error").count()


def test_sessions_fit_on_a_phone(chromium, address):
    with Visit(chromium, address, PHONE) as visit:
        visit.draw(1)
        visit.press("s")
        box = visit.see("dialog .body").bounding_box()
        for name in ("Rename", "New session"):
            own = visit.button(name, "dialog").bounding_box()
            assert own["x"] + own["width"] <= box["x"] + box["width"] - 16, name
