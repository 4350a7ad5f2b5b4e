"""What the steps of a run take: memory before the first of them, and the machine's time after the last."""

from collections.abc import Callable
from typing import Any

from jax.sharding import Mesh

from gprior_jax.compiling.programs import Compiled
from gprior_jax.errors import OutOfMemoryError
from gprior_jax.inversion.devices import IMAGES
from gprior_jax.inversion.footprint import ceiling, footprint, free_bytes
from gprior_jax.typing import PyTree


class TooManyImagesError(OutOfMemoryError):
    """A program was compiled that would take more memory than is left.

    Attributes:
        fits: images at once that would fit, by estimate; less than were asked for.
    """

    def __init__(self, needs: int, free: int, images: int, fits: int):
        """Say what it takes, and what there is."""
        super().__init__(
            f"a step of {images} images at once takes {needs / 1e9:.2f} GB of each device, and {free / 1e9:.2f} GB are "
            f"free: use {fits} at once."
        )
        self.fits = fits


class Meter:
    """Measures the steps of one run; made for it, and given to what takes them.

    >>> meter = Meter()
    >>> meter.told() is None
    True
    """

    def __init__(self, free: Callable[[Mesh], int | None] = free_bytes):
        """Nothing yet.

        Args:
            free: bytes that are free on each device of a mesh, or None where that is not known.
        """
        self._free = free
        self._operations: dict[int, float] = {}
        self.again()

    def again(self) -> None:
        """Count from nothing: another run begins. What is known of the programs stays."""
        self._mesh: Mesh | None = None
        self._seconds = self._done = 0.0
        self._steps, self._bytes = 0, 0

    def look(
        self, stage: int, length: int, program: Callable[[], Compiled], mesh: Mesh, images: int, rows: PyTree
    ) -> None:
        """Look whether a program fits into memory, before it runs first.

        Args:
            stage: whose steps it takes.
            length: how many steps.
            program: gives it.
            mesh: its devices.
            images: of its batch, as many as were asked for; copies fill it up.
            rows: arguments that grow with the images.

        Raises:
            TooManyImagesError: it does not, and fewer images would take less.
        """
        own, free = footprint(program(), images, rows), self._free(mesh)
        shared = mesh.devices.flat[0].platform == "cpu"
        fits = images if free is None or not own.beside else own.fitting(free, mesh.shape[IMAGES], shared)
        if free is not None and images > 1 and fits < images:
            raise TooManyImagesError(own.beside, free, images, fits)
        self._mesh, self._operations[stage] = mesh, own.operations / length
        self._bytes = max(self._bytes, own.rows + own.beside)

    def add(self, stage: int, steps: int, seconds: float) -> None:
        """Count steps of all images of a stage, whose program was looked at, and the time that they took."""
        self._seconds += seconds
        self._steps += steps
        self._done += steps * self._operations[stage]

    def told(self) -> dict[str, Any] | None:
        """For a run's record: seconds in steps, and how close these were to what the devices can do.

        That is measured here, unless steps took less than a second: then it would take longer than they.
        """
        if not self._steps or self._mesh is None:
            return None
        rate = self._done / max(self._seconds, 1e-9)
        most = ceiling(self._mesh) if self._seconds >= _WORTH_S else None
        return {
            "seconds": round(self._seconds, 2),
            "steps": self._steps,
            "gflop_per_second": round(rate / 1e9, 2),
            "ceiling_gflop_per_second": None if most is None else round(most / 1e9, 2),
            "of_ceiling": None if most is None else round(rate / most, 3),
            "bytes_per_device": self._bytes,
        }


_WORTH_S = 10.0
"""Seconds of steps from which the ceiling is worth the fifth of a second that it takes to measure."""
