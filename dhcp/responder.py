"""The decision: a message and the state give an answer, or silence with a reason.

RFC 2131 section 4.3, over bindings that an operator made.  An ACK is a promise that
is computed from the binding, so nothing is stored, and no restart can NAK a good
client.  For the choices that the RFC leaves see docs/differences.md.
"""

from dataclasses import replace
from ipaddress import IPv4Address

from .assembly import Menu
from .assembly import choose
from .assembly import configured
from .assembly import lease
from .assembly import times
from .bindings import Binding
from .bindings import BindingTable
from .codes import MessageType
from .codes import Op
from .codes import OptionCode
from .composition import compose_answer
from .composition import compose_nak
from .damping import Damping
from .decision import Decision
from .decision import Note
from .decision import Reason
from .decision import Silence
from .destination import Arrival
from .hardware import ETHERNET
from .hardware import HardwareAddress
from .message import NOWHERE
from .message import Message
from .network import Network
from .network import Range
from .option_text import printable

HOPS_AT_MOST = 16  # RFC 1542 section 4.1.1

# a menu holds as long as it was made from these very values
Made = tuple[Network, Range, Binding | None, bytes | None, Menu]
MENUS_AT_MOST = 4096  # guests


class Responder:
    """Answers for one network.  *network* and *bindings* may change between calls."""

    def __init__(
        self, network: Network, bindings: BindingTable, hardware: HardwareAddress
    ) -> None:
        self.network = network
        self.bindings = bindings
        self.hardware = hardware
        self._menus: dict[bytes | None, Made] = {}
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
                return self._release(request, arrival)
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
            return Silence(Reason.OTHER_SERVER)
        if selected is not None and request.ciaddr != NOWHERE:
            notes += (Note.CIADDR_IN_SELECTING,)
            request = replace(request, ciaddr=NOWHERE)
        binding = self._find(request)
        asked = options.address(OptionCode.REQUESTED_IP_ADDRESS)
        if request.ciaddr != NOWHERE:
            asked = request.ciaddr  # RENEWING or REBINDING (section 4.3.2)
        if isinstance(binding, Silence):
            return self._unknown(request, arrival, now, binding, asked, notes)
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
            or self.network.shares_bridge
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
        return compose_answer(
            request,
            arrival,
            MessageType.ACK,
            network=self.network,
            place=place,
            menu=self._menu(request, place, binding),
            yiaddr=NOWHERE,
            lease_options=[],
            notes=notes,
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
        return Silence(Reason.CONFLICT, printable(said))

    def _release(self, request: Message, arrival: Arrival) -> Silence:
        selected = request.options.address(OptionCode.SERVER_ID)
        if selected is None:  # networkd leaves it out, and says whom it means by IP
            selected = arrival.destination
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
        return compose_answer(
            request,
            arrival,
            kind,
            network=self.network,
            place=place,
            menu=self._menu(request, place, binding),
            yiaddr=binding.address,
            lease_options=times(seconds, request.chaddr),
            notes=notes,
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
        return compose_nak(
            request, arrival, text, network=self.network, place=place, notes=notes
        )

    def _menu(self, request: Message, place: Range, binding: Binding | None) -> Menu:
        """Return what the guest is told, remembered for its next message."""
        asked = request.options.get(OptionCode.PARAMETER_REQUEST_LIST)
        guest = None if binding is None else binding.hardware.octets
        kept = self._menus.get(guest)
        if (
            kept is not None
            and kept[0] is self.network
            and kept[1] is place
            and kept[2] is binding
            and kept[3] == asked
        ):
            return kept[4]
        if len(self._menus) >= MENUS_AT_MOST:
            self._menus.clear()
        available = configured(self.network, place, binding)
        menu = choose(available, self.network, asked)
        self._menus[guest] = (self.network, place, binding, asked, menu)
        return menu
