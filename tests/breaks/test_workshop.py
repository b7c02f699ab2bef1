"""A break is judged by the one test that has to fail for it: on a tiny program."""

import shutil
from pathlib import Path

import pytest

from . import trial
from .__main__ import chosen
from .__main__ import try_all
from .table import Break
from .workshop import Workshop

PROGRAM = """\
LIMIT = 3
UNUSED = 1
def allowed(number):
    return number < LIMIT
"""
TESTS = """\
import program
import pytest
def test_limit():
    assert [program.allowed(2), program.allowed(3)] == [True, False]
@pytest.fixture
def limit():
    assert program.LIMIT == 3
def test_with_fixture(limit):
    pass
"""
LIMIT = "tests/test_program.py::test_limit"


def change(old: str, new: str, test: str = LIMIT) -> Break:
    return Break("spec", 1, "program.py", old, new, test)


FOUND = change("LIMIT = 3", "LIMIT = 4")
SURVIVES = change("UNUSED = 1", "UNUSED = 2")
NO_TEST_OF_IT: dict[str, tuple[Break, str]] = {
    "a name that does not exist": (
        change("number < LIMIT", "number < LIMITS"),
        "NameError: name 'LIMITS' is not defined",
    ),
    "a fixture that fails": (
        change("LIMIT = 3", "LIMIT = 4", "tests/test_program.py::test_with_fixture"),
        "where 4 = program.LIMIT",
    ),
    "a test that is not there": (
        change("LIMIT = 3", "LIMIT = 4", "tests/test_program.py::test_none"),
        "pytest: USAGE_ERROR",
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A program, its tests, and what runs them."""
    root = tmp_path / "root"
    inner = root / "tests/breaks"
    inner.mkdir(parents=True)
    for package in (root / "tests", inner):
        (package / "__init__.py").touch()
    shutil.copy(trial.__file__, inner)
    (root / "program.py").write_text(PROGRAM)
    (root / "tests/test_program.py").write_text(TESTS)
    return root


@pytest.mark.parametrize("case", NO_TEST_OF_IT)
def test_only_a_test_that_fails_has_found_a_break(
    case: str, tree: Path, tmp_path: Path
) -> None:
    """An error of program, fixture or collection is no proof; and nothing of a break
    stays, nor is any of it in the tree itself."""
    each, trouble = NO_TEST_OF_IT[case]
    place = tmp_path / "place"
    place.mkdir()
    said = Workshop(tree, place).judge(each)
    assert said.startswith("proves nothing: ")
    assert trouble in said
    assert (place / "tree/program.py").read_text() == PROGRAM
    assert (tree / "program.py").read_text() == PROGRAM
    assert not list(tree.rglob("__pycache__"))


def test_what_survives_is_counted(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A break that its test finds, one that it does not, and how many those are."""
    assert try_all([FOUND, SURVIVES], tree) == 1
    said = capsys.readouterr().out
    assert f"found: {LIMIT}\n" in said
    assert f"MISSED, survives: {LIMIT}\n1 of 2 breaks are found\n" in said


def test_a_test_that_fails_unbroken_proves_nothing(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First the tests pass on the program as it is; else every break is missed."""
    (tree / "program.py").write_text(PROGRAM.replace("3", "5"))
    assert try_all([FOUND, FOUND], tree) == 2
    assert f"unbroken, this does not pass: {LIMIT}" in capsys.readouterr().out


def test_clauses_are_chosen_by_number_or_name() -> None:
    first, other = FOUND, Break("other", 2, "", "", "", "")
    assert chosen([first, other], []) == [first, other]
    assert chosen([first, other], ["2"]) == [other]
    assert chosen([first, other], ["spec 1", "2"]) == [first, other]
    with pytest.raises(ValueError, match="no clause '3'"):
        chosen([first, other], ["3"])
