"""What a compiled program takes of a machine, and what the machine has: memory and operations."""

import contextlib
import functools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gprior_jax.compiling.programs import Compiled
from gprior_jax.inversion.devices import instead
from gprior_jax.typing import PyTree

MARGIN = 0.9
"""Of the memory that is free, what a program may take: allocators round up, and kernels have scratch of their own."""


class Footprint(NamedTuple):
    """What one call of a program on a batch of images takes, on each of its devices.

    Attributes:
        images: of the batch, on all devices.
        rows: bytes of what it is given of the images, which lie on the device already.
        beside: bytes that it takes while it runs.
        operations: floating-point operations of the call, on all devices, see
            :func:`gprior_jax.compiling.operations.operations`.
    """

    images: int
    rows: int
    beside: int
    operations: float

    def fitting(self, free: int, devices: int, shared: bool = False) -> int:
        """How many images at once, split over devices, would fit where each has ``free`` bytes left beside the rows.

        What a step takes grows with its images, but for a little: the estimate is low rather than high.

        Args:
            free: bytes.
            devices: that the images are split over.
            shared: they share one memory, as those of a CPU do: where not all can have an image, fewer can.

        >>> Footprint(images=8, rows=2000, beside=8000, operations=0).fitting(free=4000, devices=1)
        4
        >>> Footprint(images=8, rows=0, beside=1000, operations=0).fitting(free=600, devices=8, shared=True)
        4
        """
        own = -(-self.images // devices)
        room = (MARGIN * free + self.rows) / max(1, self.beside + self.rows)
        return max(1, devices * math.floor(own * room) or math.floor(shared * devices * own * room))


def footprint(program: Compiled, images: int, rows: PyTree) -> Footprint:
    """What a compiled program takes.

    Args:
        program: it.
        images: of its batch.
        rows: arguments that grow with the images.
    """
    beside = 0
    # A platform's plugin may not tell.
    with contextlib.suppress(Exception):
        memory: Any = program.call.memory_analysis()
        beside = memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    return Footprint(images, sum(map(_held, jax.tree.leaves(rows))), max(0, beside), program.operations)


def _held(leaf: Any) -> int:
    """Bytes of an array on each of its devices."""
    if not hasattr(leaf, "dtype"):
        return 0
    shape = leaf.sharding.shard_shape(leaf.shape) if isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) else leaf.shape
    return math.prod(shape) * leaf.dtype.itemsize


def free_bytes(mesh: Mesh) -> int | None:
    """Memory that is free on each device of a mesh; None where nobody tells. Those of a CPU share the machine's."""
    devices = list(mesh.devices.flat)
    if devices[0].platform == "cpu":
        free = host_free()
        return None if free is None else free // len(devices)
    found = [stats for device in devices if (stats := device.memory_stats())]
    known = [stats["bytes_limit"] - stats["bytes_in_use"] for stats in found if "bytes_limit" in stats]
    return min(known) if len(known) == len(devices) else None


def host_free() -> int | None:
    """Bytes that this process may still take of the machine's memory; None where nobody tells.

    The least of what Linux calls available, what is left to the control groups that the process is in (containers and
    job schedulers set limits there), and what is left of its limit of address space (``ulimit -v``).
    """
    return min([*_available(), *_of_groups(), *_of_address_space()], default=None)


def _available() -> Iterator[int]:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Iterator[int]:
    """What is left to control groups (version 2), from this process's own to the outermost."""
    for line in _lines(own):
        if not line.startswith("0::"):
            continue
        path = root / line[3:].lstrip("/")
        for group in (path, *path.parents):
            yield from _left(group)
            if group == root:
                break


def _left(group: Path) -> Iterator[int]:
    limit, used = _lines(group / "memory.max"), _lines(group / "memory.current")
    if limit and used and limit[0] != "max":
        # Pages of files are given back when they are wanted.
        files = [line.split()[1] for line in _lines(group / "memory.stat") if line.startswith("inactive_file ")]
        yield max(0, int(limit[0]) - int(used[0]) + sum(map(int, files)))


def _of_address_space() -> Iterator[int]:
    try:
        import resource
    except ImportError:  # Windows has none.
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    sizes = _lines(Path("/proc/self/statm"))
    if limit != resource.RLIM_INFINITY and sizes:
        yield max(0, limit - int(sizes[0].split()[0]) * resource.getpagesize())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


_SIDE = {"cpu": 1024}
"""Of the matrices whose product is timed: 2 billion operations, some 20 ms of a core."""

_ACCELERATOR_SIDE = 4096
_TURNS = 4


@functools.lru_cache(maxsize=8)
def ceiling(mesh: Mesh) -> float:
    """Floating-point operations a second that the devices of a mesh reach together, measured.

    A product of float32 matrices on every device at once, as large as keeps it busy, at the precision that JAX is set
    to; the best of a few, a fifth of a second on a CPU core. It is measured once in a process.
    """
    side = _SIDE.get(mesh.devices.flat[0].platform, _ACCELERATOR_SIDE)
    rows = PartitionSpec(mesh.axis_names)
    product = jax.jit(jax.shard_map(lambda x: x @ x, mesh=mesh, in_specs=rows, out_specs=rows))
    best = math.inf
    with instead(mesh):
        matrix = jnp.ones((mesh.size * side, side), jnp.float32, device=NamedSharding(mesh, rows))
        product(matrix).block_until_ready()
        for _ in range(_TURNS):
            started = time.perf_counter()
            product(matrix).block_until_ready()
            best = min(best, time.perf_counter() - started)
    return 2.0 * side**3 * mesh.size / best
