"""What the responder decides: an answer, or silence with a reason."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from .codes import MessageType
from .destination import Destination


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
