"""How much memory the studio takes while many large photographs are sent to it at once, over slow connections.

The studio listens in this process, whose peak is told; the clients are another.
"""

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import Report, at_least, parser, peak_bytes, print_table

PATH = "/studio/place"


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--uploads", type=at_least(1), default=20, help="at once")
    made.add_argument("--megabytes", type=at_least(1), default=35, help="of each")
    made.add_argument("--pause", type=float, default=4.0, help="seconds before the last bytes of each")
    made.add_argument("--port", type=int, default=0, help="be the clients of a studio that listens there")
    return made.parse_args()


def send(port: int, megabytes: int, pause: float) -> int:
    """Send a file that begins as a picture does, its end late; the status that is answered."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n\x89PNG'
    end = b"\r\n--x--\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.putrequest("POST", PATH)
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(len(head) + megabytes * 1_000_000 + len(end)))
    connection.endheaders()
    connection.send(head)
    for _ in range(megabytes):
        connection.send(bytes(1_000_000))
    time.sleep(pause)
    connection.send(end)
    return connection.getresponse().status


def clients(args: argparse.Namespace) -> None:
    """All uploads at once; each must be told that it is no picture."""
    with ThreadPoolExecutor(args.uploads) as pool:
        found = list(pool.map(lambda _: send(args.port, args.megabytes, args.pause), range(args.uploads)))
    if set(found) != {415}:
        raise RuntimeError(f"answered were {sorted(set(found))}")


def measure(args: argparse.Namespace) -> tuple[float, float, float]:
    """Megabytes at the peak before and after, and seconds."""
    import gprior_jax as gp
    from gprior_jax.keys import seeded
    from gprior_jax.serving.engine import Engine
    from gprior_jax.serving.limits import Limits
    from gprior_jax.serving.listening import Listener
    from gprior_jax.studio.app import make_studio
    from gprior_jax.studio.making import StudioMaker
    from gprior_jax.studio.owned import finish
    from gprior_jax.studio.workspace import Workspace

    limits = Limits(megabytes=args.megabytes + 1.0)
    engine = Engine(StudioMaker(gp.load("builtin"), seeded(0), limits, 1, 1, "builtin"), finish=finish)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(engine, Path(folder) / "studio", "builtin")
        listener = Listener(make_studio(workspace), "127.0.0.1", 0, limits)
        listener.start()
        before, began = peak_bytes() / 1e6, time.perf_counter()
        command = [sys.executable, __file__, "--port", listener.address.rpartition(":")[2]]
        own = {"uploads": args.uploads, "megabytes": args.megabytes, "pause": args.pause}
        subprocess.run([*command, *(word for name, n in own.items() for word in (f"--{name}", str(n)))], check=True)
        seconds = time.perf_counter() - began
        engine.close(0.0)
        listener.stop()
        workspace.close()
    return before, peak_bytes() / 1e6, seconds


def main() -> None:
    """Measure, or be the clients."""
    args = arguments()
    if args.port:
        clients(args)
        return
    report = Report("Uploads to the studio", args)
    before, peak, seconds = measure(args)
    row = {"MB before": round(before), "MB at the peak": round(peak), "seconds": round(seconds, 1)}
    print_table(list(row), [list(row.values())], f"{args.uploads} photographs of {args.megabytes} MB at once")
    report.add(**row)


if __name__ == "__main__":
    main()
