"""The account of a checkpoint's tensors: each is used, knowingly left out, or named in the error."""

import numpy as np

from gprior_converters.state import State
from gprior_jax.errors import CheckpointError

_SHOWN = 6

REMEDY = "check that the file is whole, or describe the network with --architecture"


class Ledger:
    """Tensors of one network, to be taken one by one.

    Problems are gathered, so that :meth:`close` names them all at once.
    """

    def __init__(self, state: State, source: str):
        """Open the account of ``state``; ``source`` names the file in messages."""
        self._state, self._source = dict(state), source
        self._missing: list[str] = []
        self._misshapen: list[str] = []
        self._left: list[str] = []

    @property
    def left_out(self) -> tuple[str, ...]:
        """Keys that were knowingly left out."""
        return tuple(self._left)

    def take(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """Use the tensor ``key``, which must have ``shape``; a problem is noted and zeros stand in."""
        if key not in self._state:
            self._missing.append(f"{key} {list(shape)}")
            return np.zeros(shape, np.float32)
        value = self._state.pop(key)
        if value.shape != tuple(shape):
            self._misshapen.append(f"{key} {list(value.shape)} instead of {list(shape)}")
            return np.zeros(shape, np.float32)
        return value

    def leave_out(self, *keys: str) -> None:
        """Account for tensors that carry nothing the converted network needs, where they are there."""
        self._left += [key for key in keys if self._state.pop(key, None) is not None]

    def close(self, layout: str, remedy: str = REMEDY) -> None:
        """End the account.

        Args:
            layout: what the tensors look like, for the message.
            remedy: what to do, likewise.

        Raises:
            CheckpointError: a tensor is missing, misshapen or unexpected; all are named.
        """
        problems = [
            f"{kind}: {', '.join(keys[:_SHOWN])}" + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
            for kind, keys in (
                ("missing", self._missing),
                ("misshapen", self._misshapen),
                ("unexpected", [f"{key} {list(value.shape)}" for key, value in self._state.items()]),
            )
            if keys
        ]
        if problems:
            raise CheckpointError(
                f"{self._source} looks like the layout {layout} but does not fit it ({'; '.join(problems)}); nothing "
                f"was written: {remedy}."
            )
