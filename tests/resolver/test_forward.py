"""`metalease forward` itself, as a process."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.bell import reachable
from appliance.lab.patience import until
from appliance.layout import Layout
from appliance.resolver.channel import ASKED
from appliance.resolver.channel import ERRAND
from appliance.resolver.channel import HELLO
from tests.appliance.house import N1

FILES_AT_MOST = 32
WITHIN = 20.0  # seconds, on a busy machine


@pytest.fixture
def root() -> Iterator[Path]:
    """A root that the service's user can read, with a network n1."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o755)
        settings = Layout(root).network("n1").settings
        settings.parent.mkdir(parents=True)
        settings.write_text(N1)
        yield root


@pytest.fixture
def forwarder(root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One that may open few files; it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", "forward"],
        env={**os.environ, "METALEASE_ROOT": str(root)},
        # nothing of ours runs between fork and exec but this one call
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (FILES_AT_MOST, FILES_AT_MOST)
        ),
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def line(path: Path) -> socket.socket:
    """Return a line to it; it hears us when it can."""

    def connected() -> socket.socket | None:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        found.settimeout(WITHIN)
        try:
            with reachable(path) as name:
                found.connect(name)
        except OSError:
            found.close()
            return None
        return found

    found = until(connected, "it takes a line", within=WITHIN)
    assert found is not None
    return found


GREETING = ASKED.pack(HELLO, 0) + b"0123456789abcdef n1"
BROKEN = {
    "no greeting": [b"x"],
    "half a question": [GREETING, b"x"],
    "an errand that is none": [GREETING, ASKED.pack(1, ERRAND) + b"\xff"],
    "a network that is none": [GREETING.replace(b"n1", b"../n1")],
    "a name of no letters": [GREETING + b"\xff"],
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_daemon(
    forwarder: "subprocess.Popen[bytes]", root: Path, said: list[bytes]
) -> None:
    """dns 13: a daemon that a guest has broken loses its own line, and no other
    network's: whatever it says is not the forwarder's end."""
    path = Layout(root).forward_socket
    with line(path) as broken:
        for each in said:
            broken.send(each)
        with contextlib.suppress(OSError):
            broken.settimeout(1.0)
            broken.recv(1)
    with line(path) as other:
        other.send(ASKED.pack(1, 0))  # no greeting: it hangs up
        assert other.recv(1) == b""
    assert forwarder.poll() is None


def test_more_lines_than_files(
    forwarder: "subprocess.Popen[bytes]", root: Path
) -> None:
    """dns 7: when it can open no more files it takes no more lines for a while, and
    goes on with those that it has: one network's flood is not the end of all names."""
    path = Layout(root).forward_socket
    lines = [line(path) for _ in range(FILES_AT_MOST)]
    open_files = Path(f"/proc/{forwarder.pid}/fd")
    until(
        lambda: len(list(open_files.iterdir())) >= FILES_AT_MOST,
        "no file is left to it",
        within=WITHIN,
    )
    for each in lines:
        each.close()
    last = line(path)
    last.send(ASKED.pack(1, 0))  # no greeting: it hangs up
    assert last.recv(1) == b""
    last.close()
    assert forwarder.poll() is None
