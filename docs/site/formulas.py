r"""A Sphinx extension: formulas as MathML, made when the site is built.

Browsers draw MathML themselves: no page loads a program for it, and without a network formulas are seen too.

>>> print(mathml(r"\big\lVert x \big\rVert", display="inline").partition("<mrow>")[2].partition("<mi>")[0])
<mo stretchy="false" mathsize="1.2em">‖</mo>
"""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from sphinx.writers.html5 import HTML5Translator

FENCES = {"lVert": "‖", "rVert": "‖", "langle": "⟨", "rangle": "⟩"}
"""What the converter leaves as it is after a size, such as that of ``\\big``."""

SIZE = r'minsize="([0-9.]+em)" maxsize="[0-9.]+em"'

WIDE = "overflow-x: auto; overflow-y: hidden; margin: 1em 0; padding: 0.5em 0"
"""On narrow screens wide formulas are scrolled, and pages are not."""


def mathml(formula: str, display: str) -> str:
    """A formula of TeX as MathML; a warning names what is not understood of it."""
    text = re.sub(r"(\\[bB]igg?[lr]?)\\([lr]Vert|[lr]angle)", lambda m: m[1] + FENCES[m[2]], formula)
    text = text.replace(r"\arg\min", r"\operatorname{arg}\,\min").replace(r"\arg\max", r"\operatorname{arg}\,\max")
    if display == "block":
        text = re.sub(r"\\(min|max)_", r"\\\1\\limits_", text)
    # A fence of another size is a larger letter: to be stretched it takes a font for mathematics, which many lack.
    made = re.sub(SIZE, r'stretchy="false" mathsize="\1"', convert(text, display=display))
    if unknown := re.findall(r"\\[A-Za-z]+", made):
        getLogger(__name__).warning("the formula %s has %s, which MathML is not made of here.", formula, unknown[0])
    return made


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div style="{WIDE}">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make it the renderer of pages."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
