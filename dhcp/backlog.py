"""Frames that wait for their turn: a bounded queue (dhcp 71).

A client in its REQUEST has been offered an address, and goes before who only asks;
never by `secs`, which a guest sets.  When there are too many the oldest go, those
that ask first: their clients have asked again since.
"""

from collections import deque
from collections.abc import Iterable

Received = tuple[bytes, bool]
"""A frame, and whether its UDP checksum was already filled in.

A plain tuple: there is one for each packet.
"""

FRAMES_AT_MOST = 4096
TYPE_AT = 282  # octets before the first option: Ethernet, IPv4, UDP, fixed fields
TYPE_IS_DISCOVER = b"\x35\x01\x01"  # where clients put it, the first option


class Backlog:
    """What has arrived and is not decided yet."""

    def __init__(self) -> None:
        self._requests: deque[Received] = deque()
        self._discovers: deque[Received] = deque()

    def extend(self, arrived: Iterable[Received]) -> int:
        """Add what has arrived, the oldest first; return how many had to go."""
        requests, discovers = self._requests.append, self._discovers.append
        for received in arrived:
            if received[0][TYPE_AT : TYPE_AT + 3] == TYPE_IS_DISCOVER:
                discovers(received)
            else:
                requests(received)
        too_many = max(0, len(self) - FRAMES_AT_MOST)
        for _ in range(too_many):
            (self._discovers or self._requests).popleft()
        return too_many

    def take(self, most: int) -> list[Received]:
        """Return at most *most* frames: who is at its REQUEST, then who asks."""
        taken: list[Received] = []
        for queue in (self._requests, self._discovers):
            if not taken and len(queue) <= most:
                taken = list(queue)
                queue.clear()
            else:
                count = min(len(queue), most - len(taken))
                taken += [queue.popleft() for _ in range(count)]
        return taken

    def __len__(self) -> int:
        return len(self._requests) + len(self._discovers)
