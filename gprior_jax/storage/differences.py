"""What sets the shapes in two trees apart."""

import jax

from gprior_jax.typing import PyTree


def differences(stored: PyTree, abstract: PyTree) -> str:
    """What sets the shapes in two trees apart, in words; empty where nothing does.

    >>> import numpy as np
    >>> differences({"a": np.zeros(2), "b": np.zeros(1)}, {"a": np.zeros(3)})
    'unexpected: b; misshapen: a [2] instead of [3]'
    """
    found, wanted = (
        {jax.tree_util.keystr(path, simple=True, separator="."): tuple(leaf.shape) for path, leaf in leaves}
        for leaves, _ in map(jax.tree_util.tree_flatten_with_path, (stored, abstract))
    )
    other = sorted(name for name in found.keys() & wanted.keys() if found[name] != wanted[name])
    kinds = {
        "missing": sorted(wanted.keys() - found.keys()),
        "unexpected": sorted(found.keys() - wanted.keys()),
        "misshapen": [f"{name} {list(found[name])} instead of {list(wanted[name])}" for name in other],
    }
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)
