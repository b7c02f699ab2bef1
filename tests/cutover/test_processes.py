"""Ending processes of others: by SIGTERM, by SIGKILL, or not at all."""

import ctypes
import subprocess
from dataclasses import dataclass

import pytest
import trio

from appliance.cutover import processes
from appliance.errors import SettingsError

_PTRACE_SEIZE, _PTRACE_DETACH = 0x4206, 17
_PTRACE_O_TRACEEXIT = 0x40
_DEAF = "trap '' TERM; echo deaf; exec sleep 99"


@dataclass(frozen=True, slots=True)
class Known:
    """A process, by its number."""

    pid: int
    started: int


def test_one_that_hangs_in_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.7: who does not end by SIGKILL either is told, and not waited for."""
    monkeypatch.setattr(processes, "END_WITHIN", 0.1)
    monkeypatch.setattr(processes, "GONE_WITHIN", 0.1)
    libc = ctypes.CDLL(None, use_errno=True)
    with subprocess.Popen(["sh", "-c", _DEAF], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == b"deaf\n"
        # a debugger holds it on its way out, as a disk that does not answer would
        assert libc.ptrace(_PTRACE_SEIZE, deaf.pid, None, _PTRACE_O_TRACEEXIT) == 0
        _, started = processes.parent_and_start(processes.PROC / str(deaf.pid))
        try:
            with pytest.raises(SettingsError, match=f"{deaf.pid}: not ended"):
                trio.run(processes.end, [Known(deaf.pid, started)])
        finally:
            libc.ptrace(_PTRACE_DETACH, deaf.pid, None, None)
            deaf.kill()


def test_one_that_is_deaf_to_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.7: it is ended by SIGKILL."""
    monkeypatch.setattr(processes, "END_WITHIN", 0.1)
    with subprocess.Popen(["sh", "-c", _DEAF], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == b"deaf\n"
        _, started = processes.parent_and_start(processes.PROC / str(deaf.pid))
        try:
            trio.run(processes.end, [Known(deaf.pid, started)])
            assert deaf.poll() == -9
        finally:
            deaf.kill()
