"""Callers that mean no good, and management servers that hang up (issue 6.8)."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager

import pytest

from appliance.agent import callback
from appliance.agent import server
from tests.agent.management import FOLDER
from tests.agent.management import Heard
from tests.agent.office import Office

TOKEN = "a-token-of-some-length"
FLUSH = FOLDER + "dhcp/flush"
BODY = json.dumps({"namespaceName": "ns1"}).encode()
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


def post(office: Office, token: str = TOKEN, body: bytes = BODY) -> Heard:
    headers = {"taskuuid": "t", "Authorization": f"Bearer {token}"}
    return office.server.post(FLUSH, body, headers)


def hung_up(stream: socket.socket) -> bool:
    try:
        return stream.recv(1) == b""
    except TimeoutError:
        return False


@contextmanager
def hanging_up() -> Iterator[str]:
    """A server that resets every connection; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                caller.recv(1)
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                caller.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_management_server_may_hang_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.8: A reset is tried again, and given up; it ends no agent."""
    monkeypatch.setattr(callback, "PAUSES", (0.01,))
    with hanging_up() as nobody, Office() as office:
        office.server.begin("dhcp/flush", {"namespaceName": "a"}, callbackurl=nobody)
        office.until_reported("given up", 1)
        assert office.server.ask("dhcp/flush", {"namespaceName": "b"})["success"]


def test_a_fault_of_ours_ends_one_task_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.8: It is in the journal, and the agent goes on."""

    async def broken(*_: object, **__: object) -> bool:
        raise ValueError("a fault of ours")

    with Office() as office:
        with monkeypatch.context() as patched:
            patched.setattr(server, "tell", broken)
            office.server.begin("dhcp/flush", {"namespaceName": "a"})
            office.until_reported("a fault of ours\n", 1)
        assert office.server.ask("dhcp/flush", {"namespaceName": "b"})["success"]


def test_who_is_not_told_is_in_the_journal() -> None:
    """issue 6.8: An agent that has to end says whose results it takes with it."""
    with Office() as office:
        office.server.refusals["t"] = 99
        office.server.begin("dhcp/flush", {"namespaceName": "a"}, taskuuid="t")
        office.until_reported("again in 1 s", 1)
    assert office.reports[-1] == "task t is told to nobody: we have to end"


@pytest.mark.parametrize("depth", [300, 600, 900, 5000, 50_000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_deep_body_is_answered(pair: tuple[bytes, bytes], depth: int) -> None:
    """issue 6.8: Where JSON is read deeper than we go, it is 400 as well; nothing is
    reported."""
    start, end = pair
    deep = b'{"namespaceName": "n", "x": %s1%s}' % (start * depth, end * depth)
    with Office() as office:
        heard = office.server.post(FLUSH, deep, {"taskuuid": "t"})
        assert heard.status in (200, 400)
        assert heard.json()["success"] is (heard.status == 200)
        assert office.reports == []


def test_a_crowd_that_says_nothing_shuts_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """issue 6.8: The silent are bounded: who has been so for longest is hung up on."""
    monkeypatch.setattr(server, "CALLERS_AT_MOST", 4)
    with Office(token=TOKEN) as office, ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(office.address, 3))
            for _ in range(12)
        ]
        assert post(office).status == 200
        assert all(map(hung_up, crowd[:8]))
        assert post(office, "another-token-of-some").status == 401


def test_who_is_served_keeps_his_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.8: Where all seats are taken by work, the next one is hung up on."""
    monkeypatch.setattr(server, "CALLERS_AT_MOST", 1)
    with Office(token=TOKEN) as office:
        office.hold("ns1")
        found: list[Heard] = []
        first = threading.Thread(target=lambda: found.append(post(office)))
        first.start()
        office.until_begun("ns1")
        with socket.create_connection(office.address, 3) as second:
            refused = hung_up(second)
        office.release("ns1")
        first.join()
        assert refused
        assert [each.status for each in found] == [200]


def test_a_stranger_with_much_to_say_reads_why_not() -> None:
    """issue 6.8: 401, although he still sends: no reset eats the answer."""
    with (
        Office(token=TOKEN) as office,
        socket.create_connection(office.address, 10) as caller,
    ):
        octets = 8 << 20
        head = f"POST {FLUSH} HTTP/1.1\r\nHost: a\r\nContent-Length: {octets}\r\n\r\n"
        caller.sendall(head.encode())
        caller.sendall(bytes(octets))
        assert caller.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (f"Authorization: Bearer {TOKEN}", "authorization is there twice"),
        ("taskuuid: t\r\nTaskUUID: u", "taskuuid is there twice"),
        ("callbackurl: http://a/\r\ncallbackurl: http://b/", "callbackurl is there"),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked", "exclude each other"),
    ],
)
def test_what_two_could_read_as_two_is_refused(more: str, says: str) -> None:
    """issue 6.8: RFC 9112 6.3, RFC 9110 5.3: no proxy and agent differ on what was
    said."""
    head = f"POST {FLUSH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n"
    with (
        Office(token=TOKEN) as office,
        socket.create_connection(office.address, 10) as caller,
    ):
        caller.sendall(f"{head}{more}\r\n\r\n".encode())
        said = caller.recv(65536)
        assert said.startswith(b"HTTP/1.1 400")
        assert says.encode() in said + caller.recv(65536)
        assert office.work.done == []


@pytest.mark.parametrize(
    ("method", "token", "says"),
    [
        ("POST", "another", b"\r\nwww-authenticate: bearer\r\n"),
        ("GET", TOKEN, b"\r\nallow: post\r\n"),
    ],
)
def test_a_refusal_says_what_is_demanded(method: str, token: str, says: bytes) -> None:
    """issue 6.8: RFC 9110 15.5.2 and 15.5.6; the word Bearer in any case (11.1)."""
    head = f"{method} {FLUSH} HTTP/1.1\r\nHost: a\r\nAuthorization: bearer {token}"
    with (
        Office(token=TOKEN) as office,
        socket.create_connection(office.address, 10) as caller,
    ):
        caller.sendall(head.encode() + b"\r\n\r\n")
        assert says in caller.recv(65536).lower()
