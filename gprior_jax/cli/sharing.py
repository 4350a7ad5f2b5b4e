"""The flags of commands whose list of images several processes share, and how these find each other."""

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import jax
from jax.extend.backend import clear_backends
from tyro import conf

from gprior_jax import runs
from gprior_jax.cli.telling import warn
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.runs import Item, Job, Outcome
from gprior_jax.runs.hosts import run_with_hosts
from gprior_jax.runs.packing import Kind, check_pack
from gprior_jax.runs.shares import WHOLE, Share, parse_share
from gprior_jax.storage.atomic import check_folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardFlag:
    """The flag of commands of which each does a part of a list.

    Attributes:
        shard: I/N: do the I-th of N shares of the inputs, I from 0, as one task of an array job (Slurm, Kubernetes).
            Every image is in one share, by its name; all tasks may write into one folder, or each into its own, for
            gprior merge.
    """

    shard: Annotated[str | None, conf.arg(metavar="I/N")] = None

    @functools.cached_property
    def share(self) -> Share:
        """The share of this process."""
        if self.shard is None:
            return WHOLE
        try:
            return parse_share(self.shard)
        except ArgumentError as error:
            raise ArgumentError(f"--{error}") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShareFlags(ShardFlag):
    """The flags of a run that several processes share.

    Attributes:
        distributed: this is one of several processes that start together, one a host, and write into one folder. JAX
            finds out which under Slurm, Open MPI, Kubernetes and on Cloud TPU; elsewhere say so by --coordinator,
            --process and --processes.
        coordinator: of --distributed: address and port of process 0, HOST:PORT, the same for all.
        process: of --distributed: number of this process, from 0.
        processes: of --distributed: how many there are.
    """

    distributed: bool = False
    coordinator: Annotated[str | None, conf.arg(metavar="HOST:PORT")] = None
    process: int | None = None
    processes: int | None = None

    @functools.cached_property
    def share(self) -> Share:
        """The share of this process; of several that started together, by the numbers that :func:`join` finds."""
        if not self.distributed:
            return super().share
        return Share(jax.process_index(), jax.process_count())

    def share_size(self, items: Sequence[Item]) -> int:
        """How many of the items this process does at first."""
        return len(self.share.of(items, items))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFlags(ShareFlags):
    """The flags of a run with records.

    Attributes:
        pack: folder for the results once more, in few large files (NAME.png, NAME.npz and NAME.json of every image),
            written by the process that ends last.
        pack_kind: of these: tar, in the layout of WebDataset, or arrayrecord (extra arrayrecord), a record an image.
        profile: folder for a trace of the run by JAX's profiler, for TensorBoard, xprof or Perfetto; it grows with
            every step, so take few images.
    """

    pack: Path | None = None
    pack_kind: Kind = "tar"
    profile: Path | None = None

    def run_files(self, job: Job, items: Sequence[Item], out: Path, **options: Any) -> Outcome:
        """Do this process's part of the items, see :func:`gprior_jax.runs.run`; pack the results of all."""
        if self.profile is not None:
            check_folder(self.profile)
        if self.pack is not None:
            check_pack(out, self.pack, self.pack_kind)
        elif self.pack_kind != "tar":
            raise ArgumentError(f"--pack-kind {self.pack_kind}: name the folder with --pack, or leave it out.")
        if options.get("save_every") is not None and jax.process_count() > 1:
            warn("--save-every: hosts of a TPU pod keep no states, as Orbax writes those of all together: left out.")
            options |= {"save_every": None}
        with contextlib.nullcontext() if self.profile is None else jax.profiler.trace(str(self.profile)):
            if self.distributed:
                outcome = run_with_hosts(job, items, out, self.share, tell=warn, **options)
            else:
                outcome = runs.run(job, items, out, tell=warn, part=self.share, **options)
        if self.pack is not None and outcome.is_whole:
            runs.pack(out, self.pack, kind=self.pack_kind)
        return outcome


def join(command: Any) -> None:
    """Let the processes of a command with ``--distributed`` find each other; others stay alone.

    JAX tells each its number; then they part again, and JAX starts once more in each as if it were alone. As long as
    they are together JAX ends all of them when one dies, or is late at the end, and Orbax writes nothing unless all
    write the same. But images need nothing of each other, and what is done is in their records.

    Raises:
        ArgumentError: the flags do not go together, or JAX does not find out which process this is.
        GPriorError: the other processes do not come.
    """
    if not isinstance(command, ShareFlags):
        return
    _check(command)
    if not command.distributed:
        return
    # It is asked for numbers only: no memory of a GPU is taken, and nothing is to be sent between CPUs, for which a
    # host would have to be able to resolve its own name.
    asked = {"jax_platforms": "cpu", "jax_cpu_collectives_implementation": None}
    before = {name: jax.config.values[name] for name in asked}
    try:
        jax.distributed.initialize(command.coordinator, command.processes, command.process)
        for name, value in asked.items():
            jax.config.update(name, value)
        _ = command.share
        jax.distributed.shutdown()  # Waits until all have come so far.
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"--distributed: JAX does not find out which process this is ({str(error).rstrip('.')}): give "
            "--coordinator HOST:PORT, --process and --processes."
        ) from error
    except RuntimeError as error:
        line = next(iter(str(error).splitlines()), "")
        raise GPriorError(
            f"--distributed: the processes do not find each other ({line}): start all of them."
        ) from error
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    clear_backends()


def _check(command: ShareFlags) -> None:
    """Check that the flags go together.

    Raises:
        ArgumentError: they do not.
    """
    _ = ShardFlag.share.func(command)  # A share that is none is told before anything is loaded.
    own = {"--coordinator": command.coordinator, "--process": command.process, "--processes": command.processes}
    named = [flag for flag, value in own.items() if value is not None]
    if not command.distributed:
        if named:
            raise ArgumentError(f"{named[0]} is for --distributed: add that, or leave it out.")
        return
    if command.shard is not None:
        raise ArgumentError("--shard is for processes that know nothing of each other: leave it out, or --distributed.")
    if named and len(named) < len(own):
        missing = next(flag for flag in own if flag not in named)
        raise ArgumentError(f"{named[0]} without {missing}: give all three, or none where JAX finds them out.")
    if command.processes is not None and command.processes < 1:
        raise ArgumentError(f"--processes {command.processes}: use at least 1.")
    if command.process is not None and not 0 <= command.process < (command.processes or 0):
        raise ArgumentError(
            f"--process {command.process}: processes are numbered from 0, the last of {command.processes} is "
            f"{(command.processes or 1) - 1}."
        )
    if command.coordinator is not None and not _is_address(command.coordinator):
        raise ArgumentError(f"--coordinator {command.coordinator}: give address and port of process 0, HOST:PORT.")


def _is_address(text: str) -> bool:
    """Whether a text is a host and a port.

    >>> _is_address("10.0.0.1:1234"), _is_address("host"), _is_address("host:0")
    (True, False, False)
    """
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536
