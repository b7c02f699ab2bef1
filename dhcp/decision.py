"""What the responder decides: an answer, or silence with a reason."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from .codes import MessageType
from .destination import Destination
from .lease import Lease


class Reason(Enum):
    """Why a message is answered with silence: a closed set, for counters."""

    NOT_A_REQUEST = "not_a_request"
    HARDWARE = "hardware"
    CHADDR = "chaddr"
    HOPS = "hops"
    LOOP = "loop"
    SPOOFED = "source_is_not_chaddr"
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
    POOL_EMPTY = "pool_exhausted"
    LEASE_LOST = "lease_lost"
    QUARANTINED = "quarantined"
    PROBES_BUSY = "probes_busy"
    UNRECORDED = "lease_not_recorded"


class Note(Enum):
    """What was odd about a message that was answered all the same."""

    SPOOFED_SOURCE = "source_is_not_chaddr"
    DISCOVER_WITH_SERVER = "discover_with_server_id"
    REQUEST_WITHOUT_ADDRESS = "request_without_address"
    CIADDR_IN_SELECTING = "ciaddr_in_selecting"
    IGNORED_OPTION = "ignored_option"
    DROPPED_OPTION = "dropped_option"
    NO_CLASSLESS_ROUTES = "not_asking_for_121"


class NakReason(Enum):
    """Why a client may not have the address that it asks for: a closed set."""

    NOT_YOURS = "another_address_is_bound"
    NO_ADDRESS = "no_address_requested"
    UNKNOWN = "unknown_client"
    REMOVED = "binding_removed"
    LEASE_LOST = "lease_lost"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready for the wire."""

    kind: MessageType | None
    """None: a BOOTREPLY to a client that is older than DHCP."""
    payload: bytes
    destination: Destination
    source: IPv4Address
    """The server's address that the answer comes from, also its option 54."""
    address: IPv4Address
    """What the guest may use; 0.0.0.0 in a NAK and in the answer to an INFORM."""
    text: str = ""
    """Why it is a NAK, in words for the client."""
    nak: NakReason | None = None
    notes: tuple[Note, ...] = ()
    dropped: tuple[int, ...] = ()
    """Codes of options that did not fit."""
    lease: Lease | None = None
    """What has to be on disk before it is sent: the client is the pool's."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, and why."""

    reason: Reason
    text: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """First somebody has to ask on the link whether *address* is in use."""

    address: IPv4Address
    hardware: bytes
    """The client's: its own answer says nothing."""


Verdict = Reply | Silence
Decision = Verdict | Probe


def name_of(kind: MessageType | None) -> str:
    """Return an answer's kind as a word."""
    return "BOOTREPLY" if kind is None else kind.name
