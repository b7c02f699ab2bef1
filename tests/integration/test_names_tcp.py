"""Names by TCP, in a network: queries in a row, limits, and an end (RFC 7766)."""

import sys

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.resolver.connections import CONNECTIONS_PER_CLIENT

from .names import bind
from .names import configure
from .names import dig
from .packets import take_address

pytestmark = pytest.mark.machine

ROW = 400  # queries at once, four times what may wait


@pytest.fixture
def network(installation: Installation, guest: Guest) -> Daemon:
    """A network whose guests web-1 and db-1 are bound; web-1 has its address."""
    configure(installation)
    daemon = installation.start("n1")
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    return daemon


# what each program inside begins with
ASK = """
import socket, sys
import dns.message, dns.query

def connect(server="10.0.0.2"):
    stream = socket.create_connection((server, 53), 20)
    stream.settimeout(20)
    return stream

def framed(name, number):
    query = dns.message.make_query(name, "A")
    query.id = number
    octets = query.to_wire()
    return len(octets).to_bytes(2, "big") + octets

def receive(stream):
    try:
        return dns.query.receive_tcp(stream, one_rr_per_rrset=True)[0]
    except (EOFError, OSError):
        return None
"""


def inside(guest: Guest, program: str) -> list[str]:
    """Return the lines that a program prints in the guest."""
    done = guest.run([sys.executable, "-I", "-c", ASK + program])
    assert done.returncode == 0, done
    return done.stdout.splitlines()


IN_A_ROW = f"""
for server in ("10.0.0.2", "169.254.169.254"):
    stream = connect(server)
    row = [framed(name, number) for number, name in
           enumerate(["db-1.n1.example", "nobody.n1.example"] * {ROW // 2})]
    stream.sendall(b"".join(row))
    found = [receive(stream) for _ in row]
    print(sum(each.id == number for number, each in enumerate(found)),
          sum(str(rr[0]) == "10.0.0.12" for each in found for rr in each.answer),
          sum(each.rcode() for each in found))
"""


def test_queries_in_a_row(network: Daemon, guest: Guest) -> None:
    """Hundreds of queries of one segment are answered, on both of our addresses; dig
    asks three in a row on one connection (dns 9)."""
    assert inside(guest, IN_A_ROW) == [f"{ROW} {ROW // 2} {3 * ROW // 2}"] * 2
    words = ("+tcp", "+keepopen", "db-1", "web-1", "nobody")
    said = dig(guest, *words).text
    assert said.count("(TCP)") == 3, said
    assert said.count("status: NOERROR") == 2, said
    assert said.count("status: NXDOMAIN") == 1, said


IN_PIECES = """
stream = connect()
for octet in framed("db-1", 1) + framed("web-1", 2):
    stream.sendall(bytes([octet]))
print(*(str(receive(stream).answer[0][0]) for _ in range(2)))
stream.sendall(framed("db-1", 3))
stream.shutdown(socket.SHUT_WR)
print(receive(stream).id, receive(stream))
"""


def test_pieces_and_halves(network: Daemon, guest: Guest) -> None:
    """Octet by octet is a query too; who has closed its half is answered, and then we
    close ours (dns 9)."""
    assert inside(guest, IN_PIECES) == ["10.0.0.12 10.0.0.11", "3 None"]


LIMITS = f"""
streams = [connect() for _ in range({CONNECTIONS_PER_CLIENT} + 4)]
found = []
for stream in streams:
    try:
        stream.sendall(framed("db-1", 1))
    except OSError:
        pass  # closed already
    found.append(receive(stream) is not None)
print(*map(int, found))
streams[0].close()
while True:  # until its end is seen
    one_more = connect()
    try:
        one_more.sendall(framed("db-1", 1))
    except OSError:
        continue
    if receive(one_more) is not None:
        break
print("again")
"""


def test_so_many_connections(network: Daemon, guest: Guest) -> None:
    """One client has eight connections; the others are closed, and it may come again
    when it has closed one (dns 9, 13)."""
    ones = " ".join(["1"] * CONNECTIONS_PER_CLIENT + ["0"] * 4)
    assert inside(guest, LIMITS) == [ones, "again"]


IDLE = """
silent, slow, busy = connect(), connect(), connect()
slow.sendall(framed("db-1", 1)[:-1])
ends = []
while len(ends) < 2:
    busy.sendall(framed("db-1", 7))
    assert receive(busy).id == 7
    for name, stream in (("silent", silent), ("slow", slow)):
        if name not in ends:
            stream.settimeout(0.2)
            try:
                assert stream.recv(1) == b""
                ends.append(name)
            except TimeoutError:
                pass
print(*sorted(ends))
"""


def test_who_says_nothing_is_left(network: Daemon, guest: Guest) -> None:
    """A connection without a whole query ends by our side; one that asks now and then
    stays (dns 9; RFC 7766 section 6.2.3)."""
    assert inside(guest, IDLE) == ["silent slow"]
