"""Weak and strong scaling over forced CPU devices and over processes, measured and as the cost model predicts it.

Devices and processes share the cores of this machine: beyond these there is nothing to gain, and what is seen is what
another device or process costs. The model knows this (``Machine.chips``). It is calibrated on one and two devices and
on one process; the other rows are predictions. All configurations take turns, round by round, so that whatever else
the machine does meets all of them; a row is the median of its rounds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from common import Report, at_least, note, number, parser, print_table
from cost_model import (
    H100,
    STEPS_OF_1024,
    V5E,
    WIDE,
    Layout,
    Machine,
    Row,
    Step,
    calibrated,
    run_seconds,
    step_seconds,
)
from hosts import run

import gprior_jax as gp
from gprior_jax.inversion.devices import cores
from gprior_jax.inversion.driver import Inverter

PER_DEVICE = 2
"""Images of a device in weak scaling."""


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--parts", choices=list(PARTS), nargs="+", default=list(PARTS))
    made.add_argument("--devices", type=at_least(1), nargs="+", default=[1, 2, 4, 8])
    made.add_argument("--images", type=at_least(1), default=8, help="of strong scaling over devices")
    made.add_argument("--rounds", type=at_least(1), default=5)
    made.add_argument("--processes", type=at_least(1), nargs="+", default=[1, 2, 4])
    made.add_argument("--folder", type=at_least(1), default=64, help="images of strong scaling over processes")
    made.add_argument("--steps", type=at_least(1), default=20, help="of a run over processes")
    return made.parse_args()


def counted(prior: gp.Prior, recipe: Any, images: np.ndarray) -> Step:
    """A step of one image; what a second axis splits, from programs with one and with two devices on it."""
    counts = [Ready(prior, recipe, images[:1], Layout(codes=codes)).counts() for codes in (1, 2)]
    (whole, moved), (half, _) = counts
    apart = 2.0 * (1.0 - half / whole)
    feature = prior.feature_shape(recipe.fit(prior).parametrization.layer)
    return Step(whole, moved, apart, 4.0 * float(np.prod(feature)))


class Ready:
    """A configuration that takes steps."""

    def __init__(self, prior: gp.Prior, recipe: gp.Recipe, images: np.ndarray, layout: Layout):
        """Compile it."""
        self._inverter = Inverter(prior, recipe, devices=(layout.images, layout.codes))
        self._now = self._inverter.start(0, jax.random.key(0), self._inverter.inputs(images), 1)
        self._step = self._inverter.steps(0, 1, *self._now, images=len(images))

    def counts(self) -> tuple[float, float]:
        """Operations and bytes of a device."""
        found: Any = self._inverter.lower(0, 1, *self._now).compile().cost_analysis()
        return float(found["flops"]), float(found["bytes accessed"])

    def steps(self, count: int) -> float:
        """Take steps; seconds."""
        began = time.perf_counter()
        states, measurements = self._now
        for _ in range(count):
            states, _ = self._step(states, measurements)
        jax.block_until_ready(states)
        self._now = states, measurements
        return time.perf_counter() - began


def in_turns(jobs: list[Callable[[], float]], rounds: int) -> list[float]:
    """The median of every job, which take turns."""
    seconds = [[job() for job in jobs] for _ in range(rounds)]
    return [statistics.median(each) for each in zip(*seconds, strict=True)]


def measured_rows(args: argparse.Namespace, prior: gp.Prior) -> tuple[list[Row], list[float]]:
    """Seconds of a step of every configuration of one process."""
    drawn = gp.synthesize(
        prior, gp.sample_z(prior, jax.random.key(1), max(args.images, PER_DEVICE * max(args.devices)))
    )
    images = np.clip(np.asarray(drawn), -1, 1)
    few = gp.recipes.mganprior(2, layer=4, perceptual=None, num_steps=1000, free_codes=True)
    many = gp.recipes.mganprior(64, perceptual=None, num_steps=1000, free_codes=True)
    step, wide = (counted(prior, recipe, images) for recipe in (few, many))
    rows = [Row("strong", Layout(images=count), args.images, step) for count in args.devices]
    rows += [Row("weak", Layout(images=count), PER_DEVICE * count, step) for count in args.devices]
    rows += [Row(WIDE, Layout(codes=count), 1, wide) for count in args.devices]
    made = []
    for row in rows:
        note(f"compiling {row.kind}, {row.layout.devices} devices")
        made.append(Ready(prior, many if row.step is wide else few, images[: row.images], row.layout))
    for each in made:
        each.steps(1)
    note("measuring")
    return rows, in_turns([lambda each=each: each.steps(2) / 2 for each in made], args.rounds)


def link_of(sizes: tuple[int, int], devices: int, rounds: int) -> tuple[float, float]:
    """Seconds of a hop, and bytes a second, from sums over devices of two sizes alone."""
    mesh = jax.make_mesh((devices,), ("x",), devices=jax.devices()[:devices])
    made = []
    for size in sizes:
        x = jax.device_put(np.ones((devices, size // 4), np.float32), jax.NamedSharding(mesh, jax.P("x")))
        add = jax.jit(jax.shard_map(lambda x: jax.lax.psum(x, "x"), mesh=mesh, in_specs=jax.P("x"), out_specs=jax.P()))

        def once(x: jax.Array = x, add: Callable = add) -> float:
            began = time.perf_counter()
            for _ in range(20):
                jax.block_until_ready(add(x))
            return (time.perf_counter() - began) / 20

        once()
        made.append(once)
    small, large = in_turns(made, rounds)
    hops, crowd = 2 * (devices - 1), devices / min(devices, cores())
    per_byte = max(large - small, 1e-9) / (sizes[1] - sizes[0]) / crowd / hops * devices
    return small / crowd / hops, 1.0 / per_byte


def over_processes(args: argparse.Namespace, prior: gp.Prior, report: Report) -> None:
    """Whole commands: calibrated on runs of one and of two processes, the others predicted."""
    share = args.folder // max(args.processes)
    wanted = [("calibration", 1, share), ("calibration", 1, args.folder)]
    wanted += [("calibration", 2, args.folder)]
    wanted += [("strong", count, args.folder) for count in args.processes if count > 2]
    wanted += [("weak", count, share * count) for count in args.processes if 1 < count < max(args.processes)]
    images = np.asarray(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), args.folder)))
    found = []
    with tempfile.TemporaryDirectory() as place:
        for kind, processes, count in wanted:
            inputs = Path(place) / f"in{count}"
            inputs.mkdir(exist_ok=True)
            for index in range(count):
                gp.save_image(inputs / f"{index:03}.png", images[index])
            seconds = run(inputs, Path(place) / f"{kind}{processes}x{count}", args.steps, processes, 1).seconds
            note(f"{processes} processes, {count} images: {seconds:.1f} s")
            found.append(seconds)
    calls = [args.steps * -(-count // processes // 8) for _, processes, count in wanted[:3]]
    per_call = max((found[1] - found[0]) / (calls[1] - calls[0]), 1e-6)
    start = found[0] - calls[0] * per_call
    # Two processes take as long as one with half of the images where that keeps one core busy, and longer else.
    alone = min(max(found[2] / (start + calls[2] * per_call), 1.0), cores())
    machine, one = Machine(cores(), 8 / per_call / alone, alone=alone, start=start), Step(1.0)
    note(str(machine))
    rows: list[list[object]] = []
    for (kind, processes, count), seconds in zip(wanted, found, strict=True):
        predicted = run_seconds(one, machine, Layout(processes=processes), count, args.steps, 8)
        report.add(kind=kind, processes=processes, images=count, seconds=seconds, predicted=predicted)
        ratio = number(seconds / predicted)
        rows.append([kind, processes, count, number(seconds, 1), number(predicted, 1), ratio])
    print_table(["scaling", "processes", "images", "seconds", "predicted", "measured / predicted"], rows)


def over_devices(args: argparse.Namespace, prior: gp.Prior, report: Report) -> None:
    """Steps of one process: calibrated on one and two devices, the others predicted."""
    rows, seconds = measured_rows(args, prior)
    link = link_of((4096, int(rows[-1].step.sent)), 2, args.rounds)
    few, many = calibrated(rows, seconds, link, cores())
    note(f"{few}\n{many}\n{rows[0].step}\n{rows[-1].step}")
    base = {row.kind: value for row, value in zip(rows, seconds, strict=True) if row.layout.devices == 1}
    table: list[list[object]] = []
    for row, value in zip(rows, seconds, strict=True):
        predicted = step_seconds(row.step, many if row.kind == WIDE else few, row.layout, row.images)
        told = {"kind": row.kind, "devices": row.layout.devices, "images": row.images, "seconds": value}
        report.add(**told, predicted=predicted)
        cells = (1e3 * value, 1e3 * predicted)
        ratios = (number(value / base[row.kind]), number(value / predicted))
        table.append([row.kind, row.layout.devices, row.images, *(number(cell, 0) for cell in cells), *ratios])
    names = ["scaling", "devices", "images", "ms a step", "predicted", "to one device", "measured / predicted"]
    print_table(names, table)


def of_a_million(args: argparse.Namespace, prior: gp.Prior, report: Report) -> None:
    """What the model says of chips that are not here."""
    rows: list[list[object]] = []
    for name, (step, steps) in STEPS_OF_1024.items():
        for title, machine in (("8 H100", H100), ("v5e-256", V5E)):
            layout = Layout(images=machine.chips)
            hours = [
                run_seconds(step._replace(moved=part * step.moved), machine, layout, 1_000_000, steps, machine.chips)
                for part in (0.0, 0.5, 1.0)
            ]
            report.add(prior=name, on=title, seconds=hours)
            rows.append([name, title, *(number(each / 3600, 1) for each in hours)])
    print_table(["a million", "on", "hours, operations alone", "half the bytes", "all bytes"], rows)


PARTS = {"devices": over_devices, "processes": over_processes, "million": of_a_million}


def main() -> None:
    """Measure, calibrate, predict."""
    args = arguments()
    report = Report("Scaling", args, device=False)
    jax.config.update("jax_num_cpu_devices", max(args.devices))
    prior = gp.load("builtin")
    for part in args.parts:
        PARTS[part](args, prior, report)


if __name__ == "__main__":
    main()
