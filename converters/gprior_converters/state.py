"""What readers give and converters take."""

import numpy as np

State = dict[str, np.ndarray]
"""One network's tensors by their key, in the file's order."""
