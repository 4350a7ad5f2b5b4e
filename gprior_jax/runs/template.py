"""Parts of a page from the files in ``templates/``, filled; whatever is no markup already is escaped."""

import functools
import html
import re
from collections.abc import Iterable
from importlib import resources
from string import Template


class Html(str):
    """Markup: what :func:`fill` puts in as it is."""

    __slots__ = ()


def fill(part: str, **values: object) -> Html:
    """A part of ``report.html`` with values in it.

    Args:
        part: its name.
        values: for every ``$name`` of the part; text and numbers are escaped.

    Raises:
        KeyError: there is no such part, or a value is missing.

    >>> fill("paragraph", text="1 < 2")
    '<p>1 &lt; 2</p>'
    """
    escaped = {name: each if isinstance(each, Html) else html.escape(str(each)) for name, each in values.items()}
    return Html(_parts()[part].substitute(escaped))


def joined(blocks: Iterable[str]) -> Html:
    """Blocks of markup one after the other."""
    return Html("".join(blocks))


def attributes(**values: object) -> Html:
    """Attributes of a tag, with a space before each; those that are None are left out.

    >>> attributes(title="a b", data_value=3, id=None)
    ' title="a b" data-value="3"'
    """
    named = {name.strip("_").replace("_", "-"): value for name, value in values.items() if value is not None}
    return joined(fill("attribute", name=name, value=value) for name, value in named.items())


def text_of(name: str) -> Html:
    """A file of ``templates/`` as it is."""
    return Html((resources.files("gprior_jax") / "runs" / "templates" / name).read_text(encoding="utf-8").strip())


@functools.cache
def _parts() -> dict[str, Template]:
    """Templates by name: the lines between ``<!-- part: NAME -->`` and the next such line."""
    pieces = re.split(r"^<!-- part: (\w+) -->$", text_of("report.html"), flags=re.MULTILINE)[1:]
    return {name: Template(content.strip("\n")) for name, content in zip(pieces[::2], pieces[1::2], strict=True)}
