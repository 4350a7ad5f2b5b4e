"""The networks among what a checkpoint holds: by the names that training programs give them.

Entries of the file's dict (``g_ema``, ``netG_state_dict``) or, as PyTorch Lightning saves a whole module, beginnings of
the tensors' keys (``generator.``, ``model.netG.module.``).
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from gprior_converters.contents import no_network
from gprior_converters.state import State
from gprior_converters.tensors import is_state, to_numpy
from gprior_jax.errors import CheckpointError

Weights = Literal["averaged", "raw"]
"""Which generator of a file that has both: the running average of the weights, or what was trained last."""

# The best name first; case does not matter, nor do the endings of _ENDING.
_AVERAGED = (
    "generator_smooth",
    "generator_ema",
    "generator_average",
    "generator_avg",
    "ema_generator",
    "g_ema",
    "ema_g",
    "netg_ema",
    "ema_netg",
    "g_smooth",
    "g_running",
    "shadow_generator",
    "avgg",
    "gs",
)
_RAW = ("generator", "netg", "net_g", "gen", "model_g", "modelg", "g")
_DISCRIMINATOR = ("discriminator", "netd", "net_d", "disc", "critic", "model_d", "modeld", "d")
_ENDING = re.compile(r"_(state_dict|state|weights|params|model|net|dict)$")

_WRAPPERS = ("state_dict", "model_state_dict", "model", "models", "network", "net", "params", "weights")
_AVERAGED_WRAPPERS = ("state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "params_ema", "ema")
"""Entries that hold a network or several, as they were trained last and as running averages."""

EMBEDDINGS = "embeddings.weight"
"""Embeddings of classes, which pytorch-pretrained-biggan keeps beside its generator."""

MEAN = "latent_avg"
"""Mean of w, which rosinality's programs and the encoders built on them store beside their networks."""

CONF = "conf"
"""Entry of a network of pro_gan_pytorch with the arguments that it was made with, beside its ``state_dict``."""

_MAX_DEPTH = 4

_PREFIXES = ("module.", "_orig_mod.")
"""Added by DataParallel and by ``torch.compile``."""


class Networks(dict[str, State]):
    """The networks of one file: ``{"generator": ..., "discriminator": ...}``, or ``{"": ...}`` for a bare state dict.

    Attributes:
        left_out: names of entries of the file that are not used.
        attributes: by network, attributes of the converted module that the file tells beside its tensors.
        taken: by network, the name that it has in the file, where it has one.
    """

    def __init__(
        self,
        networks: dict[str, State],
        left_out: tuple[str, ...] = (),
        attributes: dict[str, dict[str, Any]] | None = None,
        taken: dict[str, str] | None = None,
    ):
        super().__init__(networks)
        self.left_out = left_out
        self.attributes = attributes or {}
        self.taken = taken or {}


def role_of(name: str) -> tuple[str, int] | None:
    """What a network is by its name, ``"averaged"``, ``"raw"`` or ``"discriminator"``, and how good a name it is.

    >>> role_of("netG_state_dict"), role_of("G_ema"), role_of("optimizer")
    (('raw', 1), ('averaged', 5), None)
    """
    bare = _ENDING.sub("", name).lower() or name.lower()
    for role, names in (("averaged", _AVERAGED), ("raw", _RAW), ("discriminator", _DISCRIMINATOR)):
        if bare in names:
            return role, names.index(bare)
    return None


def choose(names: Iterable[str], weights: Weights, source: str) -> dict[str, str]:
    """The entries that hold the generator and the discriminator, ``{"generator": name, "discriminator": name}``.

    Args:
        names: of the entries that could.
        weights: which generator of a file that has both; where there is one only, ``"averaged"`` takes it.
        source: names the file in messages.

    Raises:
        CheckpointError: raw weights are asked for, and the file has the average only.
    """
    best: dict[str, tuple[int, str]] = {}
    for name in names:
        if found := role_of(name):
            role, rank = found
            best[role] = min(best.get(role, (rank, name)), (rank, name))
    if weights == "raw" and "averaged" in best and "raw" not in best:
        raise CheckpointError(
            f"{source} holds averaged weights only ({best['averaged'][1]}), no raw ones: take these (averaged)."
        )
    order = ("averaged", "raw") if weights == "averaged" else ("raw", "averaged")
    generator = next((best[role][1] for role in order if role in best), None)
    chosen = {"generator": generator, "discriminator": best.get("discriminator", (0, None))[1]}
    return {role: name for role, name in chosen.items() if name is not None}


def select(path: Path, content: dict[Any, Any], weights: Weights) -> Networks:
    """Find the networks in a file's dict: a bare state dict, a wrapped one, or several by name.

    Args:
        path: the file, for messages.
        content: what it holds.
        weights: which generator of a file that has both.

    Raises:
        CheckpointError: there is none, or not with these weights.
    """
    mean: dict[str, Any] = {}
    aside: tuple[str, ...] = ()
    for _ in range(_MAX_DEPTH):
        if is_state(content):
            found = _of_keys(path, content, weights)
            role = "generator" if "generator" in found else ""
            if mean and role in found:
                found[role] |= to_numpy(path, mean)
            found.left_out += aside
            return found
        content = {name: _without_conf(value) for name, value in content.items()}
        mean |= {MEAN: content[MEAN]} if is_state({MEAN: content.get(MEAN)}) else {}
        names = [key for key, value in content.items() if is_state(value) and isinstance(key, str)]
        if chosen := choose(names, weights, str(path)):
            found = {role: to_numpy(path, _bare(path, content[name])) for role, name in chosen.items()}
            if "generator" in found:
                found["generator"] |= to_numpy(path, mean)
            used = {*chosen.values(), *mean}
            return Networks(found, (*(str(key) for key in content if key not in used), *aside), taken=chosen)
        wrapper, others = _wrapper(path, content, weights)
        if wrapper is None and len(names) == 1:
            wrapper = names[0]
        if wrapper is None:
            break
        content, aside = content[wrapper], (*others, *aside)
    raise CheckpointError(f"{path} {no_network(content)}.")


def _without_conf(value: Any) -> Any:
    """The tensors of a network that lie beside the arguments that it was made with; anything else as it is."""
    is_both = isinstance(value, dict) and value.keys() == {CONF, "state_dict"}
    return value["state_dict"] if is_both else value


def _wrapper(path: Path, content: dict[Any, Any], weights: Weights) -> tuple[str | None, tuple[str, ...]]:
    """The entry in which the networks are, and others of the kind, which hold them with other weights."""
    averaged, raw = (
        [name for name in names if isinstance(content.get(name), dict)] for names in (_AVERAGED_WRAPPERS, _WRAPPERS)
    )
    if weights == "raw" and averaged and not raw:
        raise CheckpointError(
            f"{path} holds averaged weights only ({averaged[0]}), no raw ones: take these (averaged)."
        )
    found = [*averaged, *raw] if weights == "averaged" else [*raw, *averaged]
    return (found[0], tuple(found[1:])) if found else (None, ())


def _of_keys(path: Path, state: dict[str, Any], weights: Weights) -> Networks:
    """The networks of a state dict, by the beginnings of its keys; the whole of it where these name none."""
    state = _bare(path, state)
    decoder = {key.removeprefix("decoder."): value for key, value in state.items() if key.startswith("decoder.")}
    if decoder:  # The generator of pSp and its successors.
        rest = dict.fromkeys(key.partition(".")[0] for key in state if not key.startswith("decoder."))
        return Networks({"": to_numpy(path, decoder)}, tuple(rest))
    groups: dict[str, dict[str, Any]] = {}
    rest: dict[str, None] = {}
    for key, value in state.items():
        if prefix := _network_of(key):
            groups.setdefault(prefix, {})[key.removeprefix(f"{prefix}.")] = value
        else:
            rest[key.partition(".")[0]] = None
    by_name = {prefix.rpartition(".")[2]: prefix for prefix in groups}
    chosen = {role: by_name[name] for role, name in choose(by_name, weights, str(path)).items()}
    if not chosen:
        return Networks({"": to_numpy(path, state)})
    found = {role: to_numpy(path, _bare(path, groups[prefix])) for role, prefix in chosen.items()}
    if "generator" in found and EMBEDDINGS in state:
        found["generator"] |= to_numpy(path, {EMBEDDINGS: state[EMBEDDINGS]})
        del rest[EMBEDDINGS.partition(".")[0]]
    others = [prefix for prefix in groups if prefix not in chosen.values()]
    return Networks(found, (*others, *rest), taken=chosen)


def _network_of(key: str) -> str | None:
    """The beginning of a key that names a network, below at most one wrapper: ``model.netG``."""
    parts = key.split(".")[:-1]
    depth = next((i for i, part in enumerate(parts[:2]) if role_of(part) is not None), None)
    return None if depth is None else ".".join(parts[: depth + 1])


def without_common_prefix(state: State) -> State | None:
    """A state dict without the first word of its keys, where all have the same: ``model.0.weight``; else None.

    >>> list(without_common_prefix({"net.a.weight": 1, "net.b.weight": 2}))
    ['a.weight', 'b.weight']
    """
    first = {key.partition(".")[0] for key in state if key != MEAN}
    if len(first) != 1 or not all("." in key for key in state if key != MEAN):
        return None
    return {key if key == MEAN else key.partition(".")[2]: value for key, value in state.items()}


def _bare(path: Path, state: dict[str, Any]) -> dict[str, Any]:
    """A dict of tensors without the prefixes of wrappers."""
    result: dict[str, Any] = {}
    for key, value in state.items():
        name = key
        while name.startswith(_PREFIXES):
            name = name.removeprefix(next(p for p in _PREFIXES if name.startswith(p)))
        if name in result:
            raise CheckpointError(f"{path} has {name} twice, with and without a wrapper's prefix.")
        result[name] = value
    return result
