"""ZStack's management server, as a host sees it: it POSTs, and is called back.

with Management(address, open_socket) as server:
    server.ask("dhcp/apply", {...})          the result, when it was told
    server.begin("dhcp/apply", {...})        a task's uuid; result(uuid) later
"""

import http.client
import http.server
import json
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any
from typing import Self

FOLDER = "/flatnetworkprovider/"
PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Told:
    """What a callback said."""

    answer: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a POST was answered."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class Management:
    """Speaks to an agent over what *connect* gives; listens at *listener*."""

    def __init__(
        self, connect: Callable[[], socket.socket], listener: socket.socket
    ) -> None:
        self._connect = connect
        self._told: dict[str, Told] = {}
        self._news = threading.Condition()
        self.refusals: dict[str, int] = {}
        """How often the callback of a task is to be refused before it is taken."""
        self.calls: list[str] = []
        management = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                status = management.hear(dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Door, bind_and_activate=False
        )
        self._server.socket.close()
        self._server.socket = listener
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}/zstack/asyncrest/callback"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hear(self, headers: dict[str, str], body: bytes) -> HTTPStatus:
        with self._news:
            task = {key.lower(): each for key, each in headers.items()}["taskuuid"]
            self.calls.append(task)
            self._news.notify_all()
            if self.refusals.get(task, 0) > 0:
                self.refusals[task] -= 1
                return HTTPStatus.SERVICE_UNAVAILABLE
            self._told[task] = Told(json.loads(body), headers)
        return HTTPStatus.OK

    def post(
        self, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> Heard:
        """POST as it is said, and nothing else."""
        connection = http.client.HTTPConnection("agent", timeout=PATIENCE)
        connection.sock = self._connect()
        try:
            connection.request("POST", path, body, headers or {})
            response = connection.getresponse()
            return Heard(response.status, response.read())
        finally:
            connection.close()

    def begin(self, path: str, body: object, **headers: str) -> str:
        """POST a task; it has to be answered at once, with nothing."""
        task = headers.setdefault("taskuuid", uuid.uuid4().hex)
        headers.setdefault("callbackurl", self.url)
        heard = self.post(FOLDER + path, json.dumps(body).encode(), headers)
        assert (heard.status, heard.body) == (200, b"")
        return task

    def result(self, task: str) -> Told:
        """Wait for the callback of *task*."""
        with self._news:
            come = self._news.wait_for(lambda: task in self._told, PATIENCE)
            assert come, f"task {task} has no callback in {PATIENCE:g} s"
            return self._told[task]

    def called(self, task: str) -> None:
        """Wait until the callback of *task* was tried once."""
        with self._news:
            assert self._news.wait_for(lambda: task in self.calls, PATIENCE)

    def ask(self, path: str, body: object) -> dict[str, Any]:
        """Have a task done, and return what the callback says."""
        return self.result(self.begin(path, body)).answer

    def done(self, path: str, body: object) -> None:
        """Have a task done, which has to succeed."""
        assert self.ask(path, body) == {"success": True}
