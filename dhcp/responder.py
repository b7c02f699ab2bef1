"""The decision: a message and the state give an answer, or silence with a reason.

RFC 2131 section 4.3, over bindings that an operator made.  An ACK is a promise that
is computed from the binding, so nothing is stored, and no restart can NAK a good
client.  For the choices that the RFC leaves see docs/differences.md.
"""

from dataclasses import replace
from ipaddress import IPv4Address

from .assembly import lease
from .assembly import times
from .bindings import Binding
from .bindings import BindingTable
from .clients import describe_client
from .codes import MessageType
from .codes import OptionCode
from .composition import compose_answer
from .composition import compose_nak
from .composition import compose_refusal
from .damping import Damping
from .decision import Decision
from .decision import NakReason
from .decision import Note
from .decision import Probe
from .decision import Reason
from .decision import Reply
from .decision import Silence
from .destination import Arrival
from .farewells import decline
from .farewells import release
from .hardware import HardwareAddress
from .lodging import STRANGER
from .lodging import lend
from .lodging import lodge
from .menus import Menus
from .message import NOWHERE
from .message import Message
from .network import Network
from .network import Range
from .pool import Pool
from .reception import refuse
from .reception import remark

NAK_BURST = 5  # to one client, and then so many a second
PLACELESS = Silence(Reason.NOT_OURS)


class Responder:
    """Answers for one network.  *network* and *bindings* may change between calls."""

    def __init__(
        self, network: Network, bindings: BindingTable, hardware: HardwareAddress
    ) -> None:
        self.network = network
        self.bindings = bindings
        self.hardware = hardware
        self.pool: Pool | None = None  # for clients that are not bound
        self._menus = Menus()
        self._naks = Damping(rate=network.nak_per_second, burst=NAK_BURST)
        self._informs = Damping(rate=1, burst=5)

    def respond(self, request: Message, arrival: Arrival, now: float) -> Decision:
        """Decide about *request*; *now* is in seconds of a monotonic clock."""
        reason = refuse(request, arrival, self.network, self.hardware)
        if reason is not None:
            return Silence(reason)
        notes = remark(request, arrival)
        match request.options.message_type:
            case MessageType.DISCOVER:
                return self._discover(request, arrival, now, notes)
            case MessageType.REQUEST:
                return self._request(request, arrival, now, notes)
            case MessageType.INFORM:
                return self._inform(request, arrival, now, notes)
            case MessageType.DECLINE:
                bound = self._bound(request)
                return decline(request, self.network, bound, self.pool, now)
            case MessageType.RELEASE:
                bound = self._bound(request)
                return release(request, arrival, self.network, bound, self.pool, now)
            case None:
                return self._bootp(request, arrival, notes)
            case _:
                return Silence(Reason.MESSAGE_TYPE)

    def _find(self, request: Message, now: float) -> Binding | Probe | Silence:
        found = self._bound(request)
        if self.pool is None or found is not STRANGER:
            return found
        settled = not self.bindings.unread
        return lodge(self.pool, request, self.network, now, settled=settled)

    def _bound(self, request: Message) -> Binding | Silence:
        client_id = request.options.get(OptionCode.CLIENT_ID)
        binding = self.bindings.find(request.chaddr, client_id)
        if binding is not None:
            return binding
        if request.chaddr in self.bindings.unread:
            return Silence(Reason.UNREAD)
        return STRANGER

    def _discover(
        self,
        request: Message,
        arrival: Arrival,
        now: float,
        notes: tuple[Note, ...],
    ) -> Decision:
        binding = self._find(request, now)
        if isinstance(binding, Silence):
            return self._refusal(request, arrival, binding)
        if isinstance(binding, Probe):
            return binding
        if OptionCode.SERVER_ID in request.options:
            notes += (Note.DISCOVER_WITH_SERVER,)
        commits = (
            self.network.rapid_commit and OptionCode.RAPID_COMMIT in request.options
        )
        kind = MessageType.ACK if commits else MessageType.OFFER
        return self._grant(request, arrival, binding, kind, notes)

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
            if self.pool is not None:
                self.pool.let_go(request.chaddr)
            return Silence(Reason.OTHER_SERVER)
        if selected is not None and request.ciaddr != NOWHERE:
            notes += (Note.CIADDR_IN_SELECTING,)
            request = replace(request, ciaddr=NOWHERE)
        binding = self._find(request, now)
        if isinstance(binding, Probe):
            return binding
        asked = options.address(OptionCode.REQUESTED_IP_ADDRESS)
        if request.ciaddr != NOWHERE:
            asked = request.ciaddr  # RENEWING or REBINDING (section 4.3.2)
        if isinstance(binding, Silence):
            return self._unknown(request, arrival, now, binding, asked, notes)
        if asked is None and selected is None:
            # the RFC has a NAK here; a client that says nothing wrong is helped
            notes += (Note.REQUEST_WITHOUT_ADDRESS,)
        elif asked != binding.address:
            reason, text = NakReason.NO_ADDRESS, "no address was requested"
            if asked:
                reason, text = NakReason.NOT_YOURS, f"{asked} is not yours"
            return self._nak(
                request, arrival, now, binding.address, reason, text, notes
            )
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
        near = asked or request.giaddr
        if silence.reason is Reason.LEASE_LOST:  # it was bound to another
            reason, text = NakReason.LEASE_LOST, "this address is not yours any more"
            return self._nak(request, arrival, now, near, reason, text, notes)
        # another server may own this client; and a file that is unread may bind it
        if not self._settled(silence):
            return silence
        reason, text = NakReason.UNKNOWN, "this address is not bound to you here"
        if (
            self.network.nak_removed
            and asked is not None
            and self.bindings.removed.get(request.chaddr) == asked
        ):
            reason, text = NakReason.REMOVED, f"{asked} is not yours any more"
        elif not self.network.authoritative:
            return silence
        return self._nak(request, arrival, now, near, reason, text, notes)

    def _settled(self, silence: Silence) -> bool:
        """Whether it is certain that nobody here, ours or another's, knows a client."""
        return (
            silence.reason in (Reason.UNKNOWN, Reason.POOL_EMPTY)
            and not self.network.shares_bridge
            and not self.bindings.unread
        )

    def _refusal(
        self, request: Message, arrival: Arrival, silence: Silence
    ) -> Decision:
        """Tell a stranger not to give itself an address, where we have the say."""
        if not self.network.authoritative or not self._settled(silence):
            return silence
        return compose_refusal(request, arrival, self.network) or silence

    def _bootp(
        self, request: Message, arrival: Arrival, notes: tuple[Note, ...]
    ) -> Decision:
        if not self.network.bootp:
            return Silence(Reason.BOOTP)
        binding = self._bound(request)
        if isinstance(binding, Silence):
            return binding
        return self._grant(request, arrival, binding, None, notes)

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
        found = self._bound(request)
        if isinstance(found, Silence) and (
            found.reason is Reason.UNREAD or self.network.shares_bridge
        ):
            return found
        known = None if isinstance(found, Silence) else found
        binding = known or self.bindings.at(address)
        if not self._informs.admits(request.chaddr, now):
            return Silence(Reason.INFORM_DAMPED)
        return self._tell(
            request, arrival, MessageType.ACK, place, binding, (NOWHERE, []), notes
        )

    def _grant(
        self,
        request: Message,
        arrival: Arrival,
        binding: Binding,
        kind: MessageType | None,
        notes: tuple[Note, ...],
    ) -> Decision:
        place = self.network.range_of(binding.address)
        if place is None:  # the network has moved away from under the binding
            return PLACELESS
        asked = request.options.number(OptionCode.LEASE_TIME)
        seconds = lease(self.network, binding, asked)
        given = binding.address, times(seconds, request.chaddr)
        reply = self._tell(request, arrival, kind, place, binding, given, notes)
        if self.pool is None or self.bindings.at(binding.address) is binding:
            return reply
        return lend(self.pool, reply, binding.hardware.octets, seconds)

    def _tell(
        self,
        request: Message,
        arrival: Arrival,
        kind: MessageType | None,
        place: Range,
        binding: Binding | None,
        given: tuple[IPv4Address, list[tuple[int, bytes]]],
        notes: tuple[Note, ...],
    ) -> Reply:
        """Answer with the configuration; *given* is an address and its lease."""
        network = self.network
        client = describe_client(request.options, network.classes, network.boot)
        yiaddr, lease_options = given
        return compose_answer(
            request,
            arrival,
            kind,
            network=network,
            place=place,
            menu=self._menus.choose(network, place, binding, client),
            yiaddr=yiaddr,
            lease_options=lease_options,
            notes=notes,
        )

    def _nak(
        self,
        request: Message,
        arrival: Arrival,
        now: float,
        near: IPv4Address,
        reason: NakReason,
        text: str,
        notes: tuple[Note, ...],
    ) -> Decision:
        if not self._naks.admits(request.chaddr, now):
            return Silence(Reason.NAK_DAMPED, text)
        place = self.network.range_of(near) or self.network.ranges[0]
        nak = compose_nak(
            request, arrival, text, network=self.network, place=place, notes=notes
        )
        return replace(nak, nak=reason)
