"""Answers that are remembered, by what they depend on.

Most messages differ from an earlier one in nothing but the guest's own values: its
MAC and its address, and the xid and the secs, which decide nothing.  So the octets
around those values are remembered with the answer, as patterns with holes, for each
kind of binding.  The responder decides what has not been seen; what is remembered is
the same octets (a property test says so), at a small part of the price.
"""

import struct
from dataclasses import fields
from ipaddress import IPv4Interface
from operator import attrgetter

from .assembly import largest
from .assembly import pace
from .assembly import renewal_time
from .bindings import Binding
from .codes import SERVER_PORT
from .codes import MessageType
from .codes import OptionCode
from .decision import Decision
from .decision import Reply
from .decision import name_of
from .destination import BROADCAST
from .destination import EVERYONE
from .frames import is_summed
from .frames import is_whole
from .frames import pack_frame
from .levels import host_name
from .message import AT_LEAST
from .message import NOWHERE
from .message import Message
from .options import find_spans
from .options import message_type_name
from .pattern import ADDRESS
from .pattern import MAC
from .pattern import NAME
from .pattern import T1
from .pattern import XID
from .pattern import Hole
from .pattern import Pattern
from .pattern import find_macs
from .remembered import Answer
from .remembered import Guest
from .remembered import Shape
from .remembered import To
from .responder import Responder

SHAPES_AT_MOST = 1024
ANSWERS_AT_MOST = 8192
TOLD_AT_LEAST = 1024  # kinds of binding, before those that are gone are dropped

# What decides, of a frame: not its MACs, nor the IPv4 identification, TTL and checksum,
# the UDP checksum, xid and secs.  Then chaddr, and what is behind it.
# In between, sname and file are zeros, or it is not remembered: much of the price of a
# packet is to look through them.
DECIDING = struct.Struct("!12x6s2x2sx1s2x14s2x4s6x18s6s")
BLANK = slice(76, 278)  # what is left of chaddr, sname, file
BLANKS = bytes(BLANK.stop - BLANK.start)
REPLY_BLANK = slice(44, 236)  # sname and file
REPLY_BLANKS = bytes(REPLY_BLANK.stop - REPLY_BLANK.start)
IPV4_AT, PLAIN_IPV4 = 14, 0x45  # a header without options: what follows has its place
SENDER, GIADDR = slice(6, 12), slice(66, 70)
OPTIONS_AT = 49  # octets of what decides, before the options
SOURCE_AT, CIADDR_AT = 9, 29
REPLY_OPTIONS_AT = 240

PERSONAL = {"hardware", "address", "hostname", "client_id"}
"""A binding's fields that no other's answer depends on."""
alike = attrgetter(
    *(each.name for each in fields(Binding) if each.name not in {*PERSONAL, "options"})
)


Recalled = tuple[bytes, Answer, Guest]
"""A frame to send, and what it was made of: a plain tuple, one for each packet."""


class Memory:
    """What *responder* has answered, in tables that are bounded."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._network = responder.network
        self._shapes: dict[bytes, Shape] = {}
        self._told: dict[object, dict[Shape, Answer]] = {}
        self._guests: dict[bytes, Guest] = {}
        self._answers = 0

    def recall(self, frame: bytes, *, checksum_ready: bool) -> Recalled | None:
        """Return the answer to *frame*; None where the responder has to decide."""
        if len(frame) < BLANK.stop or frame[BLANK] != BLANKS:
            return None
        *deciding, mac = DECIDING.unpack_from(frame)
        if frame[SENDER] != mac and not _is_relayed(frame, self._responder):
            return None
        guest = self.meet(mac)
        if guest is None:
            return None
        message = b"".join((*deciding, frame[BLANK.stop :]))
        shape = self._shapes.get(_bare(message, guest))
        if shape is None:
            return None
        answer = guest.answers.get(shape)
        if (
            answer is None
            or len(guest.name) > answer.room
            or shape.pattern.fill((mac, guest.address)) != message
            or not is_summed(
                frame[: BLANK.start] + frame[BLANK.stop :],
                checksum_ready=checksum_ready,
                left_out=len(BLANKS),
            )
            or not self._is(guest, message, shape)
        ):
            return None
        t1 = renewal_time(answer.seconds, guest.pace)
        payload = answer.pattern.fill(
            (mac, guest.address, guest.name, t1, frame[46:50])
        ).ljust(AT_LEAST, b"\0")
        ours = self._responder.hardware.octets
        if answer.to is To.GUEST:
            ends = mac + ours, answer.server + guest.address
        elif answer.to is To.ALL:
            ends = BROADCAST.octets + ours, answer.server + EVERYONE.packed
        else:
            ends = frame[SENDER] + ours, answer.server + frame[GIADDR]
        summed = payload[: REPLY_BLANK.start] + payload[REPLY_BLANK.stop :]
        sent = pack_frame(*ends, SERVER_PORT, answer.port, payload, summed)
        return sent, answer, guest

    def learn(self, frame: bytes, request: Message, decision: Decision) -> None:
        """Remember *decision* about *request*, which came in *frame*, if it can be."""
        if (
            not isinstance(decision, Reply)
            or decision.kind not in (MessageType.OFFER, MessageType.ACK)
            or request.options.message_type == MessageType.INFORM
            or decision.dropped
            or (frame[SENDER] != request.chaddr and not request.relayed)
            or frame[IPV4_AT] != PLAIN_IPV4
            or frame[BLANK] != BLANKS
            or decision.payload[REPLY_BLANK] != REPLY_BLANKS
            or not is_whole(frame, checksum_ready=False)
        ):
            return
        guest = self.meet(request.chaddr)
        if guest is None or decision.address != guest.binding.address:
            return
        *deciding, _ = DECIDING.unpack_from(frame)
        message = b"".join((*deciding, frame[BLANK.stop :]))
        shape = self._shape(message, guest)
        answer = None if shape is None else self._cut(request, decision, guest)
        if shape is None or answer is None:
            return
        if self._answers >= ANSWERS_AT_MOST or len(self._shapes) >= SHAPES_AT_MOST:
            self._forget()
            return
        self._shapes[_bare(message, guest)] = shape
        guest.answers[shape] = answer
        self._answers += 1

    def _forget(self) -> None:
        self._network = self._responder.network
        self._shapes, self._told, self._guests = {}, {}, {}
        self._answers = 0

    def meet(self, mac: bytes) -> Guest | None:
        """Return the guest that *mac* is bound to, and what is its own."""
        responder = self._responder
        if self._network is not responder.network:
            self._forget()
        bindings, guest = responder.bindings, self._guests.get(mac)
        if guest is not None and guest.version is bindings.version:
            return guest
        binding = bindings.find(mac)
        if binding is None:
            return None
        if guest is not None and guest.binding is binding:
            guest.version = bindings.version
            return guest
        network = self._network
        place = network.range_of(binding.address)
        if (
            place is None
            or mac[0] & 1
            or mac == responder.hardware.octets
            or binding.address in network.server_ids
        ):
            return None
        # with a prefix of its own the mask is of the address
        own = None
        if binding.prefix is not None:
            own = IPv4Interface((binding.address, binding.prefix)).network
        told = (
            alike(binding),
            tuple(sorted(binding.options.items())) if binding.options else (),
            network.ranges.index(place),
            not binding.hostname,
            own,
        )
        if len(self._guests) > 2 * len(responder.bindings):
            self._guests = {}
        if len(self._told) > max(TOLD_AT_LEAST, 2 * len(responder.bindings)):
            self._forget()
        guest = Guest(
            binding,
            mac,
            binding.address.packed,
            host_name(binding),
            pace(mac),
            self._told.setdefault(told, {}),
            bindings.version,
        )
        self._guests[mac] = guest
        return guest

    def _is(self, guest: Guest, message: bytes, shape: Shape) -> bool:
        """Whether no other binding claims the message by its client-id (dhcp 13)."""
        bindings = self._responder.bindings
        if shape.client_id is None or not bindings.has_client_ids:
            return True
        return bindings.find(guest.mac, message[shape.client_id]) is guest.binding

    def _shape(self, message: bytes, guest: Guest) -> Shape | None:
        """Cut the guest's own values out of *message*; None where that is not safe."""
        spans = find_spans(message, OPTIONS_AT)
        kinds = [span.code for span in spans]
        # those have a part in the answer that is not an echo, or hide others
        if len(set(kinds)) < len(kinds) or {52, 81, 82} & set(kinds):
            return None
        holes: list[Hole] = [
            (at, at + 4, ADDRESS)
            for at in (SOURCE_AT, CIADDR_AT)
            if message[at : at + 4] == guest.address
        ]
        client_id = None
        for span in spans:
            value = message[span.start : span.stop]
            if span.code == OptionCode.REQUESTED_IP_ADDRESS and value == guest.address:
                holes.append((span.start, span.stop, ADDRESS))
            if span.code == OptionCode.CLIENT_ID:
                client_id = slice(span.start, span.stop)
                holes += find_macs(guest.mac, message, span)
        pattern = Pattern.cut(message, holes)
        bare = _bare(message, guest)
        if b"".join(pattern.pieces) != bare:
            return None  # a value stands where it means something else
        kept = self._shapes.get(bare)
        if kept is not None and kept.pattern.pieces == pattern.pieces:
            return kept
        return Shape(pattern, client_id)

    def _cut(self, request: Message, reply: Reply, guest: Guest) -> Answer | None:
        payload = reply.payload
        spans = find_spans(payload, REPLY_OPTIONS_AT)
        end = spans[-1].stop + 1
        holes: list[Hole] = [(4, 8, XID), (16, 20, ADDRESS), (28, 34, MAC)]
        if payload[12:16] == guest.address:
            holes.append((12, 16, ADDRESS))
        seconds = 0
        for span in spans:
            match span.code:
                case OptionCode.OVERLOAD:
                    return None
                case OptionCode.LEASE_TIME:
                    seconds = int.from_bytes(payload[span.start : span.stop], "big")
                case OptionCode.RENEWAL_TIME:
                    holes.append((span.start, span.stop, T1))
                case OptionCode.HOST_NAME:
                    holes.append((span.start - 2, span.stop, NAME))
                case OptionCode.CLIENT_ID:
                    holes += find_macs(guest.mac, payload, span)
        if not any(whose == T1 for _, _, whose in holes):
            seconds = 0
        pattern = Pattern.cut(payload[:end], holes)
        t1 = renewal_time(seconds, guest.pace)
        own = (guest.mac, guest.address, guest.name, t1, payload[4:8])
        to = To.GUEST
        if request.relayed:
            to = To.RELAY
        elif reply.destination.hardware == BROADCAST:
            to = To.ALL
        elif reply.destination.address != guest.binding.address:
            return None
        if pattern.fill(own).ljust(AT_LEAST, b"\0") != payload:
            return None
        words = message_type_name(request.options.message_type), name_of(reply.kind)
        room = largest(request, self._network.mtu) - end + len(guest.name)
        server = reply.source.packed
        port = reply.destination.port
        return Answer(pattern, words, reply, server, to, port, seconds, room)


def _is_relayed(frame: bytes, responder: Responder) -> bool:
    """Whether a relay sent it, which has another MAC than its client."""
    relay = frame[SENDER]
    return frame[GIADDR] != NOWHERE.packed and relay != responder.hardware.octets


def _bare(message: bytes, guest: Guest) -> bytes:
    return message.replace(guest.mac, b"").replace(guest.address, b"")
