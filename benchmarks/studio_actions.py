"""Random actions on the page of `gprior studio`: clicks, keys, drags, drops of broken files, undo.

What is looked at: errors of the page and of the server, whether it still answers, what memory both take, and how many
nodes and listeners the page has. The actions are those of a seed, so whatever goes wrong can be done again.
"""

import argparse
import base64
import contextlib
import io
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import Report, at_least, note, parser, print_table
from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

VIEWPORTS = ((1280, 800), (360, 740))
MOST_ITEMS = 6
"""Results; beyond, some are removed: what is looked for are leaks, not what a hundred results take."""

KEYS = ("1", "2", "3", "4", "p", "h", "j", "k", "r", "t", "?", "Escape", "g", "Delete", "Tab", "Enter", " ")
KEYS += ("ArrowLeft", "ArrowRight", "ArrowUp", "PageUp", "Home", "Control+z", "Control+z", "Control+y", "[", "+")

DROP = """([content, name, type, zone]) => {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type }));
    const tell = (kind, on) => on.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    tell("dragenter", document.body);
    tell("drop", document.querySelector(`[data-zone="${zone}"]`));
}"""

ONE = """([selector, part]) => {
    const within = document.querySelector("dialog[open]") ?? document;
    const seen = [...within.querySelectorAll(selector)].filter((each) => each.checkVisibility());
    return seen[Math.floor(part * seen.length)] ?? null;
}"""


def picture(chance: random.Random, size: tuple[int, int] = (96, 80), kind: str = "PNG") -> bytes:
    """A file of smooth noise."""
    noise = np.random.default_rng(chance.getrandbits(32)).integers(0, 255, (6, 6, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def files(chance: random.Random) -> tuple[bytes, str, str]:
    """A file, its name and its kind: as often broken as not."""
    broken = [
        (b"no picture", "notes.txt", "text/plain"),
        (b"no picture", "notes.png", "image/png"),
        (b"", "empty.png", "image/png"),
        (picture(chance, (20_000, 10)), "line.png", "image/png"),
        (picture(chance, kind="JPEG")[:300], "half.jpg", "image/jpeg"),
        (b"\0\0\0\x18ftypmp42" + bytes(100_000), "film.mp4", "video/mp4"),
        (b"PK\x03\x04" + bytes(50), "smile.npz", ""),
    ]
    return chance.choice(broken) if chance.random() < 0.5 else (picture(chance), "noise.png", "image/png")


class Actor:
    """Does something at random on a page."""

    def __init__(self, page: Page, chance: random.Random):
        self._page, self._chance = page, chance

    def act(self) -> str:
        """One action; gives its name."""
        kinds: dict[str, tuple[float, Callable[[], None]]] = {
            "click": (0.3, self._click),
            "key": (0.2, lambda: self._page.keyboard.press(self._chance.choice(KEYS))),
            "slider": (0.15, self._slide),
            "drop": (0.1, self._drop),
            "drag": (0.1, self._drag),
            "undo": (0.125, lambda: self._page.keyboard.press("Control+z")),
            "resize": (0.02, self._resize),
            "reload": (0.005, self._reload),
        }
        name = self._chance.choices(list(kinds), [part for part, _ in kinds.values()])[0]
        # Whatever was there may be gone, or under a dialog, by the time that it is clicked.
        with contextlib.suppress(Error):
            kinds[name][1]()
        if self._page.locator(".tiles li").count() > MOST_ITEMS:
            self._page.keyboard.press("Escape")
            self._page.keyboard.press("Delete")
        return name

    def _one(self, selector: str) -> Any:
        """One of the elements that can be seen; None where there is none."""
        return self._page.evaluate_handle(ONE, [selector, self._chance.random()]).as_element()

    def _click(self) -> None:
        if found := self._one("button:enabled, summary, input[type=radio], input[type=checkbox], a"):
            found.click(timeout=500, force=self._chance.random() < 0.2)

    def _slide(self) -> None:
        if (found := self._one("input[type=range]")) and (box := found.bounding_box()):
            page, y = self._page.mouse, box["y"] + box["height"] / 2
            page.move(box["x"] + box["width"] * self._chance.random(), y)
            page.down()
            page.move(box["x"] + box["width"] * self._chance.random(), y, steps=5)
            page.up()

    def _drop(self) -> None:
        content, name, kind = files(self._chance)
        zone = self._chance.choice(("now", "place"))
        self._page.evaluate(DROP, [base64.b64encode(content).decode(), name, kind, zone])

    def _drag(self) -> None:
        """Between any two things that can be seen: results onto each other, strokes, the photograph."""
        kinds = ".tiles .tile, canvas, .divider, .strip"
        if (one := self._one(kinds)) and (other := self._one(kinds)):
            boxes = [each.bounding_box() for each in (one, other)]
            mouse = self._page.mouse
            for i, box in enumerate(boxes):
                if box:
                    mouse.move(
                        *(
                            box[at] + box[length] * self._chance.random()
                            for at, length in (("x", "width"), ("y", "height"))
                        ),
                        steps=4,
                    )
                if not i:
                    mouse.down()
            mouse.up()

    def _resize(self) -> None:
        width, height = self._chance.choice(VIEWPORTS)
        self._page.set_viewport_size({"width": width, "height": height})

    def _reload(self) -> None:
        self._page.reload()
        self._page.wait_for_selector("body[data-ready]", timeout=60_000)


@contextlib.contextmanager
def studio(args: argparse.Namespace) -> Iterator[tuple[subprocess.Popen, str]]:
    """A studio in a process of its own, and its address."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as told:
        command = [sys.executable, "-m", "gprior_jax", "studio", "--model", args.model, "--port", "0", "--json"]
        command += ["--no-browser", "--folder", f"{folder}/sessions"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True)
        try:
            assert process.stdout is not None
            # It says where it is once, over several lines, and goes on.
            yield process, json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["address"]
        finally:
            process.terminate()
            process.wait(60)
            told.seek(0)
            if "Traceback" in (text := told.read()):
                raise AssertionError(text)


def resident(process: subprocess.Popen) -> float:
    """Memory of a process, MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", status)
    return int(kilobytes) / 1024


def measured(page: Page, process: subprocess.Popen, address: str) -> dict[str, float]:
    """What page and server take, with the garbage collected; the server answers."""
    assert process.poll() is None, f"the server has ended with code {process.returncode}"
    with urllib.request.urlopen(f"{address}/healthz", timeout=60) as answer:
        assert answer.status == 200
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    client.send("Performance.enable")
    told = {each["name"]: each["value"] for each in client.send("Performance.getMetrics")["metrics"]}
    client.detach()
    own = {"heap, MB": told["JSHeapUsedSize"] / 1e6, "nodes": told["Nodes"], "listeners": told["JSEventListeners"]}
    return own | {"server, MB": resident(process)}


def watch(page: Page, wrong: list[str]) -> None:
    """Take down all that goes wrong on a page."""

    def heard(told: Any) -> None:
        if told.type == "error":
            wrong.append(told.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None)
    page.on("filechooser", lambda _: None)


def run(browser: Browser, process: subprocess.Popen, address: str, args: argparse.Namespace) -> dict[str, Any]:
    """All actions; what was seen."""
    chance, wrong = random.Random(args.seed), list[str]()
    page = browser.new_page(viewport={"width": VIEWPORTS[0][0], "height": VIEWPORTS[0][1]})
    page.set_default_timeout(5_000)
    watch(page, wrong)
    page.goto(address, timeout=60_000)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    actor, done, looks = Actor(page, chance), Counter[str](), []
    for k in range(args.actions):
        done[actor.act()] += 1
        page.wait_for_timeout(args.pause)
        if (k + 1) % max(1, args.actions // 8) == 0:
            looks.append({"actions": k + 1} | measured(page, process, address))
            note(f"{k + 1} actions, {len(wrong)} errors {wrong[-1:]}, {looks[-1]}")
    return {"done": dict(done), "looks": looks, "wrong": wrong}


def arguments() -> argparse.Namespace:
    """Settings."""
    made = parser(__doc__)
    made.add_argument("--actions", type=at_least(1), default=1000)
    made.add_argument("--seed", type=at_least(0), default=0)
    made.add_argument("--pause", type=at_least(0), default=50, help="milliseconds between two actions")
    made.add_argument("--model", default="builtin")
    return made.parse_args()


def main() -> None:
    """Act, and say what was seen."""
    args = arguments()
    report = Report("Random actions in the studio", args, device=False)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with studio(args) as (process, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        seen = run(browser, process, address, args)
        browser.close()
        assert process.poll() is None, "the server has ended"
    headers = list(seen["looks"][0])
    print_table(headers, [[f"{look[name]:.0f}" for name in headers] for look in seen["looks"]])
    print(", ".join(f"{count} {name}" for name, count in sorted(seen["done"].items())))
    print(f"{len(seen['wrong'])} errors." + "".join(f"\n- {each}" for each in seen["wrong"][:20]))
    report.add(**seen)
    if seen["wrong"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
