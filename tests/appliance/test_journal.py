"""One line an event, which no guest can forge, and no slow reader can hold up."""

import os
import re
import subprocess
import sys
import threading

import pytest
import trio
import trio.testing
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from appliance.journal import LINES_AT_MOST
from appliance.journal import Journal
from appliance.journal import format_line

FIELD = re.compile(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^" =\\]+)')


def read(line: str) -> dict[str, str]:
    """Read a line as a program would that knows the form."""
    event, found, at = line.partition(" ")[0], {}, 0
    at = len(event)
    while at < len(line):
        word = FIELD.match(line, at)
        assert word is not None, line[at:]
        found[word[1]] = word[2]
        at = word.end()
    return found


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("10.0.0.5", "10.0.0.5"),
        (5, "5"),
        (True, "True"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\nb", '"a\\nb"'),
        ("a\x1b[31m", '"a\\x1b[31m"'),
        ("é", "é"),
        ("\u2028", '"\\u2028"'),
        ("\u202e", '"\\u202e"'),
        ("\udcff", '"\\udcff"'),
    ],
)
def test_values(value: object, written: str) -> None:
    assert format_line("e", {"k": value}) == f"e k={written}"


@given(st.text(), st.text())
@example("x ip=10.0.0.1", "\nhttp ip=10.0.0.1")
@example('" ip="10.0.0.1', "\\")
def test_a_guest_cannot_forge_a_key_or_a_line(first: str, second: str) -> None:
    """dhcp 73: no octet of a client's is written unescaped."""
    line = format_line("http", {"target": first, "host": second, "us": 5})
    assert line.isprintable()
    assert list(read(line)) == ["target", "host", "us"]
    line.encode("utf-8", "backslashreplace")


def test_lines_are_written_in_their_order() -> None:
    reading, writing = os.pipe()
    journal = Journal(writing)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            journal.log("first", a=1)
            await trio.testing.wait_all_tasks_blocked()
            journal.log("second", b=2)
            nursery.cancel_scope.cancel()

    trio.run(main)
    os.close(writing)
    with open(reading) as reader:
        assert reader.read() == "first a=1\nsecond b=2\n"


def test_the_queue_is_bounded() -> None:
    """At the limit all lines wait; one more, and the oldest is lost and counted."""
    reading, writing = os.pipe()
    journal = Journal(writing)
    for number in range(LINES_AT_MOST):
        journal.log("e", n=number)
    assert journal.dropped == 0
    journal.log("e", n=LINES_AT_MOST)
    assert journal.dropped == 1
    lines = b""

    def drain() -> None:
        nonlocal lines
        while piece := os.read(reading, 1 << 16):
            lines += piece

    reader = threading.Thread(target=drain)
    reader.start()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(main)
    os.close(writing)
    reader.join()
    os.close(reading)
    assert lines.startswith(b"e n=1\n")
    assert lines.count(b"\n") == LINES_AT_MOST


def test_a_reader_that_stands_still_costs_lines_and_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGTERM ends the daemon all the same; what nobody took is counted."""
    monkeypatch.setattr("appliance.journal.PATIENCE", 0.05)
    reading, writing = os.pipe()
    journal = Journal(writing)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            for _ in range(1000):
                journal.log("event", text="x" * 1000)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(main)
    os.set_blocking(reading, False)
    taken = os.read(reading, 1 << 20)
    assert 0 < taken.count(b"\n") < 100
    assert journal.dropped == 1000 - taken.count(b"\n")
    # a line that was torn is ended before the next begins
    journal.log("after")
    journal._write(journal._take())
    rest = os.read(reading, 1 << 20)
    assert rest == (b"after\n" if taken.endswith(b"\n") else b"\nafter\n")
    os.close(reading)
    os.close(writing)


def test_nobody_reads_any_more() -> None:
    """A pipe whose reader has gone ends nothing."""
    program = (
        "import os, trio\n"
        "from appliance.journal import Journal\n"
        "journal = Journal()\n"
        "async def main():\n"
        "    async with trio.open_nursery() as nursery:\n"
        "        nursery.start_soon(journal.run)\n"
        "        journal.log('e')\n"
        "        nursery.cancel_scope.cancel()\n"
        "trio.run(main)\n"
        "os.write(2, b'%d lost' % journal.dropped)\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"1 lost")
