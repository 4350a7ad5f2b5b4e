"""What readers give and converters take."""

import numpy as np

State = dict[str, np.ndarray]
"""One network's tensors by their key, in the file's order."""


SETTINGS = "settings"
"""Attribute of a network, and option of converters, with what a program stores beside its tensors."""


class Note(str):
    """Among the keys that a converter leaves out: what the file lacks, and what is stored in its place."""

    __slots__ = ()
