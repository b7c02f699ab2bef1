"""What a real lighttpd does with requests, by its rules: never predicted by ours.

It runs in a namespace of its own.  Path and query after mod_rewrite are from its access
log, the file that they are mapped to from its debug log, status and Location from its
answer.
"""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from .lighttpd_generator import FILES
from .lighttpd_generator import ROOTS
from .lighttpd_questions import Case
from .lighttpd_questions import Question

LISTENED = "127.0.0.1:80"
SERVER = """\
server.document-root = "{directory}/html"
server.bind = "127.0.0.1"
server.port = 80
server.max-keep-alive-requests = 100000
server.modules = (
    "mod_rewrite", "mod_redirect", "mod_access", "mod_alias", "mod_accesslog"
)
server.errorlog = "{directory}/error.log"
debug.log-request-handling = "enable"
accesslog.filename = "{directory}/access.log"
accesslog.format = "%{{X-Case}}i\t%U\t%q"
"""
BOUNDED = ("prlimit", "--as=1000000000")  # octets: URLs may double until it dies
MADE = re.compile(r"\(response\.c\.422\) Request-URI +: ([^?]*)")
MAPPED = re.compile(r"\(response\.c\.517\) Path +: (.*)")
HEAD = "{0.method} {0.target} HTTP/1.1\r\nHost: {0.host}\r\nX-Case: {1}\r\n{2}\r\n"


class Outcome(NamedTuple):
    """What came of a request."""

    kind: str
    """One of "mapped", "redirected", "denied" and "refused"."""
    what: str
    """Path, query and file; or status and location; or nothing."""
    made: str = ""
    """The path as it was after mod_rewrite, with its escapes."""


REFUSED, DENIED = Outcome("refused", ""), Outcome("denied", "")


class Answer(NamedTuple):
    """What was seen of it from outside, and in its debug log."""

    status: int
    location: str
    made: str
    mapped: str


def theirs(directory: Path, cases: Sequence[Case]) -> list[list[Outcome]]:
    """Return what lighttpd makes of each question of each case."""
    isolated = "unshare --net --mount --pid --fork --kill-child --mount-proc"
    done = subprocess.run(
        [*isolated.split(), sys.executable, "-m", "tests.oracles.lighttpd"],
        cwd=Path(__file__).parents[2],
        input=json.dumps([str(directory), cases]),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [[Outcome(*each) for each in row] for row in json.loads(done.stdout)]


class Client:
    """Asks on a connection that is kept, one for each address."""

    def __init__(self, lighttpd: "subprocess.Popen[bytes]") -> None:
        self._lighttpd = lighttpd
        self._connections: dict[str, socket.socket] = {}

    def ask(self, question: Question, number: int) -> tuple[int, str] | None:
        """Return status and Location; None where it closes without an answer."""
        connection = self._connections.pop(question.caller, None)
        if connection is None:
            connection = self._connect(question.caller)
        more = f"X-Kind: {question.kind}\r\n" if question.kind else ""
        if question.method == "POST":
            more += "Content-Length: 0\r\n"
        connection.sendall(HEAD.format(question, number, more).encode())
        stream = connection.makefile("rb")
        lines: list[str] = []
        while (line := stream.readline().decode().rstrip()) or not lines:
            if not line:
                connection.close()
                return None
            lines.append(line)
        fields = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if question.method != "HEAD":
            stream.read(int(fields["content-length"]))
        if fields.get("connection") == "close":
            connection.close()
        else:
            self._connections[question.caller] = connection
        return int(lines[0].split()[1]), fields.get("location", "")

    def _connect(self, caller: str) -> socket.socket:
        while self._lighttpd.poll() is None:
            try:
                return socket.create_connection(
                    ("127.0.0.1", 80), source_address=(caller, 0)
                )
            except ConnectionRefusedError:
                continue  # it has not begun to listen
        raise AssertionError("lighttpd did not start")

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def outcomes(directory: Path, case: Case) -> list[Outcome]:
    """Run lighttpd, and return what it did with each question."""
    configuration = directory / "lighttpd.conf"
    rules = case.rules.replace("{directory}", str(directory))
    configuration.write_text(SERVER.format(directory=directory) + rules)
    access, debug = directory / "access.log", directory / "error.log"
    access.unlink(missing_ok=True)
    debug.write_text("")
    answers: list[Answer | None] = []
    command = [*BOUNDED, "lighttpd", "-D", "-f", str(configuration)]
    with subprocess.Popen(command) as lighttpd, debug.open(errors="replace") as said:
        try:
            client = Client(lighttpd)
            for number, question in enumerate(case.questions):
                answer = client.ask(question, number)
                answers.append(answered(answer, said.read()))
            client.close()
        finally:
            lighttpd.terminate()
    lines = access.read_text().splitlines() if access.exists() else []
    logged = dict(line.split("\t", 1) for line in lines)
    return [
        outcome(answer, logged.get(str(number), ""), directory)
        for number, answer in enumerate(answers)
    ]


def answered(answer: tuple[int, str] | None, said: str) -> Answer | None:
    """Return an answer with what the debug log says of its request at last."""
    if answer is None:
        return None
    made, mapped = MADE.findall(said), MAPPED.findall(said)
    return Answer(*answer, made[-1] if made else "", mapped[-1] if mapped else "")


def outcome(answer: Answer | None, logged: str, directory: Path) -> Outcome:
    """Return what lighttpd's logs and its answer say."""
    if answer is None or answer.status in (400, 500):
        return REFUSED
    path, _, query = logged.partition("\t")
    if answer.status // 100 == 3:  # a redirect
        location = f"{answer.status} {answer.location}"
        return Outcome("redirected", location, answer.made)
    if answer.status == 403 and not answer.mapped.endswith("/"):
        return DENIED
    mapped = unlogged(answer.mapped).removeprefix(f"{directory}/")
    return Outcome("mapped", f"{unquote(path)}?{query} {mapped}", answer.made)


def unlogged(text: str) -> str:
    """Return what was meant by a text in the debug log: "\\xc3\\xa9" is an é."""
    escaped = re.compile(r"\\x([0-9a-f]{2})")
    octets = escaped.sub(lambda found: chr(int(found[1], 16)), text)
    return octets.encode("latin-1").decode()


def main() -> None:
    """Within the namespace: cases come in, what came of each question goes out."""
    place, given = json.load(sys.stdin)
    directory = Path(place)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for root in ROOTS:
        (directory / root).mkdir(exist_ok=True)
        for name in FILES:
            (directory / root / name).write_text("x")
    cases = [
        Case(rules, tuple(Question(*each) for each in questions))
        for rules, questions, _ in given
    ]
    print(json.dumps([outcomes(directory, case) for case in cases]))


if __name__ == "__main__":
    main()
