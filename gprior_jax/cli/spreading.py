"""The flag of commands that spread their work over devices."""

import dataclasses
import functools
from typing import Annotated

from tyro import conf

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import Devices, parse_devices


@dataclasses.dataclass(frozen=True, kw_only=True)
class DevicesFlag:
    """The flag of runs that invert.

    Attributes:
        devices: devices to spread a batch over; unless given one, or on a CPU its cores. 2x4 spreads images over 2
            times 4 devices, and the codes of every image over 4 of them, of methods with several.
    """

    devices: Annotated[str | None, conf.arg(metavar="N|IxC")] = None

    @functools.cached_property
    def spread_over(self) -> Devices | None:
        """The devices that are asked for.

        Raises:
            ArgumentError: these are none.
        """
        try:
            return None if self.devices is None else parse_devices(self.devices)
        except ArgumentError as error:
            raise ArgumentError(f"--{error}") from None
