"""The pages of methods: every method has one, and the constants in its tables are those that the code has."""

import ast
import dataclasses
import operator
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from test_docs import resolve

import gprior_jax as gp
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.recipes import METHODS

FOLDER = Path(__file__).parents[1] / "docs" / "methods"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
LIST = PAGES.pop("index.md")

OWN = [(name, getattr(method.recipe, "func", method.recipe)) for name, method in METHODS.items()]
NAMES = [name for name, recipe in OWN if recipe.__module__.startswith("gprior_jax.")]
"""Of the package; a file of somebody else's may have registered some."""

ROOT = re.compile(r"Fields of `([^`]+\))`")
ROW = re.compile(r"^\| [^|]+ \| `([^`|]+)` \|(.*)\|$")


class Cell(NamedTuple):
    """A number in a table: the object whose field it is ("" for a name of the package), the field, and what it says."""

    root: str
    field: str
    column: str
    text: str


def cells(page: str) -> list[Cell]:
    """The numbers of the tables of constants of a page."""
    found, root, columns = [], "", []
    for line in PAGES[page].splitlines():
        root = said[1] if (said := ROOT.search(line)) else root
        if line.startswith("| constant |"):
            columns = [cell.strip(" `") for cell in line.strip("|").split("|")[2:]]
        if row := ROW.match(line):
            package = row[1].startswith(("gp.", "gprior_jax."))
            texts = zip(columns, row[2].split("|"), strict=True)
            kept = [(column, text.strip(" `")) for column, text in texts if column in ("official", "fast", "here")]
            found += [Cell("" if package else root, row[1], column, text) for column, text in kept if text]
    return found


def made(root: str, column: str) -> Any:
    """The object that ``root`` calls for, of a preset."""
    name, _, arguments = root.removesuffix(")").partition("(")
    keywords = {"preset": column} if column == "official" else {}
    try:  # A recipe is called like the file that it is in.
        call = operator.attrgetter(name.partition(".")[2])(gp)
    except AttributeError:
        call: Any = resolve(name)
    return call(*([ast.literal_eval(arguments)] if arguments else []), **keywords)


def value_of(cell: Cell) -> Any:
    """What the code has."""
    if not cell.root:
        return resolve(cell.field)
    thing = made(cell.root, cell.column)
    fields = {name: getattr(thing, name) for name in re.findall(r"(?<![.\w])[a-z]\w*", cell.field)}
    return eval(cell.field, {"__builtins__": {}}, fields)


TABLES = {page: cells(page) for page in PAGES}


@pytest.mark.parametrize("page", [page for page, rows in TABLES.items() if rows])
def test_constants_are_those_of_the_code(page):
    for cell in TABLES[page]:
        said = eval(cell.text, {"__builtins__": {}})
        assert value_of(cell) == (pytest.approx(said, rel=1e-9) if isinstance(said, float) else said), cell


def test_a_wrong_constant_is_seen():
    cell = next(cell for cell in TABLES["pulse.md"] if cell.field == "solver.num_steps" and cell.column == "official")
    assert (cell.root, cell.text, value_of(cell)) == ("gp.recipes.pulse()", "100", 100)
    assert value_of(cell._replace(column="fast")) == 50
    assert sum(map(len, TABLES.values())) > 150


def numbers(recipe: Recipe, before: str = "") -> set[str]:
    """Fields of a recipe that its page has to name: steps, rates, weights, numbers of what is searched for."""
    names = {"solver.num_steps"} | {f"terms[{i}].weight" for i in range(len(recipe.terms))}
    names |= {"solver.optimizer.learning_rate"} if isinstance(recipe.solver.optimizer, Optimizer) else set()
    searched: Any = recipe.parametrization
    for field in dataclasses.fields(searched):
        value = getattr(searched, field.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value:
            names.add(f"parametrization.{field.name}")
    found = {f"{before}{name}" for name in names}
    return found if recipe.then is None else found | numbers(recipe.then, "then.")


SAME = {
    "gp.recipes.common.OFFICIAL_OPTIMIZER.learning_rate": "solver.optimizer.learning_rate",
    "terms[-1].weight": "terms[2].weight",
}
"""Fields that a page calls otherwise."""


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_a_page_with_its_constants(name):
    rows = re.findall(rf"\[`{name}`\]\(([\w.]+\.md)", LIST)
    assert len(rows) == 1, f"docs/methods/index.md lists {name} {len(rows)} times"
    method = METHODS[name]
    wanted = f'gp.recipes.latent("{name}")' if name in ("z", "w", "w_plus") else f"gp.recipes.{name}()"
    named = {SAME.get(cell.field, cell.field) for cell in TABLES[rows[0]] if cell.root == wanted or not cell.root}
    for preset in ("official", "fast"):
        recipe = method.recipe(preset=preset) if "preset" in method.options else method.recipe()
        assert numbers(recipe) <= named, preset


PARTS = ("arXiv", "## When to take it\n", "## Constants\n", "## Try it\n", "\n    gprior ", "```python\n")


def test_every_page_is_listed_and_has_its_parts():
    for page, text in PAGES.items():
        assert f"]({page})" in LIST, page
        assert [part for part in PARTS if part not in text] == [], page
        formulae = text.split("$$")[1::2]
        assert text.count("$$") == 2 * len(formulae) > 0, page
        for formula in formulae:
            assert formula.count("{") == formula.count("}"), (page, formula)
            assert not re.search(r"^\s*[-+=#>*]", formula, re.MULTILINE), (page, formula)  # GitHub takes it for a list.


def test_the_table_of_peers_counts_our_methods():
    assert f"| {len(NAMES)} ([methods]" in (FOLDER.parent / "peers.md").read_text(encoding="utf-8")


def test_recipes_of_restoration_are_those_of_the_code():
    text = (FOLDER.parent / "restoration.md").read_text(encoding="utf-8")
    tables = (gp.recipes.OFFICIAL_TASKS, gp.recipes.FAST_TASKS)
    for task in gp.recipes.FAST_TASKS:
        row = re.search(rf"^\| {task} \| ([\d., ]+) \| ([\d., ]+) \|$", text, re.MULTILINE)
        assert row is not None, task
        said = [tuple(float(number) for number in cell.split(", ")) for cell in row.groups()]
        assert said == [table[task][:4] for table in tables], task
