"""A throw-away machine for a test: namespaces of its own, and nothing outside them.

The test's body runs in a child, first process of a new process namespace, with a
network, mounts, /run, /proc and /sys of its own, so what it makes dies with it:

    @in_machine
    def test_up() -> None:
        sh("ip link add br0 up type bridge")
"""

import ctypes
import functools
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from ipaddress import IPv4Network
from pathlib import Path
from types import FrameType
from typing import Any
from typing import NoReturn
from typing import ParamSpec

import pytest

from appliance import namespace
from appliance.attachment import METADATA_ADDRESS
from appliance.attachment import Attachment
from appliance.attachment import Bridged

MACHINE_SECONDS = 120.0
UNTIL_SECONDS = 10.0

_CLONE_NEWNS = 0x20000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_MS_REC_PRIVATE = 0x44000
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)

P = ParamSpec("P")


def in_machine(test: Callable[P, None]) -> Callable[P, None]:
    """Run *test* in a machine of its own; it is skipped for nobody, it needs root."""

    @functools.wraps(test)
    def outside(*arguments: P.args, **named: P.kwargs) -> None:
        failure = _in_child(lambda: test(*arguments, **named))
        if failure:
            pytest.fail(failure, pytrace=False)

    return pytest.mark.machine(outside)


def _in_child(body: Callable[[], None]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _first_of_machine(body, writing)
    os.close(writing)
    try:
        return _read_all(reading)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)


def _read_all(pipe: int) -> str:
    deadline = time.monotonic() + MACHINE_SECONDS
    told = b""
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        piece = os.read(pipe, 1 << 16)
        if not piece:
            return told.decode() if told != b"done" else ""
        told += piece
    return f"the test has not ended in {MACHINE_SECONDS:.0f} s"


def _first_of_machine(body: Callable[[], None], writing: int) -> NoReturn:
    told = b"the machine ended without a word"
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _call(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS | _CLONE_NEWPID))
        first = os.fork()
        if first == 0:
            try:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                _furnish()
                body()
                told = b"done"
            except BaseException:
                told = traceback.format_exc().encode()
            sys.stdout.flush()
            os.write(writing, told)
            os._exit(0)
        os.close(writing)
        os.waitpid(first, 0)
    finally:
        os._exit(0)


def _furnish() -> None:
    for source, target, kind, flags in (
        (b"none", b"/", None, _MS_REC_PRIVATE),
        (b"tmpfs", b"/run", b"tmpfs", 0),
        (b"proc", b"/proc", b"proc", 0),
        (b"sysfs", b"/sys", b"sysfs", 0),
    ):
        _call(_libc.mount(source, target, kind, flags, None))
    sh("ip link set lo up")


def _call(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def killed(body: Callable[[], None]) -> None:
    """Run *body*, at whose end it is killed as by `kill -9`, in a child."""
    child = os.fork()
    if child == 0:
        try:
            body()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself"


def events_of(body: Callable[[], None]) -> int:
    """Count the Python and C calls and returns of *body*, which changes nothing."""
    seen = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(count)
    try:
        body()
    finally:
        sys.setprofile(None)
    return seen


def killed_at(moment: int, body: Callable[[], None]) -> None:
    """Kill *body* at its *moment*-th call or return."""

    def begin() -> None:
        seen = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal seen
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        body()

    killed(begin)


def sh(command: str) -> str:
    """Run a shell command of the machine and return what it says."""
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return done.stdout


def js(command: str) -> Any:
    return json.loads(sh(command) or "[]")


def until(
    condition: Callable[[], object], what: str, *, seconds: float = UNTIL_SECONDS
) -> None:
    """Ask again until *condition* holds; after *seconds* fail, saying what."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds:g} s: {what}"
        select.select([], [], [], 0.005)


def network(
    name: str = "n1",
    *,
    bridge: str = "br0",
    subnet: str = "10.0.0.0/24",
    uplink: str | None = None,
) -> Attachment:
    """Describe a network whose DHCP address is the second of its subnet."""
    range_ = IPv4Network(subnet)
    where = Bridged(
        bridge, f"{bridge}_{name}", Path("/run/metalease/netns") / name, uplink
    )
    addresses = (
        IPv4Interface((range_[2], range_.prefixlen)),
        IPv4Interface((METADATA_ADDRESS, 32)),
    )
    return Attachment(name, where, addresses, (range_,))


def where(attachment: Attachment) -> Bridged:
    assert isinstance(attachment.where, Bridged)
    return attachment.where


def bridge(name: str = "br0") -> None:
    sh(f"ip link add {name} up type bridge")


@dataclass(frozen=True, slots=True)
class Guest:
    """A namespace with one device, eth0, whose other end is a port of a bridge."""

    name: str
    mac: str

    @property
    def path(self) -> Path:
        return namespace.path(self.name)

    @contextmanager
    def inside(self) -> Iterator[None]:
        with namespace.entered(self.path):
            yield

    def sh(self, command: str) -> str:
        return sh(f"ip netns exec {self.name} {command}")


def guest(name: str, mac: str, address: str = "", *, bridge: str = "br0") -> Guest:
    """Connect a guest to *bridge* by the port tap-<name>."""
    sh(
        f"ip netns add {name} && ip link add tap-{name} type veth"
        f" peer name eth0 address {mac} netns {name}"
        f" && ip link set tap-{name} master {bridge} up"
        f" && ip -n {name} link set lo up && ip -n {name} link set eth0 up"
    )
    if address:
        sh(f"ip -n {name} addr add {address} dev eth0")
    return Guest(name, mac)
