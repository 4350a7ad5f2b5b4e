"""The documentation site: the documents of the repository as they are, and a reference made from docstrings.

    make site

Sphinx with MyST, and not what reads mkdocs.yml: Material for MkDocs ends in 2027, MkDocs 2 drops the plugins that make
a reference, and of Zensical, which is to follow them, no release is a first one yet.
"""

import sys
from pathlib import Path

from gprior_jax import __version__

sys.path.insert(0, str(Path(__file__).parent))  # Where "reference" and "formulas" lie.

project, author, copyright = "gprior_jax", "The gprior_jax authors", "The gprior_jax authors, Apache-2.0"
version = release = __version__

# The sources are the repository itself, so that links between documents hold on GitHub and here.
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/RESULTS.md",
    "docs/*.md",
    "docs/methods/*.md",
    "docs/api/*.rst",
    "gprior_jax/data/builtin*/README.md",
]
exclude_patterns = ["docs/site"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

extensions = [
    "reference",
    "formulas",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
# Files of the repository that are no pages: GitHub shows them.
myst_url_schemes = ("http", "https", "mailto")
suppress_warnings = ["myst.xref_missing", "image.not_readable"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True
python_use_unqualified_type_names = True

html_theme, html_title = "furo", f"gprior_jax {__version__}"
html_math_renderer = "mathml"
html_static_path, html_css_files = ["static"], ["tables.css"]
html_copy_source, html_show_sphinx = False, False
nitpicky = False
