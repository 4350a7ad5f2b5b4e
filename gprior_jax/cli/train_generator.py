"""``gprior train generator``: several architectures, each with settings of its own beside those that all have."""

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_type_hints

from tyro import conf

from gprior_jax.cli.described import documented
from gprior_jax.cli.train import Train
from gprior_jax.errors import ArgumentError
from gprior_jax.training.config import PGGANConfig
from gprior_jax.training.dcgan_config import DCGANConfig, MLPConfig
from gprior_jax.training.gan_config import GANConfig

_KINDS: dict[str, type[GANConfig]] = {"pggan": PGGANConfig, "dcgan": DCGANConfig, "mlp": MLPConfig}
"""Settings by the word that ``--arch`` takes."""


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _unless_given(defaults: dict[str, Any]) -> str:
    """What a setting is by itself, the end of its help."""
    values = dict.fromkeys(map(_shown, defaults.values()))
    told = [f"{value} of {_listed(a for a in defaults if _shown(defaults[a]) == value)}" for value in values]
    only = f"Of {_listed(defaults)} only: " if len(defaults) < len(_KINDS) else ""
    return f"{only}{', '.join(values if only and len(values) == 1 else told)} unless given."


def _flag(name: str) -> tuple[str, Any, Any]:
    """A flag for a setting: its name, type and default. One that not all have, or not alike, is unset unless given."""
    owners = {arch: kind for arch, kind in _KINDS.items() if any(f.name == name for f in dataclasses.fields(kind))}
    defaults = {arch: getattr(kind, name) for arch, kind in owners.items()}
    hints = [get_type_hints(kind)[name] for kind in owners.values()]
    words = [word for hint in hints for word in get_args(hint) if isinstance(word, str)]
    hint: Any = Literal[tuple(dict.fromkeys(words))] if words else hints[0]
    texts = {arch: text for arch, kind in owners.items() if (text := documented(kind).get(name))}
    told, *others = dict.fromkeys(texts.values())
    for text in others:
        told += f" Of {_listed(arch for arch in texts if texts[arch] == text)}: {text}"
    if len(owners) == len(_KINDS) and len(set(defaults.values())) == 1:
        return name, Annotated[hint, conf.arg(help=told)], dataclasses.field(default=next(iter(defaults.values())))
    help_text = f"{told} {_unless_given(defaults)}"
    return name, Annotated[hint | None, conf.arg(help=help_text)], dataclasses.field(default=None)


def _flags() -> type:
    """A dataclass with a flag for every setting of any architecture."""
    names = dict.fromkeys(f.name for kind in _KINDS.values() for f in dataclasses.fields(kind))
    arch = Annotated[Literal["pggan", "dcgan", "mlp"], conf.arg(help="architecture of both networks.")]
    fields = [("arch", arch, dataclasses.field(default="pggan")), *(_flag(name) for name in names if name != "arch")]
    return dataclasses.make_dataclass("_Flags", fields, frozen=True)


_Flags = _flags()
"""Made here, so that no setting is described twice."""


def config_of(flags: Any) -> GANConfig:
    """The settings that flags give.

    Raises:
        ArgumentError: one is given that the architecture does not have.
    """
    kind = _KINDS[flags.arch]
    known = {field.name for field in dataclasses.fields(kind)}
    given = {f.name: value for f in dataclasses.fields(flags) if (value := getattr(flags, f.name)) is not None}
    for name in given.keys() - known:
        others = " or ".join(arch for arch, other in _KINDS.items() if hasattr(other, name))
        flag = f"--{name.replace('_', '-')}"
        raise ArgumentError(f"{flag} is no setting of --arch {flags.arch}, only of {others}: leave it out.")
    return kind(**given)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainGenerator(Train):
    """Train a generator and its discriminator on a zip file or folder of images; the same command goes on with a run.

    A PGGAN, a DCGAN (--arch dcgan) or the first GAN, of dense layers (--arch mlp).

    Attributes:
        config: the run's settings.
    """

    config: conf.OmitArgPrefixes[_Flags] = dataclasses.field(default_factory=_Flags)  # pyright: ignore

    def run(self) -> int:
        """Train to the end."""
        return self.train(config_of(self.config))
