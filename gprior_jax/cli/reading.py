"""The flags of commands that read pictures."""

import dataclasses
from typing import Annotated

from tyro import conf

from gprior_jax.errors import ArgumentError
from gprior_jax.images.samples import parse_range


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchFlag:
    """The flag of everything that takes folders of images.

    Attributes:
        recursive: search the folders in folders, too.
    """

    recursive: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangeFlag:
    """The flag of everything that reads pictures.

    Attributes:
        value_range: what is black and white in files of more than 8 bits a sample: auto (guessed by the rules in the
            documentation, and said), a number of bits (12), or LOW:HIGH (0:1, and with an equals sign --range=-1:1).
    """

    value_range: Annotated[str, conf.arg(name="range", metavar="auto|BITS|LOW:HIGH")] = "auto"

    def check_range(self) -> None:
        """Raise :class:`ArgumentError` where the range is none."""
        try:
            parse_range(self.value_range)
        except ArgumentError as error:
            raise ArgumentError(f"--{error}") from None
