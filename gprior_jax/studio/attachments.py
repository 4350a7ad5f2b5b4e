"""Files that the page lets one keep."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote


class Attachment(NamedTuple):
    """A file to be kept.

    Attributes:
        name: what it is called.
        media: its type.
        content: its bytes.
    """

    name: str
    media: str
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """What says what it is called (RFC 6266)."""
        return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(self.name)}", "Cache-Control": "no-store"}


def text_of(name: str, text: str) -> Attachment:
    """A file of text."""
    return Attachment(name, "text/plain; charset=utf-8", text.encode())


def anywhere(model: str) -> str:
    """What commands call a prior, wherever they run: a folder with all of its path."""
    folder = Path(model).expanduser()
    return str(folder.absolute()) if folder.is_dir() else model
