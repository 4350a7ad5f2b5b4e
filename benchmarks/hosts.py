"""One folder by several processes that start together, of some devices each, against one process of one device.

All are on this machine, so that what is measured is what several cost, not what they gain.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table

import gprior_jax as gp
from gprior_jax.runs import Record, read_record


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--images", type=at_least(1), default=64)
    made.add_argument("--steps", type=at_least(1), default=20)
    made.add_argument("--processes", type=at_least(1), nargs="+", default=[1, 2, 4])
    made.add_argument("--devices", type=at_least(1), default=2, help="forced CPU devices of each process")
    return made.parse_args()


class Run(NamedTuple):
    """What a run came to.

    Attributes:
        seconds: from the start of the first process to the end of the last.
        records: by name.
        statuses: ``run.json``'s, by name.
        solved: how many images each process has seen done, by itself or another.
    """

    seconds: float
    records: dict[str, Record]
    statuses: dict[str, str]
    solved: list[int]


def run(inputs: Path, out: Path, steps: int, processes: int, devices: int) -> Run:
    """Invert a folder; with one process and one device, without saying that it is one of several."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
    command = [sys.executable, "-m", "gprior_jax", "--no-cache", "invert", str(inputs), "--out", str(out), "--json"]
    command += ["--codes", "2", "--layer", "4", "--steps", str(steps), "--perceptual", "none"]
    command += ["--batch-size", "8", "--devices", str(devices)]
    several = ["--distributed", "--coordinator", address, "--processes", str(processes), "--process"]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    began = time.perf_counter()
    members = [
        subprocess.Popen(
            [*command, *([] if processes * devices == 1 else [*several, str(index)])],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for index in range(processes)
    ]
    told = [json.loads(member.communicate()[0]) for member in members]
    seconds = time.perf_counter() - began
    rows = json.loads((out / "run.json").read_text())["images"]
    records = {row["name"]: read_record(out / f"{row['name']}.npz") for row in rows}
    solved = [len(each["images"]) for each in told]
    return Run(seconds, records, {row["name"]: row["status"] for row in rows}, solved)


def differences(found: Run, wanted: Run) -> tuple[float, float]:
    """The largest difference of a loss, relative, and of a pixel."""
    pairs = [(found.records[name], record) for name, record in wanted.records.items()]
    losses = [abs(ours.terms["loss"] / theirs.terms["loss"] - 1.0) for ours, theirs in pairs]
    return max(losses), max(float(np.abs(ours.image - theirs.image).max()) for ours, theirs in pairs)


def main() -> None:
    """Run all, and compare."""
    args = arguments()
    report = Report("Several processes", args, device=False)
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as place:
        inputs = Path(place) / "in"
        inputs.mkdir()
        prior = gp.load("builtin")
        images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), args.images))
        for index, image in enumerate(np.asarray(images)):
            gp.save_image(inputs / f"{index:03}.png", image)
        alone = run(inputs, Path(place) / "alone", args.steps, 1, 1)
        rows.append([1, 1, number(alone.seconds, 1), "", "", ""])
        report.add(processes=1, devices=1, seconds=alone.seconds)
        for processes in args.processes:
            found = run(inputs, Path(place) / str(processes), args.steps, processes, args.devices)
            loss, pixel = differences(found, alone)
            same, devices = found.statuses == alone.statuses, processes * args.devices
            note(f"{processes} processes: {found.seconds:.1f} s, images that each has seen done: {found.solved}")
            rows.append([processes, devices, number(found.seconds, 1), f"{loss:.1e}", f"{pixel:.1e}", same])
            report.add(processes=processes, devices=devices, seconds=found.seconds, loss=loss, pixel=pixel, same=same)
    print_table(["processes", "devices", "seconds", "loss, relative", "pixel", "same names, status"], rows)


if __name__ == "__main__":
    main()
