"""Many images over devices, meshes and processes, against one device of one process: are the results the same?

One folder by processes that start together, of some devices each; and the same images over meshes of Auto and of
Explicit axes, of images alone and of images and codes. All are on this machine, so that seconds tell what several
cost, not what they gain (``benchmarks/scaling.py`` does). With --namespaces each process has a host of its own, as
far as Linux can pretend one (``benchmarks/namespaces.py``).
"""

import argparse
import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import namespaces
import numpy as np
from common import Report, at_least, note, number, parser, print_table
from jax.sharding import AxisType

import gprior_jax as gp
from gprior_jax.runs import Record, read_record

LOSS, PIXEL = 1e-4, 1e-3
"""How far results may lie apart, a loss relative and a pixel: float32 sums come in another order."""


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--images", type=at_least(1), default=64)
    made.add_argument("--steps", type=at_least(1), default=20)
    made.add_argument("--processes", type=at_least(1), nargs="+", default=[1, 2, 4])
    made.add_argument("--devices", type=at_least(1), default=2, help="forced CPU devices of each process")
    made.add_argument("--meshes", type=at_least(1), nargs="+", default=[1, 2, 4, 8], help="devices of meshes")
    made.add_argument("--namespaces", action="store_true", help="each process in a network namespace; as root")
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


def run(inputs: Path, out: Path, steps: int, processes: int, devices: int, apart: bool = False) -> Run:
    """Invert a folder; with one process and one device, without saying that it is one of several.

    Args:
        inputs: the folder.
        out: where results go.
        steps: of every image.
        processes: that start together.
        devices: of each.
        apart: they are on hosts of their own, see :mod:`namespaces`.
    """
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"{namespaces.address(0) if apart else '127.0.0.1'}:{server.getsockname()[1]}"
    command = [sys.executable, "-m", "gprior_jax", "--no-cache", "invert", str(inputs), "--out", str(out), "--json"]
    command += ["--codes", "2", "--layer", "4", "--free-codes", "--steps", str(steps), "--perceptual", "none"]
    command += ["--batch-size", "8", "--devices", str(devices)]
    several = ["--distributed", "--coordinator", address, "--processes", str(processes), "--process"]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    began = time.perf_counter()
    commands = [[*command, *([] if processes * devices == 1 else [*several, str(i)])] for i in range(processes)]
    with namespaces.hosts(processes) if apart else contextlib.nullcontext():
        members = [
            subprocess.Popen(
                namespaces.inside(index, words) if apart else words,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for index, words in enumerate(commands)
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
    recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=steps, perceptual=None, free_codes=True)
    solve = partial(gp.invert, prior, recipe=recipe, key=jax.random.key(0))
    alone = solve(images, batch_size=8)
    rows: list[list[object]] = []

    def compare(mesh: str, axes: str, found: gp.Result) -> None:
        losses = np.abs(found.loss / alone.loss - 1.0)
        pixels = np.abs(found.images - alone.images).max(axis=(1, 2, 3))
        told = {
            "within": int(((losses < LOSS) & (pixels < PIXEL)).sum()),
            "same": bool((found.status == alone.status).all()),
        }
        told |= {"median": float(np.median(losses)), "loss": float(losses.max()), "pixel": float(pixels.max())}
        note(f"{mesh} {axes}: {told}")
        report.add(mesh=mesh, axes=axes, **told)
        figures = [f"{told[name]:.1e}" for name in ("median", "loss", "pixel")]
        rows.append([mesh, axes, told["within"], *figures, told["same"]])

    # What rounding comes to by itself: pixels that differ in their last bits, on one device.
    moved = images + 1e-6 * np.random.default_rng(0).standard_normal(images.shape)
    compare("1", "none, pixels moved by 1e-6", solve(np.clip(moved, -1, 1), batch_size=8))
    for shape in [*((count,) for count in counts), *((count // 2, 2) for count in counts if count % 2 == 0)]:
        for kind in (AxisType.Auto, AxisType.Explicit):
            names, devices = ("images", "codes")[: len(shape)], jax.devices()[: math.prod(shape)]
            mesh = jax.make_mesh(shape, names, (kind,) * len(shape), devices=devices)
            compare("x".join(map(str, shape)), kind.name, solve(images, batch_size=8, mesh=mesh))
    names = [f"within {LOSS}, {PIXEL}", "loss, relative: median", "most", "pixel: most", "same status"]
    print_table(["mesh", "axes", *names], rows)


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
            found = run(inputs, Path(place) / f"{processes}x{each}", args.steps, processes, each, args.namespaces)
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
