"""Notebooks, run from top to bottom in a kernel of their own; as a program, at their real settings.

    python tests/running_notebooks.py --out notebooks_output

writes every notebook as it came out, and its pictures, and tells how long each took.
"""

import argparse
import base64
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

_NEEDED = {"03_published_weights": ("torch", "gan-face-generate")}
"""What a notebook needs besides the extra ``checks``: a module, and a package that brings weights."""

_TIMEOUT, _PATIENCE = 600, 7200
"""Seconds that one cell may take in a test; and in a program, which somebody may run beside other work."""

_STRICT = "import warnings\n\nwarnings.simplefilter('error')"
"""Runs before the first cell: the kernel itself is not ours to be strict with."""


def run(
    path: Path, folder: Path, environment: dict[str, str] | None = None, before: str = "", timeout: int = _TIMEOUT
) -> NotebookNode:
    """A notebook after it was run by a kernel of this Python, warnings being errors.

    Args:
        path: the ``.ipynb``.
        folder: where it runs, and writes what it writes.
        environment: variables that it sees besides this process's own.
        before: code that runs before its first cell.
        timeout: seconds that one cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell has failed; the message has the cell and its traceback.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"{_STRICT}\n{before}"))
    with tempfile.TemporaryDirectory(prefix="kernel-") as place:
        kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
        if os.name != "nt":  # Files in place of ports, at which others could listen.
            kernel.transport, kernel.ip = "ipc", os.path.join(place, "k")
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(
            notebook,
            km=kernel,
            timeout=timeout,
            startup_timeout=timeout,
            shutdown_kernel="immediate",
            resources=resources,
        )
        # It would leave a kernel alone that it has not started, and sockets open.
        client.execute(env=dict(os.environ, **(environment or {})), cleanup_kc=True)
    del notebook.cells[0]
    return notebook


def missing(path: Path) -> str | None:
    """The first package that a notebook needs and that is not here."""
    return next((package for package in _NEEDED.get(path.stem, ()) if not _is_here(package)), None)


def _is_here(package: str) -> bool:
    try:
        return importlib.metadata.version(package) is not None
    except importlib.metadata.PackageNotFoundError:
        return importlib.util.find_spec(package) is not None


def pictures(notebook: NotebookNode) -> list[bytes]:
    """The PNG files that its cells have drawn, in their order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [base64.b64decode(data["image/png"]) for each in outputs if "image/png" in (data := each.get("data", {}))]


def slowest(notebook: NotebookNode) -> tuple[float, str]:
    """Seconds of the cell that took longest, and the first line of what it does."""
    found = []
    for cell in notebook.cells:
        times = cell.metadata.get("execution", {})
        if "iopub.execute_input" in times and "shell.execute_reply" in times:
            begin, end = (_seconds(times[name]) for name in ("iopub.execute_input", "shell.execute_reply"))
            found.append((end - begin, cell.source.partition("\n")[0]))
    return max(found, default=(0.0, ""))


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _of_children() -> float:
    """Seconds of CPU that processes started here have taken, and that have ended: on a busy machine, what counts."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    """Run notebooks, all unless some are named, and write what they came to."""
    parser = argparse.ArgumentParser(description="Run the notebooks at their real settings.")
    parser.add_argument("names", nargs="*", help="of notebooks, such as 01_first_inversion; all unless given")
    parser.add_argument("--out", type=Path, required=True, help="folder for notebooks with their outputs, and pictures")
    options = parser.parse_args()
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if not options.names or path.stem in options.names]
    whole, left_out = time.perf_counter(), 0
    for path in paths:
        if package := missing(path):
            print(f"{path.stem:40} left out: it needs {package}, which is not installed", flush=True)
            left_out += 1
            continue
        folder = options.out / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        started, before = time.perf_counter(), _of_children()
        notebook = run(path, folder, timeout=_PATIENCE)
        seconds, busy = time.perf_counter() - started, _of_children() - before
        nbformat.write(notebook, options.out / path.name)
        for index, picture in enumerate(pictures(notebook)):
            (folder / f"{index:02}.png").write_bytes(picture)
        most, cell = slowest(notebook)
        print(f"{path.stem:40} {seconds:6.1f} s ({busy:.0f} s of CPU), {most:.1f} s in: {cell}", flush=True)
    print(f"{len(paths) - left_out} notebooks in {time.perf_counter() - whole:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
