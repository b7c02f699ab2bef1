"""The bell and the doorbell: one JSON object a line, from root or ourselves."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance import bell
from appliance import doorbell
from appliance.errors import NOT_RUNNING
from appliance.errors import REFUSED
from appliance.errors import SettingsError
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import killed

SECONDS = 5.0


async def echo(request: dict[str, Any]) -> Mapping[str, Any]:
    if request.get("op") == "refuse":
        raise SettingsError("network n9", "is not kept here")
    if request.get("op") == "fail":
        raise ZeroDivisionError("our own fault")
    return {"ok": True, **request}


@contextmanager
def listening(path: Path, reported: list[str]) -> Iterator[None]:
    """Have the doorbell answered, by a thread of its own, meanwhile."""
    ready, stop = threading.Event(), trio.CancelScope()
    tokens: list[trio.lowlevel.TrioToken] = []

    async def serve() -> None:
        listener = doorbell.listen(path)
        try:
            tokens.append(trio.lowlevel.current_trio_token())
            ready.set()
            with stop:
                await doorbell.serve(listener, echo, report=reported.append)
        finally:
            doorbell.close(listener, path)

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    assert ready.wait(SECONDS)
    try:
        yield
    finally:
        tokens[0].run_sync_soon(stop.cancel)
        thread.join()


def ring(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    return bell.ring(path, request, timeout=SECONDS)


def converse(path: Path, pieces: Sequence[bytes], lines: int) -> list[dict[str, Any]]:
    """Send *pieces* one after another and read so many answers."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(SECONDS)
        caller.connect(str(path))
        for piece in pieces:
            caller.sendall(piece)
        with caller.makefile() as answers:
            return [json.loads(answers.readline()) for _ in range(lines)]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestRing:
    def test_answered(self, tmp_path: Path) -> None:
        """An answer comes back; a refusal is an answer; our own fault is reported."""
        path, reported = tmp_path / "run" / "host.sock", list[str]()
        with listening(path, reported):
            assert ring(path, {"op": "ping"}) == {"ok": True, "op": "ping"}
            refused = ring(path, {"op": "refuse"})
            assert refused == {"ok": False, "error": "network n9: is not kept here"}
            failed = ring(path, {"op": "fail"})
            assert failed["error"] == "ZeroDivisionError: our own fault"
            assert "Traceback" in reported[0]
            assert ring(path, {"op": "after"}) == {"ok": True, "op": "after"}
        assert not path.exists()

    def test_for_its_owner_alone(self, tmp_path: Path) -> None:
        """The socket's mode is 0600 whatever the umask."""
        path = tmp_path / "host.sock"

        async def main() -> None:
            before = os.umask(0)
            try:
                listener = doorbell.listen(path)
            finally:
                os.umask(before)
            assert mode(path) == 0o600
            doorbell.close(listener, path)

        trio.run(main)

    def test_a_deep_path(self, tmp_path: Path) -> None:
        """A path longer than a unix socket's 107 octets is reached all the same."""
        path = tmp_path / ("deep" * 40) / "host.sock"
        with listening(path, []):
            assert ring(path, {"op": "ping"})["ok"]
            with pytest.raises(SettingsError, match="another one listens"):
                doorbell.listen(path)

    def test_a_large_answer(self, tmp_path: Path) -> None:
        """An answer of many pieces is one line."""
        path, words = tmp_path / "host.sock", "x" * 500_000
        with listening(path, []):
            assert ring(path, {"words": words})["words"] == words

    def test_many_at_once(self, tmp_path: Path) -> None:
        """More callers than the backlog holds wait their turn, and are answered."""
        path = tmp_path / "host.sock"
        answers: list[dict[str, Any]] = []

        def call(n: int) -> None:
            answers.append(ring(path, {"n": n}))

        with listening(path, []):
            callers = [threading.Thread(target=call, args=(n,)) for n in range(300)]
            for each in callers:
                each.start()
            for each in callers:
                each.join()
        assert sorted(each["n"] for each in answers) == list(range(300))

    def test_imports_nothing_slow(self) -> None:
        """The command line's side imports no event loop: a put is 60 ms."""
        script = "import appliance.bell, sys; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True
        )
        loaded = set(done.stdout.split())
        assert "appliance.bell" in loaded
        assert not loaded & {
            "trio",
            "pyroute2",
            "asyncio",
            "dnslib",
            "prometheus_client",
        }


class TestNobody:
    @pytest.mark.parametrize("left", [False, True])
    def test_not_running(self, tmp_path: Path, left: bool) -> None:
        """No socket, or one that was left: exit code 3."""
        path = tmp_path / "host.sock"
        if left:
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(path))
        with pytest.raises(SettingsError, match="nobody listens") as caught:
            bell.ring(path, {}, timeout=SECONDS)
        assert caught.value.exit_code == NOT_RUNNING

    def test_silent(self, tmp_path: Path) -> None:
        """Who says nothing in time is not running either."""
        path = tmp_path / "host.sock"
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(path))
            deaf.listen()
            with pytest.raises(SettingsError, match=r"no answer in 0\.05 s") as caught:
                bell.ring(path, {}, timeout=0.05)
        assert caught.value.exit_code == NOT_RUNNING

    @pytest.mark.parametrize(
        ("answer", "said", "code"),
        [
            (b"", "hung up", NOT_RUNNING),
            (b'{"ok": tr', "hung up", REFUSED),
            (b"no\n", "is no JSON", REFUSED),
            (b"[]\n", "is no JSON object", REFUSED),
            (b"[" * 100_000 + b"\n", "is no JSON", REFUSED),
        ],
    )
    def test_no_answer(
        self, tmp_path: Path, answer: bytes, said: str, code: int
    ) -> None:
        """What is no answer is said to be none."""
        path = tmp_path / "host.sock"
        with socket.socket(socket.AF_UNIX) as odd:
            odd.bind(str(path))
            odd.listen()

            def hang_up() -> None:
                caller, _ = odd.accept()
                with caller:
                    caller.recv(100)
                    caller.sendall(answer)

            thread = threading.Thread(target=hang_up)
            thread.start()
            with pytest.raises(SettingsError, match=said) as caught:
                ring(path, {})
            thread.join()
        assert caught.value.exit_code == code


class TestListen:
    def test_a_socket_that_was_left(self, tmp_path: Path) -> None:
        """What a killed one left is taken over; a living one is not."""
        path = tmp_path / "host.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))

        async def main() -> None:
            listener = doorbell.listen(path)
            with pytest.raises(SettingsError, match="another one listens there"):
                doorbell.listen(path)
            doorbell.close(listener, path)

        trio.run(main)

    def test_no_place(self, tmp_path: Path) -> None:
        """A path that cannot be is named."""
        (tmp_path / "file").touch()
        with pytest.raises(SettingsError, match="file"):
            doorbell.listen(tmp_path / "file" / "host.sock")


class TestDoorbell:
    def test_several_lines(self, tmp_path: Path) -> None:
        """A caller may ask again; lines may come in pieces, or two at once."""
        path = tmp_path / "host.sock"
        with listening(path, []):
            pieces = [b'{"n"', b': 1}\n{"n": 2}\n{"n":', b" 3}\n"]
            assert [each["n"] for each in converse(path, pieces, 3)] == [1, 2, 3]

    @pytest.mark.parametrize("line", [b"\n", b"[]\n", b"\xff\n", b"{\n", b'"a"\n'])
    def test_bad_requests(self, tmp_path: Path, line: bytes) -> None:
        """What is no JSON object is refused; the next line is answered."""
        path = tmp_path / "host.sock"
        with listening(path, []):
            refused, answered = converse(path, [line + b"{}\n"], 2)
        assert refused["ok"] is False
        assert "the request: is no JSON" in refused["error"]
        assert answered["ok"] is True

    @pytest.mark.parametrize("beyond", [0, 1])
    def test_limit(self, tmp_path: Path, beyond: int) -> None:
        """A request of REQUEST_AT_MOST octets is read, one more is refused."""
        path = tmp_path / "host.sock"
        padding = doorbell.REQUEST_AT_MOST - len('{"a": ""}\n') + beyond
        with listening(path, []):
            answer = ring(path, {"a": "x" * padding})
            assert answer["ok"] is (beyond == 0)

    @in_machine
    def test_a_foreign_user(self, tmp_path: Path) -> None:
        """Another user is refused by the mode, and were it open, by who he is."""
        path = Path("/run/host.sock")

        def refused_by_the_mode() -> None:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(SettingsError, match="run as root") as caught:
                bell.ring(path, {"op": "ping"}, timeout=SECONDS)
            assert caught.value.exit_code == REFUSED

        def refused_by_name() -> None:
            os.setresuid(65534, 65534, 65534)
            answer = bell.ring(path, {"op": "ping"}, timeout=SECONDS)
            assert answer["error"] == "user 65534 may not ring here: run as root"

        with listening(path, []):
            killed(refused_by_the_mode)
            path.chmod(0o666)
            killed(refused_by_name)
            assert ring(path, {"op": "ping"})["ok"]
