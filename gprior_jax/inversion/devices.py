"""Images over devices and processes, and the codes of an image over devices.

Images are independent, so nothing is communicated: the images axis is split over the devices of this process, the
weights are copied to each, and every process of a pod takes its own share of the list (:mod:`gprior_jax.runs.hosts`).
A second axis splits the codes of every image, see :mod:`gprior_jax.latents.split_codes`.
"""

import contextlib
import math
import os
import re
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from gprior_jax.errors import ArgumentError
from gprior_jax.latents import Parametrization
from gprior_jax.latents.split_codes import CODES, SplitCodes
from gprior_jax.typing import Key, PyTree

T = TypeVar("T")

IMAGES = "images"
"""Name of the mesh axis."""

Devices = int | tuple[int, int]
"""How many devices images are split over; or (images, codes): how many the codes of each of them, too."""


def image_mesh(devices: Devices | None = None) -> Mesh:
    """A mesh over the first devices of this process (all of them unless given), of one axis, or of images and codes.

    Raises:
        ValueError: more devices than there are, or none.

    >>> image_mesh((1, 1)).shape_tuple
    (('images', 1), ('codes', 1))
    """
    local = jax.local_devices()
    shape = (len(local) if devices is None else devices,) if not isinstance(devices, tuple) else devices
    if not 1 <= len(shape) <= 2:
        raise ArgumentError(f"devices {devices}: give a number of devices, or those of images and of codes, (2, 4).")
    if min(shape) < 1 or math.prod(shape) > len(local):
        raise ArgumentError(f"devices {told_devices(devices)}: this process has {len(local)} ({local[0].platform}).")
    return _mesh(np.array(local[: math.prod(shape)]).reshape(shape))


def told_devices(devices: Devices | None) -> int | str | None:
    """As users write them.

    >>> told_devices(4), told_devices((2, 4))
    (4, '2x4')
    """
    return "x".join(map(str, devices)) if isinstance(devices, tuple) else devices


def parse_devices(text: str) -> Devices:
    """What users write.

    Raises:
        ArgumentError: it is no number of devices.

    >>> parse_devices("4"), parse_devices("2x4")
    (4, (2, 4))
    """
    found = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?", text, re.ASCII)
    if found is None:
        raise ArgumentError(f"devices {text}: give a number of devices, or those of images and of codes, 2x4.")
    counts = [int(count) for count in found.groups() if count is not None]
    if min(counts) < 1:
        raise ArgumentError(f"devices {text}: use at least 1.")
    return counts[0] if len(counts) == 1 else (counts[0], counts[1])


def _mesh(devices: np.ndarray) -> Mesh:
    """Devices ``[images]`` or ``[images, codes]`` as a mesh."""
    names = (IMAGES, CODES)[: devices.ndim]
    return Mesh(devices, names, axis_types=(AxisType.Auto,) * len(names))


def images_mesh(mesh: Mesh) -> Mesh:
    """The devices of any mesh as a mesh of the one axis that images are split over, in their order.

    Images are independent: whatever axes a mesh has, and whether these are Auto or Explicit (as those of
    ``jax.make_mesh`` are), each of its devices takes a part of the images. An axis named ``codes`` stays: it splits
    the codes of every image.

    Raises:
        ValueError: no mesh of devices, or one with devices of other processes.

    >>> import jax
    >>> images_mesh(jax.make_mesh((1, 1), ("x", "y"))).shape_tuple
    (('images', 1),)
    """
    if not isinstance(mesh, Mesh) or not mesh.size:
        raise ArgumentError(
            f"mesh {mesh!r} has no devices: give a jax.sharding.Mesh, as jax.make_mesh((8,), ('images',)) makes."
        )
    if others := sum(device.process_index != jax.process_index() for device in mesh.devices.flat):
        raise ArgumentError(
            f"mesh has {others} of {mesh.size} devices in other processes: every process inverts images of its "
            "own; give a mesh of jax.local_devices()."
        )
    if CODES not in mesh.axis_names:
        return _mesh(mesh.devices.reshape(-1))
    last = np.moveaxis(mesh.devices, mesh.axis_names.index(CODES), -1)
    return _mesh(last.reshape(-1, last.shape[-1]))


@contextlib.contextmanager
def instead(mesh: Mesh) -> Iterator[None]:
    """Inside, a mesh takes the place of the one that a caller has set (``jax.set_mesh``), if there is one.

    JAX refuses to mix arrays of one mesh with another that is set.
    """
    if jax.sharding.get_abstract_mesh().empty:
        yield
        return
    with jax.set_mesh(mesh):
        yield


def all_instead(mesh: Mesh, source: Iterator[T]) -> Iterator[T]:
    """What an iterator gives, which works inside :func:`instead`; whoever takes it does not."""
    end = object()
    while True:
        with instead(mesh):
            found = next(source, end)
        if found is end:
            return
        yield cast(T, found)


def cores() -> int:
    """CPU cores that this process may use."""
    available = getattr(os, "sched_getaffinity", None)  # Linux; elsewhere all cores are ours.
    return len(available(0)) if available else os.cpu_count() or 1


def fill_cores(devices: int) -> bool:
    """Whether so many devices of this process are the cores of a CPU, each busy and none with another to help it.

    >>> fill_cores(1)
    False
    """
    return devices > 1 and jax.local_devices()[0].platform == "cpu" and devices >= cores()


def use_cores() -> None:
    """Make every CPU core of this process a device, over which a batch of images can be spread.

    Small convolutions leave cores idle when one image, or one batch as a whole, has all of them: 16 images on two cores
    took 0.7 of the time as one half for each (``benchmarks/batched_tasks.py``). Call it before JAX is first used; after
    that, or where ``XLA_FLAGS`` names a number of CPU devices already, nothing changes.

    >>> use_cores()
    >>> jax.local_device_count() >= 1
    True
    """
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", cores())
    except RuntimeError:  # JAX has started.
        return


def device_facts(devices: Devices | None, batch_size: int) -> dict[str, Any]:
    """The devices that batches are spread over, for a run's record; see :func:`spread`."""
    local, used = jax.local_devices(), told_devices(spread(devices, batch_size))
    return {"platform": local[0].platform, "kind": local[0].device_kind, "devices": used}


def shard_images(mesh: Mesh, tree: PyTree) -> PyTree:
    """Split the leading axis of every leaf over the mesh; its length is a multiple of the number of devices."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(IMAGES)))


def row_shardings(mesh: Mesh | AbstractMesh, parametrization: Parametrization, tree: PyTree) -> PyTree:
    """Where states and measurements ``[rows, ...]`` lie: rows over images, and what belongs to codes over those too."""

    def own(path: tuple, leaf: Any) -> NamedSharding:
        split = parametrization.split_axis(path, leaf.shape) if isinstance(parametrization, SplitCodes) else None
        more = () if split is None else (None,) * (split - 1) + (CODES,)
        return NamedSharding(mesh, PartitionSpec(IMAGES, *more))

    return jax.tree.map_with_path(own, tree)


def replicate(mesh: Mesh, tree: PyTree) -> PyTree:
    """Copy every leaf to all devices of the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def unbound(mesh: Mesh, key: Key) -> Key:
    """A key that belongs to no other mesh than this: one that was made while another is set belongs to that."""
    return replicate(mesh, key) if isinstance(getattr(key, "sharding", None), NamedSharding) else key


def spread(devices: Devices | None, batch_size: int) -> Devices:
    """Devices for a batch; where nobody names a number, the cores of a CPU (:func:`use_cores`), else one."""
    local = jax.local_devices()
    return devices or (min(batch_size, len(local)) if local[0].platform == "cpu" else 1)
