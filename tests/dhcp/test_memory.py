"""What is remembered is what would be decided anew, octet for octet."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.bindings import Binding
from dhcp.boot import Boot
from dhcp.clients import ClientClass
from dhcp.codes import INFINITE
from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.memory import ANSWERS_AT_MOST
from dhcp.memory import SHAPES_AT_MOST
from dhcp.memory import Memory
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Network
from dhcp.network import Range
from dhcp.network import ReplyTo
from dhcp.options import Options
from dhcp.responder import Responder
from dhcp.routes import ClasslessRoute
from dhcp.server import enclose

from .guest import ADDRESS
from .guest import BINDING
from .guest import BROADCAST
from .guest import DHCLIENT
from .guest import EVERYONE
from .guest import MAC
from .guest import NETWORK
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
    }  # fmt: skip


STATES = tuple(states(Guest(), ADDRESS))


@pytest.mark.parametrize("state", STATES)
def test_what_one_guest_taught_answers_the_next(state: str) -> None:
    """dhcp 22, 31, 67: a second guest's message, which differs in its own values alone,
    is answered from memory, with what would be decided."""
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
    """dhcp 16: a frame whose source is not its chaddr is never answered from memory."""
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
    relayed = replace(guest, giaddr=SERVER).discover()
    odd = [
        guest.frame(guest.reboot(WRONG)),
        guest.frame(guest.inform(), ADDRESS),
        guest.frame(relayed),
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


FEW = [bytes([2, 0, 0, 0, 0, 1]), bytes([2] * 6), bytes([10, 0, 0, 10, 0, 0])]
macs = st.sampled_from(FEW) | st.binary(min_size=6, max_size=6).map(
    lambda octets: bytes([octets[0] & 0xFE | 2]) + octets[1:]
)
addresses = st.integers(3, 250).map(lambda host: IPv4Address(f"10.0.0.{host}"))
names = st.none() | st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
raw = st.dictionaries(st.sampled_from([42, 224, 225, 43]), st.binary(max_size=90))
ROUTE = ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.9")


models = st.builds(
    Binding,
    st.just(MAC),
    st.just(ADDRESS),
    mtu=st.sampled_from([None, 1300, 1400]),
    prefix=st.sampled_from([None, None, 28, 32]),
    default_network=st.booleans(),
    routes=st.sampled_from([(), (ROUTE,)]),
    options=raw,
    lease_time=st.sampled_from([None, 60, 3600, INFINITE]),
    dns=st.sampled_from([None, (), (SERVER,)]),
)


@st.composite
def bindings(draw: st.DrawFn) -> list[Binding]:
    """Return two to four guests, some of them told the same."""
    kinds = st.sampled_from(draw(st.lists(models, min_size=1, max_size=2)))
    hardware = draw(st.lists(macs, min_size=2, max_size=4, unique=True))
    where = draw(st.lists(addresses, min_size=4, max_size=4, unique=True))
    return [
        replace(
            draw(kinds),
            hardware=HardwareAddress(mac),
            address=address,
            hostname=draw(names),
        )
        for mac, address in zip(hardware, where, strict=False)
    ]


def whole_network(options: dict[int, bytes], reply: ReplyTo, boot: bool) -> Network:
    subnet = IPv4Network("10.0.0.0/24")
    files = Boot(IPv4Address("10.0.0.4"), "", {0: "a.kpxe", 7: "b.efi"}, "http://s")
    vendor = ClientClass("msft", vendor_class=b"MSFT", options={252: b"x"})
    return Network(
        (Range(subnet, SERVER, IPv4Address("10.0.0.1")),),
        domain="net1.example",
        dns=(SERVER,),
        rapid_commit=True,
        reply=reply,
        options=options,
        classes=(vendor,),
        boot=files if boot else None,
    )


networks = st.builds(
    whole_network,
    raw,
    st.sampled_from(ReplyTo),
    st.booleans(),
)


@st.composite
def frames(draw: st.DrawFn, guests: Sequence[Binding]) -> bytes:
    """Return a message of one of *guests*, with values of all of them in it."""
    guest = draw(st.sampled_from(guests))
    whose = st.sampled_from(guests)
    some_mac = whose.map(lambda each: each.hardware.octets)
    some_address = whose.map(lambda each: each.address.packed)
    spice = st.one_of(some_mac, some_address, st.binary(max_size=8))
    text = st.lists(spice, max_size=3).map(b"".join)
    options = draw(
        st.fixed_dictionaries(
            {53: st.sampled_from([b"\1", b"\3"])},
            optional={
                50: some_address,
                51: st.sampled_from([b"\0\0\0\x10", b"\0\0\x10\0"]),
                54: st.just(SERVER.packed),
                55: st.sampled_from([DHCLIENT, DHCLIENT + b"\x0c\x51\xe0\x2b"]) | text,
                57: st.sampled_from([b"\2\x40", b"\5\xdc"]),
                60: st.sampled_from([b"MSFT 5.0", b"PXEClient:Arch:00007"]),
                61: st.builds(lambda mac: b"\1" + mac, some_mac) | text,
                12: text,
                77: st.sampled_from([b"iPXE", b"\4iPXE"]),
                80: st.just(b""),
                81: text,
                97: text,
                116: st.just(b"\1"),
            },
        )
    )
    ciaddr = draw(st.sampled_from([NOWHERE, guest.address]) | addresses)
    message = Message(
        xid=draw(st.integers(0, 0xFFFFFFFF)),
        secs=draw(st.integers(0, 9)),
        flags=draw(st.sampled_from([0, 0x8000])),
        ciaddr=ciaddr,
        chaddr=guest.hardware.octets,
        options=Options(options),
    )
    source = draw(st.sampled_from([NOWHERE, guest.address]))
    to = draw(st.sampled_from([EVERYONE, SERVER]))
    return Frame(guest.hardware, BROADCAST, source, to, 68, 67, message.pack()).pack()


@given(st.data(), networks, bindings())
def test_remembered_and_fresh_are_the_same_octets(
    data: st.DataObject, network: Network, guests: list[Binding]
) -> None:
    """dhcp 22, 31: whatever came before, an answer from memory is the answer that the
    responder, which has none, would give."""
    server = responder(network, *guests)
    plain = responder(network, *guests)
    memory = Memory(server)
    for frame in data.draw(st.lists(frames(guests), min_size=2, max_size=8)):
        found = recall(memory, frame)
        if found is None:
            teach(memory, server, frame)
            found = recall(memory, frame)
        assert found is None or found == fresh(plain, frame)


def test_the_server_has_its_own_hardware() -> None:
    """dhcp 10: a binding of our own MAC is never answered from memory."""
    ours = Binding(SERVER_HARDWARE, ADDRESS)
    server = responder(NETWORK, ours)
    memory = Memory(server)
    guest = guest_of(ours)
    frame = guest.frame(guest.discover())
    teach(memory, server, frame)
    assert recall(memory, frame) is None
