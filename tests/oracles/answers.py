"""What two servers say to one question, and in which facets they differ."""

from dataclasses import dataclass

from dhcp.bindings import BindingTable
from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.message import AT_LEAST
from dhcp.message import Message
from dhcp.options import message_type_name
from dhcp.responder import Responder
from dhcp.server import enclose
from tests.dhcp.guest import SERVER_HARDWARE

from .questions import BINDINGS
from .questions import SERVED
from .questions import Question

SILENCE = "silence"


def ours(question: Question) -> bytes | None:
    """Return the frame of our answer: the daemon's own path, without its socket."""
    server = Responder(SERVED, BindingTable(BINDINGS), SERVER_HARDWARE)
    try:
        frame = Frame.parse(question.frame)
        request = Message.parse(frame.payload)
    except MalformedMessage:
        return None
    arrival = Arrival(
        frame.source_hardware, frame.source, frame.source_port, frame.destination
    )
    decision = server.respond(request, arrival, 0.0)
    return enclose(decision, server).pack() if isinstance(decision, Reply) else None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: where it goes, its fixed fields, its options in their order."""

    kind: str
    fixed: dict[str, object]
    options: dict[int, bytes]
    octets: int


FIELDS = (
    *("op", "htype", "hlen", "hops", "xid", "secs", "flags"),
    *("ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr"),
)


def message_of(octets: bytes) -> Message:
    """Return what is in a frame; a veth leaves its UDP checksum for later."""
    return Message.parse(Frame.parse(octets, checksum_ready=False).payload)


def read(octets: bytes) -> Said:
    frame = Frame.parse(octets, checksum_ready=False)
    message = Message.parse(frame.payload)
    fixed: dict[str, object] = {name: getattr(message, name) for name in FIELDS}
    if 52 not in message.options:
        fixed |= {"sname": message.sname, "file": message.file}
    fixed["source"] = frame.source, frame.source_hardware, frame.source_port
    fixed["port"] = frame.destination, frame.destination_port
    fixed["station"] = frame.destination_hardware
    kind = message_type_name(message.options.message_type)
    return Said(kind, fixed, dict(message.options), len(frame.payload))


def differences(
    theirs: bytes | None, own: bytes | None, varying: tuple[int, ...] = ()
) -> set[str]:
    """Return the facets in which two answers differ, from theirs to ours.

    Of options that are *varying* it only matters whether they are there.
    """
    if theirs is None or own is None:
        if theirs is own:
            return set()
        return {f"{_kind(theirs)} -> {_kind(own)}"}
    one, other = read(theirs), read(own)
    found = set()
    if one.kind != other.kind:
        found.add(f"{one.kind} -> {other.kind}")
        if "NAK" in (one.kind, other.kind):
            return found
    fixed = one.fixed.keys() & other.fixed.keys()
    found |= {name for name in fixed if one.fixed[name] != other.fixed[name]}
    if one.octets < AT_LEAST <= other.octets:
        found.add("padding")
    for code in (one.options.keys() | other.options.keys()) - {53}:
        if code not in other.options:
            found.add(f"{code} missing")
        elif code not in one.options:
            found.add(f"{code} added")
        elif one.options[code] != other.options[code] and code not in varying:
            found.add(f"{code} otherwise")
    shared = one.options.keys() & other.options.keys()
    orders = [
        [code for code in each.options if code in shared] for each in (one, other)
    ]
    if orders[0] != orders[1]:
        found.add("order")
    return found


def _kind(octets: bytes | None) -> str:
    return SILENCE if octets is None else read(octets).kind
