"""What becomes of octets that arrive: the one error, or a decision that is sound.

Shared by the property tests and by the fuzzers.
"""

import pickle
from dataclasses import replace

from dhcp.assembly import largest
from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.decision import name_of
from dhcp.destination import Arrival
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.message import AT_LEAST
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.options import encode_option
from dhcp.responder import Responder
from dhcp.server import enclose

from .guest import ADDRESS
from .guest import MAC
from .guest import SERVER_HARDWARE
from .guest import sequence

MALFORMED = "malformed"
SILENT = "silence"


def of_message(
    server: Responder,
    payload: bytes,
    arrival: Arrival = Arrival(MAC, ADDRESS),  # noqa: B008 # frozen
    now: float = 0.0,
) -> str:
    """Carry *payload* to *server*; return the name of what comes out.

    Whatever comes leaves the server's bindings alone.
    """
    try:
        request = Message.parse(payload)
    except MalformedMessage:
        return MALFORMED
    bindings = list(server.bindings)
    decision = server.respond(request, arrival, now)
    assert list(server.bindings) == bindings
    if isinstance(decision, Silence):
        return SILENT
    assert isinstance(decision, Reply)  # there is no pool
    check(server, request, decision)
    return name_of(decision.kind)


def of_frame(server: Responder, octets: bytes, now: float = 0.0) -> str:
    """Carry a frame to *server*; return the name of what comes out."""
    try:
        frame = Frame.parse(octets)
    except MalformedMessage:
        return MALFORMED
    arrival = Arrival(
        frame.source_hardware, frame.source, frame.source_port, frame.destination
    )
    return of_message(server, frame.payload, arrival, now)


def check(server: Responder, request: Message, reply: Reply) -> None:
    """Assert what holds of every answer (RFC 2131 table 3, section 4.1)."""
    answer = Message.parse(reply.payload)
    assert (answer.op, answer.htype, answer.hlen) == (Op.BOOTREPLY, 1, 6)
    assert (answer.xid, answer.chaddr) == (request.xid, request.chaddr)
    assert (answer.hops, answer.secs) == (0, 0)
    assert answer.giaddr == request.giaddr
    assert answer.yiaddr == reply.address
    assert reply.address == NOWHERE or server.bindings.at(reply.address) is not None
    assert answer.options.message_type == reply.kind
    assert not answer.options.ignored
    assert 57 not in answer.options
    assert 55 not in answer.options
    codes = [code for code, _ in sequence(reply.payload)]
    agent = request.options.get(82)
    echoed = agent if request.relayed else None
    assert answer.options.get(82) == echoed
    assert echoed is None or codes[-1] == 82
    # what the relay takes out again is not the client's (RFC 3046 section 2.1)
    extra = 0 if echoed is None else len(encode_option(82, echoed))
    most = max(AT_LEAST, largest(request, server.network.mtu))
    assert AT_LEAST <= len(reply.payload) <= most + extra
    if reply.kind is MessageType.NAK:
        assert set(codes) <= {53, 54, 56, 61, 82}
    frame = enclose(reply, server)
    assert Frame.parse(frame.pack()) == frame
    assert frame.source_hardware == SERVER_HARDWARE


def state(server: Responder) -> bytes:
    """Return all that *server* keeps, to be compared."""
    return pickle.dumps(server)


def plain(message: Message) -> Message:
    """Return *message* as `pack` writes it: lent fields given back, all joined."""
    options = replace(
        message.options,
        values={code: value for code, value in message.options if code != 52},
        ignored=(),
    )
    if 52 not in message.options:
        return replace(message, options=options)
    return replace(message, sname=bytes(64), file=bytes(128), options=options)
