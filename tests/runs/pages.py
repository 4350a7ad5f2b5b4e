"""What the tests of reports share: a page taken apart by :mod:`html.parser`."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

VOID = frozenset({"meta", "img", "input"})


class Element:
    """A tag with its attributes, what is in it, and the tag around it."""

    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, dict(attributes), parent
        self.children, self.text = [], ""

    def all(self, tag, **wanted):
        """Elements below of a tag and attributes, in their order."""
        named = {name.strip("_").replace("_", "-"): value for name, value in wanted.items()}
        found = []
        for child in self.children:
            if child.tag == tag and all(child.attributes.get(name) == value for name, value in named.items()):
                found.append(child)
            found += child.all(tag, **wanted)
        return found

    def one(self, tag, **wanted):
        (found,) = self.all(tag, **wanted)
        return found

    @property
    def whole_text(self):
        return self.text + "".join(child.whole_text for child in self.children)


class Page(HTMLParser):
    """Fails on a tag that is closed in the wrong order, or not at all."""

    def __init__(self, text):
        super().__init__()
        self.root = self.here = Element("", [], None)
        self.feed(text)
        self.close()
        assert self.here is self.root, f"{self.here.tag} is not closed"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        assert all(value is not None for _, value in attrs)
        assert tag not in VOID, f"{tag} is not closed"
        self.here.children.append(Element(tag, attrs, self.here))
        self.here = self.here.children[-1]

    def handle_startendtag(self, tag, attrs):
        self.here.children.append(Element(tag, attrs, self.here))

    def handle_endtag(self, tag):
        assert tag == self.here.tag
        self.here = self.here.parent

    def handle_data(self, data):
        self.here.text += data


def parsed(text):
    """The root of a page, or of blocks of one."""
    return Page(text).root


def pixels_of(img):
    """The picture of an ``img``, uint8 ``[H, W, 3]``."""
    kind, _, data = img.attributes["src"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
        return np.asarray(opened.convert("RGB"))


def compared(root):
    """Pairs of pictures that sliders lay over one another: that of the slider, and the other."""
    pairs = []
    for figure in root.all("figure"):
        if figure.all("input", type="range"):
            row = figure.parent
            assert row.attributes["class"] == "images"
            other = row.one("figure", data_column=figure.attributes["data-other"])
            pairs.append((figure.one("img"), other.one("img")))
    return pairs
