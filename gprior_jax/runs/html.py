"""Blocks of one self-contained HTML file with pictures, curves and tables; it opens anywhere, offline.

The markup is in ``templates/``: ``report.html`` in named parts, its style sheet and its script. Without the script
everything is visible, side by side.
"""

import base64
import html
import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from PIL import Image

from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png
from gprior_jax.runs.charts import curves as curves
from gprior_jax.runs.charts import histogram as histogram
from gprior_jax.runs.tables import table as table
from gprior_jax.runs.template import Html, attributes, fill, joined, text_of

ERROR_RANGE = 0.25
"""Absolute difference, of pixels in [0, 1], that the error map shows as white."""

WIDTH_RANGE = 0.5
"""Width of an interval, part of the range of pixels, that its map shows as white."""

_SIDE, _LARGE = 256, 320
"""Width on the page that small pictures are enlarged to, up to four times, and that large ones are reduced to."""

_COLOURS = 256
"""Colours that a PNG may have in a palette (PNG specification, 11.2.3)."""


class Cell(NamedTuple):
    """A picture in a row of pictures to compare.

    Attributes:
        column: a short name of letters, digits and hyphens; of one page, all pictures of a name stand in one column.
        image: uint8 ``[H, W, C]``.
        caption: text under it.
        other: the column whose picture is shown in its place when the pointer is on it.
        slides: whether a slider uncovers the other one, too.
    """

    column: str
    image: np.ndarray
    caption: str
    other: str | None = None
    slides: bool = False


def picture(image: np.ndarray, caption: str = "", side: int = _SIDE) -> Html:
    """A picture with a caption.

    Args:
        image: uint8 ``[H, W, C]``.
        caption: text under it.
        side: width on the page, CSS pixels.
    """
    return _figure(image, caption, side, Html(""), style=f"width: {side}px")


def compared(cells: Sequence[Cell]) -> Html:
    """Pictures side by side, each in its column, of one width; hovering and sliding lay one over another."""
    side = side_of(max(cell.image.shape[1] for cell in cells))
    captions = {cell.column: cell.caption for cell in cells}
    drawn = []
    for cell in cells:
        other = cell.other if cell.other in captions and cell.other != cell.column else None
        slides = cell.slides and other is not None
        slider = fill("slider", other=captions[other or cell.column], caption=cell.caption) if slides else Html("")
        own = {"data-column": cell.column, "data-other": other}
        drawn.append(_figure(cell.image, cell.caption, side, slider, **own))
    return fill("images", side=side, blocks=joined(drawn))


def side_of(width: int) -> int:
    """Width on the page of pictures of a width: a whole number of CSS pixels for each, as far as there is room.

    >>> [side_of(width) for width in (16, 64, 100, 256, 300, 1024)]
    [64, 256, 200, 256, 300, 320]
    """
    return min(width * min(max(_SIDE // width, 1), 4), _LARGE)


def samples(pictures: Iterable[Html]) -> Html:
    """Small pictures in columns of one width."""
    return fill("samples", blocks=joined(pictures))


def sample(image: np.ndarray, caption: str) -> Html:
    """One of :func:`samples`."""
    return _figure(image, caption, 128, Html(""))


def _figure(image: np.ndarray, caption: str, side: int, slider: Html, **own: object) -> Html:
    large = "large" if image.shape[1] > side else None
    data = Html(base64.b64encode(_png(_reduced(image, side))).decode())
    return fill("picture", attributes=attributes(class_=large, **own), caption=caption, data=data, slider=slider)


def _reduced(image: np.ndarray, side: int) -> np.ndarray:
    """A picture that is wider than a side, at that width: the file shall stay small, and the pictures lie beside it."""
    height, width, channels = image.shape
    if width <= side:
        return image
    opened = Image.fromarray(image[..., 0] if channels == 1 else image)
    smaller = opened.resize((side, max(1, round(height * side / width))), Image.Resampling.BOX)
    return np.asarray(smaller).reshape(smaller.height, smaller.width, channels)


def _png(image: np.ndarray) -> bytes:
    """A PNG of exactly these pixels; in a palette where that is smaller, as of error maps."""
    if image.shape[-1] != 3:
        return encode_png(image)
    packed = image.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, places = np.unique(packed, return_inverse=True)
    if len(colours) > min(_COLOURS, packed.size // 4):
        return encode_png(image)
    indexed = Image.fromarray(places.reshape(packed.shape).astype(np.uint8))
    indexed.putpalette(np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    indexed.save(buffer, "PNG")
    return buffer.getvalue()


def error_map(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean absolute difference over channels as a picture, black to white at :data:`ERROR_RANGE`.

    Args:
        image: uint8 ``[H, W, 3]``.
        reference: the same.

    Returns:
        uint8 ``[H, W, 3]``, from black through red and yellow to white.
    """
    difference = np.abs(image.astype(np.float32) - reference.astype(np.float32)).mean(axis=-1) / 255.0
    return heat_map(difference / ERROR_RANGE)


def heat_map(levels: np.ndarray) -> np.ndarray:
    """Numbers ``[H, W]`` as a picture, uint8 ``[H, W, 3]``: 0 is black, then red and yellow, and 1 is white.

    >>> heat_map(np.array([[0.0, 1 / 3, 2.0]]))[0].tolist()
    [[0, 0, 0], [255, 0, 0], [255, 255, 255]]
    """
    level = np.clip(levels, 0.0, 1.0)
    channels = [np.clip(3.0 * level - start, 0.0, 1.0) for start in (0.0, 1.0, 2.0)]
    return im.to_uint8(np.stack(channels, axis=-1) * 2.0 - 1.0)


def row(items: Iterable[str]) -> Html:
    """Blocks side by side."""
    return fill("row", blocks=joined(items))


def section(title: str, *blocks: str) -> Html:
    """Blocks under a heading."""
    return fill("section", title=title, blocks=joined(blocks), attributes=Html(""))


def image_section(name: str, *blocks: str) -> Html:
    """Blocks of one image, which a link can lead to: see :func:`anchor`."""
    own = attributes(class_="image", id=anchor(name))
    return fill("section", title=name, blocks=joined(blocks), attributes=own)


def anchor(name: str) -> str:
    """Id of the section of an image; an id has no spaces, a name may."""
    return quote(f"image-{name}")


def paragraph(text: str) -> Html:
    """A paragraph of plain text."""
    return fill("paragraph", text=text)


def listing(text: str) -> Html:
    """Lines of a program, as they are."""
    return fill("listing", text=text)


def conclusion(text: str) -> Html:
    """A paragraph that stands out; nothing without text."""
    return fill("verdict", text=text) if text else Html("")


def details(title: str, *blocks: str) -> Html:
    """Blocks that a click on a title uncovers."""
    return fill("details", title=title, blocks=joined(blocks))


def chart(drawn: str, caption: str = "") -> Html:
    """An SVG as a figure."""
    return fill("chart", drawn=Html(drawn), caption=caption)


def page(title: str, *blocks: str, columns: Sequence[str] = ()) -> Html:
    """A whole HTML document.

    Args:
        title: of the page, and its heading.
        blocks: its content.
        columns: order of the columns of pictures, as far as there are such; others follow in the order of the page.
    """
    found = dict.fromkeys(html.unescape(name) for block in blocks for name in _COLUMN.findall(block))
    ordered = [name for name in columns if name in found] + [name for name in found if name not in columns]
    rules = [fill("column", name=name, wide=i + 1, row=i // 2 + 1, narrow=i % 2 + 1) for i, name in enumerate(ordered)]
    placed = fill("columns", number=max(len(ordered), 1), rules=Html("\n".join(rules)))
    content = {"style": text_of("report.css"), "columns": placed, "script": text_of("report.js")}
    return Html(fill("page", title=title, blocks=Html("\n".join(blocks)), **content) + "\n")


_COLUMN = re.compile(r'data-column="([^"]+)"')
