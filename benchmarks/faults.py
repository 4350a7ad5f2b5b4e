"""Fault injection: commands that are killed, disks that are full, files that are damaged, two commands at once.

    python benchmarks/faults.py --data portraits128.zip --kills 200 --disks 20 --damages 20 --pairs 20

One folder of photographs is inverted by ``gprior invert --save-every`` again and again. Every fault is followed by the
plain command, which is to finish; then every image must be there once, as an undisturbed run left it: its pixels within
1e-3, its record whole. A killed command's successor may repeat what came after the last saving, and nothing else.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from common import Report, at_least, note, parser, print_table

from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import save_image
from gprior_jax.runs import read_record
from gprior_jax.training.data import ImageZip

TOLERANCE = 1e-3
PATIENCE_S = 600.0
"""A command that takes longer has hung."""
SLOWER = 1.03
"""What a command may take in relation to the last, where that was killed before its end: grows until some end."""

_LIMITED = """
import os, resource, sys
most, *words = sys.argv[1:]
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
os.execv(words[0], words)
"""


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="photographs")
    made.add_argument("--images", type=at_least(2), default=4)
    made.add_argument("--steps", type=at_least(1), default=60)
    made.add_argument("--kills", type=at_least(0), default=200)
    made.add_argument("--disks", type=at_least(0), default=20)
    made.add_argument("--damages", type=at_least(0), default=20)
    made.add_argument("--pairs", type=at_least(0), default=20)
    made.add_argument("--seed", type=int, default=0)
    return made.parse_args()


class Site:
    """A folder of photographs, and commands that invert it."""

    def __init__(self, root: Path, args: argparse.Namespace):
        """Write the photographs, and invert them undisturbed."""
        self._root, self._args, self._chance = root, args, random.Random(args.seed)
        self.found: Counter[str] = Counter()
        pictures = ImageZip(args.data, "held_out")
        (root / "in").mkdir()
        for i in range(args.images):
            save_image(root / "in" / f"{i}.png", from_uint8(pictures.image(i, 64)))
        self.out = root / "whole"
        self.finish()  # Compiles.
        shutil.rmtree(self.out)
        started = time.monotonic()
        self.finish()
        self.seconds = time.monotonic() - started
        self._expected = {path.name: read_record(path) for path in self.out.glob("*.npz")}
        self.out = root / "out"

    def start(self, most_bytes: int = 0) -> subprocess.Popen[str]:
        """A command of its own, whose files take ``most_bytes`` and no more, unless that is 0."""
        words = [
            sys.executable,
            "-c",
            _LIMITED,
            str(most_bytes),
            sys.executable,
            "-m",
            "gprior_jax",
            "invert",
            str(self._root / "in"),
            "--out",
            str(self.out),
        ]
        words += ["--codes", "2", "--layer", "4", "--steps", str(self._args.steps), "--batch-size", "2"]
        words += ["--save-every", "0.3"]
        self._fresh = not self.out.exists()
        quiet = subprocess.DEVNULL
        return subprocess.Popen(words, stdout=quiet, stderr=subprocess.PIPE, text=True)

    def interrupt(self, process: subprocess.Popen[str]) -> tuple[bool, str]:
        """Wait for a moment of chance within what a command takes now; whether it had ended by then, and its errors.

        The machine's pace changes over an hour. What ends by itself in a fresh folder says how long one takes;
        what does not, that it may be longer.
        """
        started = time.monotonic()
        try:
            _, told = process.communicate(timeout=self._chance.uniform(0.1, 1.0) * self.seconds)
        except subprocess.TimeoutExpired:
            self.seconds *= SLOWER if self._fresh else 1.0
            return False, ""
        if self._fresh:
            self.seconds = time.monotonic() - started
        return True, told

    def finish(self, what: str = "") -> None:
        """The plain command, to its end."""
        process = self.start()
        try:
            _, told = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            self.found[f"{what}: hung"] += 1
            return
        if process.returncode:
            self.found[f"{what}: code {process.returncode}"] += 1
            note(told)

    def check(self, what: str) -> None:
        """Compare what is there with what should be."""
        there = {path.name: path for path in self.out.glob("*.npz")}
        self.found[f"{what}: lost"] += len(self._expected.keys() - there.keys())
        self.found[f"{what}: too many"] += len(there.keys() - self._expected.keys())
        for name in there.keys() & self._expected.keys():
            own, whole = read_record(there[name]), self._expected[name]
            difference = float(np.abs(own.image - whole.image).max())
            self.found[f"{what}: other pixels"] += difference > TOLERANCE
            self.found[f"{what}: checked"] += 1
        left = [path for name in (".locks", ".states") for path in (self.out / name).glob("*")]
        self.found[f"{what}: left behind"] += len(left)

    def killed(self) -> None:
        """A command that is killed, until one ends by itself."""
        while True:
            process = self.start()
            ended, told = self.interrupt(process)
            if ended:
                if process.returncode:
                    self.found[f"killed: code {process.returncode}"] += 1
                    note(told)
                    self.finish("killed")
                break
            process.send_signal(self._chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
            process.communicate()
            self.found["killed: faults"] += 1
            if self.found["killed: faults"] >= self._args.kills:
                self.finish("killed")
                break

    def full(self) -> None:
        """A disk that takes so many bytes of a file and no more."""
        process = self.start(int(10 ** self._chance.uniform(2.0, 5.5)))
        process.communicate(timeout=PATIENCE_S)
        self.found["full disk: told by a code"] += process.returncode == 1
        self.found["full disk: faults"] += 1
        self.finish("full disk")

    def damaged(self) -> None:
        """Files that are cut, or have other bytes, half of the way."""
        process = self.start()
        self.interrupt(process)
        process.kill()
        process.communicate()
        files = [path for path in self.out.rglob("*") if path.is_file() and path.suffix not in (".png", ".html")]
        for path in self._chance.sample(files, min(3, len(files))):
            content = bytearray(path.read_bytes())
            if content and self._chance.random() < 0.5:
                place = self._chance.randrange(len(content))
                content[place] ^= 0xFF
                path.write_bytes(content)
            else:
                path.write_bytes(content[: len(content) // 2])
        self.found["damaged: faults"] += 1
        self.finish("damaged")

    def together(self) -> None:
        """Two commands in one folder, of which one may be killed."""
        one, two = self.start(), self.start()
        if self._chance.random() < 0.5:
            self.interrupt(one)
            one.kill()
        for process in (one, two):
            process.communicate(timeout=PATIENCE_S)
        self.found["two at once: faults"] += 1
        if two.returncode:
            self.found[f"two at once: code {two.returncode}"] += 1


def rounds(site: Site, args: argparse.Namespace) -> Iterator[tuple[str, Callable[[], None]]]:
    """Faults, each in a fresh folder, until there were enough."""
    while site.found["killed: faults"] < args.kills:
        yield "killed", site.killed
    for what, count, fault in (
        ("full disk", args.disks, site.full),
        ("damaged", args.damages, site.damaged),
        ("two at once", args.pairs, site.together),
    ):
        for _ in range(count):
            yield what, fault


def main() -> None:
    """See the module."""
    args = arguments()
    report = Report("Fault injection", args)
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), args)
        note(f"undisturbed: {site.seconds:.1f} s")
        for what, fault in rounds(site, args):
            shutil.rmtree(site.out, ignore_errors=True)
            fault()
            site.check(what)
            note(f"{what}: {dict(site.found)}")
    kinds = ("killed", "full disk", "damaged", "two at once")
    figures = ("faults", "checked", "lost", "too many", "other pixels", "left behind", "hung")
    rows = [[kind, *(site.found[f"{kind}: {figure}"] for figure in figures)] for kind in kinds]
    report.add(found=dict(site.found))
    print_table(["", "faults", "images checked", *figures[2:]], [[str(cell) for cell in row] for row in rows])


if __name__ == "__main__":
    main()
