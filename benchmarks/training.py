"""Training steps: images a second, time to the first step and memory, beside those of another checkout.

    python benchmarks/training.py --against CHECKOUT --arch stylegan2 --base-channels 1024

Every side is a process of its own that imports its package from its checkout. Each tells the time from drawing the
weights to the end of its first step and then waits; they take turns with a cycle of steps, so that both meet the same
machine. A cycle is as long as the longest interval between penalties, which it holds once.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import Report, at_least, note, number, parser, print_table

PROGRAM = """
import json, sys, time
settings = json.loads(sys.argv[1])
chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in settings["config"].items()}
try:
    from gprior_jax.glibc import restart_with_large_pages
except ImportError:  # An older checkout.
    pass
else:
    restart_with_large_pages()  # As "gprior" does.
import jax, numpy as np
from gprior_jax.training import config as configs
if settings["arch"] == "stylegan2":
    from gprior_jax.training import stylegan2 as trainer
    config = configs.StyleGAN2Config(**chosen)
else:
    from gprior_jax.training import pggan as trainer
    config = configs.PGGANConfig(**chosen)
size = config.resolution
older = hasattr(trainer, "train_step")
shape = (config.batch_size, size, size, 3)
shape = shape if older else (trainer.most_together(config), *shape)
real = np.random.default_rng(0).uniform(-1, 1, shape)
seen = 0

def steps(number):
    global state, seen
    started, end = time.perf_counter(), seen + number * config.batch_size
    while seen < end:
        if older:
            state, terms = trainer.train_step(config, state, seen, real, None, key)
            seen += config.batch_size
        else:  # As "gprior train" does.
            taken = min(trainer.together(config, seen), (end - seen) // config.batch_size)
            state, terms = trainer.train_steps(config, state, seen, taken, real, None, key)
            seen += taken * config.batch_size
    jax.block_until_ready(state)
    return time.perf_counter() - started

def resident(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024

place = lambda tree: tree
try:
    from gprior_jax.inversion.devices import use_cores
    from gprior_jax.training.lanes import lanes_for
except ImportError:  # An older checkout, which leaves the cores to XLA.
    pass
else:
    use_cores()  # As "gprior train" does.
    place = lanes_for(config).place
real, key = place((jax.numpy.asarray(real, "float32"), jax.random.key(0)))
jax.block_until_ready(jax.numpy.zeros(3) + 1)
started = time.perf_counter()
state = place(trainer.init(config, key))
steps(1)
first = time.perf_counter() - started
steps(settings["cycle"] - 1)
# The largest memory so far is the compiler's: the mark is set back to what the steps alone need.
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
steps(settings["cycle"])
print(json.dumps({"first": first, "peak": resident("VmHWM:")}), flush=True)
for line in sys.stdin:
    print(json.dumps(steps(settings["cycle"])), flush=True)
"""


class Side:
    """A process that trains with the package of one checkout."""

    def __init__(self, root: Path, settings: dict[str, Any]):
        """Start it and wait for its first cycle."""
        environment = os.environ | {"PYTHONPATH": str(root.resolve())}
        command = [sys.executable, "-c", PROGRAM, json.dumps(settings)]
        self._process = subprocess.Popen(
            command, env=environment, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        told = self._answer()
        self.first: float = told["first"]
        self.peak: float = told["peak"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A side ended early; its message is above.")
        return json.loads(line)

    def cycle(self) -> float:
        """Seconds of one more cycle."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """What both sides train: all images at the final size."""
    config: dict[str, Any] = {
        "resolution": args.resolution,
        "base_channels": args.base_channels,
        "batch_size": args.batch_size,
        "r1_gamma": 0.3,
    }
    if args.arch == "pggan":
        config |= {"start_resolution": args.resolution, "images_per_level": [1_000_000], "fade_fraction": 0.0}
    return {"arch": args.arch, "config": config, "cycle": args.cycle}


def main() -> None:
    """See the module."""
    made = parser(__doc__)
    made.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="the other side")
    made.add_argument("--arch", choices=("stylegan2", "pggan"), default="stylegan2")
    made.add_argument("--resolution", type=int, default=64, help="pixels")
    made.add_argument("--base-channels", type=at_least(1), default=2048)
    made.add_argument("--batch-size", type=at_least(1), default=16)
    made.add_argument("--cycle", type=at_least(1), default=16, help="steps of one turn")
    made.add_argument("--rounds", type=at_least(1), default=5, help="turns of either side")
    args = made.parse_args()
    report = Report("Training", args, device=False)
    roots = {"here": Path(__file__).parents[1], "there": args.against}
    sides = {name: Side(root, settings_of(args)) for name, root in roots.items()}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(args.rounds):
        for name, side in sides.items():
            seconds[name].append(side.cycle())
        note(f"turn {turn + 1}: " + ", ".join(f"{name} {seconds[name][-1]:.2f} s" for name in sides))
    images = args.cycle * args.batch_size
    rates = {name: images / statistics.median(values) for name, values in seconds.items()}
    for name, side in sides.items():
        side.close()
        report.add(side=name, first=side.first, peak=side.peak, seconds=seconds[name], images_per_second=rates[name])
    pairs = [there / here for here, there in zip(seconds["here"], seconds["there"], strict=True)]
    here, there = sides["here"], sides["there"]
    rows = [
        ["images a second", number(rates["there"]), number(rates["here"]), number(statistics.median(pairs))],
        ["s to the first step", number(there.first), number(here.first), number(here.first / there.first)],
        ["MB at most in a cycle", number(there.peak, 0), number(here.peak, 0), number(here.peak / there.peak)],
    ]
    print_table(["", "there", "here", "ratio"], rows, f"{args.arch}, {args.base_channels} base channels")


if __name__ == "__main__":
    main()
