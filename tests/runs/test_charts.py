import json

import numpy as np
import pytest

from gprior_jax.runs.charts import curves, histogram
from runs.pages import parsed


def axes_of(figure):
    return json.loads(figure.attributes["data-axes"])


def points_of(figure, index=0):
    """Points of a curve, in steps and values, as the page reads them off."""
    axes, found = axes_of(figure), []
    for line in figure.all("polyline", data_series=str(index)):
        found += [tuple(float(x) for x in point.split(",")) for point in line.attributes["points"].split()]
    found += [
        (float(dot.attributes["cx"]), float(dot.attributes["cy"]))
        for dot in figure.all("circle", data_series=str(index))
    ]
    steps = [(x - axes["left"]) / (axes["right"] - axes["left"]) * axes["steps"] for x, _ in found]
    shares = [(axes["bottom"] - y) / (axes["bottom"] - axes["top"]) for _, y in found]
    values = [axes["low"] + share * (axes["high"] - axes["low"]) for share in shares]
    return np.array(steps), np.array([10**value for value in values] if axes["log"] else values)


def test_curves_are_where_their_values_are():
    loss, rate = np.geomspace(20.0, 0.003, 40), np.linspace(1.0, 2.0, 40)
    figure = parsed(curves({"loss": loss, "rate": rate})).one("figure")
    for index, values in enumerate((loss, rate)):
        steps, found = points_of(figure, index)
        np.testing.assert_allclose(steps, np.arange(40), atol=0.01)
        np.testing.assert_allclose(found, values, rtol=1e-3)


def test_axes_have_titles_and_ticks():
    figure = parsed(curves({"loss": np.geomspace(20.0, 0.003, 101)}, "the loss")).one("figure")
    titles = [text.text for text in figure.all("text", class_="title")]
    assert titles == ["step", "the loss, log scale"]
    ticks = [text.text for text in figure.all("text") if "class" not in text.attributes]
    assert ticks == ["0", "20", "40", "60", "80", "100", "0.01", "0.1", "1", "10"]
    assert figure.one("svg", role="img").attributes["aria-label"] == "the loss over 100 steps: loss"


def test_the_legend_is_outside_of_the_curves():
    """One entry for each, told apart by colour, and beyond six by dashes."""
    series = {f"term {i} <b>": np.array([1.0, i + 1.0]) for i in range(8)}
    figure = parsed(curves(series)).one("figure")
    plot = figure.one("svg", role="img")
    assert not any("term" in text.text for text in plot.all("text"))
    items = [item for item in figure.one("ul").all("li") if item.all("output")]
    assert [item.text for item in items] == list(series)
    kinds = [item.one("line").attributes["class"] for item in items]
    assert len(set(kinds)) == 8
    assert [line.attributes["class"] for line in plot.all("polyline")] == kinds


def test_equal_curves_are_both_seen():
    values = np.array([1.0, 0.5])
    figure = parsed(curves({"loss": values, "pixel_mse": values, "other": values * 2})).one("figure")
    assert [line.attributes["class"] for line in figure.all("polyline")] == ["curve f0", "curve f1 dashed", "curve f2"]


def test_gaps_are_no_lines():
    figure = parsed(curves({"loss": np.array([1.0, 2.0, np.nan, 0.5, np.inf, 0.25, 0.0, 3.0, 4.0])})).one("figure")
    assert [len(line.attributes["points"].split()) for line in figure.all("polyline")] == [2, 2]
    assert len(figure.all("circle")) == 2  # What stands alone is a dot.
    steps, values = points_of(figure)
    np.testing.assert_allclose(sorted(steps), [0, 1, 3, 5, 7, 8], atol=0.01)
    np.testing.assert_allclose(sorted(values), [0.25, 0.5, 1, 2, 3, 4], rtol=1e-3)


def test_one_point_is_a_dot():
    figure = parsed(curves({"loss": np.array([0.5])})).one("figure")
    steps, values = points_of(figure)
    np.testing.assert_allclose(steps, [0])
    np.testing.assert_allclose(values, [0.5], rtol=1e-3)
    assert len(figure.all("circle")) == 1
    assert "0" in [text.text for text in figure.all("text")]


def test_negative_values_have_a_linear_axis():
    figure = parsed(curves({"loss": np.array([-1.0, 0.0, 2.0]), "term": np.array([1.0, 1.0, 1.0])})).one("figure")
    assert figure.all("text", class_="title")[1].text == "loss"
    np.testing.assert_allclose(points_of(figure)[1], [-1, 0, 2], atol=0.01)


def test_stages_of_other_lengths_end_earlier():
    figure = parsed(curves({"pivot": np.geomspace(1, 0.5, 10), "tuning": np.geomspace(0.4, 0.1, 4)})).one("figure")
    assert axes_of(figure)["steps"] == 9
    np.testing.assert_allclose(points_of(figure, 1)[0], [0, 1, 2, 3], atol=0.01)


@pytest.mark.parametrize("values", [[], [np.nan, np.inf], [-np.inf]])
def test_nothing_to_draw(values):
    assert curves({"loss": np.array(values)}) == ""
    assert curves({}) == ""


def test_an_empty_series_beside_another():
    figure = parsed(curves({"none": np.array([]), "loss": np.array([1.0, 2.0])})).one("figure")
    np.testing.assert_allclose(points_of(figure, 1)[1], [1, 2], rtol=1e-3)


def test_long_curves_are_thinned_to_their_last_point():
    values = np.geomspace(1.0, 1e-3, 10_000)
    drawn = curves({"loss": values})
    assert len(drawn) < 10_000
    steps, found = points_of(parsed(drawn).one("figure"))
    assert round(steps[-1]) == 9999
    np.testing.assert_allclose(found[-1], 1e-3, rtol=1e-2)


def test_histogram():
    values = {"generated": np.array([0.1, 0.1, 0.2]), "real <b>": np.array([1.0, 10.0])}
    drawn = histogram(values, {"cat": 0.5})
    root = parsed(drawn)
    svg = root.one("svg")
    assert svg.attributes["xmlns"] == "http://www.w3.org/2000/svg"  # It is a file of its own, too.
    texts = [text.text for text in svg.all("text")]
    assert {"generated (3)", "real <b> (2)", "cat", "0.1", "1", "10", "60 %"} <= {*texts}
    heights = sorted(float(bar.attributes["height"]) for bar in svg.all("rect")[1:3] + svg.all("rect")[4:])
    assert len(svg.all("rect")) == 2 + 4  # One in the legend for each set.
    # Shares of 2/3, 1/2, 1/2 and 1/3.
    np.testing.assert_allclose(np.array(heights) / heights[-1], [0.5, 0.75, 0.75, 1.0], atol=0.01)


def test_names_below_a_histogram_do_not_cover_one_another():
    marks = {f"photograph number {i}": 1.0 + i / 100 for i in range(6)}
    svg = parsed(histogram({"real": np.array([0.1, 10.0])}, marks)).one("svg")
    rows = [float(text.attributes["y"]) for text in svg.all("text") if text.text in marks]
    assert len(set(rows)) == 6
    assert max(rows) < float(svg.attributes["height"])
