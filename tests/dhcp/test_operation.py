"""What holds for a server in operation: nothing is stored, and there may be several."""

import sys
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dhcp.codes import MessageType
from dhcp.decision import Decision
from dhcp.decision import Reason
from dhcp.responder import Responder
from dhcp.routes import decode_routes

from .guest import ADDRESS
from .guest import DHCLIENT
from .guest import NETWORK
from .guest import OTHER_SERVER
from .guest import RANGE
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import decide
from .guest import read
from .guest import responder
from .guest import silence
from .room import Room
from .room import in_room

GUEST = Guest(options={55: DHCLIENT, 61: b"\1mine"})
AUTHORITATIVE = replace(NETWORK, authoritative=True)


def said_by(server: Responder) -> dict[str, Decision]:
    """Return what *server* decides about a message of each kind, long afterwards."""
    return {
        kind: decide(server, request, now=1e6)
        for kind, request in GUEST.everything().items()
    }


HISTORIES: dict[str, Callable[[Responder], object]] = {
    "it was never seen": lambda server: None,
    "it has an ACK": lambda server: answer(server, GUEST.select()),
    "it has declined": lambda server: decide(server, GUEST.decline()),
    "it has released": lambda server: decide(server, GUEST.release()),
    "it was refused": lambda server: [
        decide(server, GUEST.reboot(WRONG)) for _ in range(9)
    ],
    "another was there": lambda server: [
        decide(server, each) for each in Guest(STRANGER).everything().values()
    ],
}


@pytest.mark.parametrize("history", HISTORIES)
def test_what_was_heard_of_a_guest_alters_no_answer(history: str) -> None:
    """dhcp 69: what was seen and acknowledged is for people to look at: with it or
    without, each decision about a bound guest is the same, octet for octet."""
    server = responder(AUTHORITATIVE)
    HISTORIES[history](server)
    assert said_by(server) == said_by(responder(AUTHORITATIVE))


def test_no_answer_waits_for_a_file() -> None:
    """dhcp 69: between a message and its answer no file is opened, none is written."""
    opened: list[object] = []
    watching = True

    def watch(event: str, details: tuple[object, ...]) -> None:
        if watching and event in ("open", "os.rename", "subprocess.Popen"):
            opened.append(details)

    async def scenario(room: Room) -> None:
        frames = [GUEST.frame(each, ADDRESS) for each in GUEST.everything().values()]
        await room.hear(*frames)  # what is imported late is imported now
        sys.addaudithook(watch)
        assert len(await room.hear(*frames)) == len(frames)

    try:
        in_room(scenario)
    finally:
        watching = False  # an audit hook stays for good
    assert opened == []


def instance(server_id: IPv4Address) -> Responder:
    """Return one of several servers that have the same files."""
    return responder(replace(NETWORK, ranges=(replace(RANGE, server_id=server_id),)))


def test_instances_offer_the_same() -> None:
    """dhcp 70: N instances on a segment offer the same address, options and times;
    each names itself in 54, and as the way to the metadata."""
    first, second = (
        read(instance(each), GUEST.discover()) for each in (RANGE.server_id, WRONG)
    )
    assert first.yiaddr == second.yiaddr == ADDRESS
    own = {54, 121}
    assert {code: value for code, value in first.options if code not in own} == {
        code: value for code, value in second.options if code not in own
    }
    assert first.options.address(54) == RANGE.server_id
    assert second.options.address(54) == WRONG
    ways = [decode_routes(each.options[121]) for each in (first, second)]
    assert [len(each) for each in ways] == [2, 2]
    assert ways[0][0] == ways[1][0]
    assert [each[1].router for each in ways] == [RANGE.server_id, WRONG]


def test_only_the_instance_that_was_chosen_acknowledges() -> None:
    """dhcp 70: of N instances the one that the client names has the say; a renewal is
    answered by any."""
    servers = {each: instance(each) for each in (RANGE.server_id, OTHER_SERVER, WRONG)}
    for chosen in servers:
        request = GUEST.select(server=chosen)
        for server_id, server in servers.items():
            if server_id == chosen:
                assert answer(server, request).kind is MessageType.ACK
            else:
                assert silence(server, request) is Reason.OTHER_SERVER
    for server in servers.values():
        assert answer(server, GUEST.renew()).kind is MessageType.ACK
