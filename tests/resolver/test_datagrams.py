"""Datagrams in batches, on sockets of this machine."""

import gc
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import strategies

from appliance.resolver.datagrams import AT_ONCE
from appliance.resolver.datagrams import OCTETS_AT_MOST
from appliance.resolver.datagrams import Datagrams
from appliance.resolver.datagrams import Prepared
from appliance.resolver.datagrams import address_of
from appliance.resolver.datagrams import client_of

UDP_GRO = 104  # a socket's wish to be given datagrams that came as one in one piece


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bound("127.0.0.1") as found:
        yield found


def bound(address: str, port: int = 0) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((address, port))
    found.settimeout(5)
    return found


def test_each_has_its_own_answer(listener: socket.socket) -> None:
    """An answer goes to who asked, after the id that it asked with."""
    datagrams = Datagrams(listener)
    prepared = [Prepared.of(b" of " + bytes([number]) * number) for number in range(9)]
    clients = [bound(f"127.0.0.{number}") for number in range(1, 10)]
    for round_ in (b"x", b"y"):
        for number, client in enumerate(clients):
            query = round_ + b"%d, please" % number
            client.sendto(query, listener.getsockname())
        queries, addresses = datagrams.receive()
        assert queries == [b", please"] * 9
        for place, address in enumerate(addresses):
            assert address_of(address) == bytes([127, 0, 0, place + 1])
            assert address == client_of(f"127.0.0.{place + 1}")
            assert datagrams.peer(place) == clients[place].getsockname()
            assert datagrams.query(place) == round_ + b"%d, please" % place
        if round_ == b"x":
            datagrams.answer(prepared)
        else:
            starts = [each.start for each in prepared]
            datagrams.answer_all(starts, [each.length for each in prepared])
        for number, client in enumerate(clients):
            answer = round_ + b"%d of " % number + bytes([number]) * number
            assert client.recv(100) == answer
    for client in clients:
        client.close()


def test_who_gets_no_answer_gets_none(listener: socket.socket) -> None:
    """None is silence, wherever it is in the batch; `send` says something later."""
    datagrams, answer = Datagrams(listener), Prepared.of(b"!")
    for silent in range(32):
        wanted = [None if silent >> place & 1 else answer for place in range(5)]
        with bound("127.0.0.2") as client:
            for place in range(5):
                client.sendto(b"%02d" % place, listener.getsockname())
            assert len(datagrams.receive()[0]) == 5
            datagrams.answer(wanted)
            datagrams.send(datagrams.peer(0), b"the end")
            said = []
            while (octets := client.recv(100)) != b"the end":
                said.append(int(octets[:2]))
        assert said == [place for place, each in enumerate(wanted) if each]


def test_more_than_a_batch_waits(listener: socket.socket) -> None:
    """64 come at a time, the rest the next time, then nothing."""
    datagrams = Datagrams(listener)
    with bound("127.0.0.2") as client:
        for number in range(AT_ONCE + 1):
            client.sendto(b"id%d" % number, listener.getsockname())
    (first, _), (second, _) = datagrams.receive(), datagrams.receive()
    assert first + second == [b"%d" % number for number in range(AT_ONCE + 1)]
    assert len(second) == 1
    assert datagrams.receive() == ([], [])


@pytest.mark.parametrize("length", [0, 1, 2, 3, OCTETS_AT_MOST, OCTETS_AT_MOST + 1])
def test_any_length(length: int, listener: socket.socket) -> None:
    """dns 15: what is shorter than an id has nothing after it; what is longer than
    4096 octets is cut, and is in nobody's way."""
    datagrams = Datagrams(listener)
    with bound("127.0.0.2") as client:
        client.sendto(b"before", listener.getsockname())
        client.sendto(b"z" * length, listener.getsockname())
        client.sendto(b"after", listener.getsockname())
    kept = b"z" * min(length, OCTETS_AT_MOST)
    assert datagrams.receive()[0] == [b"fore", kept[2:], b"ter"]
    assert [*map(datagrams.query, range(3))] == [b"before", kept, b"after"]


def test_an_answer_that_cannot_leave_is_lost_alone(listener: socket.socket) -> None:
    """dns 15: what the kernel does not take is skipped, and the others go."""
    datagrams = Datagrams(listener)
    good, bad = Prepared.of(b" good"), Prepared.of(bytes(70_000))
    with bound("127.0.0.2") as client:
        for wanted in ([bad, good, bad, bad, good], [bad], [good, good, bad]):
            for number in range(len(wanted)):
                client.sendto(b"%02d" % number, listener.getsockname())
            datagrams.receive()
            datagrams.answer(wanted)
            for number, each in enumerate(wanted):
                if each is good:
                    assert client.recv(100) == b"%02d good" % number


def test_errors_are_nothing(listener: socket.socket) -> None:
    """dns 15: a socket that has an error, or is closed, has nothing to give."""
    datagrams = Datagrams(listener)
    with bound("127.0.0.2") as client:
        client.sendto(b"id", listener.getsockname())
        assert len(datagrams.receive()[0]) == 1
        listener.close()
        datagrams.send(datagrams.peer(0), b"late")
        datagrams.answer([Prepared.of(b"late")])
        assert datagrams.receive() == ([], [])


def test_a_prepared_answer_keeps_its_octets(listener: socket.socket) -> None:
    """What is sent is what was prepared, whoever else has let go of it."""
    datagrams = Datagrams(listener)
    prepared = [Prepared.of(b"%d" % number * 50) for number in range(10, 10 + AT_ONCE)]
    gc.collect()
    litter = [bytes([number]) * 100 for number in range(200)]
    with bound("127.0.0.2") as client:
        for _ in prepared:
            client.sendto(b"id", listener.getsockname())
        datagrams.receive()
        datagrams.answer(prepared)
        for number in range(10, 10 + AT_ONCE):
            assert client.recv(200) == b"id" + b"%d" % number * 50
    assert litter


def ask(client: socket.socket, listener: socket.socket, count: int) -> None:
    for number in range(count):
        client.sendto(b"%02d?" % number, listener.getsockname())


def answer_all(datagrams: Datagrams, prepared: list[Prepared]) -> None:
    assert len(datagrams.receive()[0]) == len(prepared)
    datagrams.answer_all(
        [each.start for each in prepared], [each.length for each in prepared]
    )


@pytest.mark.parametrize("last", [40, 39, 1, 0])
@pytest.mark.parametrize("count", [2, 3, AT_ONCE])
def test_one_port_is_answered_in_one_piece(
    count: int, last: int, listener: socket.socket
) -> None:
    """issue 7: answers of one length to one port, the last of which may be shorter,
    pass the stack as one, and are datagrams where they arrive."""
    datagrams = Datagrams(listener)
    prepared = [Prepared.of(bytes([number]) * 40) for number in range(count - 1)]
    prepared.append(Prepared.of(b"z" * last))
    expected = [b"%02d" % place + each.octets for place, each in enumerate(prepared)]
    with bound("127.0.0.2") as client:
        ask(client, listener, count)
        answer_all(datagrams, prepared)
        assert [client.recv(100) for _ in expected] == expected
        client.setsockopt(socket.SOL_UDP, UDP_GRO, 1)
        ask(client, listener, count)
        answer_all(datagrams, prepared)
        octets, control, _, _ = client.recvmsg(1 << 16, socket.CMSG_SPACE(4))
    assert octets == b"".join(expected)
    assert control == [(socket.SOL_UDP, UDP_GRO, struct.pack("i", 42))]


def test_what_is_no_piece_is_sent_one_by_one(listener: socket.socket) -> None:
    """issue 7: nothing is lost that is too long in all, or of unlike lengths."""
    datagrams = Datagrams(listener)
    long = [Prepared.of(bytes([number]) * 1100) for number in range(AT_ONCE)]
    short, longer = Prepared.of(b"short"), Prepared.of(b"longer")
    for prepared in (long, [short, longer], [short, longer, short], [longer]):
        with bound("127.0.0.2") as client:
            client.setsockopt(socket.SOL_UDP, UDP_GRO, 1)
            ask(client, listener, len(prepared))
            answer_all(datagrams, prepared)
            for place, each in enumerate(prepared):
                octets, control, _, _ = client.recvmsg(1 << 16, 100)
                assert (octets, control) == (b"%02d" % place + each.octets, [])


@given(strategies.lists(strategies.tuples(*2 * [strategies.integers(0, 2)])))
@example([(0, 1), (0, 2), (0, 1)])
def test_everybody_has_the_own_answers(drawn: list[tuple[int, int]]) -> None:
    """issue 7: whoever asks from whichever port, for answers of whatever length: each
    gets its own, in order."""
    drawn = drawn[:AT_ONCE]
    lengths = [length for _, length in drawn]
    with ExitStack() as stack:
        listener, a, b = (stack.enter_context(bound(f"127.0.0.{n}")) for n in (1, 2, 2))
        # another guest, the same port
        c = stack.enter_context(bound("127.0.0.3", a.getsockname()[1]))
        clients, datagrams = (a, b, c), Datagrams(listener)
        for place, (who, _) in enumerate(drawn):
            clients[who].sendto(b"%02d" % place, listener.getsockname())
        if drawn:
            answer_all(datagrams, [Prepared.of(b"." * each) for each in lengths])
        for place, (who, length) in enumerate(drawn):
            assert clients[who].recv(100) == b"%02d" % place + b"." * length
