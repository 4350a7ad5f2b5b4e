import numpy as np
import pytest

from gprior_jax.runs import html
from runs.pages import compared, parsed, pixels_of

HOSTILE = """<b>&"'</script><!-- x -->$title"""


def noise(side=8, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (side, side, channels), np.uint8)


def test_error_map_from_black_to_white():
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert (html.error_map(black, black) == 0).all()
    assert (html.error_map(black, white) == 255).all()
    half = np.full((2, 2, 3), round(255 * html.ERROR_RANGE / 2), np.uint8)
    pixel = html.error_map(black, half)[0, 0]
    assert pixel[0] == 255
    assert pixel[2] == 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("colours", [2, 17, 255])
def test_pictures_are_inside_the_page_to_the_pixel(channels, colours):
    """Also where they go into a palette."""
    picture = noise(24, channels) % colours
    figure = parsed(html.picture(picture, HOSTILE, 64)).one("figure")
    assert figure.attributes["style"] == "width: 64px"
    assert figure.one("img").attributes["alt"] == figure.one("figcaption").text == HOSTILE
    np.testing.assert_array_equal(pixels_of(figure.one("img")), np.broadcast_to(picture, (24, 24, 3)))


def test_a_palette_makes_error_maps_smaller():
    difference = html.error_map(noise(64), noise(64, seed=1))
    assert len(html.picture(difference)) < 0.75 * len(html.picture(noise(64) // 2 + difference // 2))


def test_large_pictures_are_reduced():
    ramp = np.broadcast_to(np.arange(1024, dtype=np.uint16)[:, None, None] // 4, (1024, 1024, 3)).astype(np.uint8)
    shown = pixels_of(parsed(html.picture(ramp, side=256)).one("img"))
    assert shown.shape == (256, 256, 3)
    np.testing.assert_allclose(shown.astype(float), ramp[1::4, 1::4].astype(float), atol=1)
    cells = [html.Cell("a", noise(1024), "a"), html.Cell("b", noise(1024, 1), "b")]
    assert {pixels_of(img).shape for img in parsed(html.compared(cells)).all("img")} == {(320, 320, 3)}


def test_a_slider_lays_another_picture_over_one():
    cells = [
        html.Cell("input", noise(), "input", other="result"),
        html.Cell("result", noise(seed=1), "result", other="input", slides=True),
        html.Cell("error", noise(seed=2), "error"),
    ]
    root = parsed(html.compared(cells))
    ((result, target),) = compared(root)
    np.testing.assert_array_equal(pixels_of(result), cells[1].image)
    np.testing.assert_array_equal(pixels_of(target), cells[0].image)
    label = root.one("label")
    assert "hidden" in label.attributes  # Without the script it does nothing.
    assert label.whole_text == "slide to the input"
    slider = label.one("input").attributes
    assert slider.pop("aria-label") == "result: slide to the input"
    assert slider == {"type": "range", "min": "0", "max": "100", "value": "0"}
    assert [figure.attributes.get("data-other") for figure in root.all("figure")] == ["result", "input", None]
    assert root.one("div", class_="images").attributes["style"] == "--side: 32px"


def test_what_is_not_there_is_not_slid_to():
    root = parsed(html.compared([html.Cell("result", noise(), "result", other="truth", slides=True)]))
    assert root.all("input") == []
    assert "data-other" not in root.one("figure").attributes


def test_a_column_stands_at_one_place_for_every_image():
    """Whatever the images have beside it, on wide pages and on narrow ones."""
    two = html.compared([html.Cell("result", noise(), ""), html.Cell("mean", noise(), "")])
    three = html.compared([html.Cell(name, noise(), "") for name in ("input", "result", "truth")])
    text = html.page("page", two, three, columns=("input", "result", "truth", "error"))
    rules = [line for line in text.splitlines() if line.startswith(('[data-column="', "@media (max-width: 44rem) { ["))]
    assert rules == [
        '[data-column="input"] { grid-area: 1 / 1; }',
        '@media (max-width: 44rem) { [data-column="input"] { grid-area: 1 / 1; } }',
        '[data-column="result"] { grid-area: 1 / 2; }',
        '@media (max-width: 44rem) { [data-column="result"] { grid-area: 1 / 2; } }',
        '[data-column="truth"] { grid-area: 1 / 3; }',
        '@media (max-width: 44rem) { [data-column="truth"] { grid-area: 2 / 1; } }',
        '[data-column="mean"] { grid-area: 1 / 4; }',
        '@media (max-width: 44rem) { [data-column="mean"] { grid-area: 2 / 2; } }',
    ]
    assert ".images { --columns: 4; }" in text


def test_blocks_are_escaped_and_nest():
    blocks = [
        html.section(HOSTILE, html.row(["<i>1</i>", "<i>2</i>"])),
        html.image_section(HOSTILE, html.paragraph(HOSTILE), html.conclusion(HOSTILE)),
        html.details(HOSTILE, html.samples([html.sample(noise(), HOSTILE)])),
        html.chart(html.histogram({HOSTILE: np.ones(2)}, {HOSTILE: 1.0}), HOSTILE),
        html.curves({HOSTILE: np.ones(3)}, HOSTILE),
    ]
    root = parsed(html.page(HOSTILE, *blocks))
    assert root.one("title").text == root.one("h1").text == HOSTILE
    assert [heading.text for heading in root.all("h2")] == [HOSTILE, HOSTILE]
    assert [each.text for each in root.all("i")] == ["1", "2"]
    assert root.all("b") == []
    assert len(root.all("script")) == 1
    assert html.conclusion("") == ""
    identity = root.one("section", class_="image").attributes["id"]
    assert identity == html.anchor(HOSTILE)
    assert not set(identity) & set(" \"'<>")


def test_a_page_asks_nobody_for_anything():
    root = parsed(html.page("page", html.picture(noise(), "x"), html.table([{"image": "a"}], links={"a": "image-a"})))
    assert root.all("link") == []
    assert "default-src 'none'" in root.one("meta", http_equiv="Content-Security-Policy").attributes["content"]

    def elements(element):
        for child in element.children:
            yield child
            yield from elements(child)

    for element in elements(root):
        assert element.attributes.get("src", "data:").startswith("data:")
        assert element.attributes.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in element.attributes)
