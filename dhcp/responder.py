"""The decision: a message and the state give an answer, or silence with a reason.

RFC 2131 section 4.3, over bindings that an operator made.  An ACK is a promise that
is computed from the binding, so nothing is stored, and no restart can NAK a good
client.  For the choices that the RFC leaves see docs/differences.md.
"""

from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from ipaddress import IPv4Address

from .assembly import Fitted
from .assembly import choose
from .assembly import configured
from .assembly import fit
from .assembly import largest
from .assembly import lease
from .assembly import times
from .bindings import Binding
from .bindings import BindingTable
from .codes import BROADCAST_FLAG
from .codes import MessageType
from .codes import Op
from .codes import OptionCode
from .damping import Damping
from .destination import Arrival
from .destination import Destination
from .destination import choose_destination
from .hardware import ETHERNET
from .hardware import HardwareAddress
from .message import NOWHERE
from .message import Message
from .network import Network
from .network import Range

HOPS_AT_MOST = 16  # RFC 1542 section 4.1.1


class Reason(Enum):
    """Why a message is answered with silence: a closed set, for counters."""

    NOT_A_REQUEST = "not_a_request"
    HARDWARE = "hardware"
    CHADDR = "chaddr"
    HOPS = "hops"
    LOOP = "loop"
    BOOTP = "bootp"
    MESSAGE_TYPE = "message_type"
    UNKNOWN = "unknown_client"
    UNREAD = "unread_binding"
    OTHER_SERVER = "other_server"
    NAK_DAMPED = "nak_damped"
    NOT_OURS = "not_ours"
    CONFLICT = "conflict_reported"
    RELEASED = "released"
    INFORM_DAMPED = "inform_damped"
    NO_ADDRESS = "no_address"


class Note(Enum):
    """What was odd about a message that was answered all the same."""

    SPOOFED_SOURCE = "source_is_not_chaddr"
    DISCOVER_WITH_SERVER = "discover_with_server_id"
    REQUEST_WITHOUT_ADDRESS = "request_without_address"
    CIADDR_IN_SELECTING = "ciaddr_in_selecting"
    IGNORED_OPTION = "ignored_option"
    DROPPED_OPTION = "dropped_option"
    NO_CLASSLESS_ROUTES = "not_asking_for_121"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready for the wire."""

    kind: MessageType
    payload: bytes
    destination: Destination
    source: IPv4Address
    """The server's address that the answer comes from, also its option 54."""
    address: IPv4Address
    """What the guest may use; 0.0.0.0 in a NAK and in the answer to an INFORM."""
    text: str = ""
    """Why it is a NAK."""
    notes: tuple[Note, ...] = ()
    dropped: tuple[int, ...] = ()
    """Codes of options that did not fit."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, and why."""

    reason: Reason
    text: str = ""


Decision = Reply | Silence
# an entry holds as long as it was made from this very network and binding
Configured = tuple[Network, Binding, dict[int, bytes]]
CONFIGURED_AT_MOST = 4096  # guests


class Responder:
    """Answers for one network.  *network* and *bindings* may change between calls."""

    def __init__(
        self, network: Network, bindings: BindingTable, hardware: HardwareAddress
    ) -> None:
        self.network = network
        self.bindings = bindings
        self.hardware = hardware
        self._configured: dict[bytes, Configured] = {}
        self._naks = Damping(rate=1, burst=5)
        self._informs = Damping(rate=1, burst=5)

    def respond(self, request: Message, arrival: Arrival, now: float) -> Decision:
        """Decide about *request*; *now* is in seconds of a monotonic clock."""
        reason = self._refuse(request, arrival)
        if reason is not None:
            return Silence(reason)
        notes = self._remark(request, arrival)
        match request.options.message_type:
            case MessageType.DISCOVER:
                return self._discover(request, arrival, notes)
            case MessageType.REQUEST:
                return self._request(request, arrival, now, notes)
            case MessageType.INFORM:
                return self._inform(request, arrival, now, notes)
            case MessageType.DECLINE:
                return self._decline(request)
            case MessageType.RELEASE:
                return self._release(request)
            case None:
                return Silence(Reason.BOOTP)
            case _:
                return Silence(Reason.MESSAGE_TYPE)

    def _refuse(self, request: Message, arrival: Arrival) -> Reason | None:
        if request.op != Op.BOOTREQUEST:
            return Reason.NOT_A_REQUEST
        if request.htype != ETHERNET or request.hlen != 6:
            return Reason.HARDWARE
        if request.chaddr[0] & 1 or not any(request.chaddr):
            return Reason.CHADDR
        if request.hops > HOPS_AT_MOST:
            return Reason.HOPS
        if (
            arrival.source_hardware == self.hardware
            or arrival.source in self.network.server_ids
        ):
            return Reason.LOOP
        return None

    def _remark(self, request: Message, arrival: Arrival) -> tuple[Note, ...]:
        notes = []
        if request.options.ignored:
            notes.append(Note.IGNORED_OPTION)
        if not request.relayed and arrival.source_hardware.octets != request.chaddr:
            notes.append(Note.SPOOFED_SOURCE)
        asked = request.options.get(OptionCode.PARAMETER_REQUEST_LIST)
        if asked is not None and OptionCode.CLASSLESS_STATIC_ROUTES not in asked:
            notes.append(Note.NO_CLASSLESS_ROUTES)
        return tuple(notes)

    def _find(self, request: Message) -> Binding | Silence:
        client_id = request.options.get(OptionCode.CLIENT_ID)
        binding = self.bindings.find(request.chaddr, client_id)
        if binding is not None:
            return binding
        if request.chaddr in self.bindings.unread:
            return Silence(Reason.UNREAD)
        return Silence(Reason.UNKNOWN)

    def _discover(
        self, request: Message, arrival: Arrival, notes: tuple[Note, ...]
    ) -> Decision:
        binding = self._find(request)
        if isinstance(binding, Silence):
            return binding
        if OptionCode.SERVER_ID in request.options:
            notes += (Note.DISCOVER_WITH_SERVER,)
        return self._grant(request, arrival, binding, MessageType.OFFER, notes)

    def _request(
        self,
        request: Message,
        arrival: Arrival,
        now: float,
        notes: tuple[Note, ...],
    ) -> Decision:
        options = request.options
        selected = options.address(OptionCode.SERVER_ID)
        if selected is not None and selected not in self.network.server_ids:
            return Silence(Reason.OTHER_SERVER)
        binding = self._find(request)
        asked = options.address(OptionCode.REQUESTED_IP_ADDRESS)
        if selected is None and request.ciaddr != NOWHERE:
            asked = request.ciaddr  # RENEWING or REBINDING (section 4.3.2)
        if isinstance(binding, Silence):
            return self._unknown(request, arrival, now, binding, asked, notes)
        if selected is not None and request.ciaddr != NOWHERE:
            notes += (Note.CIADDR_IN_SELECTING,)
        if asked is None and selected is None:
            # the RFC has a NAK here; a client that says nothing wrong is helped
            notes += (Note.REQUEST_WITHOUT_ADDRESS,)
        elif asked != binding.address:
            text = f"{asked} is not yours" if asked else "no address was requested"
            return self._nak(request, arrival, now, binding.address, text, notes)
        return self._grant(request, arrival, binding, MessageType.ACK, notes)

    def _unknown(
        self,
        request: Message,
        arrival: Arrival,
        now: float,
        silence: Silence,
        asked: IPv4Address | None,
        notes: tuple[Note, ...],
    ) -> Decision:
        # another server may own this client; and a file that is unread may bind it
        if (
            not self.network.authoritative
            or self.bindings.unread
            or silence.reason is not Reason.UNKNOWN
        ):
            return silence
        text = "this address is not bound to you here"
        return self._nak(request, arrival, now, asked or request.giaddr, text, notes)

    def _inform(
        self,
        request: Message,
        arrival: Arrival,
        now: float,
        notes: tuple[Note, ...],
    ) -> Decision:
        address = request.ciaddr if request.ciaddr != NOWHERE else arrival.source
        if address == NOWHERE:
            return Silence(Reason.NO_ADDRESS)
        place = self.network.range_of(address)
        if place is None:
            return Silence(Reason.NOT_OURS)
        found = self._find(request)
        if isinstance(found, Silence) and (
            found.reason is Reason.UNREAD or self.network.shares_bridge
        ):
            return found
        known = None if isinstance(found, Silence) else found
        binding = known or self.bindings.at(address)
        if not self._informs.admits(request.chaddr, now):
            return Silence(Reason.INFORM_DAMPED)
        return self._answer(
            request, arrival, MessageType.ACK, place, binding, NOWHERE, [], notes
        )

    def _decline(self, request: Message) -> Silence:
        declined = request.options.address(OptionCode.REQUESTED_IP_ADDRESS)
        selected = request.options.address(OptionCode.SERVER_ID)
        if selected not in self.network.server_ids:
            return Silence(Reason.OTHER_SERVER)
        binding = self._find(request)
        if isinstance(binding, Silence):
            return binding
        if declined != binding.address:
            return Silence(Reason.NOT_OURS)
        said = request.options.get(OptionCode.MESSAGE) or b""
        return Silence(Reason.CONFLICT, said.decode("ascii", "backslashreplace"))

    def _release(self, request: Message) -> Silence:
        selected = request.options.address(OptionCode.SERVER_ID)
        if selected not in self.network.server_ids:
            return Silence(Reason.OTHER_SERVER)
        binding = self._find(request)
        if isinstance(binding, Silence):
            return binding
        if request.ciaddr != binding.address:
            return Silence(Reason.NOT_OURS)
        return Silence(Reason.RELEASED)

    def _grant(
        self,
        request: Message,
        arrival: Arrival,
        binding: Binding,
        kind: MessageType,
        notes: tuple[Note, ...],
    ) -> Decision:
        place = self.network.range_of(binding.address)
        if place is None:  # the network has moved away from under the binding
            return Silence(Reason.NOT_OURS)
        seconds = lease(
            self.network, binding, request.options.number(OptionCode.LEASE_TIME)
        )
        return self._answer(
            request,
            arrival,
            kind,
            place,
            binding,
            binding.address,
            times(seconds, request.chaddr),
            notes,
        )

    def _answer(
        self,
        request: Message,
        arrival: Arrival,
        kind: MessageType,
        place: Range,
        binding: Binding | None,
        yiaddr: IPv4Address,
        lease_options: list[tuple[int, bytes]],
        notes: tuple[Note, ...],
    ) -> Reply:
        available = self._available(place, binding)
        body = choose(available, self.network, request)
        head = [*_head(kind, place), *lease_options]
        if body and body[0][0] == OptionCode.SUBNET_MASK:
            head.append(body.pop(0))
        fitted = fit(
            head,
            body,
            self._tail(request),
            octets=largest(request, self.network.mtu),
            overload=OptionCode.PARAMETER_REQUEST_LIST in request.options,
        )
        if fitted.dropped:
            notes += (Note.DROPPED_OPTION,)
        ciaddr = request.ciaddr if kind is MessageType.ACK else NOWHERE
        reply = _reply_to(request, ciaddr, yiaddr, fitted)
        return Reply(
            kind,
            reply.pack_with(fitted.options),
            choose_destination(request, arrival, kind, yiaddr, self.network.reply),
            place.server_id,
            yiaddr,
            notes=notes,
            dropped=fitted.dropped,
        )

    def _nak(
        self,
        request: Message,
        arrival: Arrival,
        now: float,
        near: IPv4Address,
        text: str,
        notes: tuple[Note, ...],
    ) -> Decision:
        if not self._naks.admits(request.chaddr, now):
            return Silence(Reason.NAK_DAMPED, text)
        place = self.network.range_of(near) or self.network.ranges[0]
        kind = MessageType.NAK
        said = [(int(OptionCode.MESSAGE), text.encode())]
        size = largest(request, self.network.mtu)
        fitted = fit(
            [*_head(kind, place), *said],
            [],
            self._tail(request),
            octets=size,
            overload=False,
        )
        reply = _reply_to(request, NOWHERE, NOWHERE, fitted)
        if request.relayed:  # the relay must broadcast it (RFC 2131 section 4.3.2)
            reply = replace(reply, flags=reply.flags | BROADCAST_FLAG)
        return Reply(
            kind,
            reply.pack_with(fitted.options),
            choose_destination(request, arrival, kind, NOWHERE, self.network.reply),
            place.server_id,
            NOWHERE,
            text,
            notes,
        )

    def _available(self, place: Range, binding: Binding | None) -> dict[int, bytes]:
        """Return every option for the guest, remembered for its next message."""
        if binding is None:
            return configured(self.network, place, None)
        octets = binding.hardware.octets
        kept = self._configured.get(octets)
        if kept is not None and kept[0] is self.network and kept[1] is binding:
            return kept[2]
        if len(self._configured) >= CONFIGURED_AT_MOST:
            self._configured.clear()
        available = configured(self.network, place, binding)
        self._configured[octets] = (self.network, binding, available)
        return available

    def _tail(self, request: Message) -> list[tuple[int, bytes]]:
        """Return what is echoed: the client-id (RFC 6842), and the relay's 82."""
        echoed = []
        client_id = request.options.get(OptionCode.CLIENT_ID)
        if client_id is not None and self.network.echo_client_id:
            echoed.append((int(OptionCode.CLIENT_ID), client_id))
        agent = request.options.get(OptionCode.RELAY_AGENT_INFORMATION)
        if agent is not None and (request.relayed or self.network.trust_option_82):
            echoed.append((int(OptionCode.RELAY_AGENT_INFORMATION), agent))
        return echoed


def _head(kind: MessageType, place: Range) -> list[tuple[int, bytes]]:
    return [
        (OptionCode.MESSAGE_TYPE, bytes([kind])),
        (OptionCode.SERVER_ID, place.server_id.packed),
    ]


def _reply_to(
    request: Message, ciaddr: IPv4Address, yiaddr: IPv4Address, fitted: Fitted
) -> Message:
    """Return the fixed fields of an answer (RFC 2131 table 3)."""
    return Message(
        op=Op.BOOTREPLY,
        htype=request.htype,
        hlen=request.hlen,
        xid=request.xid,
        flags=request.flags,
        ciaddr=ciaddr,
        yiaddr=yiaddr,
        giaddr=request.giaddr,
        chaddr=request.chaddr,
        file=fitted.file,
        sname=fitted.sname,
    )
