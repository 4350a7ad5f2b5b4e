"""Axes of curves: where ticks stand, and how they are told."""

import math
from typing import NamedTuple

import numpy as np

_MOST = 6
"""Ticks of an axis, about; more would touch."""


class Tick(NamedTuple):
    """A place on an axis.

    Attributes:
        value: there.
        text: beside it.
    """

    value: float
    text: str


def told(value: float, digits: int = 4) -> str:
    """A number, short.

    >>> told(12345.678), told(0.00001), told(1e6), told(0.5)
    ('12350', '1e-5', '1e6', '0.5')
    """
    if 1e-4 <= abs(value) < 1e5:
        return f"{float(f'{value:.{digits}g}'):.10f}".rstrip("0").rstrip(".")
    return f"{value:.{digits}g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def linear_ticks(low: float, high: float, whole: bool = False) -> list[Tick]:
    """Multiples of 1, 2 or 5 times a power of ten between two numbers.

    >>> [tick.text for tick in linear_ticks(0, 99, whole=True)]
    ['0', '20', '40', '60', '80']
    >>> [tick.text for tick in linear_ticks(-1.0, 1.0)]
    ['-1', '-0.5', '0', '0.5', '1']
    """
    span = high - low
    if not span > 0:
        return [Tick(low, told(low))]
    power = 10.0 ** math.floor(math.log10(span / _MOST))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= _MOST)
    step = max(step, 1.0) if whole else step
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    # As many digits as tell a tick from the next one.
    digits = max(4, math.ceil(math.log10(max(abs(low), abs(high)) / step)) + 1)
    return [Tick(place * step, told(place * step, digits)) for place in places]


def log_ticks(low: float, high: float) -> list[Tick]:
    """Powers of ten between two positive numbers, or where there are hardly any finer ticks.

    >>> [tick.text for tick in log_ticks(0.004, 20)], [tick.text for tick in log_ticks(0.1, 0.6)]
    (['0.01', '0.1', '1', '10'], ['0.1', '0.2', '0.5'])
    """
    decades = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if len(decades) > 2:
        stride = math.ceil(len(decades) / _MOST)
        return [Tick(10.0**power, told(10.0**power)) for power in decades[::stride]]
    around = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [factor * 10.0**power for power in around for factor in (1, 2, 5)]
    kept = [value for value in fine if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    return [Tick(value, told(value)) for value in kept] if len(kept) > 2 else linear_ticks(low, high)


class Axis(NamedTuple):
    """The axis of values.

    Attributes:
        is_log: whether it is logarithmic.
        low: its lower end: a value, or the logarithm of one.
        high: its upper end.
        ticks: on it.
    """

    is_log: bool
    low: float
    high: float
    ticks: list[Tick]

    def share(self, value: float) -> float:
        """How far up a value is, in [0, 1]; NaN of what the axis cannot show."""
        if not math.isfinite(value) or (self.is_log and value <= 0):
            return math.nan
        return ((math.log10(value) if self.is_log else value) - self.low) / (self.high - self.low)


def axis_of(values: np.ndarray) -> Axis | None:
    """The axis for values: logarithmic unless one is negative, or all are zero; None where none is finite."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    positive = finite[finite > 0]
    is_log = bool(positive.size) and not (finite < 0).any()
    low, high = (float(end) for end in ((positive.min(), positive.max()) if is_log else (finite.min(), finite.max())))
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # All the same: some room, so that the curve lies in the middle.
        low, high = (low / 1.1, high * 1.1) if is_log else (low - (abs(low) or 1) / 10, high + (abs(high) or 1) / 10)
    if is_log:
        return Axis(True, math.log10(low), math.log10(high), log_ticks(low, high))
    return Axis(False, low, high, linear_ticks(low, high))
