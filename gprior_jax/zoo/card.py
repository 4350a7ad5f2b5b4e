"""Model cards: what a model folder says about itself, for those who find it on the Hub."""

import json
from pathlib import Path
from typing import Any

from gprior_jax.zoo.folder import read_config

_LICENCES = {
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC0": "cc0-1.0",
    "Apache": "apache-2.0",
    "MIT": "mit",
    "BSD-3": "bsd-3-clause",
}
"""How licences begin in a folder's provenance, and what the Hub calls them."""

_ROLES = ("generator", "critic", "encoder", "multi_encoder", "metric", "network", "translator", "back")


def model_card(folder: Path, repository: str) -> str:
    """The card of a model folder, Markdown: its own README.md with what the Hub wants before it, else one of its facts.

    Args:
        folder: the folder.
        repository: ``owner/name``, what it will be loaded by.

    Raises:
        CheckpointError: no model folder.
    """
    config = read_config(folder)
    own = folder / "README.md"
    text = own.read_text(encoding="utf-8") if own.is_file() else _facts(config)
    if text.startswith("---\n"):
        return text
    return f"{_header(config)}\n{text.rstrip()}\n\n{_use(config, repository)}"


def _header(config: dict[str, Any]) -> str:
    """What the Hub reads: library, licence, tags."""
    tags = ["gan", "gan-inversion", "jax", "flax"]
    tags += sorted({str(config[role]["arch"]).replace("_", "-") for role in _ROLES if role in config})
    task = "image-to-image" if config.get("kind") == "translator" else "unconditional-image-generation"
    lines = ["library_name: gprior-jax", f"license: {_licence(config)}"]
    lines += [f"pipeline_tag: {task}"] if config.get("kind") != "network" else []
    return "\n".join(["---", *lines, "tags:", *(f"- {tag}" for tag in tags), "---", ""])


def _licence(config: dict[str, Any]) -> str:
    told = str((config.get("provenance") or {}).get("licence") or "")
    return next((name for start, name in _LICENCES.items() if told.startswith(start)), "other")


def _facts(config: dict[str, Any]) -> str:
    """Networks and provenance."""
    provenance = dict(config.get("provenance") or {})
    lines = [f"# {config.get('name') or config.get('kind')}", "", "## Networks", "", "| | |", "|---|---|"]
    for role in _ROLES:
        if role in config:
            told = ", ".join(f"{name} {_short(value)}" for name, value in config[role].items() if name != "arch")
            lines.append(f"| {role} | `{config[role].get('arch')}`: {told} |")
    if provenance:
        lines += ["", "## Where it comes from", "", "| | |", "|---|---|"]
        lines += [f"| {name.replace('_', ' ')} | {_short(value)} |" for name, value in provenance.items()]
    return "\n".join(lines)


def _short(value: Any) -> str:
    """A value in a cell of a table."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _use(config: dict[str, Any], repository: str) -> str:
    """How to use it, with code that runs."""
    loader = {"translator": "load_translator", "network": "zoo.load_network"}.get(str(config.get("kind")), "load")
    lines = [
        "## Use",
        "",
        "```sh",
        'pip install "gprior-jax[cli,hub]"',
        "```",
        "",
        "```python",
        "import gprior_jax as gp",
    ]
    return "\n".join([*lines, "", f'model = gp.{loader}("hf:{repository}")', "```", ""])
