"""Hosts on one machine: network namespaces that a bridge joins.

Each has a network, processes and a name of its own (a name that nobody can resolve); files are those of all. Linux,
as root, with ``ip`` and ``unshare`` (iproute2, util-linux).
"""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

PREFIX = "gprior"
_NETWORK = "10.213.77"
_ENTER = 'hostname "$1" && shift && exec "$@"'


def address(host: int) -> str:
    """A host's, as the others see it."""
    return f"{_NETWORK}.{host + 1}"


def inside(host: int, command: Sequence[str]) -> list[str]:
    """A command as a host runs it: it sees its own network, name and processes, and the files of all."""
    name = f"{PREFIX}{host}"
    apart = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", _ENTER, "sh", name]
    return ["ip", "netns", "exec", name, *apart, *command]


@contextlib.contextmanager
def hosts(count: int) -> Iterator[None]:
    """Hosts 0 to ``count`` - 1, while it lasts."""
    _remove()
    try:
        _ip("link", "add", PREFIX, "type", "bridge")
        _ip("link", "set", PREFIX, "up")
        for host in range(count):
            _add(host)
        yield
    finally:
        _remove()


def _add(host: int) -> None:
    """A namespace, and a cable from it to the bridge."""
    name, outer = f"{PREFIX}{host}", f"{PREFIX}{host}x"
    _ip("netns", "add", name)
    _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", outer, "master", PREFIX, "up")
    _ip("-n", name, "addr", "add", f"{address(host)}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", name, "link", "set", device, "up")


def _remove() -> None:
    """What is there of these names, also of a program that was killed."""
    for path in Path("/run/netns").glob(f"{PREFIX}[0-9]*"):
        _ip("netns", "delete", path.name)
    if Path("/sys/class/net", PREFIX).exists():
        _ip("link", "delete", PREFIX)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
