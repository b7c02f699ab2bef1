"""Which messages are looked at, and what is odd about them."""

from .codes import Op
from .codes import OptionCode
from .decision import Note
from .decision import Reason
from .destination import Arrival
from .hardware import ETHERNET
from .hardware import HardwareAddress
from .message import Message
from .network import Network

HOPS_AT_MOST = 16  # RFC 1542 section 4.1.1


def refuse(
    request: Message, arrival: Arrival, network: Network, hardware: HardwareAddress
) -> Reason | None:
    """Return why *request* gets no answer, whatever it is; *hardware* is ours."""
    if request.op != Op.BOOTREQUEST:
        return Reason.NOT_A_REQUEST
    if request.htype != ETHERNET or request.hlen != 6:
        return Reason.HARDWARE
    if request.chaddr[0] & 1 or not any(request.chaddr):
        return Reason.CHADDR
    if request.hops > HOPS_AT_MOST:
        return Reason.HOPS
    if arrival.source_hardware == hardware or arrival.source in network.server_ids:
        return Reason.LOOP
    if network.require_source_mac and _spoofed(request, arrival):
        return Reason.SPOOFED
    return None


def remark(request: Message, arrival: Arrival) -> tuple[Note, ...]:
    """Return what is odd about *request*, which is answered all the same."""
    notes = []
    if request.options.ignored:
        notes.append(Note.IGNORED_OPTION)
    if _spoofed(request, arrival):
        notes.append(Note.SPOOFED_SOURCE)
    asked = request.options.get(OptionCode.PARAMETER_REQUEST_LIST)
    if asked is not None and OptionCode.CLASSLESS_STATIC_ROUTES not in asked:
        notes.append(Note.NO_CLASSLESS_ROUTES)
    return tuple(notes)


def _spoofed(request: Message, arrival: Arrival) -> bool:
    return not request.relayed and arrival.source_hardware.octets != request.chaddr
