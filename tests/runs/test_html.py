import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gprior_jax.runs import html


def test_error_map_from_black_to_white():
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert (html.error_map(black, black) == 0).all()
    assert (html.error_map(black, white) == 255).all()
    half = np.full((2, 2, 3), round(255 * html.ERROR_RANGE / 2), np.uint8)
    pixel = html.error_map(black, half)[0, 0]
    assert pixel[0] == 255
    assert pixel[2] == 0


def test_curves_leave_out_what_a_logarithm_cannot_show():
    assert html.curves({"loss": np.array([np.nan, -1.0, 0.0])}) == ""
    drawn = html.curves({"loss": np.array([1.0, np.nan, 0.01])})
    points = re.search(r'polyline points="([^"]+)"', drawn)
    assert points is not None
    assert len(points.group(1).split()) == 2
    heights = [float(point.split(",")[1]) for point in points.group(1).split()]
    assert heights[0] < heights[1]  # SVG counts downwards.


def test_table_shows_four_digits():
    assert "<td>0.1235</td>" in html.table([{"value": 0.12345678}])
    assert html.table([]) == ""
    drawn = html.table([{"a": 1, "b <b>": "x"}, {"a": "<i>"}])
    assert drawn.startswith("<table><tr><th>a</th><th>b &lt;b&gt;</th></tr>")
    assert "<tr><td>&lt;i&gt;</td><td></td></tr>" in drawn


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_inside_the_page(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, channels), np.uint8)
    drawn = html.picture(pixels, 'a "caption" <b>', 64)
    found = re.fullmatch(
        r'<figure><img width="64" alt="(.*)" src="data:image/png;base64,(.*)"><figcaption>(.*)</figcaption></figure>',
        drawn,
    )
    assert found is not None
    assert found[1] == found[3] == "a &quot;caption&quot; &lt;b&gt;"
    with Image.open(io.BytesIO(base64.b64decode(found[2]))) as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)


def test_blocks_are_escaped_and_nest():
    texts = []
    parser = HTMLParser()
    parser.handle_data = texts.append
    parser.feed(
        html.page("<title>", html.section("<section>", html.row(["<i>1</i>", "<i>2</i>"])), html.paragraph("<p>"))
    )
    assert [text for text in texts if text.strip() and "{" not in text] == [
        "<title>",
        "<title>",
        "<section>",
        "1",
        "2",
        "<p>",
    ]


def test_histogram():
    values = {"generated": np.array([0.1, 0.1, 0.2]), "real <b>": np.array([1.0, 10.0])}
    drawn = html.histogram(values, {"cat": 0.5})
    assert drawn.count("<rect") == 64
    assert drawn.startswith("<svg")
    assert "real &lt;b&gt; (2)" in drawn
    assert ">cat</text>" in drawn
    # The tallest bar is the share of the two equal values.
    heights = [float(each) for each in re.findall(r'<rect[^>]* height="([\d.]+)"', drawn)]
    assert max(heights) == 182
