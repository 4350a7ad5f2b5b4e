"""``gprior models``."""

import dataclasses
import itertools
from typing import Any

from gprior_jax import zoo
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.zoo.networks import build
from gprior_jax.zoo.published import Published


@dataclasses.dataclass(frozen=True, kw_only=True)
class Models(JsonFlag):
    """List the bundled priors and translators, and the published networks."""

    def run(self) -> int:
        """Print the list."""
        bundled = [_bundled(entry) for entry in zoo.BUNDLED]
        translators = [_translator(entry) for entry in zoo.TRANSLATORS]
        if self.json:
            print_json(
                {
                    "bundled": bundled,
                    "translators": translators,
                    "published": [_published(entry) for entry in zoo.PUBLISHED],
                }
            )
            return 0
        say("Bundled (--model NAME):")
        for entry in bundled:
            size = f"{entry['resolution']} px, layers 1 to {entry['layers'] - 1}"
            say(f"  {entry['name']}: {entry['title']}; {size}; {entry['licence']}")
        say("\nBundled, of gprior translate (--model NAME):")
        for entry in translators:
            say(f"  {entry['name']}: {entry['title']}; trained at {entry['resolution']} px; {entry['licence']}")
        say("\nPublished (gprior download NAME --to DIR, or fetch the file and gprior convert FILE --to DIR):")
        for (page, licence, paper), entries in itertools.groupby(zoo.PUBLISHED, lambda e: (e.page, e.licence, e.paper)):
            say(f"\n  {page}\n  {licence}; {paper.title} (arXiv:{paper.arxiv})")
            for item in entries:
                say("\n".join(_lines(item)))
        return 0


def _bundled(entry: zoo.Entry) -> dict[str, Any]:
    module = build(zoo.read_config(zoo.bundled_folder(entry.name))["generator"])
    facts = {
        "resolution": module.resolution,
        "layers": len(module.layer_names),
        "folder": str(zoo.bundled_folder(entry.name)),
    }
    return entry._asdict() | facts


def _translator(entry: zoo.Entry) -> dict[str, Any]:
    translator = zoo.load_translator(entry.name)
    return entry._asdict() | {"resolution": translator.trained_size, "folder": str(zoo.bundled_folder(entry.name))}


def _published(entry: Published) -> dict[str, Any]:
    return entry._asdict() | {"paper": entry.paper._asdict(), "service": entry.service}


def _lines(entry: Published) -> list[str]:
    """What is told of a published file below the facts that its publisher's files share."""
    size = f"; {entry.size_mib:.0f} MiB" if entry.size_mib else ""
    digest = f"; sha256 {entry.sha256}{'...' * (len(entry.sha256) < 64)}" if entry.sha256 else ""
    asks = f" ({entry.service} may ask for a confirmation)" if entry.service else ""
    note = entry.note or ("" if entry.layout else "gprior convert does not read it")
    return [
        f"    {entry.name}: {entry.title}{size}{digest}",
        f"        {_place(entry)}{asks}",
        *([f"        {note}"] if note else []),
    ]


def _place(entry: Published) -> str:
    """Where a file is."""
    if entry.package:
        return f"in the package {entry.package}, which need not be installed"
    return entry.address or f"no direct address: {entry.file}"
