"""The asynchronous convention over real sockets: a POST, then a callback (zstack 4)."""

import json
import socket

import pytest

from appliance.agent import callback
from appliance.agent import server
from appliance.agent.orders import Flush
from appliance.agent.orders import Place
from tests.agent.management import FOLDER
from tests.agent.management import Heard
from tests.agent.office import Office

TOKEN = "a-token-of-some-length"
FLUSH = FOLDER + "dhcp/flush"


def body(namespace: str = "ns1") -> bytes:
    return json.dumps({"namespaceName": namespace}).encode()


def at(namespace: str) -> dict[str, str]:
    return {"namespaceName": namespace}


def refused(heard: Heard) -> tuple[int, str]:
    """Return the status, and why."""
    said = heard.json()
    assert said["success"] is False
    return heard.status, said["error"]


def test_the_answer_comes_by_the_callback() -> None:
    """zstack 4: the POST returns at once with an empty body."""
    with Office() as office:
        office.hold("ns1")
        task = office.server.begin("dhcp/flush", at("ns1"))
        office.until_begun("ns1")
        assert office.server.calls == []
        office.release("ns1")
        told = office.server.result(task)
        assert told.answer == {"success": True}
        assert "error" not in {key.lower() for key in told.headers}
        assert office.work.done == [Flush(Place("ns1"))]


@pytest.mark.parametrize("path", [FLUSH, FLUSH + "/"])
def test_without_a_callback_the_answer_is_the_result(path: str) -> None:
    """Both /path and /path/ (zstack 4); who asks by hand reads how it went."""
    with Office() as office:
        heard = office.server.post(path, body(), {"taskuuid": "t"})
        assert (heard.status, heard.json()) == (200, {"success": True})
        heard = office.server.post(path, body("refused"), {"taskuuid": "t"})
        assert refused(heard) == (200, "here: it cannot be")


def test_what_fails_says_why() -> None:
    """success false and a reason; a fault of ours is in the header `error`, in one
    line, and in the journal."""
    with Office() as office:
        told = office.server.ask("dhcp/flush", at("refused"))
        assert told == {"success": False, "error": "here: it cannot be"}
        told_all = office.server.result(office.server.begin("dhcp/flush", at("broken")))
        headers = {key.lower(): each for key, each in told_all.headers.items()}
        assert headers["error"] == "ValueError: a fault of ours"
        assert told_all.answer["success"] is False
        assert "Traceback" in office.reports[0]
        assert office.server.ask("dhcp/flush", at("ns1")) == {"success": True}


def test_a_body_that_makes_no_sense_is_told_by_the_callback() -> None:
    with Office() as office:
        said = office.server.ask("dhcp/flush", {"bridgeName": "br0"})
        assert said["success"] is False
        assert said["error"].endswith("namespaceName: is missing")
        assert office.work.done == []


@pytest.mark.parametrize(
    ("path", "octets", "headers", "status", "says"),
    [
        (FLUSH, body(), {}, 400, "taskuuid"),
        (FLUSH, body(), {"taskuuid": ""}, 400, "taskuuid"),
        (FLUSH, body(), {"taskuuid": "x" * 129}, 400, "taskuuid"),
        (FLUSH, body(), {"taskuuid": "\u00e9"}, 400, "taskuuid"),
        (FLUSH, b"{", {"taskuuid": "t"}, 400, "the body is not JSON"),
        (FLUSH, b"[" * 100_000, {"taskuuid": "t"}, 400, "the body is not JSON"),
        (FLUSH, b"\xff", {"taskuuid": "t"}, 400, "the body is not JSON"),
        (FOLDER + "nothing", b"", {"taskuuid": "t"}, 404, "there is no"),
        (
            FLUSH,
            body(),
            {"taskuuid": "t", "callbackurl": "ftp://a/b"},
            400,
            "callbackurl",
        ),
        (
            FLUSH,
            body(),
            {"taskuuid": "t", "callbackurl": "http://a..b/"},
            400,
            "callbackurl",
        ),
    ],
)
def test_what_is_no_task(
    path: str, octets: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    """issue 6.8, zstack 4: 400 without taskuuid; nothing is begun; the answer says
    why."""
    with Office() as office:
        found, error = refused(office.server.post(path, octets, headers))
        assert found == status
        assert says in error
        assert office.work.done == []


def test_a_task_that_runs_is_not_begun_again() -> None:
    """zstack 4: a duplicate taskuuid that still runs is ignored; later it is new."""
    with Office() as office:
        office.hold("ns1")
        task = office.server.begin("dhcp/flush", at("ns1"), taskuuid="t")
        office.until_begun("ns1")
        assert office.server.begin("dhcp/flush", at("ns1"), taskuuid="t") == task
        heard = office.server.post(FLUSH, body(), {"taskuuid": "t"})
        assert refused(heard) == (409, "task t runs already")
        office.release("ns1")
        office.server.result(task)
        assert len(office.work.done) == 1
        assert office.server.post(FLUSH, body(), {"taskuuid": "t"}).status == 200
        assert len(office.work.done) == 2


def test_one_network_waits_for_itself_alone() -> None:
    """issue 6.8: of one network one after the other, as they came; others beside it,
    and their callbacks too."""
    with Office() as office:
        office.hold("ns1")
        tasks = [office.server.begin("dhcp/flush", at("ns1")) for _ in range(3)]
        last = office.server.begin("userdata/cleanup", at("ns1"))
        office.until_begun("ns1")
        assert office.server.ask("dhcp/flush", at("ns2")) == {"success": True}
        assert [each.place.namespace for each in office.work.done] == ["ns2"]
        office.release("ns1")
        for task in (*tasks, last):
            office.server.result(task)
        kinds = [type(each).__name__ for each in office.work.done[1:]]
        assert kinds == ["Flush", "Flush", "Flush", "ForgetAll"]


def test_a_callback_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A management server that restarts hears of it afterwards."""
    monkeypatch.setattr(callback, "PAUSES", (0.01, 0.01))
    with Office() as office:
        office.server.refusals["t"] = 2
        office.server.begin("dhcp/flush", at("ns1"), taskuuid="t")
        assert office.server.result("t").answer == {"success": True}
        assert office.server.calls == ["t", "t", "t"]
        assert [each.endswith("again in 0.01 s") for each in office.reports] == [
            True
        ] * 2


def test_a_callback_that_nobody_takes_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bounded number of times; the journal says so, and others are told."""
    monkeypatch.setattr(callback, "PAUSES", (0.01,))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Office() as office:
        nobody = f"http://127.0.0.1:{port}/"
        office.server.begin("dhcp/flush", at("ns1"), taskuuid="t", callbackurl=nobody)
        office.server.refusals["u"] = 99
        office.server.begin("dhcp/flush", at("ns1"), taskuuid="u")
        assert office.server.ask("dhcp/flush", at("ns1")) == {"success": True}
        office.until_reported("given up", 2)
        assert office.server.calls.count("u") == 2


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer ", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        (None, 401),
    ],
)
def test_a_token_is_demanded(said: str | None, status: int) -> None:
    """issue 6.8: a token when on TCP."""
    headers = {"taskuuid": "t"} | ({} if said is None else {"Authorization": said})
    with Office(token=TOKEN) as office:
        assert office.server.post(FLUSH, body(), headers).status == status
        assert len(office.work.done) == (status == 200)


def exchange(office: Office, octets: bytes) -> bytes:
    """Send *octets* and return all that comes until it hangs up."""
    with socket.create_connection(office.address, 10) as stream:
        stream.sendall(octets)
        stream.shutdown(socket.SHUT_WR)
        pieces = []
        while piece := stream.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def test_a_body_may_come_in_chunks() -> None:
    """And several requests by one connection."""
    head = f"POST {FLUSH} HTTP/1.1\r\nHost: a\r\ntaskuuid: t\r\n".encode()
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    once = head + chunks % (len(body()), body())
    with Office() as office:
        assert exchange(office, once + once).count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    "octets", [b"", b"nonsense\r\n\r\n", b"\x16\x03\x01", b"GET /"]
)
def test_who_speaks_no_http_is_hung_up_on(octets: bytes) -> None:
    """And the next one is answered."""
    with Office() as office:
        assert b"200" not in exchange(office, octets)
        assert office.server.ask("dhcp/flush", at("ns1")) == {"success": True}
        assert office.reports == []


def test_only_post(monkeypatch: pytest.MonkeyPatch) -> None:
    with Office() as office:
        said = exchange(office, f"GET {FLUSH} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert said.startswith(b"HTTP/1.1 405 ")


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body over BODY_AT_MOST is 413, a task over TASKS_AT_MOST 503."""
    monkeypatch.setattr(server, "BODY_AT_MOST", len(body()))
    monkeypatch.setattr(server, "TASKS_AT_MOST", 1)
    with Office() as office:
        office.hold("ns1")
        first = office.server.begin("dhcp/flush", at("ns1"))
        heard = office.server.post(FLUSH, body(), {"taskuuid": "t"})
        assert refused(heard) == (503, "1 tasks run already: try again")
        office.release("ns1")
        office.server.result(first)
        assert office.server.post(FLUSH, body(), {"taskuuid": "t"}).status == 200
        longer = office.server.post(FLUSH, body() + b" ", {"taskuuid": "t"})
        assert refused(longer)[0] == 413


def test_untold_results_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.8: a server that takes no callback begins no tasks without end."""
    monkeypatch.setattr(server, "UNTOLD_AT_MOST", 1)
    with Office() as office:
        deaf = {"taskuuid": "deaf", "callbackurl": office.server.url}
        office.server.refusals["deaf"] = 100
        assert office.server.post(FLUSH, body(), deaf).status == 200
        office.server.called("deaf")
        heard = office.server.post(FLUSH, body(), {**deaf, "taskuuid": "next"})
        assert refused(heard) == (503, "1 callbacks were not taken yet: try again")
        assert office.server.post(FLUSH, body(), {"taskuuid": "by hand"}).status == 200
