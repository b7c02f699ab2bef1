"""Whatever came before: what is remembered is what would be decided anew."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from dhcp.bindings import Binding
from dhcp.boot import Boot
from dhcp.clients import ClientClass
from dhcp.codes import INFINITE
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.memory import Memory
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Network
from dhcp.network import Range
from dhcp.network import ReplyTo
from dhcp.options import Options
from dhcp.routes import ClasslessRoute

from .guest import ADDRESS
from .guest import BROADCAST
from .guest import DHCLIENT
from .guest import EVERYONE
from .guest import MAC
from .guest import RELAY
from .guest import RELAY_HARDWARE
from .guest import SERVER
from .guest import responder
from .test_memory import fresh
from .test_memory import recall
from .test_memory import teach

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
    router=st.booleans(),
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
    sender, port = guest.hardware, 68
    if draw(st.booleans()):
        message = replace(message, giaddr=RELAY)
        sender, source, port = RELAY_HARDWARE, RELAY, 67
    return Frame(sender, BROADCAST, source, to, port, 67, message.pack()).pack()


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
