"""What is remembered is what would be decided anew, octet for octet."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dhcp.bindings import Binding
from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.memory import ANSWERS_AT_MOST
from dhcp.memory import SHAPES_AT_MOST
from dhcp.memory import TOLD_AT_LEAST
from dhcp.memory import Memory
from dhcp.message import Message
from dhcp.responder import Responder
from dhcp.server import enclose

from .guest import ADDRESS
from .guest import BINDING
from .guest import BROADCAST
from .guest import DHCLIENT
from .guest import EVERYONE
from .guest import MAC
from .guest import NETWORK
from .guest import RELAY
from .guest import RELAY_HARDWARE
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .guest import WRONG
from .guest import Guest
from .guest import responder

OTHER = Binding(
    HardwareAddress.parse("fa:16:3e:00:00:06"), IPv4Address("10.0.0.6"), "web-22"
)


def fresh(server: Responder, frame: bytes) -> bytes | None:
    """Return what leaves for *frame* without a memory."""
    parsed = Frame.parse(frame)
    arrival = Arrival(
        parsed.source_hardware, parsed.source, parsed.source_port, parsed.destination
    )
    decision = server.respond(Message.parse(parsed.payload), arrival, 0.0)
    return enclose(decision, server).pack() if isinstance(decision, Reply) else None


def teach(memory: Memory, server: Responder, frame: bytes) -> None:
    parsed = Frame.parse(frame)
    arrival = Arrival(
        parsed.source_hardware, parsed.source, parsed.source_port, parsed.destination
    )
    request = Message.parse(parsed.payload)
    memory.learn(frame, request, server.respond(request, arrival, 0.0))


def recall(memory: Memory, frame: bytes, *, ready: bool = True) -> bytes | None:
    found = memory.recall(frame, checksum_ready=ready)
    return None if found is None else found[0]


def guest_of(binding: Binding, **options: bytes) -> Guest:
    """Return the usual client of *binding*, with a client-id of its MAC."""
    values = {int(code[1:]): value for code, value in options.items()}
    client_id = {61: b"\1" + binding.hardware.octets}
    return Guest(binding.hardware, {55: DHCLIENT, **client_id, **values})


def states(guest: Guest, address: IPv4Address) -> dict[str, bytes]:
    """Return the frame of each message that is answered with an address."""
    return {
        "DISCOVER": guest.frame(guest.discover()),
        "DISCOVER with a hint": guest.frame(guest.discover(address)),
        "SELECTING": guest.frame(guest.select(address)),
        "INIT-REBOOT": guest.frame(guest.reboot(address)),
        "RENEWING": guest.frame(guest.renew(address), address),
        "REBINDING": Frame(
            guest.hardware, BROADCAST, address, EVERYONE, 68, 67,
            guest.renew(address).pack(),
        ).pack(),
        "no address": guest.frame(guest.request_nothing()),
        "broadcast": guest.frame(replace(guest, broadcast=True).discover()),
        "by a relay": Frame(
            RELAY_HARDWARE, SERVER_HARDWARE, RELAY, SERVER, 67, 67,
            replace(guest, giaddr=RELAY).discover().pack(),
        ).pack(),
    }  # fmt: skip


STATES = tuple(states(Guest(), ADDRESS))


@pytest.mark.parametrize("state", STATES)
def test_what_one_guest_taught_answers_the_next(state: str) -> None:
    """dhcp 22, 31, 37, 67: a second guest's message, which differs in its own values
    alone, is answered from memory, with what would be decided."""
    server = responder(NETWORK, BINDING, OTHER)
    memory = Memory(server)
    teach(memory, server, states(guest_of(BINDING), ADDRESS)[state])
    asked = states(guest_of(OTHER), OTHER.address)[state]
    answer = recall(memory, asked)
    assert answer is not None
    assert answer == fresh(server, asked)


def test_a_change_is_never_remembered_away() -> None:
    """dhcp 31, 66, 67: a binding, or a network, that changes is in the next answer."""
    server = responder(NETWORK, BINDING)
    memory = Memory(server)
    asked = states(guest_of(BINDING), ADDRESS)["DISCOVER"]
    teach(memory, server, asked)
    told = recall(memory, asked)
    for changed in (
        replace(BINDING, address=WRONG),
        replace(BINDING, mtu=1300),
        replace(BINDING, hostname="another"),
        BINDING,
    ):
        server.bindings.put(changed)
        found = recall(memory, asked)
        assert found in (None, fresh(server, asked))
        teach(memory, server, asked)
        assert recall(memory, asked) == fresh(server, asked)
    assert recall(memory, asked) == told
    server.network = replace(NETWORK, lease_time=999)
    assert recall(memory, asked) is None
    server.bindings.remove(MAC)
    teach(memory, server, asked)
    assert recall(memory, asked) is None


def test_what_was_not_whole_is_not_answered() -> None:
    """dhcp 11, 12: a wrong checksum is no message, remembered or not."""
    server = responder()
    memory = Memory(server)
    asked = states(guest_of(BINDING), ADDRESS)["DISCOVER"]
    teach(memory, server, asked)
    assert recall(memory, asked) is not None
    for at in (18, 24, 40, 47):  # identification, two checksums, xid
        wrong = bytearray(asked)
        wrong[at] ^= 1
        assert recall(memory, bytes(wrong)) is None
    wrong = bytearray(asked)
    wrong[40] ^= 1
    assert recall(memory, bytes(wrong), ready=False) is not None
    assert recall(memory, asked + b"\0") is None
    assert recall(memory, asked[:-1]) is None


def test_another_sender_is_remarked_upon() -> None:
    """dhcp 16: a frame whose source is not its chaddr is never answered from memory,
    unless a relay sent it."""
    server = responder()
    memory = Memory(server)
    asked = states(guest_of(BINDING), ADDRESS)["DISCOVER"]
    teach(memory, server, asked)
    assert recall(memory, asked[:6] + OTHER.hardware.octets + asked[12:]) is None


def test_a_client_id_that_is_bound_wins() -> None:
    """dhcp 13: who comes with another's client-id is another, memory or not."""
    theirs = replace(OTHER, client_id=b"\1" + MAC.octets)
    server = responder(NETWORK, BINDING)
    memory = Memory(server)
    asked = states(guest_of(BINDING), ADDRESS)["DISCOVER"]
    teach(memory, server, asked)
    assert recall(memory, asked) is not None
    server.bindings.put(theirs)
    assert recall(memory, asked) is None


def test_naks_and_oddities_are_not_remembered() -> None:
    """dhcp 12, 33: a NAK is damped, so it is decided; what has option 52, 81, 82, or a
    MAC where it means something else, is decided too."""
    server = responder(NETWORK, BINDING)
    guest = guest_of(BINDING)
    relayed = replace(guest_of(BINDING, c82=b"\1\1x"), giaddr=RELAY)
    odd = [
        guest.frame(guest.reboot(WRONG)),
        guest.frame(guest.inform(), ADDRESS),
        relayed.frame(relayed.discover()),
        *(
            guest.frame(guest_of(BINDING, **{code: value}).discover())
            for code, value in (
                ("c52", b"\0"),
                ("c81", b"\0\0\0web"),
                ("c82", b"\1\1x"),
                ("c12", MAC.octets),
                ("c60", b"of " + ADDRESS.packed),
            )
        ),
    ]
    for frame in odd:
        memory = Memory(server)
        teach(memory, server, frame)
        assert recall(memory, frame) is None


@pytest.mark.parametrize("count", [SHAPES_AT_MOST + 100])
def test_what_is_remembered_is_bounded(count: int) -> None:
    """dhcp 12, 71: clients that each ask in their own words do not fill the memory."""
    server = responder(NETWORK, BINDING)
    memory = Memory(server)
    for number in range(count):
        vendor = number.to_bytes(4, "big")
        guest = guest_of(BINDING, c60=vendor)
        frame = guest.frame(guest.discover())
        teach(memory, server, frame)
        assert recall(memory, frame) in (None, fresh(server, frame))
        assert len(memory._shapes) <= SHAPES_AT_MOST
        assert memory._answers <= ANSWERS_AT_MOST


def test_a_binding_that_changes_for_ever_leaves_nothing_behind() -> None:
    """dhcp 71: what was told by bindings that are gone does not fill the memory."""
    server = responder(NETWORK, BINDING)
    memory = Memory(server)
    guest = guest_of(BINDING)
    frame = guest.frame(guest.discover())
    for number in range(2 * TOLD_AT_LEAST):
        own = {224: number.to_bytes(4, "big")}
        server.bindings.put(replace(BINDING, options=own))
        assert recall(memory, frame) is None
        assert len(memory._told) <= TOLD_AT_LEAST + 1


def test_the_server_has_its_own_hardware() -> None:
    """dhcp 10: a binding of our own MAC is never answered from memory."""
    ours = Binding(SERVER_HARDWARE, ADDRESS)
    server = responder(NETWORK, ours)
    memory = Memory(server)
    guest = guest_of(ours)
    frame = guest.frame(guest.discover())
    teach(memory, server, frame)
    assert recall(memory, frame) is None
