"""Their programs: dnsmasq and lighttpd of one namespace, ended and started again.

A process is theirs when it lives in the namespace, is one of the two by its executable,
and its command line names a file below a directory that is called as the namespace is.
It is started again as root, whoever it has become: both need root at their start, and
`ip netns exec`, by which ZStack starts them, does as well.
"""

import os
import shutil
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from subprocess import STDOUT
from typing import Final

import trio

from ..errors import SettingsError
from ..namespace import entered
from ..namespace import path
from . import held
from .found import Held
from .found import Program
from .processes import PROC
from .processes import all_processes
from .processes import parent_and_start
from .processes import words

# how each is asked whether it could be started: it reads its files, and ends
TRIALS: Final = {"dnsmasq": "--test", "lighttpd": "-tt"}
START_SECONDS: Final = 5.0  # after which one that has not ended stays in the foreground
START_WITHIN: Final = 20.0  # seconds until their sockets are held again
LOOK_SECONDS: Final = 0.01
SEARCH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find(namespace: str) -> list[Program]:
    """Return their processes in *namespace*, parents before their children."""
    there = os.stat(path(namespace))
    found = []
    for each in all_processes():
        # any may end while it is looked at
        with suppress(OSError):
            inside = os.stat(each / "ns/net")
            if (inside.st_dev, inside.st_ino) == (there.st_dev, there.st_ino):
                program = _read(each)
                if program.name in TRIALS and _names(program, namespace):
                    found.append(program)
    pids = {each.pid for each in found}
    return sorted(found, key=lambda each: (each.parent in pids, each.pid))


def _read(process: Path) -> Program:
    executable = os.readlink(process / "exe").removesuffix(" (deleted)")
    parent, started = parent_and_start(process)
    status = (process / "status").read_text()
    return Program(
        pid=int(process.name),
        started=started,
        parent=parent,
        name=os.path.basename(executable),
        executable=executable,
        arguments=words(process / "cmdline"),
        folder=os.readlink(process / "cwd"),
        environment=words(process / "environ"),
        user=int(status.partition("Uid:")[2].split()[1]),
    )


def _names(program: Program, namespace: str) -> bool:
    return any(f"/{namespace}/" in each for each in program.arguments)


def keeper_of(program: Program) -> str:
    """Say who may start *program* again by himself; "" for nobody that is known."""
    process = PROC / str(program.pid)
    with suppress(OSError):
        if program.parent > 1:
            name = (PROC / str(program.parent) / "comm").read_text().strip()
            return f"its parent {name} ({program.parent})"
        unit = (process / "cgroup").read_text().strip().rpartition("/")[2]
        if unit.endswith(".service"):
            return f"the unit {unit}"
    return ""


def sockets_of(
    namespace: str, programs: Iterable[Program]
) -> tuple[list[Held], list[Held]]:
    """Return what is held in *namespace*: by *programs*, and by others."""
    # in this order: dnsmasq opens one for each address that comes, also just now
    with entered(path(namespace)):
        found = held.here()
    inodes = {each for program in programs for each in _inodes(program.pid)}
    theirs = {each for each, inode in found if inode in inodes}
    others = {each for each, inode in found if inode not in inodes}
    return sorted(theirs), sorted(others)


def _inodes(pid: int) -> Iterator[int]:
    for each in (PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            target = os.readlink(each)
            if target.startswith("socket:["):
                yield int(target[len("socket:[") : -1])


def served(namespace: str) -> set[Held]:
    """Return which sockets are held in *namespace*, by whomever."""
    with entered(path(namespace)):
        return {each for each, _ in held.here()}


async def try_out(namespace: str, program: Program) -> None:
    """Raise SettingsError where *program* could not be started again by now."""
    trial = (*program.arguments, TRIALS[program.name])
    code, said = await _run(namespace, program, trial)
    if code:
        what = f"could not be started again, so it is not stopped: {said}"
        raise SettingsError(f"{program.name} ({program.pid})", what)


async def start(namespace: str, roots: Iterable[Program]) -> None:
    """Start those of *roots* that do not run. Raises SettingsError."""
    running = find(namespace)
    for program in roots:
        if not any(program.is_again(each) for each in running):
            code, said = await _run(namespace, program, program.arguments)
            if code:
                raise SettingsError(program.name, f"does not start again: {said}")


async def until_served(namespace: str, sockets: Iterable[Held]) -> None:
    """Wait until *sockets* are held again; raises SettingsError."""
    missing = set(sockets)
    with trio.move_on_after(START_WITHIN):
        while missing := missing - served(namespace):  # noqa: ASYNC110 # no event is set
            # by the kernel: it tells nobody of a bind
            await trio.sleep(LOOK_SECONDS)
        return
    what = f"not held {START_WITHIN:.0f} s after their start: {min(missing)}"
    raise SettingsError(f"namespace {namespace}", what)


def _folder(program: Program) -> str:
    return program.folder if os.path.isdir(program.folder) else "/"


async def _run(
    namespace: str, program: Program, arguments: tuple[str, ...]
) -> tuple[int, str]:
    """Run *arguments* as *program* was; return its exit code and its last words.

    One that stays in the foreground has no exit code yet when the time is over: 0.
    """
    tool = shutil.which("ip", path=os.environ.get("PATH", "") + ":" + SEARCH)
    if tool is None:
        raise SettingsError("ip", "is not installed: install the package iproute2")
    pairs = (each.partition("=") for each in program.environment)
    # a pipe would stay open as long as the daemon that inherits it, a disk may be full
    with os.fdopen(os.memfd_create("said"), "rb") as output:
        process = await trio.lowlevel.open_process(
            [tool, "netns", "exec", namespace, *arguments],
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            cwd=_folder(program),
            env={name: value for name, _, value in pairs},
            start_new_session=True,
        )
        with trio.move_on_after(START_SECONDS):
            await process.wait()
        output.seek(0)
        lines = output.read().decode(errors="replace").split("\n")
    said = next((each for each in reversed(lines) if each.strip()), "")
    return process.returncode or 0, said or f"exit code {process.returncode}"
