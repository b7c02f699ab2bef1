"""The tables of breaks fit the tree; `make nightly` tries them."""

import pytest

from .table import ROOT
from .table import Break
from .table import clauses_of
from .table import load

CLAUSES = {"dhcp": range(1, 76), "dns": range(1, 18)}
BREAKS = load()


def named(each: Break) -> str:
    return f"{each.name}-{each.old.strip()[:30]}"


@pytest.mark.parametrize("spec", CLAUSES)
def test_every_clause_has_a_break(spec: str) -> None:
    """Each clause of a specification has a break, and no other number has."""
    broken = {each.clause for each in BREAKS if each.spec == spec}
    assert broken == set(CLAUSES[spec])


@pytest.mark.parametrize("each", BREAKS, ids=named)
def test_a_break_fits_the_program(each: Break) -> None:
    """A break changes one line of today's program, by text that occurs once."""
    whole = (ROOT / each.file).read_text()
    broken = each.apply(whole)
    assert broken != whole
    assert broken.count("\n") == whole.count("\n")


@pytest.mark.parametrize("each", BREAKS, ids=named)
def test_a_break_names_the_test_of_its_clause(each: Break) -> None:
    """The test that has to fail exists, and its docstring names the clause."""
    assert each.clause in clauses_of(each.spec, each.proof(ROOT))


def test_no_break_is_there_twice() -> None:
    tried = [(each.file, each.old, each.new, each.test) for each in BREAKS]
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize(
    ("docstring", "clauses"),
    [
        ("dhcp 26: unknown MAC: silent.", {26}),
        ("dhcp 53, 7, 42: min(57 or 576, MTU) - 28.", {53, 7, 42}),
        ("All are in force (dhcp 68,\n    69, host H7).", {68, 69}),
        ("host 26: not ours. xdhcp 5", set()),
        ("", set()),
    ],
)
def test_a_docstring_names_clauses(docstring: str, clauses: set[int]) -> None:
    """ "dhcp" and numbers with commas between, wherever they are."""
    assert clauses_of("dhcp", docstring) == clauses


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("tests/breaks/test_tables.py", "no test's node id"),
        ("tests/breaks/test_tables.py::test_nothing", "does not exist"),
    ],
)
def test_a_test_that_is_not_there(test: str, says: str) -> None:
    each = Break("dhcp", 1, "dhcp/codes.py", "BOOTREQUEST = 1", "", test)
    with pytest.raises(ValueError, match=says):
        each.proof(ROOT)


@pytest.mark.parametrize("old", ["BOOTREQUEST = 7", "class "])
def test_text_that_is_not_there_once(old: str) -> None:
    each = Break("dhcp", 1, "dhcp/codes.py", old, "", "")
    with pytest.raises(ValueError, match="has to be 1"):
        each.apply((ROOT / each.file).read_text())
