"""What ``import gprior_jax`` costs over ``import jax, flax.linen``: medians over alternating fresh processes."""

import statistics
import subprocess
import sys

from common import Report, at_least, note, number, parser, print_table

BASE = "jax, flax.linen"
PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_seconds(modules: str) -> float:
    """Seconds that importing ``modules`` takes in a fresh process, the interpreter's own start left out."""
    command = [sys.executable, "-c", PROGRAM.format(modules)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure in turns."""
    made = parser(__doc__)
    made.add_argument("--module", default="gprior_jax", help="what is imported in addition")
    made.add_argument("--runs", type=at_least(1), default=15)
    args = made.parse_args()
    report = Report("Import time", args, device=False)
    contenders = (BASE, f"{BASE}, {args.module}")
    for modules in contenders:  # Writes the byte code and warms the file cache.
        import_seconds(modules)
    seconds: dict[str, list[float]] = {modules: [] for modules in contenders}
    for turn in range(args.runs):
        for modules in contenders:
            seconds[modules].append(import_seconds(modules))
        note(f"run {turn + 1} of {args.runs}")
    added = statistics.median(b - a for a, b in zip(*seconds.values(), strict=True))
    medians = [statistics.median(values) for values in seconds.values()]
    rows = [
        [f"import {modules}", number(statistics.median(values), 3), number(min(values), 3), number(max(values), 3)]
        for modules, values in seconds.items()
    ]
    print_table(["statement", "median, s", "least, s", "most, s"], rows)
    print(f"{args.module} adds {medians[1] - medians[0]:.3f} s (medians; {added:.3f} s in pairs).")
    report.add(seconds=seconds, added_seconds=medians[1] - medians[0], added_seconds_paired=added)


if __name__ == "__main__":
    main()
