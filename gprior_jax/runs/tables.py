"""Tables of a report, and which of their rows is best, and why: read off their numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gprior_jax.runs.template import Html, attributes, fill, joined

HIGHER = frozenset({"psnr", "ssim", "ms_ssim", "consistency", "auc"})
"""Metrics of which more is better."""

LOWER = frozenset({"loss", "lpips", "perceptual", "l1", "pixel_mse", "seconds", "fid", "kid", "swd"})
"""Figures of which less is better."""

MISSING = "\N{EN DASH}"
"""Stands for a figure that a row does not have."""


def more_is_better(name: str) -> bool | None:
    """Whether more of a figure is better; None where it says nothing of quality.

    Words around its name do not matter.

    >>> more_is_better("psnr"), more_is_better("photographs, SSIM"), more_is_better("loss"), more_is_better("best step")
    (True, True, False, None)
    """
    words = name.lower().replace(",", " ").replace("(", " ").split()
    if any(word in HIGHER for word in words):
        return True
    return False if any(word in LOWER for word in words) else None


def shown(value: Any) -> str:
    r"""A cell as text; floats with four digits.

    >>> shown(0.12345678), shown(math.inf) == "\N{INFINITY}", shown(None) == MISSING, shown(3)
    ('0.1235', True, True, '3')
    """
    if value is None or value == "":
        return MISSING
    if isinstance(value, float | np.floating):
        return f"{value:.4g}".replace("inf", "\N{INFINITY}")
    return str(value)


def _numbers(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """A column as numbers; NaN of what is none."""
    return [_number(row.get(name)) for row in rows]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else math.nan


def best_rows(rows: Sequence[Mapping[str, Any]], name: str, higher: bool | None = None) -> list[int]:
    """Which rows are best in a column: several that read the same, none where nothing tells them apart.

    Args:
        rows: of a table.
        name: of the column.
        higher: whether more is better; None asks :func:`more_is_better`.

    >>> best_rows([{"psnr": 20.0}, {"psnr": 21.0}, {"psnr": None}], "psnr"), best_rows([{"loss": 1.0}], "loss")
    ([1], [])
    """
    higher = more_is_better(name) if higher is None else higher
    numbers = [x if higher else -x for x in _numbers(rows, name)]
    known = [x for x in numbers if not math.isnan(x)]
    if higher is None or len(known) < 2:
        return []
    top = shown(max(known))  # What reads the same in the table is the same.
    best = [i for i, x in enumerate(numbers) if not math.isnan(x) and shown(x) == top]
    return best if len(best) < len(known) else []


def table(
    rows: Sequence[Mapping[str, Any]],
    foot: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
    best: bool = False,
) -> Html:
    """A table with the keys of all rows as its head, sorted by a click on it; floats are shown with four digits.

    Args:
        rows: numbers and text by the name of their column.
        foot: a last row, which is not sorted with the others.
        links: ids on the page, by the text of the first column.
        best: mark the best of every column.
    """
    if not rows:
        return Html("")
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {name: any(_is_number(row.get(name)) for row in rows) for name in names}
    marked = {name: set(best_rows(rows, name)) if best else set() for name in names}
    head = joined(fill("head", kind="number" if numeric[name] else "text", text=name) for name in names)
    body = [
        fill("line", cells=joined(_cell(row.get(n), numeric[n], i in marked[n], n == names[0], links) for n in names))
        for i, row in enumerate(rows)
    ]
    cells = joined(_cell((foot or {}).get(name, Html("")), numeric[name]) for name in names)
    return fill(
        "table",
        attributes=attributes(class_="sortable" if len(rows) > 1 else None),
        head=head,
        body=joined(body),
        foot=fill("foot", cells=cells) if foot else Html(""),
    )


def _cell(
    value: Any, is_number: bool, is_best: bool = False, is_first: bool = False, links: Mapping[str, str] | None = None
) -> Html:
    text = value if isinstance(value, Html) else shown(value)
    if is_first and links and text in links:
        text = fill("link", to=f"#{links[text]}", text=text)
    number = _number(value)
    kinds = [kind for kind, holds in (("number", is_number), ("text", not is_number), ("best", is_best)) if holds]
    own = attributes(
        class_=" ".join(kinds),
        data_value=None if math.isnan(number) else f"{number:.9g}".replace("inf", "Infinity"),
        title="best of this column" if is_best else None,
    )
    return fill("cell", attributes=own, text=text)
