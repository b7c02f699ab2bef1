"""The fuzzers are run, each for a while: a target that tries nothing is a fault."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 10
AT_LEAST = 1_000  # executions, on however slow a machine


@pytest.mark.machine
def test_what_a_guest_can_send() -> None:
    """dns 15: by coverage, with atheris: no query and no answer is a fault."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz_dns", str(SECONDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4_000:]
    found = re.search(r"executed_units: (\d+)", run.stderr)
    assert found is not None
    assert int(found[1]) > AT_LEAST
