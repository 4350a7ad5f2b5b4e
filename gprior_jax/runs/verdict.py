"""Which row of a table is best, and why, in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gprior_jax.runs.tables import best_rows, more_is_better, shown

_NAMED = 3
"""Rows that are named where several are equal; more are counted."""


def verdict(
    rows: Sequence[Mapping[str, Any]], name: str, criteria: Sequence[str], higher: Mapping[str, bool] | None = None
) -> str:
    """The best row by the first criterion that tells rows apart, how far it is ahead, and what the other criteria say.

    Args:
        rows: of a table.
        name: the column that names them.
        criteria: columns, the one that counts most first; those that no row has are passed over.
        higher: whether more is better, for columns where the name does not tell.

    Returns:
        Sentences; empty where there is nothing to compare.

    >>> rows = [{"method": "a", "psnr": 20.0, "loss": 0.2}, {"method": "b", "psnr": 21.5, "loss": 0.3}]
    >>> verdict(rows, "method", ["psnr", "loss"])
    'b is best: its psnr of 21.5 is the highest, 1.5 ahead of a (20). Best by loss: a (0.2; 0.3 for b).'
    """
    if len(rows) < 2:
        return ""
    ways = {c: w for c in criteria if (w := (higher or {}).get(c, more_is_better(c))) is not None}
    ways = {c: w for c, w in ways.items() if _known(rows, c)}
    if not ways:
        return "None is best: there are no numbers to compare."
    winners = {c: best_rows(rows, c, way) for c, way in ways.items()}
    first = next((c for c, found in winners.items() if found), None)
    if first is None:
        alone = all(len(_known(rows, c)) < 2 for c in ways)
        return (
            "None is best: only one has numbers to compare."
            if alone
            else f"None is best: all are equal in {_listed([*ways])}."
        )
    best = winners[first]
    sentences = [_equal(rows, first, list(ways)), _lead(rows, name, first, ways[first], best)]
    rest = [c for c in winners if c != first and winners[c]]
    agree = [c for c in rest if set(best) <= set(winners[c])]
    if agree:
        sentences.append(f"So it is by {_listed(agree)}." if len(best) == 1 else f"So they are by {_listed(agree)}.")
    sentences += [_otherwise(rows, name, c, winners[c], best) for c in rest if c not in agree]
    return " ".join(sentence for sentence in sentences if sentence)


def _known(rows: Sequence[Mapping[str, Any]], column: str) -> list[float]:
    values = [row.get(column) for row in rows]
    return [float(x) for x in values if x is not None and not math.isnan(float(x))]


def _equal(rows: Sequence[Mapping[str, Any]], first: str, criteria: list[str]) -> str:
    """That criteria before the one that decides do not."""
    before = [c for c in criteria[: criteria.index(first)] if len(_known(rows, c)) > 1]
    return f"All are equal in {_listed(before)}." if before else ""


def _lead(rows: Sequence[Mapping[str, Any]], name: str, column: str, higher: bool, best: list[int]) -> str:
    """Who is best by a column, and how far the next one is behind."""
    value = float(rows[best[0]][column])
    word, who = "highest" if higher else "lowest", _named(rows, name, best)
    others = [i for i, row in enumerate(rows) if i not in best and row.get(column) is not None]
    others = [i for i in others if not math.isnan(float(rows[i][column]))]
    following = sorted(others, key=lambda i: float(rows[i][column]), reverse=higher)[0]
    behind = float(rows[following][column])
    ahead = f", {shown(abs(value - behind))} ahead of" if math.isfinite(value - behind) else "; next is"
    next_one = f"{ahead} {rows[following][name]} ({shown(behind)})"
    if len(best) == 1:
        return f"{who} is best: its {column} of {shown(value)} is the {word}{next_one}."
    return f"{who} are best together: their {column} of {shown(value)} is the {word}{next_one}."


def _otherwise(rows: Sequence[Mapping[str, Any]], name: str, column: str, found: list[int], best: list[int]) -> str:
    """Who is best by a column by which the best one is not, and what that one has there."""
    own = f"; {shown(rows[best[0]].get(column))} for {rows[best[0]][name]}" if len(best) == 1 else ""
    return f"Best by {column}: {_named(rows, name, found)} ({shown(rows[found[0]][column])}{own})."


def _named(rows: Sequence[Mapping[str, Any]], name: str, found: Sequence[int]) -> str:
    if len(found) > _NAMED:
        return f"{len(found)} of {len(rows)}"
    return _listed([str(rows[i][name]) for i in found])


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
