"""`python -m tests.breaks.trial TEST ...`: run tests, and say last how they ended."""

import json
import re
import sys
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field

import pytest

# What says that a break is no program: it proves nothing about a test.
NO_PROGRAM = re.compile(
    r"^E .*?\b((?:Name|UnboundLocal|Syntax|Indentation|Import|ModuleNotFound"
    r"|Attribute|Type)Error: .*)",
    re.MULTILINE,
)


@dataclass(slots=True, eq=False)  # pytest keeps its plugins in a set
class Outcome:
    """What became of some tests; a plugin of pytest's, to collect it."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    """Tests that failed as tests do."""
    faults: list[str] = field(default_factory=list)
    """What prevented one: it could not be collected, set up, or run as a program."""
    skipped: list[str] = field(default_factory=list)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.faults.append(_last_line(report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)
        elif report.failed:
            wrong = NO_PROGRAM.search(report.longreprtext)
            if wrong is not None:
                self.faults.append(wrong[1])
            elif report.when == "call":
                self.failed.append(report.nodeid)
            else:
                self.faults.append(_last_line(report.longreprtext))
        elif report.when == "call":
            self.passed += 1


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def main(tests: list[str]) -> None:
    outcome = Outcome()
    ended = pytest.main(["-q", "-x", "--tb=short", *tests], plugins=[outcome])
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        outcome.faults.append(f"pytest: {pytest.ExitCode(ended).name}")
    print("\n" + json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main(sys.argv[1:])
