"""Pages of the reference, one for each public module, of everything that it makes public."""

import importlib
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.pycode import ModuleAnalyzer

import gprior_jax
from gprior_jax.storage.atomic import write_text

PACKAGE = gprior_jax.__name__


def modules() -> dict[str, ModuleType]:
    """The package and all modules that it makes public, also by those that it does, by their names."""
    found, waiting = {}, [gprior_jax]
    while waiting:
        module = waiting.pop()
        found[module.__name__] = module
        own = [value for name, value in vars(module).items() if inspect.ismodule(value) and _is_public(module, name)]
        waiting += [value for value in own if value.__name__ not in found]
    return dict(sorted(found.items()))


def members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Public names of a module and what they are, other public modules left out."""
    for name, value in sorted(vars(module).items(), key=lambda pair: (pair[0].lower(), pair[0])):
        if not name.startswith("_") and not inspect.ismodule(value) and _is_public(module, name):
            yield name, value


def _is_public(module: ModuleType, name: str) -> bool:
    """Whether the module exports the name, by a redundant alias or by its definition."""
    source = inspect.getsource(module)
    beginnings = (f"\n{name} = ", f"\ndef {name}(", f"\nclass {name}(", f"\nclass {name}:")
    return f" {name} as {name}\n" in source or any(beginning in source for beginning in beginnings)


def kind(value: Any) -> str:
    """Directive for a value."""
    if inspect.isclass(value):
        return "autoclass"
    return "autofunction" if inspect.isroutine(value) or hasattr(value, "__wrapped__") else "data"


def told(module: ModuleType, name: str) -> list[str]:
    """The lines below a constant where it is defined."""
    home = importlib.import_module(_homes(module).get(name, module.__name__))
    return ModuleAnalyzer.for_module(home.__name__).find_attr_docs().get(("", name), [])


def _homes(module: ModuleType) -> dict[str, str]:
    """Modules that names come from."""
    lines = [line.split() for line in inspect.getsource(module).splitlines() if line.startswith(f"from {PACKAGE}")]
    return {words[-1]: words[1] for words in lines if " as " in " ".join(words)}


def page(name: str, module: ModuleType) -> str:
    """The page of a module, reStructuredText."""
    lines = [name, "=" * len(name), "", f".. automodule:: {name}", "   :no-members:", ""]
    for own, value in members(module):
        if kind(value) == "data":
            lines += [f".. py:data:: {own}", "", *(f"   {line}" for line in told(module, own)), ""]
            continue
        lines += [f".. {kind(value)}:: {name}.{own}"]
        lines += ["   :members:", "   :show-inheritance:"] if inspect.isclass(value) else []
        # The docstring says what they are, Python itself "Alias for field number 0".
        fields = getattr(value, "_fields", ()) if inspect.isclass(value) else ()
        lines += [f"   :exclude-members: {', '.join(fields)}"] if fields else []
        lines += [""]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write all pages; the folder is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = modules()
    for name, module in found.items():
        write_text(folder / f"{name}.rst", page(name, module))
    toctree = "\n".join(f"   {name}" for name in found)
    write_text(folder / "index.rst", f"Reference\n=========\n\n.. toctree::\n   :maxdepth: 1\n\n{toctree}\n")


def setup(app: Any) -> dict[str, Any]:
    """Write the pages before Sphinx looks for sources."""
    write(Path(app.srcdir) / "docs" / "api")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
