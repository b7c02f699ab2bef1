"""The fuzzers run, each for a minute: one that tries or finds nothing is a fault."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = [pytest.mark.machine, pytest.mark.fuzz]

ROOT = Path(__file__).parents[2]
SECONDS = 60
PATIENCE = 180  # seconds until a target that hangs is given up
AT_LEAST = 1_000  # executions, on however slow a machine
TARGETS = {
    "message": ("tests.fuzz.fuzz_dhcp", "message"),
    "options": ("tests.fuzz.fuzz_dhcp", "options"),
    "frame": ("tests.fuzz.fuzz_dhcp", "frame"),
    "query": ("tests.fuzz.fuzz_dns",),
    "request": ("tests.fuzz.fuzz_http", "request"),
    "rules": ("tests.fuzz.fuzz_http", "rules"),
}

Runs = dict[str, Future[subprocess.CompletedProcess[str]]]


def run(target: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *TARGETS[target], str(SECONDS)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Run all targets, as many at a time as there are processors."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield {
            target: pool.submit(run, target, tmp_path_factory.mktemp(target))
            for target in TARGETS
        }


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_guest_can_send(runs: Runs, target: str) -> None:
    """dhcp 12, dns 15, metadata 1.5: whatever libFuzzer finds by coverage, nothing is
    a fault.

    It has found something: more code was reached than the corpus reaches.
    """
    done = runs[target].result()
    assert done.returncode == 0, fault(done.stderr)
    assert number(r"executed_units: (\d+)", done.stderr) > AT_LEAST
    assert number(r"new_units_added: +(\d+)", done.stderr) > 0
    corpus = number(r"INITED cov: (\d+)", done.stderr)
    assert number(r"DONE   cov: (\d+)", done.stderr) > corpus > 0


def fault(text: str) -> str:
    """Return what went wrong, and the input that did it."""
    said = [line for line in text.splitlines() if not line.startswith(("#", "INFO"))]
    unit = re.search(r"Test unit written to (\S+)", text)
    octets = Path(unit[1]).read_bytes().hex() if unit else ""
    return "\n".join([*said[-60:], octets])


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text[-2_000:]
    return int(found[1])
