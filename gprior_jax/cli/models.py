"""``gprior models``."""

import dataclasses
from typing import Any

from gprior_jax import models, zoo
from gprior_jax.cli import common


@dataclasses.dataclass(frozen=True)
class Models:
    """List the bundled and the published priors.

    Attributes:
        json: print the list as JSON on standard output.
    """

    json: bool = False

    def run(self) -> int:
        """Print the list."""
        bundled = [_bundled(entry) for entry in zoo.BUNDLED]
        published = [entry._asdict() for entry in zoo.PUBLISHED]
        if self.json:
            common.print_json({"bundled": bundled, "published": published})
            return 0
        common.say("Bundled (--model NAME):")
        for entry in bundled:
            size = f"{entry['resolution']} px, layers 1 to {entry['layers'] - 1}"
            common.say(f"  {entry['name']}: {entry['title']}; {size}; {entry['licence']}")
        common.say("\nPublished (fetch the file yourself, then gprior convert FILE --to DIR):")
        for item in zoo.PUBLISHED:
            common.say(f"  {item.name}: {item.title}\n    from {item.source}; {item.licence}")
        return 0


def _bundled(entry: zoo.Entry) -> dict[str, Any]:
    module = models.build(models.read_config(zoo.folder(entry.name))["generator"])
    facts = {"resolution": module.resolution, "layers": len(module.layer_names), "folder": str(zoo.folder(entry.name))}
    return entry._asdict() | facts
