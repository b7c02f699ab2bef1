"""What Kea and dnsmasq are asked, and we: one network, one guest, one frame each.

A question is a frame; before it a client has taken its lease where it says so.
"""

from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from dhcp.bindings import Binding
from dhcp.boot import Boot
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Network
from dhcp.routes import ClasslessRoute
from tests.dhcp.corpus import MALFORMED
from tests.dhcp.corpus import VALID
from tests.dhcp.guest import ADDRESS
from tests.dhcp.guest import BROADCAST
from tests.dhcp.guest import DHCLIENT
from tests.dhcp.guest import EVERYONE
from tests.dhcp.guest import FOREIGN
from tests.dhcp.guest import GATEWAY
from tests.dhcp.guest import MAC
from tests.dhcp.guest import NETWORK
from tests.dhcp.guest import OTHER_SERVER
from tests.dhcp.guest import RELAY
from tests.dhcp.guest import RELAY_HARDWARE
from tests.dhcp.guest import SERVER
from tests.dhcp.guest import SERVER_HARDWARE
from tests.dhcp.guest import STRANGER
from tests.dhcp.guest import WRONG
from tests.dhcp.guest import Guest

ENDING = (" release", " decline")  # they would end the lease of all others
LONG = bytes(range(256)) + b"more"  # more than one option can hold
SERVED: Network = replace(
    NETWORK,
    rapid_commit=True,
    mtu=1500,
    routes=(
        ClasslessRoute(IPv4Network("10.9.0.0/16"), IPv4Address("10.0.0.9")),
        ClasslessRoute(IPv4Network("10.128.0.0/9"), GATEWAY),
        ClasslessRoute(IPv4Network("192.0.2.128/25"), GATEWAY),
    ),
    boot=Boot(
        server=IPv4Address("10.0.0.4"),
        files={0: "undionly.kpxe", 7: "ipxe.efi", 16: "http://10.0.0.4/ipxe.efi"},
        script="http://10.0.0.4/boot.ipxe",
    ),
    options={
        42: IPv4Address("10.0.0.3").packed,
        224: LONG,
        225: b"b" * 120,
        226: b"c" * 60,
    },
)

CLIENT_ID = b"\1" + MAC.octets
AGENT = b"\1\4port\2\6switch"  # circuit and remote


@dataclass(frozen=True, slots=True)
class Question:
    """A frame, and what its client did before."""

    frame: bytes
    leased: bool = True
    """A DISCOVER and a REQUEST came first."""

    @property
    def payload(self) -> bytes:
        return Frame.parse(self.frame).payload


def on_link(
    payload: bytes,
    hardware: HardwareAddress,
    source: IPv4Address = NOWHERE,
    destination: IPv4Address = EVERYONE,
) -> bytes:
    """Return the frame of a client; one to our address is for our MAC."""
    to = BROADCAST if destination == EVERYONE else SERVER_HARDWARE
    return Frame(hardware, to, source, destination, 68, 67, payload).pack()


def said(message: Message, *, unicast: bool = False) -> bytes:
    """Return *message* as its client, or its relay, sends it."""
    if message.relayed:
        return by_relay(replace(message, hops=1).pack(), 67)
    to = SERVER if unicast else EVERYONE
    hardware = HardwareAddress(message.chaddr)
    return on_link(message.pack(), hardware, message.ciaddr, to)


def by_relay(payload: bytes, port: int) -> bytes:
    """Return what the relay sends from *port*."""
    return Frame(
        RELAY_HARDWARE, SERVER_HARDWARE, RELAY, SERVER, port, 67, payload
    ).pack()


def numbered(number: int) -> Binding:
    """Return the binding of a guest that only one question is about."""
    hardware = HardwareAddress(bytes.fromhex("fa163e0001") + bytes([number]))
    return Binding(
        hardware, IPv4Address(f"10.0.0.{100 + number}"), hostname=f"own-{number}"
    )


OWN = {
    name: numbered(number)
    for number, name in enumerate(
        ("DECLINE", "RELEASE", "INIT-REBOOT without a lease", "RENEWING without one")
    )
}
BINDINGS = (Binding(MAC, ADDRESS, hostname="web-1"), *OWN.values())
SENTINEL = numbered(100)


def questions() -> dict[str, Question]:
    """Return every question by its name."""
    guest = Guest(options={55: DHCLIENT, 61: CLIENT_ID})
    asked = {
        "DISCOVER": guest.discover(),
        "DISCOVER with a hint": guest.discover(WRONG),
        "SELECTING": guest.select(),
        "SELECTING another server": guest.select(ADDRESS, OTHER_SERVER),
        "SELECTING a wrong address": guest.select(WRONG),
        "SELECTING no address": guest.select(None),
        "INIT-REBOOT": guest.reboot(),
        "INIT-REBOOT to a wrong address": guest.reboot(WRONG),
        "INIT-REBOOT to a foreign address": guest.reboot(FOREIGN),
        "REBINDING": guest.renew(),
        "REBINDING a wrong address": guest.renew(WRONG),
        "REQUEST of nothing": guest.request_nothing(),
        "INFORM": guest.inform(),
        "INFORM from a stranger": replace(guest, hardware=STRANGER).inform(WRONG),
        "INFORM from elsewhere": guest.inform(FOREIGN),
    }
    found = {name: Question(said(message)) for name, message in asked.items()}
    found["RENEWING"] = Question(said(guest.renew(), unicast=True))
    found |= _by_options(guest)
    found |= _by_path(guest)
    found |= _without_a_lease(guest)
    for name, payload in (VALID | MALFORMED).items():
        if not name.endswith(ENDING):
            found[name] = _as_sent(name, payload)
    return found


def _as_sent(name: str, payload: bytes) -> Question:
    if payload[24:28] == RELAY.packed:
        return Question(by_relay(payload, 67))
    source = IPv4Address(payload[12:16].ljust(4, b"\0"))
    if name.startswith("cloudbase-init"):
        source = ADDRESS  # a configured guest asks on
    return Question(on_link(payload, MAC, source))


def _by_options(guest: Guest) -> dict[str, Question]:
    plain = replace(guest, options={})
    told = {
        "no request list": {},
        "a request list in an odd order": {55: bytes([121, 3, 1, 42, 6])},
        "an unasked 121": {55: bytes([1, 3])},
        "everything asked for": {55: bytes(range(1, 255)), 57: b"\5\xdc"},
        "everything asked for, in 576 octets": {55: bytes(range(1, 255))},
        "a long option": {55: bytes([224]), 57: b"\5\xdc"},
        "rapid commit": {55: DHCLIENT, 80: b""},
        "a shorter lease": {55: DHCLIENT, 51: (600).to_bytes(4, "big")},
        "a longer lease": {55: DHCLIENT, 51: (10**6).to_bytes(4, "big")},
        "a lease of a second": {55: DHCLIENT, 51: (1).to_bytes(4, "big")},
        "a name": {55: DHCLIENT, 12: b"guest"},
        "a name as text in 81": {55: DHCLIENT, 81: b"\0\0\0guest"},
        "a name in 81": {55: DHCLIENT, 81: b"\5\0\0\5guest\0"},
        "an 81 that wants no update": {55: DHCLIENT, 81: b"\x0c\0\0\5guest\0"},
        "a server named in a DISCOVER": {55: DHCLIENT, 54: SERVER.packed},
        "a client-id of a DUID": {55: DHCLIENT, 61: b"\xff\0\0\0\1\0\1\0\0\0\0"},
        "108 asked for": {55: bytes([108, 1, 3])},
        "116 sent": {55: DHCLIENT, 116: b"\1"},
        "82 without a relay": {55: DHCLIENT, 82: AGENT},
    }
    return {
        name: Question(said(plain.with_options(options).discover()))
        for name, options in told.items()
    }


def _by_path(guest: Guest) -> dict[str, Question]:
    loud = replace(guest, broadcast=True)
    relayed = replace(guest, giaddr=RELAY).with_options({82: AGENT})
    bare = replace(guest, giaddr=RELAY)
    port = replace(guest, giaddr=RELAY).with_options({82: AGENT + b"\x13\0"})
    asked = {
        "broadcast, DISCOVER": loud.discover(),
        "broadcast, SELECTING": loud.select(),
        "broadcast, REBINDING": loud.renew(),
        "broadcast, NAK": loud.select(WRONG),
        "relayed, DISCOVER": relayed.discover(),
        "relayed, SELECTING": relayed.select(),
        "relayed, INIT-REBOOT": relayed.reboot(),
        "relayed, REBINDING": relayed.renew(),
        "relayed, NAK": relayed.select(WRONG),
        "relayed, INFORM": relayed.inform(),
        "relayed without 82": bare.discover(),
    }
    found = {name: Question(said(message)) for name, message in asked.items()}
    own_port = by_relay(replace(port.discover(), hops=1).pack(), 1067)
    return found | {"relayed from a port of its own": Question(own_port)}


def _without_a_lease(guest: Guest) -> dict[str, Question]:
    stranger = replace(guest, hardware=STRANGER)
    found = {
        "a stranger's DISCOVER": stranger.discover(),
        "a stranger's INIT-REBOOT": stranger.reboot(WRONG),
        "a stranger's REBINDING": stranger.renew(WRONG),
    }
    asked = {
        name: Question(said(message), leased=False) for name, message in found.items()
    }
    for name, binding in OWN.items():
        own = replace(guest, hardware=binding.hardware, options={55: DHCLIENT})
        message = {
            "DECLINE": own.decline(binding.address),
            "RELEASE": own.release(binding.address),
            "INIT-REBOOT without a lease": own.reboot(binding.address),
            "RENEWING without one": own.renew(binding.address),
        }[name]
        leased = name in ("DECLINE", "RELEASE")
        asked[name] = Question(said(message), leased)
    return asked


QUESTIONS = questions()


def lease_of(question: Question) -> list[bytes]:
    """Return the frames by which the client of *question* takes its lease."""
    if not question.leased:
        return []
    chaddr = question.payload[28:34]
    bound = [each for each in BINDINGS if each.hardware.octets == chaddr]
    return [
        said(message)
        for binding in bound
        for message in (
            Guest(binding.hardware).discover(),
            Guest(binding.hardware).select(binding.address),
        )
    ]
