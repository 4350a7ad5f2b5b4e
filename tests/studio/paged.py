"""What the tests of the studio's page share: a browser, and what a person does in it."""

import base64
import contextlib
import io
import shutil

import numpy as np
import pytest
from PIL import Image

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


def photograph(seed: int = 0, size: tuple[int, int] = (48, 36), kind: str = "PNG") -> bytes:
    """A file of smooth noise."""
    buffer = io.BytesIO()
    noise = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (3, 4, 3), np.uint8))
    noise.resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def steps(visit: "Visit", number: int) -> None:
    """Set the number of steps of what is placed."""
    if not visit.page.locator("details.drawer[open]").count():
        visit.page.locator("details.drawer summary").click()
    visit.page.get_by_label("Steps", exact=True).fill(str(number))


@contextlib.contextmanager
def browser():
    """Chromium, without a window; whoever has none, or no Playwright, is told so."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="the page is tested with playwright: pip install playwright"
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("the page is tested in Chromium: install it")
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield made
        made.close()


_SETTLED = """async (canvas) => {
  for (let size = "", still = 0; still < 5; ) {
    await new Promise(requestAnimationFrame);
    const now = `${canvas.width} ${canvas.height} ${canvas.clientWidth}`;
    still = now === size ? still + 1 : 0;
    size = now;
  }
}"""
"""Waits until a canvas has had one size for some frames."""


class Visit:
    """A person at the page: a context of the browser of its own, and what went wrong in it.

    Attributes:
        page: Playwright's.
        wrong: lines in the console, and errors of the page: none may be left.
    """

    def __init__(self, browser, address: str, viewport=None, **settings):
        own = {"viewport": viewport or DESKTOP, "reduced_motion": "reduce", "base_url": address}
        self.context = browser.new_context(**own | settings)
        self.context.set_default_timeout(8_000)
        self.page, self.wrong = self.context.new_page(), list[str]()
        self.page.on("console", lambda told: self.wrong.append(told.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.go(address)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        assert kind or not self.wrong

    def go(self, address: str) -> None:
        """Load the page."""
        self.page.goto(address)
        self.page.wait_for_selector("body[data-ready]")

    def see(self, selector: str, **how):
        """Wait for something."""
        return self.page.wait_for_selector(selector, **how)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name: str, within: str = "body"):
        """The button of a name that can be seen."""
        return self.page.locator(within).get_by_role("button", name=name, exact=True)

    def tiles(self, count: int) -> None:
        """Wait until there are so many results."""
        self.page.wait_for_selector(
            f"#sheet:has(li:nth-child({count}):last-child)" if count else "#sheet:not(:has(li))", state="attached"
        )

    def done(self) -> None:
        """Wait until the current result is done."""
        self.see('.tile[aria-current="true"][data-state="done"], .toast.error', timeout=60_000)
        errors = self.page.locator(".toast.error").all_inner_texts()
        assert not errors, errors
        self.page.wait_for_selector(".item .progress", state="hidden")

    def draw(self, count: int) -> None:
        """Draw a picture from the prior; then there are so many results."""
        self.press("g")
        self.tiles(count)
        self.done()

    def choose(self, content: bytes | None = None, name: str = "face.png", kind: str = "image/png") -> None:
        """Open a file to be placed."""
        file = {"name": name, "mimeType": kind, "buffer": photograph() if content is None else content}
        self.page.set_input_files("#choose", file)

    def drop(self, content: bytes, name: str, kind: str, zone: str = "now") -> None:
        """Drop a file on the page."""
        made = self.page.evaluate_handle(
            """([content, name, type]) => {
                const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], name, { type }));
                return data;
            }""",
            [base64.b64encode(content).decode(), name, kind],
        )
        for event in ("dragenter", "dragover"):
            self.page.dispatch_event("body", event, {"dataTransfer": made})
        self.page.dispatch_event(f'[data-zone="{zone}"]', "drop", {"dataTransfer": made})

    def paste(self, content: bytes = b"", kind: str = "image/png", text: str = "") -> None:
        """Paste a picture, or a text, as Ctrl V does."""
        self.page.evaluate(
            """([content, type, text]) => {
                const data = new DataTransfer();
                const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                if (bytes.length) data.items.add(new File([bytes], "image.png", { type }));
                if (text) data.setData("text/plain", text);
                const how = { clipboardData: data, bubbles: true, cancelable: true };
                document.activeElement.dispatchEvent(new ClipboardEvent("paste", how));
            }""",
            [base64.b64encode(content).decode(), kind, text],
        )

    def touch(self, *frames: list[tuple[float, float]]) -> None:
        """Put fingers on the screen at the first places, move them to the others, and lift them."""
        session = self.context.new_cdp_session(self.page)
        for kind, places in zip(("touchStart", *["touchMove"] * (len(frames) - 1)), frames, strict=True):
            points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()

    def tab_to(self, selector: str) -> None:
        """Go to something by the tabulator key alone."""
        for _ in range(80):
            self.press("Tab")
            if self.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not reached")

    def shown(self, other_than: str | None = None) -> str:
        """What the easel shows, once it is another than it was."""
        found = f':not([data-shown="{other_than}"])' if other_than is not None else ""
        return self.see(f".item canvas.shown[data-shown]{found}").get_attribute("data-shown")

    def item(self) -> dict:
        """The current result, as the server tells it."""
        session, item = self.page.url.partition("#")[2].split("/")
        return self.page.request.get(f"/studio/sessions/{session}/items/{item}").json()

    def download(self, kind: str, act=None) -> str:
        """Keep a file of the result, by its button unless otherwise; what it is called."""
        with self.page.expect_download() as download:
            (act or self.page.locator(f'button[data-kind="{kind}"]').click)()
        return download.value.suggested_filename

    def pixels(self, selector: str = ".item canvas.shown") -> np.ndarray:
        """The pixels of a canvas: ``[H, W, 4]``, once what stands around it has found its place."""
        self.page.eval_on_selector(selector, _SETTLED)
        url = self.page.eval_on_selector(selector, "(canvas) => canvas.toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA"), np.int16)

    def strip(self) -> str:
        """Pictures side by side, as the server sends them: a data URL."""
        return f"data:image/png;base64,{base64.b64encode(photograph(size=(90, 10))).decode()}"

    def alert(self) -> str:
        """The sentence of an error; its message is closed."""
        toast = self.see(".toast.error p")
        sentence = toast.inner_text()
        self.page.locator(".toast.error").get_by_role("button").click()
        return sentence
