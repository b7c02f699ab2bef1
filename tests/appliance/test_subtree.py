"""A directory as one JSON document (issue 5.2)."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.subtree import NAMES_AT_MOST
from appliance.subtree import Crawl
from appliance.subtree import TooLargeError
from appliance.subtree import text_of
from httpd.messages import FileBody
from httpd.respond import Directory
from httpd.respond import Document
from httpd.respond import Resource


def crawl(found: Mapping[str, Resource]) -> Crawl:
    return Crawl(found.get, wait=True)


def test_hidden_names_stay_hidden() -> None:
    """issue 5.2: what no listing shows is in no JSON, even where a rule names it."""
    names = ("a", ".b", "c~", "gone")
    leaf = Document(b"1")
    found = crawl({"/d/a": leaf, "/d/.b": leaf, "/d/c~": leaf})
    assert found.directory("/d", Directory(names)) == {"a": "1"}


def test_names_are_bounded() -> None:
    names = tuple(map(str, range(NAMES_AT_MOST)))
    assert crawl({}).directory("/d", Directory(names)) == {}
    with pytest.raises(TooLargeError):
        crawl({}).directory("/d", Directory((*names, "more")))


@pytest.mark.parametrize("octets", [b"\xff", b"12345"])
def test_no_text(octets: bytes) -> None:
    """What is no UTF-8, or longer than it may be, is no text."""
    assert text_of(octets, wait=True, at_most=4) is None
    assert text_of(octets[:0], wait=True, at_most=4) == ""


@pytest.mark.parametrize(
    ("wait", "at_most", "text"), [(True, 4, "1234"), (True, 3, None), (False, 3, None)]
)
def test_an_open_file(tmp_path: Path, wait: bool, at_most: int, text: str) -> None:
    """It is read, or not, and closed."""
    body = opened(tmp_path)
    assert text_of(body, wait=wait, at_most=at_most) == text
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(body.descriptor)


def test_an_open_file_is_not_waited_for(tmp_path: Path) -> None:
    body = opened(tmp_path)
    with pytest.raises(BlockingIOError):
        text_of(body, wait=False, at_most=4)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(body.descriptor)


def opened(folder: Path) -> FileBody:
    file = folder / "file"
    file.write_bytes(b"1234")
    return FileBody(os.open(file, os.O_RDONLY), 4)
