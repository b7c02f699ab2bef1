"""One network's daemon as a child process: started, waited for, started again."""

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from subprocess import DEVNULL
from typing import Final

import trio

from ..change import ring_daemon
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..layout import NetworkLayout

END_WITHIN: Final = 15.0  # seconds
PAUSE: Final = 1.0  # seconds before one that has ended is started again
PAUSE_AT_MOST: Final = 30.0  # of one that ends again and again
LOOK_SECONDS: Final = 0.05


async def process_of(files: NetworkLayout) -> int | None:
    """Return the number of the process that serves the network; None for none."""
    ask = partial(ring_daemon, files, {"op": "status"})
    try:
        answer = await trio.to_thread.run_sync(ask)
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            return None
        raise
    return int(answer["pid"])


async def has_ended(number: int) -> None:
    """Wait until the process has ended."""
    try:
        process = os.pidfd_open(number)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(process)
    finally:
        os.close(process)


async def until_free(files: NetworkLayout) -> None:
    """Wait until nobody holds the lock of the network's daemon."""
    while _is_held(files):  # noqa: ASYNC110 # the kernel tells of no lock's end
        await trio.sleep(LOOK_SECONDS)


def _is_held(files: NetworkLayout) -> bool:
    try:
        lock = os.open(files.daemon_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


class Keeper:
    """Has one network served until it is cancelled."""

    def __init__(
        self, files: NetworkLayout, report: Callable[[str, str], None]
    ) -> None:
        self._files = files
        self._report = report
        self.scope = trio.CancelScope()
        self.settled = trio.Event()
        """Set when it serves for the first time, or has ended without."""
        self.serves = False
        self.problem = ""
        self.ended = trio.Event()

    async def run(self) -> None:
        pause = PAUSE
        try:
            with self.scope:
                while True:
                    began = trio.current_time()
                    await self._serve()
                    self.serves = False
                    self.settled.set()
                    lasted = trio.current_time() - began
                    pause = PAUSE if lasted > PAUSE_AT_MOST else pause
                    what = f"its daemon {self.problem}: again in {pause:g} s"
                    self._report(self._files.name, what)
                    await trio.sleep(pause)
                    pause = min(2 * pause, PAUSE_AT_MOST)
        finally:
            self.serves = False
            self.settled.set()
            self.ended.set()

    async def _serve(self) -> None:
        """Return when it has ended, or cannot be started."""
        try:
            number = await process_of(self._files)
            if number is None:
                await self._run()
            else:
                self._ready()
                await has_ended(number)
                self.problem = "ended"
        except (SettingsError, OSError) as problem:
            self.problem = f"cannot be started: {problem}"

    def _ready(self) -> None:
        self.serves = True
        self.settled.set()

    async def _run(self) -> None:
        with notified() as (heard, door):
            process = await open_daemon(self._files, door)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._listen, heard)
                    code = await process.wait()
                    nursery.cancel_scope.cancel()
            finally:
                await end(process)
        self.problem = f"ended with exit code {code}: its journal says why"

    async def _listen(self, heard: socket.socket) -> None:
        await until_ready(heard)
        self._ready()


def words_of(files: NetworkLayout) -> list[str]:
    """Return the command line of the network's daemon."""
    root = str(files.layout.root)
    words = [sys.executable, "-m", "appliance.cli", "--root", root]
    return [*words, "run", files.name]


@contextmanager
def notified() -> Iterator[tuple[socket.socket, str]]:
    """Hear what a daemon says of itself: the socket, and its name for NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("")  # the kernel chooses a name, which is no file's
        heard.setblocking(False)
        yield heard, heard.getsockname().decode().replace("\0", "@")


async def open_daemon(
    files: NetworkLayout, door: str, output: int | None = None
) -> trio.Process:
    """Start the network's daemon, which writes to the descriptor *output* or ours."""
    return await trio.lowlevel.open_process(
        words_of(files),
        stdin=DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, "NOTIFY_SOCKET": door},
        start_new_session=True,  # Ctrl-C is ours, who end it
    )


async def until_ready(heard: socket.socket) -> None:
    """Wait until a daemon says at *heard* that every socket answers."""
    said: list[bytes] = []
    while b"READY=1" not in said:
        await trio.lowlevel.wait_readable(heard)
        said = heard.recv(4096).split()


async def end(process: trio.Process) -> None:
    """Have it ended when this returns: by SIGTERM, else by SIGKILL."""
    with trio.CancelScope(shield=True), trio.move_on_after(END_WITHIN):
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
            return
    if process.returncode is None:
        process.kill()
