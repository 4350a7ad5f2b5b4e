"""What the benchmark programs share: the machine's description, Markdown tables, and a JSON file of the results.

Neither starts JAX nor imports torch by itself.
"""

import argparse
import math
import os
import platform
import resource
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from gprior_jax.storage.atomic import write_json

PACKAGES = ("jax", "jaxlib", "flax", "optax", "torch", "numpy")

HIDDEN = ("out", "stage", "work")
"""Arguments that are no settings of a measurement."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with ``--out``, whose help names the defaults."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--out", type=Path, metavar="FILE", help="write all numbers to this JSON file")
    return made


def at_least(lowest: int) -> Callable[[str], int]:
    """An argument type: an integer not below ``lowest``."""

    def integer(text: str) -> int:
        if (value := int(text)) < lowest:
            raise argparse.ArgumentTypeError(f"{value}: use at least {lowest}")
        return value

    return integer


def machine() -> dict[str, Any]:
    """CPU, cores, load and versions; nothing is started for it."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load at start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    } | {package: _version(package) for package in PACKAGES}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def devices() -> dict[str, str]:
    """Platform and kind of JAX's first device; starts JAX."""
    import jax

    return {"jax platform": jax.default_backend(), "device": jax.devices()[0].device_kind}


def peak_bytes() -> int:
    """Largest resident memory of this process so far, bytes.

    ``ru_maxrss`` is the second choice: on Linux a process inherits it from the one that started it.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def note(message: str) -> None:
    """A line about progress, on standard error."""
    print(message, file=sys.stderr, flush=True)


def number(value: float | None, digits: int = 2) -> str:
    """A table's cell; a dash for what is missing or not finite."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a Markdown table, columns aligned."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(headers))]
    cells.insert(1, ["-" * width for width in widths])
    if title:
        print(f"**{title}**\n")
    for row in cells:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    print(flush=True)


class Report:
    """What a program prints and writes.

    Attributes:
        results: the records so far; the file is written anew with each, so that an interrupted run keeps its part.
    """

    def __init__(self, title: str, args: argparse.Namespace, device: bool = True):
        """Print the title, the machine and the settings.

        Args:
            title: names the benchmark.
            args: the program's arguments.
            device: start JAX in this process to name its device.
        """
        self.results: list[dict[str, Any]] = []
        settings = {name: _plain(value) for name, value in vars(args).items() if name not in HIDDEN}
        described = machine() | (devices() if device else {})
        self._out: Path | None = args.out
        self._head = {"benchmark": title, "machine": described, "settings": settings}
        print(f"# {title}\n\n" + ", ".join(f"{name} {value}" for name, value in described.items()) + "\n")
        print(", ".join(f"{name}={value}" for name, value in settings.items()) + "\n", flush=True)

    def add(self, **record: Any) -> None:
        """Keep a record of one measurement and write the file, where one is wanted."""
        self.results.append(_plain(record))
        if self._out is not None:
            write_json(self._out, self._head | {"results": self.results})


def _plain(value: Any) -> Any:
    """JSON: folders by their names, arrays as lists, and None for numbers that are not finite."""
    if isinstance(value, Path):
        return value.name
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 7) if math.isfinite(value) else None
    return value
