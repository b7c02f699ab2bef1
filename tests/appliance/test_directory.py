"""What is on disk: which files, changed or not, and what they hold."""

import os
from pathlib import Path

import pytest

from appliance.directory import READ_AT_MOST
from appliance.directory import StateDirectory
from appliance.errors import SettingsError


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path)


def test_temporary_names_are_not_files_yet(directory: StateDirectory) -> None:
    """Temporary names of rsync and editors, and our own, are not bindings yet."""
    for name in (
        "fa163e000005.json",
        "wrong.json",
        ".fa163e000005.json.Xy12",
        ".fa163e000005.json",
        "fa163e000005.json~",
        "fa163e000005.json.swp",
        ".123.tmp",
        "README",
    ):
        directory.path(name).touch()
    assert set(directory.stamps()) == {"fa163e000005.json", "wrong.json"}


def test_no_directory_is_no_file(tmp_path: Path) -> None:
    absent = StateDirectory(tmp_path / "absent")
    assert absent.stamps() == {}
    assert absent.modified() == 0
    assert absent.read("fa163e000005.json") is None


def test_what_is_no_directory_is_an_error(tmp_path: Path) -> None:
    """What cannot be listed is not empty: nobody's binding vanishes for it."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="file: cannot be listed: Not a directory"):
        StateDirectory(tmp_path / "file").stamps()


def test_a_stamp_changes_with_its_file(directory: StateDirectory) -> None:
    path = directory.path("a.json")
    path.write_text("1")
    first = directory.stamps()
    assert directory.stamps() == first
    path.write_text("22")
    second = directory.stamps()
    assert second != first
    os.utime(path, ns=(1, 1))
    third = directory.stamps()
    assert third != second
    other = directory.path("b")
    other.write_text("22")
    os.utime(other, ns=(1, 1))
    other.replace(path)
    assert directory.stamps() != third


def test_the_directorys_time_changes_with_its_names(directory: StateDirectory) -> None:
    before = directory.modified()
    os.utime(directory.bindings, ns=(1, 1))
    directory.path("a.json").touch()
    assert directory.modified() not in (1, before - 1)


def content(directory: StateDirectory, name: str) -> str:
    found = directory.read(name)
    assert isinstance(found, SettingsError)
    return str(found)


def test_contents(directory: StateDirectory) -> None:
    """What a file holds, or why it cannot be read, with its name."""
    directory.path("a.json").write_text("é")
    directory.path("b.json").write_bytes(b"\xff")
    directory.path("c.json").mkdir()
    directory.path("d.json").symlink_to("nothing")
    directory.path("e.json").symlink_to("e.json")
    assert directory.read("a.json") == "é"
    assert directory.read("none.json") is None
    at = directory.bindings
    assert content(directory, "b.json") == f"{at}/b.json: is not UTF-8 text"
    assert content(directory, "c.json").endswith("cannot be read: Is a directory")
    assert content(directory, "d.json").endswith("is a link to nothing")
    assert content(directory, "e.json").startswith(f"{at}/e.json: cannot be read: Too")
    assert set(directory.stamps()) == {f"{each}.json" for each in "abcde"}


def test_a_pipe_makes_nobody_wait(directory: StateDirectory) -> None:
    os.mkfifo(directory.path("a.json"))
    assert directory.read("a.json") == ""


def test_no_more_is_read_than_a_binding_holds(directory: StateDirectory) -> None:
    directory.path("a.json").write_text("x" * (READ_AT_MOST + 5))
    found = directory.read("a.json")
    assert isinstance(found, str)
    assert len(found) == READ_AT_MOST
