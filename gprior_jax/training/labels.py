"""Classes of training images: those that ``dataset.json`` names, or the folders that they lie in."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.storage.names import as_text, listed, named_once, normalized
from gprior_jax.training.sources import LABELS, Source

REMEDY = (
    "conditional training needs 'labels': [[name, class], ...] in its dataset.json, with a class for every image, or, "
    "without that file, a folder for each class"
)
_TOLD = 3
"""Names that a message has."""


class Classes(NamedTuple):
    """Classes of the images of a source.

    Attributes:
        of: class of every image by its name, from 0.
        names: of the classes, in their order.
    """

    of: dict[str, int]
    names: list[str]


def find_classes(source: Source) -> Classes:
    r"""Classes of all images of a source, of which every one has one.

    ``"labels"`` of ``dataset.json`` is a list of pairs of names and classes, or an object with names as keys. Names are
    those below the folder that the file is in; ``\`` and ``./`` in them are as good as ``/``. Classes are whole
    numbers from 0, or words, which are numbered in their order. Without such a file, the first folder in which images
    differ is their class.

    Raises:
        GPriorError: it is damaged, or has no class for an image; the message says which and what to do.
    """
    where = source.find(LABELS)
    return _of_folders(source) if where is None else _of_file(source, where)


def _wrong(source: Source, what: str) -> GPriorError:
    return GPriorError(f"{source.path} does not name the class of every image: {what}; {REMEDY}.")


def _of_file(source: Source, where: str) -> Classes:
    try:
        found = json.loads(source.read(where), object_pairs_hook=named_once)
    except (ValueError, RecursionError, ImageFileError) as error:
        raise _wrong(source, f"its {where} cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise _wrong(source, f"its {where} holds no object")
    if "labels" not in found:
        raise _wrong(source, f"its {where} has no 'labels'{_else_folders(source)}")
    pairs = _pairs(source, where, found["labels"])
    top = where.rpartition("/")[0]
    raw: dict[str, Any] = {}
    for name, label in pairs:
        first = raw.setdefault(normalized(f"{top}/{name}"), label)
        if _plain(first) != _plain(label):
            two = f"{json.dumps(first)[:40]} and {json.dumps(label)[:40]}"
            raise _wrong(source, f"{as_text(name)} has two classes in its {where}, {two}, and an image is of one")
    missing = [name for name in source.names if name not in raw]
    if missing:
        told = f"{len(missing)} of {len(source.names)} images have none in {where}: {listed(missing, _TOLD)}"
        if len(missing) == len(source.names):
            told += f" (it names others, such as {as_text(pairs[0][0])})"
        raise _wrong(source, told)
    return _numbered(source, where, raw, found.get("label_names"))


def _else_folders(source: Source) -> str:
    """What may be meant by a file without classes."""
    return " (remove the file where the folders are the classes)" if "/" in "".join(source.names) else ""


def _pairs(source: Source, where: str, labels: Any) -> list[tuple[str, Any]]:
    """Names and classes as they are given."""
    if labels is None:
        raise _wrong(source, f"the 'labels' of its {where} are null{_else_folders(source)}")
    if isinstance(labels, Mapping):
        labels = list(labels.items())
    if not isinstance(labels, list) or not labels:
        raise _wrong(source, f"the 'labels' of its {where} are {'empty' if labels == [] else 'no list of pairs'}")
    for entry in labels:
        if not isinstance(entry, list | tuple) or len(entry) != 2 or not isinstance(entry[0], str):
            raise _wrong(source, f"{json.dumps(entry)[:80]} in its {where} is no pair of a name and a class")
    return [(name, label) for name, label in labels]


def _numbered(source: Source, where: str, raw: Mapping[str, Any], told: Any) -> Classes:
    """Classes as numbers from 0, with their names."""
    plain = {name: _plain(label) for name, label in raw.items()}
    for name, label in plain.items():
        if label is None:
            kind = f"the class {json.dumps(raw[name])[:80]} of {as_text(name)} in its {where}"
            raise _wrong(source, f"{kind} is neither a whole number from 0 nor a word")
    words = sorted({label for label in plain.values() if isinstance(label, str)})
    if words and any(isinstance(label, int) for label in plain.values()):
        raise _wrong(source, f"its {where} has both numbers and words for classes")
    if words:
        numbers = {word: number for number, word in enumerate(words)}
        return Classes({name: numbers[label] for name, label in plain.items()}, words)
    count = 1 + max(plain.values())
    names = [str(name) for name in (told if isinstance(told, list) and told else range(count))]
    if len(names) != count:
        raise _wrong(source, f"its {where} has {count} classes and {len(names)} 'label_names'")
    return Classes(plain, names)


def _plain(label: Any) -> Any:
    """A class as a number or a word; None for what is neither."""
    if isinstance(label, list):  # One-hot, as some tools write it.
        ones = [index for index, value in enumerate(label) if value == 1]
        label = ones[0] if len(ones) == 1 and label.count(0) == len(label) - 1 else None
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    if isinstance(label, str):
        word = label.strip()
        return int(word) if word.isascii() and word.isdigit() else word or None
    return label if isinstance(label, int) and not isinstance(label, bool) and label >= 0 else None


def _of_folders(source: Source) -> Classes:
    parts = [name.split("/")[:-1] for name in source.names]
    depth = 0
    while all(len(folders) > depth for folders in parts) and len({folders[depth] for folders in parts}) == 1:
        depth += 1
    loose = [name for name, folders in zip(source.names, parts, strict=True) if len(folders) <= depth]
    if loose:
        some = f"in no folder are {listed(loose, _TOLD)}"
        alone = "all images lie in one folder" if len(loose) == len(parts) else some
        raise _wrong(source, f"it has no {LABELS}, and {alone}")
    names = sorted({folders[depth] for folders in parts})
    numbers = {name: number for number, name in enumerate(names)}
    of = {name: numbers[folders[depth]] for name, folders in zip(source.names, parts, strict=True)}
    return Classes(of, [as_text(name) for name in names])


def as_array(classes: Classes, names: Sequence[str]) -> np.ndarray:
    """Classes of some images, integers ``[N]``."""
    return np.array([classes.of[name] for name in names])
