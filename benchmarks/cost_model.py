"""What a run takes: operations, bytes and what is sent, over what a machine does of each in a second.

A model to plan with; ``benchmarks/scaling.py`` holds it to measurements, and prints what it says of a million images.
"""

import math
from typing import NamedTuple


class Step(NamedTuple):
    """One step of one image on one device, as XLA counts it (``cost_analysis()`` of the compiled program).

    Attributes:
        operations: in all.
        moved: bytes to and from memory.
        apart: the part of both that devices divide among themselves where the codes of an image are split.
        sent: bytes that are then added up over those devices.
    """

    operations: float
    moved: float = 0.0
    apart: float = 0.0
    sent: float = 0.0


class Machine(NamedTuple):
    """What devices run on: chips of their own, or the cores of one CPU that they share.

    Attributes:
        chips: chips, or cores.
        operations: a second, of a chip.
        bandwidth: bytes a second to and from memory, of a chip.
        link: bytes a second from one device to the next.
        hop: seconds until the first byte is there.
        launch: seconds that a call takes on every device before and after it computes.
        alone: chips that a device, or the start of a process, keeps busy by itself (on a CPU more than one core).
        start: seconds before the first step of a process that is the only one, and after the last.
    """

    chips: int
    operations: float
    bandwidth: float = math.inf
    link: float = math.inf
    hop: float = 0.0
    launch: float = 0.0
    alone: float = 1.0
    start: float = 0.0


class Layout(NamedTuple):
    """How work is spread.

    Attributes:
        images: devices of a process that its images are split over.
        codes: devices that the codes of each of these are split over.
        processes: that work at the same time.
    """

    images: int = 1
    codes: int = 1
    processes: int = 1

    @property
    def devices(self) -> int:
        """Of all processes."""
        return self.images * self.codes * self.processes


def compute_seconds(step: Step, machine: Machine, layout: Layout) -> float:
    """Of one image on one device that has a chip of its own: operations or memory, whichever takes longer."""
    share = 1.0 - step.apart + step.apart / layout.codes
    return share * max(step.operations / machine.operations, step.moved / machine.bandwidth)


def sum_seconds(sent: float, machine: Machine, devices: int) -> float:
    """To add up bytes over devices in a ring (Patarasuk and Yuan 2009): 2 (D - 1) hops of one part in D.

    >>> sum_seconds(100.0, Machine(chips=4, operations=1.0, link=10.0), 4)
    15.0
    """
    hops = 2 * (devices - 1)
    return hops * (machine.hop + sent / devices / machine.link)


def step_seconds(step: Step, machine: Machine, layout: Layout, at_once: int) -> float:
    """A step of ``at_once`` images of every process; devices that share a chip take turns."""
    rows = math.ceil(at_once / layout.images)
    busy = machine.alone if layout.devices == 1 else min(layout.devices, machine.chips)
    own = rows * compute_seconds(step, machine, layout) + machine.launch
    return (own + sum_seconds(rows * step.sent, machine, layout.codes)) * layout.devices / busy


def run_seconds(step: Step, machine: Machine, layout: Layout, images: int, steps: int, at_once: int) -> float:
    """A whole run of ``images`` of all processes together, ``at_once`` in each."""
    calls = steps * math.ceil(math.ceil(images / layout.processes) / at_once)
    begin = machine.start * max(1.0, layout.processes * machine.alone / machine.chips)
    return begin + calls * step_seconds(step, machine, layout, at_once)


PEAK_SHARE, MEMORY_SHARE = 0.4, 0.8
"""Of the makers' figures: of dense products what this project aims for, of memory what copies reach."""

H100 = Machine(8, PEAK_SHARE * 494e12, MEMORY_SHARE * 3.35e12)
"""Eight H100 SXM: TF32 without sparsity, HBM3 (NVIDIA's data sheet)."""

V5E = Machine(256, PEAK_SHARE * 197e12, MEMORY_SHARE * 819e9)
"""A v5e-256: bfloat16, HBM2 (Google Cloud's documentation)."""

STEPS_OF_1024 = {
    "PGGAN, 20 codes at layer 6, pixels": (Step(1.2e11, 11.3e9), 100),
    "StyleGAN2, W+, pixels": (Step(2.35e11, 37.4e9), 150),
}
"""Steps of ``fast`` at 1024 px and how many there are; counted by XLA:CPU (0.10.2), which fuses less than others do."""

WIDE = "64 codes"
"""Strong scaling of one image, whose codes are split."""


class Row(NamedTuple):
    """A configuration of one process.

    Attributes:
        kind: which scaling it belongs to.
        layout: its devices.
        images: at once.
        step: of one image, as XLA counts it on one device.
    """

    kind: str
    layout: Layout
    images: int
    step: Step


def calibrated(rows: list[Row], seconds: list[float], link: tuple[float, float], chips: int) -> tuple[Machine, Machine]:
    """This machine, from the rows of one and two devices; for few codes and for many, whose operations are others."""
    of = {(row.kind, row.layout.devices): (row, value) for row, value in zip(rows, seconds, strict=True)}
    (big, one), (small, less) = of["strong", 1], of["weak", 1]
    each = max((one - less) / (big.images - small.images), 1e-6)  # Seconds of an image on one device alone.
    beside = max(less - small.images * each, 0.0)
    both, two = of["strong", 2]
    # Two devices have a core each, where there are as many. Of one, all seconds are those of as many as it keeps busy.
    busy = min(2, chips)
    alone = min(max(two * busy / 2 / (both.images / 2 * each + beside), 1.0), chips)
    rate, launch = big.step.operations / (alone * each), alone * beside
    machine = Machine(chips, rate, link=link[1], hop=link[0], launch=launch, alone=alone)
    wide, seconds_wide = of[WIDE, 1]
    return machine, machine._replace(operations=wide.step.operations / (seconds_wide - launch / alone) / alone)
