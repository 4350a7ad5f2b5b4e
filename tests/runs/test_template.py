import re

import pytest

from gprior_jax.runs import template
from gprior_jax.runs.template import Html, attributes, fill, text_of


def test_text_is_escaped_and_markup_is_not():
    assert fill("paragraph", text='<b> & "$text"') == "<p>&lt;b&gt; &amp; &quot;$text&quot;</p>"
    assert fill("paragraph", text=Html("<b>x</b>")) == "<p><b>x</b></p>"
    assert attributes(title='"><i>', class_="a", data_value=None) == ' title="&quot;&gt;&lt;i&gt;" class="a"'


def test_a_part_wants_all_its_values():
    with pytest.raises(KeyError, match="text"):
        fill("paragraph")
    with pytest.raises(KeyError, match="no such part"):
        fill("no such part")


def test_every_part_is_used_in_the_code():
    """A part that nothing fills is a leftover."""
    folder = template.__file__.rpartition("/")[0]
    code = ""
    for name in ("charts", "html", "tables", "template"):
        with open(f"{folder}/{name}.py", encoding="utf-8") as file:
            code += file.read()
    parts = re.findall(r"<!-- part: (\w+) -->", text_of("report.html"))
    assert len(parts) == len(set(parts))
    assert [part for part in parts if f'fill("{part}"' not in code and f'fill(\n        "{part}"' not in code] == []


def test_the_files_load_nothing():
    for name in ("report.html", "report.css", "report.js"):
        text = text_of(name)
        assert not re.search(
            r"url\(|@import|https?:|fetch\(|\bimport\b", text.replace("http://www.w3.org/2000/svg", "")
        )
