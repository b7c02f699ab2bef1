"""The tables of breaks, as values.

A break changes one line of the program so that a clause of a specification is not kept
any more, and names the test that proves the clause and must fail for it.
"""

import ast
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = Path(__file__).parent
TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)(?P<case>\[.+\])?")


@dataclass(frozen=True, slots=True)
class Break:
    """A part of a line that a clause hangs on, and what to put in its place."""

    spec: str
    """The specification's name, as the docstrings of tests say it: "dhcp"."""
    clause: int
    file: str
    old: str
    """It occurs once in *file*."""
    new: str
    test: str
    """The node id of pytest's."""

    @property
    def name(self) -> str:
        return f"{self.spec} {self.clause}"

    def apply(self, text: str) -> str:
        """Return *text* with the break; raises ValueError where it does not fit."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.file} has {found} of {self.old!r}: has to be 1")
        return text.replace(self.old, self.new)

    def proof(self, root: Path) -> str:
        """Return the docstring of the test; raises ValueError where there is none."""
        parts = TEST.fullmatch(self.test)
        if parts is None:
            raise ValueError(f"{self.test!r} is no test's node id")
        tree = ast.parse((root / parts["file"]).read_text())
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name == parts["name"]
            ):
                return ast.get_docstring(node) or ""
        raise ValueError(f"{self.test} does not exist")


def load(tables: Path = TABLES) -> list[Break]:
    """Return every break, clause by clause."""
    breaks = [
        Break(spec=path.parent.name, **fields)
        for path in sorted(tables.glob("*/*.toml"))
        for fields in tomllib.loads(path.read_text())["break"]
    ]
    return sorted(breaks, key=lambda each: (each.spec, each.clause))


def clauses_of(spec: str, docstring: str) -> set[int]:
    """Return the clauses that a test's docstring names: "dhcp 26, 74: ..."."""
    lists = re.findall(rf"\b{spec} (\d+(?:,\s+\d+)*)", docstring)
    return {int(number) for each in lists for number in each.split(",")}
