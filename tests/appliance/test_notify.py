"""sd_notify(3): how we tell systemd how we are."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.notify import Notifier


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(10)
        yield listening


@pytest.fixture(autouse=True)
def _nobody_manages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("abstract", [False, True])
def test_a_word_to_the_manager(
    manager: socket.socket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    abstract: bool,
) -> None:
    """A path, or an abstract name that begins with @; children do not inherit it."""
    name = f"@metalease-{os.getpid()}" if abstract else str(tmp_path / "notify")
    manager.bind(name.replace("@", "\0") if abstract else name)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    notifier = Notifier()
    assert "NOTIFY_SOCKET" not in os.environ
    notifier.tell("READY=1")
    assert manager.recv(100) == b"READY=1"
    notifier.tell("STOPPING=1")
    assert manager.recv(100) == b"STOPPING=1"
    assert notifier._socket is not None
    notifier._socket.close()


@pytest.mark.parametrize("name", [None, "", "/nowhere/notify", "x" * 500, "vsock:2:1"])
def test_nobody_to_tell(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    """A manager that is not there stops nobody from serving."""
    if name is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", name)
    notifier = Notifier()
    assert notifier._socket is None
    notifier.tell("READY=1")


def test_a_manager_that_has_gone(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    notifier = Notifier()
    manager.close()
    notifier.tell("READY=1")
    assert notifier._socket is not None
    notifier._socket.close()


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("30000000", None, 30.0),
        ("30000000", "ours", 30.0),
        ("30000000", "1", None),
        ("0", None, None),
        ("", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog(
    monkeypatch: pytest.MonkeyPatch,
    microseconds: str,
    process: str | None,
    seconds: float | None,
) -> None:
    """WATCHDOG_USEC counts for the process that WATCHDOG_PID names, or for any."""
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    if process is not None:
        pid = str(os.getpid()) if process == "ours" else process
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert Notifier().watchdog == seconds
