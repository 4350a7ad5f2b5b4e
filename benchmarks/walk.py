"""How many functions of the package a photograph passes on its way from the command to its PNG.

    python -m benchmarks.walk photo.jpg other.jpg

runs ``gprior invert`` for the first photograph alone, then for both, each in a process of its own that counts the calls
of the package's functions, nested ones and lambdas too. It prints what the whole process passed for one photograph
(reading the command, loading the prior, tracing, the report), and what the second one added: its own way. With
``--root`` another checkout is counted.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PROGRAM = """
import collections, json, sys, threading
root, told, *words = sys.argv[1:]
sys.path.insert(0, root)
from gprior_jax.cli.main import main
calls = collections.Counter()
def hook(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(root + "/gprior_jax/") and code.co_flags & 2:  # no class bodies
        calls[code.co_filename[len(root) + 1:] + ":" + code.co_qualname] += 1
threading.setprofile(hook)
sys.setprofile(hook)
code = main(words)
sys.setprofile(None)
with open(told, "w") as file:
    json.dump(calls, file)
sys.exit(code)
"""


def count(root: Path, photographs: list[str], steps: int) -> Counter[str]:
    """Calls of every function, ``file:name``, of one ``gprior invert``."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "calls.json"
        words = ["invert", *photographs, "--steps", str(steps), "--batch-size", "1", "--out", f"{folder}/out"]
        command = [sys.executable, "-c", PROGRAM, str(root), str(told), *words]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        return Counter(json.loads(told.read_text()))


def tell(name: str, calls: Counter[str]) -> None:
    """One line."""
    files = {function.split(":")[0] for function in calls}
    named = [function for function in calls if "<" not in function]
    print(f"{name}: {len(files)} files, {len(calls)} functions ({len(named)} named), {calls.total()} calls")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs=2)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the checkout to count")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--list", action="store_true", help="name the functions of the second photograph's way")
    options = parser.parse_args()
    photographs = [str(Path(name).resolve()) for name in options.photographs]
    one = count(options.root.resolve(), photographs[:1], options.steps)
    added = count(options.root.resolve(), photographs, options.steps) - one
    tell("the whole process", one)
    tell("a photograph's own way", added)
    for function in sorted(added) if options.list else ():
        print(f"  {function} x{added[function]}")


if __name__ == "__main__":
    main()
