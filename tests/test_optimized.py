"""What must hold to the bit, as users run it: with XLA's optimisations and code generator, which the rest of the suite
does without.

Optimised programs fuse and reorder sums, so that an equality of bits that holds without says little about them.
"""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent

TO_THE_BIT = (
    "test_batteries.py::test_order_changes_no_bit[pggan]",
    "test_batteries.py::test_mates_change_no_bit[pggan]",
    "runs/test_inversion.py::test_an_interrupted_run_ends_with_the_same_bits",
    "training/test_loop.py::test_a_run_of_one_level_resumes_to_the_bit",
)

PROGRAM = """
import sys, pytest
class Counted:
    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            import jax
            assert not jax.config.values["jax_disable_most_optimizations"]
            print("ran", report.nodeid, report.outcome)
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[1:]], plugins=[Counted()]))
"""


def test_bits_are_equal_in_optimized_programs():
    """In a process of its own: the setting belongs to a process."""
    environment = dict(os.environ, JAX_DISABLE_MOST_OPTIMIZATIONS="false", GPRIOR_TESTS_XLA="", XLA_FLAGS="")
    command = [sys.executable, "-c", PROGRAM, *(str(TESTS / name) for name in TO_THE_BIT)]
    done = subprocess.run(command, env=environment, cwd=TESTS.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    ran = [line.split()[1] for line in done.stdout.splitlines() if line.strip(".").startswith("ran ")]
    assert {name.removeprefix("tests/") for name in ran} == {*TO_THE_BIT}
