"""Datagrams in batches, on sockets of this machine."""

import gc
import socket
from collections.abc import Iterator

import pytest

from appliance.resolver.datagrams import AT_ONCE
from appliance.resolver.datagrams import OCTETS_AT_MOST
from appliance.resolver.datagrams import Datagrams
from appliance.resolver.datagrams import Prepared
from appliance.resolver.datagrams import address_of
from appliance.resolver.datagrams import client_of


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bound("127.0.0.1") as found:
        yield found


def bound(address: str) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((address, 0))
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
