"""`python -m tests.breaks [CLAUSE ...]`, as root: does each test fail for its break?

A clause is "26", or "dhcp 26".  Without any, all are tried.
"""

import sys
import tempfile
from pathlib import Path

from .table import ROOT
from .table import Break
from .table import load
from .workshop import Workshop


def chosen(breaks: list[Break], clauses: list[str]) -> list[Break]:
    """Return the breaks of *clauses*; raises ValueError for one that has none."""
    named = [each for each in breaks if {each.name, str(each.clause)} & {*clauses}]
    known = {text for each in named for text in (each.name, str(each.clause))}
    for clause in clauses:
        if clause not in known:
            raise ValueError(f"no clause {clause!r} is in the tables")
    return named if clauses else breaks


def try_all(breaks: list[Break], root: Path = ROOT) -> int:
    """Print a line for each break; return how many are not found by their test."""
    with tempfile.TemporaryDirectory(prefix="breaks-") as place:
        workshop = Workshop(root, Path(place))
        whole = workshop.run(dict.fromkeys(each.test for each in breaks))
        if whole.failed or whole.faults or whole.skipped:
            wrong = whole.failed + whole.faults + whole.skipped
            print(f"breaks: unbroken, this does not pass: {wrong[0]}")
            return len(breaks)
        missed = 0
        for each in breaks:
            trouble = workshop.judge(each)
            missed += bool(trouble)
            print(f"{each.name}: {each.file}: {each.old}")
            said = f"MISSED, {trouble}" if trouble else "found"
            print(f"    {said}: {each.test}", flush=True)
    print(f"{len(breaks) - missed} of {len(breaks)} breaks are found")
    return missed


def main() -> int:
    try:
        breaks = chosen(load(), sys.argv[1:])
    except ValueError as problem:
        print(f"breaks: {problem}", file=sys.stderr)
        return 2
    return 1 if try_all(breaks) else 0


if __name__ == "__main__":
    sys.exit(main())
