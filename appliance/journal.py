"""One line an event, key=value, on standard output, where a journal reads it.

Lines wait in a bounded queue for a task that writes them from a thread: a reader that
stands still costs lines, which are counted, and never an answer.
"""

import codecs
import os
import select
from collections import deque

import trio

LINES_AT_MOST = 10_000  # waiting
PATIENCE = 1.0  # seconds for a reader to take something
GATHER = 0.01  # seconds: a burst is one write, not one for each line
QUOTED = frozenset(' "=\\')

# its module is read at the first use, where there may be no descriptor left for it
codecs.lookup("unicode_escape")


def format_line(event: str, fields: dict[str, object]) -> str:
    """Return the line; a value that a guest chose cannot forge another key."""
    words = [event]
    for key, value in fields.items():
        text = str(value)
        if not text.isprintable() or not text or QUOTED.intersection(text):
            text = '"' + _escaped(text) + '"'
        words.append(f"{key}={text}")
    return " ".join(words)


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in text
    )


class Journal:
    """The log of one process.

    Resource handling: `run` writes until it is cancelled, then what is left.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._wake = trio.Event()
        self._torn = False
        self.dropped = 0

    def log(self, event: str, **fields: object) -> None:
        if len(self._lines) >= LINES_AT_MOST:
            self._lines.popleft()
            self.dropped += 1
        self._lines.append(format_line(event, fields))
        self._wake.set()

    async def run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                await trio.sleep(GATHER)
                self._wake = trio.Event()
                octets = self._take()
                await trio.to_thread.run_sync(self._write, octets)
        finally:
            self._write(self._take())

    def _take(self) -> bytes:
        lines = "".join(line + "\n" for line in self._lines)
        self._lines.clear()
        if self._torn and lines:  # the reader got half a line the last time
            lines, self._torn = "\n" + lines, False
        return lines.encode("utf-8", "backslashreplace")

    def _write(self, octets: bytes) -> None:
        """Write whole lines, or give up on a reader that takes nothing for a while."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while octets:
            try:
                if not poll.poll(PATIENCE * 1000):
                    break
                # a pipe that is ready takes this much at once
                written = os.write(self._descriptor, octets[: select.PIPE_BUF])
            except OSError:  # nobody reads any more: serving goes on
                break
            self._torn = octets[written - 1 : written] != b"\n"
            octets = octets[written:]
        self.dropped += octets.count(b"\n")
