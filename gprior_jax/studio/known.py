"""A direction with what is told of it."""

from collections.abc import Container, Mapping
from typing import Any, Literal, NamedTuple

from gprior_jax.editing.directions import Direction

Kind = Literal["boundary", "sefa", "ganspace", "file"]

RANGE = (-3, 3)
"""Of sliders, in deviations, as of the published strips."""


class Known(NamedTuple):
    """A direction with what is told of it.

    Attributes:
        direction: with its deviation.
        kind: where it comes from.
        title: for people.
        source: what ``--along`` and :func:`gprior_jax.runs.read_directions` take for it.
    """

    direction: Direction
    kind: Kind
    title: str
    source: str


def told(known: Mapping[str, Known]) -> list[dict[str, Any]]:
    """Directions for the page."""
    return [
        {
            "name": name,
            "title": each.title,
            "kind": each.kind,
            "space": each.direction.space,
            "layers": _layers(each.direction.layers),
            "deviation": each.direction.deviation,
            "range": list(RANGE),
        }
        for name, each in known.items()
    ]


def _layers(layers: tuple[int, ...] | None) -> str | None:
    """Style layers as :func:`gprior_jax.editing.style_layers` takes them.

    >>> _layers((0, 1, 2, 5)), _layers(None)
    ('0-2,5', None)
    """
    if layers is None:
        return None
    starts = [layer for layer in layers if layer - 1 not in layers]
    ends = [layer for layer in layers if layer + 1 not in layers]
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in zip(starts, ends, strict=True))


def title_of(name: str) -> str:
    """A name for people.

    >>> title_of("open_mouth"), title_of("SeFa 1")
    ('Open mouth', 'SeFa 1')
    """
    words = name.replace("_", " ").strip()[:60]
    return words[:1].upper() + words[1:]


def unlike(name: str, taken: Container[str]) -> str:
    """A name that is not taken.

    >>> unlike("up", {"up", "up_2"})
    'up_3'
    """
    own, number = name, 1
    while own in taken:
        number += 1
        own = f"{name}_{number}"
    return own
