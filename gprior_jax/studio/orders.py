"""What the page asks for with a photograph, and the command that does the same."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gprior_jax.cli.colorize import Colorize
from gprior_jax.cli.deblur import Deblur
from gprior_jax.cli.denoise import Denoise
from gprior_jax.cli.inpaint import Inpaint
from gprior_jax.cli.invert import Invert
from gprior_jax.cli.restore import Restore
from gprior_jax.cli.upscale import Upscale
from gprior_jax.errors import ArgumentError
from gprior_jax.images.frames import Frame
from gprior_jax.recipes import find_method
from gprior_jax.runs.names import as_text
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.bodies import settings_of

Placing = Frame | Literal["face"] | None
"""Where the square of a photograph is: given, where its face is, or in its centre."""

ENDINGS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
"""Of files, by Pillow's names of formats."""

_LONGEST = 80
"""Characters of the name of a photograph,"""

_MOST_BYTES = 200
"""and its bytes: with its ending, every file system has room."""

_SMALLEST = 8.0
"""Side of a square below which there is nothing to see, pixels."""


class Order(NamedTuple):
    """What the page asks for with a photograph.

    Attributes:
        name: what the photograph is called.
        asked: the settings.
        placing: where its square is.
    """

    name: str
    asked: Asked
    placing: Placing

    def given(self) -> dict[str, Any]:
        """What differs from the defaults, JSON as it was sent."""
        square = self.placing
        if isinstance(square, Frame):
            told = {"center": [square.x, square.y], "size": square.side, "angle": square.degrees}
            return self.asked.given() | {"placement": told}
        return self.asked.given() | ({} if square is None else {"placement": square})


def parse_order(text: Any, method: str = "mganprior") -> Order:
    """An order out of JSON.

    Args:
        text: the JSON.
        method: of an inversion whose order names none; restorations have the one that they were measured with.

    Raises:
        ArgumentError: it is none, or settings that are none.

    >>> parse_order('{"name": "cat.jpg", "task": "denoise", "steps": null}').asked.task
    'denoise'
    """
    try:
        told = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise ArgumentError("the order is no JSON object: send one with the settings.")
    return told_order(told, method)


def told_order(told: dict[str, Any], method: str) -> Order:
    """The order of a JSON object that was read already; see :func:`parse_order`."""
    name, placing = told.get("name"), told.get("placement")
    settings = {n: value for n, value in told.items() if n not in ("name", "placement") and value is not None}
    if settings.get("task", "invert") == "invert":
        settings.setdefault("method", method)
    return Order(as_text(str(name or "photograph")[:200]), settings_of(settings), _placing(placing))


def stored_order(about: Mapping[str, Any]) -> Order:
    """The order of an item, out of what is stored of it."""
    settings = dict(about["settings"])
    placing = _placing(settings.pop("placement", None))
    return Order(about["name"], settings_of(settings), placing)


def _placing(told: Any) -> Placing:
    if told is None or told == "face":
        return told
    try:
        (x, y), size, angle = told["center"], told["size"], told.get("angle") or 0.0
        numbers = [float(number) for number in (x, y, size, angle)]
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise ArgumentError('the placement is none: give {"center": [x, y], "size": pixels, "angle": degrees}.')
    x, y, size, angle = numbers
    turn = math.radians(angle)
    return Frame(x, y, size / 2 * math.cos(turn), size / 2 * math.sin(turn))


def check_frame(frame: Frame, size: tuple[int, int]) -> None:
    """Check that a square lies in a photograph of a width and height.

    Raises:
        ArgumentError: it does not, or is too small or too large.
    """
    width, height = size
    if not (0 <= frame.x < width and 0 <= frame.y < height):
        raise ArgumentError("the middle of the square is outside of the photograph: move it inside.")
    if frame.side < _SMALLEST:
        raise ArgumentError(f"the square is {frame.side:.1f} pixels wide: draw it larger, {_SMALLEST:.0f} at least.")
    if frame.side > 2 * max(size):
        told = f"the square is {frame.side:.0f} pixels wide"
        raise ArgumentError(f"{told}, more than twice the photograph: draw it smaller.")


_PICTURES = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "heic", "avif")
"""Endings that a file of another format may have been given."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""Names that are no files on Windows."""


def file_name(name: str, kind: str) -> str:
    """What the file of a photograph is called here: letters and digits of its own name, and the ending of its format.

    Args:
        name: any text.
        kind: ``"PNG"`` or ``"JPEG"``.

    >>> file_name("cat.JPG", "JPEG"), file_name("../../etc/passwd", "PNG"), file_name("..", "PNG")
    ('cat.JPG', 'passwd.png', 'photograph.png')
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem, _, ending = last.rpartition(".")
    if f".{ending.lower()}" not in ENDINGS[kind]:
        stem, ending = stem if ending.lower() in _PICTURES else last, ENDINGS[kind][0][1:]
    stem = re.sub(r"[^\w .()+-]", "_", stem)[:_LONGEST].encode()[:_MOST_BYTES].decode(errors="ignore").strip(" .-")
    return f"{stem if stem.strip('_') and not _DEVICES.fullmatch(stem) else 'photograph'}.{ending}"


class Files(NamedTuple):
    """The files that an order's command reads and writes.

    Attributes:
        photograph: the picture.
        out: folder for the results.
        mask: at the prior's resolution, white where pixels are missing.
        template: where the given points are in the square.
        faces: the points.
    """

    photograph: Path = Path("photograph.png")
    out: Path = Path("out")
    mask: Path | None = None
    template: Path | None = None
    faces: Path | None = None


NO_FILES = Files()
"""Of a command that is not to be run."""

_RESTORATIONS: dict[str, type[Restore]] = {
    "colorize": Colorize,
    "upscale": Upscale,
    "inpaint": Inpaint,
    "denoise": Denoise,
    "deblur": Deblur,
}

_OWN = ("factor", "filter", "box", "blend", "noise", "blur", "sigma", "length", "angle", "samples")
"""Settings of tasks that are flags of their commands."""


def command_of(asked: Asked, model: str, files: Files = NO_FILES, placing: Placing = None) -> Invert | Restore:
    """The command that does what is asked for.

    Args:
        asked: the settings.
        model: name or folder of the prior.
        files: that it reads and writes.
        placing: where the square is.

    >>> command_of(Asked(task="denoise", steps=7), "builtin").num_steps
    7
    """
    compares = "perceptual" in find_method(asked.method).options
    told: dict[str, Any] = {
        "inputs": (str(files.photograph),),
        "out": files.out,
        "model": model,
        "num_steps": asked.steps,
        "num_codes": asked.codes,
        "perceptual": "none" if compares and not asked.perceptual else "auto",
        "align": None if placing is None else "auto" if files.template is None else str(files.template),
        "landmarks": files.faces,
    }
    told |= {name: getattr(asked, name) for name in ("seed", "label", "crop", "method", "preset", "layer", "start")}
    if asked.task == "invert":
        return Invert(**told)
    told |= {name: value for name in _OWN if (value := getattr(asked, name)) is not None}
    if asked.task == "inpaint" and files.mask is not None:
        told |= {"mask": files.mask, "invert_mask": True}
    return _RESTORATIONS[asked.task](**told)
