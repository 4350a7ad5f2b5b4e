"""Many images over devices, meshes and processes, against one device of one process: are the results the same?

One folder by processes that start together, of some devices each; and the same images over meshes of Auto and of
Explicit axes, of images alone and of images and codes. All are on this machine, so that seconds tell what several
cost, not what they gain (``benchmarks/scaling.py`` does).
"""

import argparse
import json
import math
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
from jax.sharding import AxisType

import gprior_jax as gp
from gprior_jax.runs import Record, read_record


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--images", type=at_least(1), default=64)
    made.add_argument("--steps", type=at_least(1), default=20)
    made.add_argument("--processes", type=at_least(1), nargs="+", default=[1, 2, 4])
    made.add_argument("--devices", type=at_least(1), default=2, help="forced CPU devices of each process")
    made.add_argument("--meshes", type=at_least(1), nargs="+", default=[1, 2, 4, 8], help="devices of meshes")
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


def over_meshes(prior: gp.Prior, images: np.ndarray, steps: int, counts: list[int], report: Report) -> None:
    """Invert images over meshes of one process, and compare."""
    recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=steps, perceptual=None)
    apart = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=steps, perceptual=None, free_codes=True)
    alone = {each: gp.invert(prior, images, each, key=jax.random.key(0), batch_size=8) for each in (recipe, apart)}
    rows: list[list[object]] = []
    shapes = [((count,), recipe) for count in counts]
    shapes += [((count // 2, 2), apart) for count in counts if count % 2 == 0]
    for shape, chosen in shapes:
        for kind in (AxisType.Auto, AxisType.Explicit):
            count = math.prod(shape)
            mesh = jax.make_mesh(
                shape, ("images", "codes")[: len(shape)], (kind,) * len(shape), devices=jax.devices()[:count]
            )
            found, wanted = gp.invert(prior, images, chosen, key=jax.random.key(0), mesh=mesh), alone[chosen]
            told = {
                "mesh": "x".join(map(str, shape)),
                "axes": kind.name,
                "loss": float(np.abs(found.loss / wanted.loss - 1.0).max()),
                "pixel": float(np.abs(found.images - wanted.images).max()),
                "same": bool((found.status == wanted.status).all()),
            }
            note(str(told))
            report.add(**told)
            rows.append([told["mesh"], told["axes"], f"{told['loss']:.1e}", f"{told['pixel']:.1e}", told["same"]])
    print_table(["mesh", "axes", "loss, relative", "pixel", "same status"], rows)


def main() -> None:
    """Run all, and compare."""
    args = arguments()
    report = Report("Devices, meshes and processes", args, device=False)
    jax.config.update("jax_num_cpu_devices", max(args.meshes))
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
        several = [(1, count) for count in args.meshes if count > 1]
        several += [(count, args.devices) for count in args.processes if (count, args.devices) not in several]
        for processes, each in several:
            found = run(inputs, Path(place) / f"{processes}x{each}", args.steps, processes, each)
            loss, pixel = differences(found, alone)
            same, devices = found.statuses == alone.statuses, processes * each
            told = f"{processes} processes, {devices} devices: {found.seconds:.1f} s"
            note(f"{told}, images that each has seen done: {found.solved}")
            rows.append([processes, devices, number(found.seconds, 1), f"{loss:.1e}", f"{pixel:.1e}", same])
            report.add(processes=processes, devices=devices, seconds=found.seconds, loss=loss, pixel=pixel, same=same)
    print_table(["processes", "devices", "seconds", "loss, relative", "pixel", "same names, status"], rows)
    over_meshes(prior, np.clip(images, -1, 1), args.steps, args.meshes, report)


if __name__ == "__main__":
    main()
