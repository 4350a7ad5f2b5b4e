"""A server asked for more than it can do: what is answered, after how long, and what memory it takes.

Jobs come at a multiple of its capacity, among requests that are broken, too large, slow, or given up.
"""

import argparse
import contextlib
import http.client
import io
import itertools
import json
import math
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import Report, at_least, note, number, parser, print_table
from PIL import Image

KINDS = {"job": 0.80, "broken": 0.05, "too large": 0.05, "slow": 0.05, "cancelled": 0.05}
"""Kinds of requests, and their part of all."""

ENDED = ("done", "failed", "cancelled")
_MEGABYTES = 2
_SLOW_S = 5.0
"""Seconds over which a slow client sends its picture."""


class Answer(NamedTuple):
    """What a client saw: its kind, what it came to, and seconds until then."""

    kind: str
    outcome: str
    seconds: float


def picture(seed: int, side: int = 128) -> bytes:
    """A JPEG file of smooth noise."""
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((side, side)).save(buffer, "JPEG")
    return buffer.getvalue()


class Client:
    """Asks one server; for any number of threads."""

    def __init__(self, port: int, query: str, tasks: Sequence[str] = ("invert",)):
        self._port, self._query, self._tasks = port, query, tasks

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "image/jpeg") -> tuple[int, Any]:
        """Status and content of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = connection.getresponse()
            content = answer.read()
        is_json = answer.getheader("content-type") == "application/json"
        return answer.status, json.loads(content) if is_json else content

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job that was accepted, when it has ended."""
        while job["state"] not in ENDED:
            time.sleep(0.1)
            status, job = self.ask("GET", job["self"])
            if status != 200:
                return {"state": f"lost ({status})"}
        return job

    def job(self, seed: int) -> str:
        """Ask for a job, wait for it, and fetch its picture."""
        task = self._tasks[seed % len(self._tasks)]
        status, told = self.ask("POST", f"/v1/jobs?{self._query}&task={task}&seed={seed}", picture(seed))
        if status != 202:
            return f"refused ({status})"
        told = self.ended(told)
        if told["state"] != "done":
            return told["state"]
        status, content = self.ask("GET", told["image"])
        return "done" if status == 200 and content[:4] == b"\x89PNG" else f"no picture ({status})"

    def broken(self, seed: int) -> str:
        """A file that is cut off, or none, or settings that are none; by turns."""
        bodies = (picture(seed)[:100], b"hello", picture(seed))
        query = "steps=-1" if seed % 3 == 2 else self._query
        return f"refused ({self.ask('POST', f'/v1/jobs?{query}', bodies[seed % 3])[0]})"

    def too_large(self, seed: int) -> str:
        """More bytes than are taken."""
        return f"refused ({self.ask('POST', '/v1/jobs', bytes(_MEGABYTES * 2_000_000))[0]})"

    def slow(self, seed: int) -> str:
        """A client that dawdles over its picture."""
        content = picture(seed)
        head = f"POST /v1/jobs?{self._query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        with socket.create_connection(("127.0.0.1", self._port), timeout=300) as connection:
            connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode())
            with contextlib.suppress(OSError):
                for start in range(0, len(content), len(content) // 10 + 1):
                    connection.sendall(content[start : start + len(content) // 10 + 1])
                    time.sleep(_SLOW_S / 10)
            answer = connection.recv(65536)
        status = answer.split()[1].decode() if answer else ""
        return {"202": "accepted", "": "closed"}.get(status, f"refused ({status})")

    def cancelled(self, seed: int) -> str:
        """A job that its client gives up."""
        status, told = self.ask("POST", f"/v1/jobs?{self._query}&seed={seed}", picture(seed))
        if status != 202:
            return f"refused ({status})"
        time.sleep(0.2)
        status, told = self.ask("DELETE", told["self"])
        return told["state"] if status == 200 else f"lost ({status})"


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin")
    made.add_argument("--requests", type=at_least(1), default=500)
    made.add_argument("--minutes", type=float, help="of requests, instead of a number of them")
    made.add_argument("--times", type=float, default=4.0, help="of its capacity, at which requests come")
    made.add_argument("--tasks", nargs="+", default=["invert"], help="of jobs, by turns")
    made.add_argument("--codes", type=at_least(1), default=5)
    made.add_argument("--steps", type=at_least(1), default=10)
    made.add_argument("--batch-size", type=at_least(1), help="places of the server; its own choice unless given")
    made.add_argument("--keep-megabytes", type=at_least(1), default=10, help="results that the server keeps")
    made.add_argument("--queue", type=at_least(1), default=16)
    return made.parse_args()


@contextlib.contextmanager
def server(args: argparse.Namespace):
    """A server as a process; gives it and its port once it is ready."""
    command = [sys.executable, "-m", "gprior_jax", "serve", "--model", args.model, "--port", "0", "--json"]
    command += ["--queue", str(args.queue), "--keep-megabytes", str(args.keep_megabytes)]
    command += [] if args.batch_size is None else ["--batch-size", str(args.batch_size)]
    command += ["--max-megabytes", str(_MEGABYTES), "--connections", "512"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        port = int(told["address"].rpartition(":")[2])
        try:
            while Client(port, "").ask("GET", "/readyz")[0] != 200:
                time.sleep(0.2)
            yield process, port
        finally:
            process.terminate()
            note(f"exit code {process.wait(timeout=60)}")


def resident(process: subprocess.Popen) -> float:
    """Memory of a process, MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def capacity(client: Client, places: int) -> tuple[float, float]:
    """Seconds of a job alone, and jobs a second when every place is taken; after the program is compiled."""
    client.job(0)
    alone = []
    for seed in range(5):
        started = time.perf_counter()
        client.job(seed)
        alone.append(time.perf_counter() - started)
    jobs = max(16, 4 * places)
    with ThreadPoolExecutor(places) as pool:
        started = time.perf_counter()
        outcomes = list(pool.map(client.job, range(jobs)))
    assert outcomes == ["done"] * jobs, Counter(outcomes)
    return statistics.median(alone), jobs / (time.perf_counter() - started)


def load(client: Client, args: argparse.Namespace, rate: float, look: Any) -> list[Answer]:
    """Send requests at a rate, as they come from many who know nothing of each other."""
    chance, answers, threads = random.Random(0), [], []

    def send(kind: str, seed: int) -> None:
        started = time.perf_counter()
        try:
            outcome = getattr(client, kind.replace(" ", "_"))(seed)
        except (OSError, http.client.HTTPException) as error:
            outcome = f"broken off ({type(error).__name__})"
        answers.append(Answer(kind, outcome, time.perf_counter() - started))

    until = time.monotonic() + (math.inf if args.minutes is None else 60.0 * args.minutes)
    for seed in range(args.requests) if args.minutes is None else itertools.count():
        if time.monotonic() > until:
            break
        kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
        threads.append(threading.Thread(target=send, args=(kind, seed)))
        threads[-1].start()
        if seed % 25 == 0:
            threads = [thread for thread in threads if thread.is_alive()]
            look()
        time.sleep(chance.expovariate(rate))
    for thread in threads:
        thread.join()
    return answers


def quantiles(seconds: list[float]) -> list[str]:
    """Median, 95 % and most."""
    if not seconds:
        return ["-"] * 3
    ranked = sorted(seconds)
    return [number(statistics.median(ranked)), number(ranked[int(0.95 * (len(ranked) - 1))]), number(ranked[-1])]


def main() -> None:
    """Measure capacity, then go beyond it."""
    args = arguments()
    report = Report("Serving", args, device=False)
    with server(args) as (process, port):
        client = Client(port, f"codes={args.codes}&steps={args.steps}", args.tasks)
        places = client.ask("GET", "/v1/models")[1]["models"][0]["slots"]
        alone, able = capacity(client, places)
        note(f"a job alone {alone:.2f} s, capacity {able:.2f} jobs a second")
        queued: list[int] = []
        memory: list[float] = []

        def look() -> None:
            told = client.ask("GET", "/metrics")[1].decode()
            memory.append(resident(process))
            queued.append(int(float(told.split("\ngprior_queued ")[1].split()[0])))

        began = time.perf_counter()
        answers = load(client, args, args.times * able, look)
        took = time.perf_counter() - began
        memory.append(resident(process))
        assert process.poll() is None, "the server has ended"
        rows = []
        for kind, outcome in sorted({(answer.kind, answer.outcome) for answer in answers}):
            seconds = [answer.seconds for answer in answers if answer[:2] == (kind, outcome)]
            rows.append([kind, outcome, len(seconds), *quantiles(seconds)])
        print_table(["request", "came to", "number", "median, s", "95 %, s", "most, s"], rows)
        print(f"{places} places: a job alone {alone:.2f} s, {able:.2f} jobs a second when all are taken.")
        print(f"{len(answers)} requests in {took:.0f} s, at most {max(queued)} waiting.")
        halfway = memory[len(memory) // 2]
        print(f"Memory {memory[0]:.0f} MB before, {halfway:.0f} MB half-way, {memory[-1]:.0f} MB after.")
        report.add(alone=alone, capacity=able, seconds=took, queued=queued, megabytes=memory, answers=answers)


if __name__ == "__main__":
    main()
