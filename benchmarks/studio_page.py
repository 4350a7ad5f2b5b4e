"""What a person at the studio's page waits for, in Chromium: from a click to what is drawn on the screen."""

import base64
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_WAIT_MS = 300_000

_DROP = """async ([content, number]) => {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], `photograph ${number}.png`, { type: "image/png" }));
    const how = { dataTransfer, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent("dragenter", how));
    const frame = () => new Promise(requestAnimationFrame);
    const tile = () => document.querySelector('.tile[aria-current="true"]');
    const before = tile()?.dataset.item;
    const shown = () => {
        const address = document.querySelector(".item canvas.shown")?.dataset.shown ?? "";
        return tile()?.dataset.item !== before && address.includes(`/items/${tile()?.dataset.item}/`) ? address : "";
    };
    const began = performance.now();
    document.querySelector('[data-zone="now"]').dispatchEvent(new DragEvent("drop", how));
    let first = 0;
    while (!shown().includes("images/result")) {
        if (!first && shown().includes("preview")) first = performance.now();
        await frame();
    }
    const ended = performance.now();
    return [(first || ended) - began, ended - began];
}"""
"""Drops a photograph to be inverted at once; milliseconds until its first picture, and its result, are drawn."""

_SLIDE = """async ([name, other, moves]) => {
    const canvas = document.querySelector(".item canvas.shown");
    const [input, beside] = [name, other].map((own) => document.querySelector(`input[data-direction="${own}"]`));
    const frame = () => new Promise(requestAnimationFrame);
    const move = async (slider, value) => {
        const before = canvas.dataset.shown;
        const began = performance.now();
        slider.value = value.toFixed(1);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        while (canvas.dataset.shown === before) await frame();
        await frame();
        return performance.now() - began;
    };
    const times = [];
    while (times.length < moves) {
        await move(beside, 0.1 * (1 + times.length / 50));
        beside.dispatchEvent(new Event("change", { bubbles: true }));
        for (let at = -25; at < 25; at += 1) times.push(await move(input, (at < 0 ? at : at + 1) / 10));
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }
    return times;
}"""
"""Moves a slider, each time once the picture of the time before is drawn; milliseconds of each move.

Every picture is another, as another slider moves a little each time that this one begins anew: the page keeps pictures.
"""


def seconds(address: str, photograph: Path, drops: int, moves: int) -> dict[str, list[float]]:
    """Seconds of all drops and moves, by what was done; the first drop apart, which may compile.

    Args:
        address: of a studio.
        photograph: PNG.
        drops: of it, beside the first.
        moves: of a slider, at least; the first five are not counted.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(_WAIT_MS)
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        found = _all(page, base64.b64encode(photograph.read_bytes()).decode(), drops, moves)
        browser.close()
    return found


def _all(page: Page, content: str, drops: int, moves: int) -> dict[str, list[float]]:
    times = [page.evaluate(_DROP, [content, number]) for number in range(drops + 1)]
    first, ended = ([milliseconds / 1e3 for milliseconds in each] for each in zip(*times, strict=True))
    found = {"page: first drop to first picture": first[:1], "page: first drop to result": ended[:1]}
    found |= {"page: drop to first picture": first[1:], "page: drop to result": ended[1:]}
    page.wait_for_selector("input[data-direction]")
    names = page.eval_on_selector_all("input[data-direction]", "all => all.map((each) => each.dataset.direction)")
    moved = page.evaluate(_SLIDE, [*names[:2], moves])[5:]
    return found | {"page: slider to picture": [milliseconds / 1e3 for milliseconds in moved]}
