"""How long the studio takes: from a slider to its picture, and from a photograph to what is first seen of it.

``latency`` asks a studio in a process of its own over HTTP, one request after the other, as the page sends them;
``page`` is what is seen of it in Chromium, from the click to what is drawn.
"""

import argparse
import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import Report, at_least, note, parser, print_table
from serving import quantiles

import gprior_jax as gp

ENDED = ("done", "failed", "cancelled")

HEAD = ["what", "number", "median, s", "95 %, s", "most, s"]

PHOTOGRAPH = gp.zoo.bundled_folder("builtin").parent / "portraits" / "portrait_1.png"


class Page:
    """Asks a studio as its page does: over one connection that stays open."""

    def __init__(self, port: int):
        """Connect."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.about = self.ask("GET", "/studio/about")
        self.session = self.post("/studio/sessions", {})["id"]

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        """What is answered; JSON read."""
        self._connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300].decode(errors='replace')}")
        return json.loads(content) if answer.getheader("content-type") == "application/json" else content

    def post(self, path: str, told: Any) -> Any:
        """What is answered to JSON."""
        return self.ask("POST", path, json.dumps(told).encode())

    def at(self, what: str) -> str:
        """A place of the session."""
        return f"/studio/sessions/{self.session}/{what}"

    def drop(self, order: dict[str, Any]) -> tuple[str, float, float]:
        """An item of the photograph, by the page's own method; seconds to its first picture, and to its end."""
        head = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
        body = head % (b"image", b'; filename="a.png"') + PHOTOGRAPH.read_bytes() + b"\r\n"
        told = {"name": "a.png", "method": self.about["default"]["method"]} | order
        body += head % (b"order", b"") + json.dumps(told).encode() + b"\r\n--x--\r\n"
        began = time.perf_counter()
        item = self.ask("POST", self.at("items"), body, "multipart/form-data; boundary=x")
        first = None
        while item["state"] not in ENDED:
            if first is None and item["preview"]:
                self.ask("GET", item["preview"])
                first = time.perf_counter() - began
            time.sleep(0.02)
            item = self.ask("GET", self.at(f"items/{item['id']}"))
        took = time.perf_counter() - began
        if item["state"] != "done":
            raise RuntimeError(f"the item is {item['state']}: {item['error']}")
        return item["id"], took if first is None else first, took

    def seconds(self, what: str, told: dict[str, Any]) -> float:
        """Seconds until an answer has come whole."""
        began = time.perf_counter()
        self.post(self.at(what), told)
        return time.perf_counter() - began


@contextlib.contextmanager
def studio(model: str):
    """A studio as a process; gives its port once it listens."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gprior_jax", "studio", "--model", model, "--port", "0", "--json"]
        command += ["--folder", str(Path(folder) / "studio")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
            assert process.stdout is not None
            told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            try:
                yield int(told["address"].rpartition(":")[2])
            finally:
                process.terminate()
                note(f"exit code {process.wait(timeout=60)}")


def drops(page: Page, number: int) -> list[list[Any]]:
    """Photographs dropped with the page's own settings, one after the other; a row for each time."""
    times = [page.drop({"seed": seed})[1:] for seed in range(number)]
    first, ended = zip(*times, strict=True)
    return [
        ["drop to first picture", number, *quantiles(list(first))],
        ["drop to end", number, *quantiles(list(ended))],
    ]


def sliders(page: Page, item: str, names: list[str], moves: int) -> dict[str, list[float]]:
    """Seconds of what is asked while sliders move, of one item; without the first of each, which may compile."""

    def edit(number: int) -> dict[str, Any]:
        strengths = (6.0 * number / moves - 3.0, 1.0, -0.5)
        return {"sliders": [{"direction": n, "strength": s} for n, s in zip(names, strengths, strict=False)]}

    strip = {"item": item, "direction": names[0], "strengths": [-3, -2, -1, 0, 1, 2, 3]}
    heat = {"item": item, "direction": names[0], "strength": 2}
    asked = {
        "slider": [("render", {"item": item, "edit": edit(number)}) for number in range(moves)],
        "strip of 7": [("strip", strip | {"edit": edit(number)}) for number in range(moves // 5)],
        "heat map": [("heatmap", heat | {"edit": edit(number)}) for number in range(moves // 5)],
    }
    found: dict[str, list[float]] = {}
    for name, requests in asked.items():
        found[f"{name}, the first"] = [page.seconds(*requests[0])]
        found[name] = [page.seconds(*request) for request in requests[1:]]
    return found


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("what", choices=["latency", "page"])
    made.add_argument("--models", nargs="+", default=["builtin", "builtin:portraits"])
    made.add_argument("--moves", type=at_least(10), default=200, help="of a slider")
    made.add_argument("--drops", type=at_least(1), default=5, help="of the photograph, after one that may compile")
    return made.parse_args()


def latency(report: Report, model: str, args: argparse.Namespace) -> None:
    """Measure one prior."""
    with studio(model) as port:
        page = Page(port)
        item, *_ = page.drop({"seed": 100})
        rows = drops(page, args.drops)
        while not (known := page.ask("GET", page.at("directions")))["complete"]:
            time.sleep(0.2)
        names = [direction["name"] for direction in known["directions"]]
        drawn = page.post(page.at("items"), {"seed": 1})["id"]
        for title, own in (("dropped", item), ("drawn", drawn)):
            found = sliders(page, own, names[:3], args.moves)
            rows += [[f"{title}: {name}", len(times), *quantiles(times)] for name, times in found.items()]
            report.add(model=model, item=title, seconds=found)
        print_table(HEAD, rows, title=model)
        report.add(model=model, rows=rows)


def page(report: Report, model: str, args: argparse.Namespace) -> None:
    """Measure one prior's page."""
    import studio_page

    with studio(model) as port:
        found = studio_page.seconds(f"http://127.0.0.1:{port}/", PHOTOGRAPH, args.drops, args.moves)
    rows = [[name, len(times), *quantiles(times)] for name, times in found.items()]
    print_table(HEAD, rows, title=model)
    report.add(model=model, seconds=found, rows=rows)


def main() -> None:
    """Measure all priors."""
    args = arguments()
    report = Report("The studio", args, device=False)
    for model in args.models:
        {"latency": latency, "page": page}[args.what](report, model, args)


if __name__ == "__main__":
    main()
