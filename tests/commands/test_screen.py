"""What is printed as it came: to a file or a pipe, and to a terminal."""

import errno
import os
import pty
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from appliance.commands.screen import print_octets
from tests.appliance.house import House
from tests.appliance.house import ip

HOSTILE = "ä\tb\n\x1b]0;owned\x07\r\x9b2J".encode() + b"\xff\0"


def test_what_a_guest_wrote_steers_no_terminal() -> None:
    """issue 5.5: a guest's octets that would move a cursor or set a title are shown,
    and do nothing."""
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as screen, redirect_stdout(screen):
        print_octets(HOSTILE)
    assert read_to_end(ours) == "ä\tb\r\n\\x1b]0;owned\\x07\\r\\x9b2J\\xff\\x00"
    os.close(ours)


def read_to_end(terminal: int) -> str:
    """What a terminal was shown, in however many pieces; nobody writes to it now."""
    shown = b""
    while piece := read(terminal):
        shown += piece
    return shown.decode()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError as error:
        if error.errno != errno.EIO:  # Linux' end of a terminal
            raise
        return b""


def test_an_image_is_not_for_a_terminal(tmp_path: Path) -> None:
    """issue 5.9: -o - is for a pipe; the error says what else."""
    house = House.build(tmp_path)
    house.bind(5)
    words = ["--root", tmp_path, "config-drive", "n1", ip(5), "-o", "-"]
    ours, theirs = pty.openpty()
    done = run(words, stdout=theirs)
    assert (done.returncode, done.stderr) == (
        1,
        "metalease: -o -: is a terminal: give a file, or a pipe\n",
    )
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    "words",
    [
        ("config-drive", "n1", ip(5), "-o", "-"),
        ("file", "get", "n1", ip(5), "user-data"),
    ],
)
def test_standard_output_that_is_closed(
    words: tuple[object, ...], tmp_path: Path
) -> None:
    """issue 5.9: one line says so, and no traceback."""
    house = House.build(tmp_path)
    house.bind(5)
    house.drop(ip(5), "user-data", b"x")
    done = run(["--root", tmp_path, *words], close=True)
    what = "is closed: give it a file or a pipe"
    assert done.stderr == f"metalease: standard output: {what}\n"
    assert done.returncode == 1


def run(
    words: list[object], *, stdout: int | None = None, close: bool = False
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "appliance.cli", *map(str, words)]
    if close:
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60.0,  # nobody reads the terminal: what writes to it would hang
    )
