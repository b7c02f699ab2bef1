"""The bell and the doorbell: one JSON object a line, from root or ourselves."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
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
from tests.appliance.plumbing import until

SECONDS = 5.0


async def echo(request: dict[str, Any]) -> Mapping[str, Any]:
    if request.get("op") == "refuse":
        raise SettingsError("network n9", "is not kept here")
    if request.get("op") == "fail":
        raise ZeroDivisionError("our own fault")
    return {"ok": True, **request}


@asynccontextmanager
async def listening(path: Path, reported: list[str]) -> AsyncIterator[None]:
    listener = doorbell.listen(path)
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await doorbell.serve(listener, echo, report=reported.append)

        nursery.start_soon(serve)
        yield
        nursery.cancel_scope.cancel()
    doorbell.close(listener, path)


async def ring(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    def blocking() -> dict[str, Any]:
        return bell.ring(path, request, timeout=SECONDS)

    return await trio.to_thread.run_sync(blocking)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestRing:
    def test_answered(self, tmp_path: Path) -> None:
        """An answer comes back; a refusal is an answer; our own fault is reported."""
        path, reported = tmp_path / "run" / "host.sock", list[str]()

        async def main() -> None:
            async with listening(path, reported):
                assert await ring(path, {"op": "ping"}) == {"ok": True, "op": "ping"}
                refused = await ring(path, {"op": "refuse"})
                assert refused == {"ok": False, "error": "network n9: is not kept here"}
                failed = await ring(path, {"op": "fail"})
                assert failed["error"] == "ZeroDivisionError: our own fault"
                assert "Traceback" in reported[0]
                assert await ring(path, {"op": "after"}) == {"ok": True, "op": "after"}

        trio.run(main)
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

        async def main() -> None:
            async with listening(path, []):
                assert (await ring(path, {"op": "ping"}))["ok"]
                with pytest.raises(SettingsError, match="another one listens"):
                    doorbell.listen(path)

        trio.run(main)

    def test_a_large_answer(self, tmp_path: Path) -> None:
        """An answer of many pieces is one line."""
        path, words = tmp_path / "host.sock", "x" * 500_000

        async def main() -> None:
            async with listening(path, []):
                assert (await ring(path, {"words": words}))["words"] == words

        trio.run(main)

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

            async def main() -> None:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.to_thread.run_sync, hang_up)
                    with pytest.raises(SettingsError, match=said) as caught:
                        await ring(path, {})
                    assert caught.value.exit_code == code

            def hang_up() -> None:
                caller, _ = odd.accept()
                with caller:
                    caller.recv(100)
                    caller.sendall(answer)

            trio.run(main)


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

        async def main() -> None:
            async with listening(path, []):
                stream = await trio.open_unix_socket(path)
                async with stream:
                    for piece in (b'{"n"', b': 1}\n{"n": 2}\n{"n":', b" 3}\n"):
                        await stream.send_all(piece)
                    heard = b""
                    while heard.count(b"\n") < 3:
                        heard += await stream.receive_some()
                answers = [json.loads(line) for line in heard.splitlines()]
                assert [each["n"] for each in answers] == [1, 2, 3]

        trio.run(main)

    @pytest.mark.parametrize("request_", [b"\n", b"[]\n", b"\xff\n", b"{\n", b'"a"\n'])
    def test_bad_requests(self, tmp_path: Path, request_: bytes) -> None:
        """What is no JSON object is refused; the next line is answered."""
        path = tmp_path / "host.sock"

        async def main() -> None:
            async with listening(path, []):
                stream = await trio.open_unix_socket(path)
                async with stream:
                    await stream.send_all(request_ + b"{}\n")
                    heard = b""
                    while heard.count(b"\n") < 2:
                        heard += await stream.receive_some()
                refused, answered = map(json.loads, heard.splitlines())
                assert refused["ok"] is False
                assert "the request: is no JSON" in refused["error"]
                assert answered["ok"] is True

        trio.run(main)

    @pytest.mark.parametrize("beyond", [0, 1])
    def test_limit(self, tmp_path: Path, beyond: int) -> None:
        """A request of REQUEST_AT_MOST octets is read, one more is refused."""
        path = tmp_path / "host.sock"
        padding = doorbell.REQUEST_AT_MOST - len('{"a": ""}\n') + beyond

        async def main() -> None:
            async with listening(path, []):
                answer = await ring(path, {"a": "x" * padding})
                assert answer["ok"] is (beyond == 0)

        trio.run(main)

    @in_machine
    def test_a_foreign_user(self, tmp_path: Path) -> None:
        """Another user is refused by the mode, and were it open, by who he is."""
        path, ready = Path("/run/host.sock"), Path("/run/ready")

        async def serve() -> None:
            async with listening(path, []):
                await trio.to_thread.run_sync(ready.touch)
                await trio.sleep_forever()

        server = os.fork()
        if server == 0:
            trio.run(serve)
        until(ready.exists, "the doorbell listens")

        def refused_by_the_mode() -> None:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(SettingsError, match="run as root") as caught:
                bell.ring(path, {"op": "ping"}, timeout=SECONDS)
            assert caught.value.exit_code == REFUSED

        def refused_by_name() -> None:
            os.setresuid(65534, 65534, 65534)
            answer = bell.ring(path, {"op": "ping"}, timeout=SECONDS)
            assert answer["error"] == "user 65534 may not ring here: run as root"

        killed(refused_by_the_mode)
        path.chmod(0o666)
        killed(refused_by_name)
        assert bell.ring(path, {"op": "ping"}, timeout=SECONDS)["ok"]
