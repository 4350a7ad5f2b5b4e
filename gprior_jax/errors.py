"""Errors, per-image status values, and the one way to import an optional dependency."""

import enum
import importlib
from types import ModuleType


class Status(enum.IntEnum):
    """How the inversion of one image ended. Values are stored in results and compared as integers.

    >>> Status(1).name
    'CONVERGED'
    """

    MAX_STEPS = 0
    """All steps were taken."""
    CONVERGED = 1
    """The best loss stopped improving by more than the tolerance."""
    NONFINITE = 2
    """The loss became NaN or infinite; the best finite iterate before that is returned."""


class GPriorError(Exception):
    """A mistake of the caller or a fault of a file, told in one sentence with its remedy.

    The command line prints the sentence and exits with 2. Anything that is raised and is none of these is a fault of
    this package (or a disk that fails) and keeps its traceback.

    >>> import gprior_jax as gp
    >>> try:
    ...     gp.load("bultin")
    ... except gp.GPriorError as error:
    ...     print(str(error).partition(":")[0])
    'bultin' is neither a model folder nor a bundled prior (builtin, builtin
    """


class GPriorWarning(UserWarning):
    """What was guessed, or looks wrong, in one sentence; the command line prints it once.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", GPriorWarning)  # What is guessed shall be an error.
    ...     try:
    ...         warnings.warn("the range of cat.tif was guessed.", GPriorWarning)
    ...     except GPriorWarning as told:
    ...         print(told)
    the range of cat.tif was guessed.
    """


class RangeWarning(GPriorWarning):
    """Pixels that look as if they were of another range than they should be."""


class ArgumentError(GPriorError, ValueError):
    """An argument that cannot be used: what was given, what is allowed, what to do.

    >>> import gprior_jax as gp
    >>> try:
    ...     gp.latents.MultiCode(num_codes=0)
    ... except gp.ArgumentError as error:
    ...     print(error)
    num_codes 0: use at least one code.
    """


class ImageFileError(GPriorError, ValueError):
    """An image file that cannot be used; a run over many files reports it and goes on.

    >>> import gprior_jax as gp
    >>> try:
    ...     gp.load_image("no_such.jpg", 64)
    ... except gp.ImageFileError as error:
    ...     print(error)
    no_such.jpg does not exist.
    """


class CheckpointError(GPriorError, ValueError):
    """A checkpoint or model folder that cannot be used; nothing was written.

    >>> import gprior_jax as gp
    >>> try:
    ...     gp.zoo.read_config("no/such/folder")
    ... except gp.CheckpointError as error:
    ...     print(str(error).partition(":")[0])
    no/such/folder is no model folder (it has no config.json)
    """


class OccupiedError(GPriorError, FileExistsError):
    """There is something already where a folder is to be made; it was left as it is."""


class DownloadError(GPriorError, OSError):
    """A published file that could not be fetched; what arrived is kept where the transfer can go on from it."""


class OutOfMemoryError(GPriorError, MemoryError):
    """Memory did not suffice; what was written before is kept."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory did not suffice.

    JAX has no class for it: it raises ``JaxRuntimeError`` on the first call of a function and ``ValueError`` later,
    with the text of XLA.

    >>> is_out_of_memory(ValueError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."))
    True
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError | ValueError) and ("RESOURCE_EXHAUSTED" in text or "Out of memory" in text)


class MissingExtraError(GPriorError, ImportError):
    """An optional dependency is not installed."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Args:
        module: dotted name of the module.
        extra: the extra of this package that installs it.

    Returns:
        the module.

    Raises:
        MissingExtraError: it is not installed; the message names the extra.

    >>> require("json", "cli").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise  # The package is there; something that it needs itself is not.
        raise MissingExtraError(
            f"{module.split('.')[0]} is not installed: pip install 'gprior-jax[{extra}]'"
        ) from error
