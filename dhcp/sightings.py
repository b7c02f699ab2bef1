"""Other DHCP servers on the link: who they are, since when, how often (dhcp 72).

A server is seen when it answers a client, and heard of when a client chooses it: the
REQUEST says option 54 aloud (RFC 2131 section 4.3.2), but not the server's MAC.  Any
guest can forge both, so a sighting is a reason to look and never changes an answer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Address

from .codes import MessageType
from .codes import Op
from .codes import OptionCode
from .frames import Frame
from .hardware import HardwareAddress
from .message import NOWHERE
from .message import Message

SERVERS_AT_MOST = 64
HOUR = 3600.0  # seconds until a server that is silent is taken for gone
ANSWERS = (MessageType.OFFER, MessageType.ACK, MessageType.NAK, None)
"""None: the BOOTREPLY of a server that is older than DHCP."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is known of one server."""

    server_id: IPv4Address
    hardware: HardwareAddress | None
    """None: it was only heard of, in what clients say."""
    first: float
    last: float
    count: int = 1


class Sightings:
    """The servers of one link that are not ours, those unseen for longest left out.

    Times are in seconds of whichever clock.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[IPv4Address, HardwareAddress | None], Sighting] = {}
        self._untold: set[tuple[IPv4Address, HardwareAddress | None]] = set()
        self._ours: Collection[IPv4Address] = ()

    def hear(self, server_id: IPv4Address, now: float) -> bool:
        """Note that a client named a server; False where it is one of ours."""
        if server_id in self._ours:
            return False
        for key in self._seen:
            if key[0] == server_id and key[1] is not None:
                self._note(key, now)
                return True
        self._note((server_id, None), now)
        return True

    def see(
        self, server_id: IPv4Address, hardware: HardwareAddress, now: float
    ) -> bool:
        """Note that a server answered a client; False where it is one of ours."""
        if server_id in self._ours:
            return False
        key = (server_id, hardware)
        heard = self._seen.pop((server_id, None), None)
        if heard is not None and key not in self._seen:  # now it has a MAC
            self._seen[key] = replace(heard, hardware=hardware)
            self._untold.add(key)
        self._note(key, now)
        return True

    def recent(self, now: float) -> list[Sighting]:
        """Return the servers of the last hour, the latest last."""
        return [each for each in self._seen.values() if now - each.last < HOUR]

    def news(self) -> list[Sighting]:
        """Return the servers that are new, or have got a MAC, since the last call."""
        found = [self._seen[key] for key in self._seen if key in self._untold]
        self._untold.clear()
        return found

    def ignore(self, ours: Collection[IPv4Address]) -> None:
        """Take these for ours from now on: the servers of our other networks here."""
        self._ours = ours
        for key in [key for key in self._seen if key[0] in ours]:
            del self._seen[key]

    def _note(
        self, key: tuple[IPv4Address, HardwareAddress | None], now: float
    ) -> None:
        before = self._seen.pop(key, None)
        if before is None or now - before.last >= HOUR:
            self._seen[key] = Sighting(*key, first=now, last=now)
            self._untold.add(key)
        else:
            self._seen[key] = replace(before, last=now, count=before.count + 1)
        if len(self._seen) > SERVERS_AT_MOST:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            self._untold.discard(oldest)

    def __len__(self) -> int:
        return len(self._seen)


def server_of(frame: Frame, message: Message) -> IPv4Address | None:
    """Return whose answer to a client *message* is; None where it is none."""
    if message.op != Op.BOOTREPLY or message.options.message_type not in ANSWERS:
        return None
    said = message.options.address(OptionCode.SERVER_ID)
    return said or (frame.source if frame.source != NOWHERE else None)


def chosen(request: Message) -> IPv4Address | None:
    """Return the server that *request* names; None where none on this link is meant.

    A relay agent's servers are on whichever link.
    """
    return None if request.relayed else request.options.address(OptionCode.SERVER_ID)
