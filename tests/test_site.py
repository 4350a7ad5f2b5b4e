"""The documentation site: it is built without a warning, and its reference has everything that is public."""

import doctest
import os
import re
import runpy
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the extra docs is not installed")
pytest.importorskip("myst_parser", reason="the extra docs is not installed")
pytest.importorskip("latex2mathml", reason="the extra docs is not installed")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, but for the members in the table of contents beside a page: a quarter of the time, copied to all."""
    folder = tmp_path_factory.mktemp("site")
    words = ["-q", "-W", "--keep-going", "-D", "toc_object_entries=0"]
    words += ["-c", str(ROOT / "docs/site"), str(ROOT), str(folder)]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def described(site: Path) -> set[str]:
    """Names in the site's inventory."""
    data = (site / "objects.inv").read_bytes()
    *_, packed = data.split(b"\n", 4)
    return {line.split(" ", 1)[0] for line in zlib.decompress(packed).decode().splitlines() if " py:" in line}


def public() -> set[str]:
    """What the package and its public packages export, read without importing anything."""
    names = set()
    for file in sorted([ROOT / "gprior_jax/__init__.py", *ROOT.glob("gprior_jax/*/__init__.py")]):
        module = ".".join(file.parent.relative_to(ROOT).parts)
        words = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("from ")]
        exported = {line[-1] for line in words if line[-2:-1] == ["as"] and line[-1] == line[-3]}
        names |= {f"{module}.{name}" for name in exported if not name.startswith("_")}
    own = {name for name in names if name.count(".") == 1}
    return own | {name for name in names if name.rpartition(".")[0] in own}


def test_nothing_public_is_missing(site):
    wanted, found = public(), described(site)
    assert len(wanted) > 200
    assert {"gprior_jax.editing", "gprior_jax.metrics.explain", "gprior_jax.metrics.explain.parts_of"} <= found
    assert wanted - found == set()


def test_every_document_is_a_page(site):
    documents = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/methods/*.md")]
    documents += [ROOT / "README.md", ROOT / "benchmarks/RESULTS.md", *ROOT.glob("gprior_jax/data/builtin*/README.md")]
    for path in documents:
        assert (site / path.relative_to(ROOT).with_suffix(".html")).is_file(), path
    listed = (site / "docs/index.html").read_text(encoding="utf-8")
    for path in documents:
        page = os.path.relpath(path.with_suffix(".html"), ROOT / "docs")
        assert page == "index.html" or f'href="{page}"' in listed, f"{path} is in no list of docs/index.md"


def test_links_between_documents_lead_somewhere(site):
    """What is left as text (``xref``) is a link to a document that is no page."""
    for page in [*site.glob("*.html"), *site.glob("docs/*.html"), *site.glob("docs/methods/*.html")]:
        assert re.findall(r'class="xref myst">([^<]*)', page.read_text(encoding="utf-8")) == [], page


def test_examples_of_formulas():
    """No other test runs them: they are beside the package."""
    names = runpy.run_path(str(ROOT / "docs/site/formulas.py"))
    examples = doctest.DocTestParser().get_doctest(names["__doc__"], names, "formulas", None, None)
    assert doctest.DocTestRunner().run(examples) == (0, 1)


def test_formulas_are_seen_without_a_network(site):
    pages = {page.stem: page.read_text(encoding="utf-8") for page in site.glob("docs/methods/*.html")}
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in pages["geodesics"]
    for name, page in pages.items():
        assert re.findall(r'<(?:script|link)[^>]*(?:src|href)="https?:[^>]*>', page) == [], name
        for formula in re.findall(r"<math.*?</math>", page, re.DOTALL):
            assert "\\" not in formula, name


def test_fields_are_described_once(site):
    """By the docstring, and not by Python's own words for those of a named tuple."""
    page = (site / "docs/api/gprior_jax.geometry.html").read_text(encoding="utf-8")
    assert "the integral of the squared speed" in page
    assert not [path.name for path in site.glob("docs/api/*.html") if "Alias for field" in path.read_text("utf-8")]


def test_tables_may_break_names_of_code(site):
    assert "_static/tables.css" in (site / "docs/methods/mganprior.html").read_text(encoding="utf-8")
    assert "overflow-wrap" in (site / "_static/tables.css").read_text(encoding="utf-8")
