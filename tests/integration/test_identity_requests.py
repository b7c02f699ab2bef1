"""Whatever a guest writes in its requests, it reads its own alone (issue 5.6)."""

import re
import socket

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from tests.httpd.tricks import smuggling
from tests.httpd.tricks import traversal

from .imds import DOCUMENT
from .imds import TOKEN_PATH
from .imds import TTL
from .imds import ask
from .imds import bind
from .imds import plug
from .packets import Wire
from .packets import read_answer
from .packets import receive_all

pytestmark = [pytest.mark.machine, pytest.mark.long]

OWN, SECRET = b"own-of-11", b"SECRET-OF-12"
NEIGHBOUR = "10.0.0.12"
HEADERS = (
    *("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"),
    *("CF-Connecting-IP", "X-Originating-IP", "X-Remote-Addr", "Client-IP"),
    *("X-Forwarded-Host", "X-Cluster-Client-IP", "X-Instance-ID", "X-Tenant-ID"),
    *("X-OVN-Network-ID", "X-Neutron-Network-ID", "Via", "X-Original-URL"),
    *("X-Rewrite-URL", "X-HTTP-Method-Override", "Host"),
)


@pytest.fixture
def asking(installation: Installation, machine: Machine, daemon: Daemon) -> Guest:
    """A guest beside one that has a secret; it is never told, whatever is asked."""
    for number, octets in ((11, OWN), (12, SECRET)):
        bind(installation, number)
        path = f"/run/user-data-{number}"
        machine.path(path).write_bytes(octets)
        where = ("n1", f"10.0.0.{number}", "user-data", path)
        installation.succeed("file", "put", *where)
    return plug(machine, 11)


def say(wire: Wire, octets: bytes) -> bytes:
    """Send *octets* and no more; return all that is answered."""
    with wire.connected() as opened:
        opened.sendall(octets)
        opened.shutdown(socket.SHUT_WR)
        try:
            return receive_all(opened)
        except ConnectionResetError:
            return b""


def statuses(answers: bytes) -> tuple[int, ...]:
    """Return the status of each answer, by the length that each says."""
    found = []
    while answers:
        head, end, rest = answers.partition(b"\r\n\r\n")
        assert end, answers
        found.append(int(head.split(b" ")[1]))
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        assert length is not None, head
        answers = rest[int(length[1]) :]
    return tuple(found)


def test_smuggled_requests(asking: Guest) -> None:
    """issue 5.6: each trick of the corpus has its answers, or a refusal that ends the
    connection, and nothing of the neighbour's in any."""
    with Wire(asking) as wire:
        got = {each.name: say(wire, each.octets) for each in smuggling()}
    assert not [name for name, answers in got.items() if SECRET in answers]
    wanted = {each.name: each.answers for each in smuggling()}
    assert {name: statuses(answers) for name, answers in got.items()} == wanted


def test_traversal(asking: Guest) -> None:
    """issue 5.6: a target that has led out of other servers is 400 or 404, or one of
    the guest's own documents: as written, to a neighbour, from below each dialect."""
    answered: dict[str, int] = {}
    with Wire(asking) as wire:
        for target in traversal():
            for start in ("", "/latest/meta-data", "/openstack/latest", "/nocloud"):
                for place in (
                    f"{NEIGHBOUR}/user-data",
                    f"metadata/{NEIGHBOUR}/user-data",
                ):
                    whole = start + target.replace("SECRET", place)
                    line = f"GET {whole} HTTP/1.0\r\n\r\n".encode()
                    answer = say(wire, line)
                    assert SECRET not in answer, whole
                    answered[whole] = read_answer(answer)[0]
    strange = {x: status for x, status in answered.items() if status not in (400, 404)}
    assert set(strange.values()) <= {200, 414}, strange
    assert len(answered) > 400


def test_no_header_is_believed(asking: Guest) -> None:
    """metadata U10, issue 5.6: a header that names a neighbour changes nothing; what
    was forwarded gets no token (T5)."""
    for name in HEADERS:
        for value in (NEIGHBOUR, f"for={NEIGHBOUR}", "i-12", f"http://{NEIGHBOUR}/"):
            answer = ask(asking, "GET", DOCUMENT, f"{name}: {value}")
            assert (answer.status, answer.body) == (200, "i-11"), (name, value)
    for value in (NEIGHBOUR, "", f"10.0.0.11, {NEIGHBOUR}"):
        said = f"X-Forwarded-For: {value}" if value else "X-Forwarded-For;"
        assert ask(asking, "PUT", TOKEN_PATH, f"{TTL}: 60", said).status == 403
