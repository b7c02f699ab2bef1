"""Who calls, over all of its connections: how many, how fast, and what it was told.

A guest boots with a connection for each request, so what is worth keeping of it is
kept here.  What was answered is remembered as octets beside the proof by which it
still holds.  Both tables are bounded: of whom nothing is to be known is forgotten.
"""

from dataclasses import dataclass
from dataclasses import field

from .listener import Call
from .listener import Peer
from .messages import Request
from .messages import Response
from .pace import Bucket
from .pace import Rate

ANSWERS_AT_MOST = 4096  # that are remembered, of all callers
REQUEST_AT_MOST = 512  # octets of one that is remembered
BODY_AT_MOST = 8 * 1024  # octets, likewise
CALLERS_AT_MOST = 32_768  # one station can call from as many addresses as it likes
CALLERS_AT_LEAST = 1024  # before those are looked for of whom nothing is to be known


@dataclass(slots=True, eq=False)
class Kept:
    """An answer in octets, its date between two halves."""

    request: Request
    response: Response
    before: bytes
    after: bytes
    keep_alive: bool
    turn: int = -1
    """When it was last proven."""
    date: bytes = b""
    octets: bytes = b""
    """With that date."""
    length: int = 0
    times: int = 0
    """How often it was sent, and nobody told."""

    def date_as(self, date: bytes) -> None:
        """Bring the octets to *date*, which is one object for a second."""
        if self.date is not date:
            self.date = date
            self.octets = self.before + date + self.after
            self.length = len(self.octets)


@dataclass(slots=True, eq=False)
class Account:
    """What one station holds, by whatever addresses it calls."""

    bucket: Bucket
    held: int = 0
    """Open connections."""


@dataclass(slots=True, eq=False)
class Caller:
    """A station at one address, and what the server knows of it."""

    peer: Peer
    account: Account
    bucket: Bucket
    """Its account's."""
    kept: dict[bytes, Kept | None] = field(default_factory=dict)
    """By the octets of the request; None for one that was seen once."""
    listed: bool = True
    """It is in the table; an open connection may outlive that."""


class Callers:
    """The table of callers, and that of their accounts."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._callers: dict[Call, Caller] = {}
        self.known = self._callers.get
        """Who has made a call, if it is in the table."""
        self._accounts: dict[bytes | str, Account] = {}
        self._enough = CALLERS_AT_LEAST
        self._kept = 0

    def __len__(self) -> int:
        return len(self._callers)

    def meet(self, call: Call, peer: Peer, now: float) -> Caller:
        """Take who made *call* into the table; *now* is in seconds."""
        if len(self._callers) >= self._enough:
            self._forget_idle(now)
        # one MAC is one guest, however many addresses it gives itself
        address, hardware, _ = call
        station = hardware or address
        account = self._accounts.get(station)
        if account is None:
            account = Account(Bucket(self._rate.burst, now))
            self._accounts[station] = account
        caller = self._callers[call] = Caller(peer, account, account.bucket)
        return caller

    def _forget_idle(self, now: float) -> None:
        self._accounts = {
            station: account
            for station, account in self._accounts.items()
            if account.held or not account.bucket.is_full(self._rate, now)
        }
        busy = set(map(id, self._accounts.values()))
        for call, caller in list(self._callers.items()):
            if id(caller.account) not in busy:
                del self._callers[call]
        if len(self._callers) >= CALLERS_AT_MOST:
            # what counts is the account; an open connection keeps its own caller, of
            # which nothing is remembered any more: nobody could make it forget
            self.forget_answers()
            for caller in self._callers.values():
                caller.listed = False
            self._callers.clear()
        wanted = max(CALLERS_AT_LEAST, 2 * len(self._callers))
        self._enough = min(wanted, CALLERS_AT_MOST)
        self._kept = sum(len(caller.kept) for caller in self._callers.values())

    def see(self, caller: Caller, octets: bytes) -> bool:
        """Note a request of *caller*; return whether its answer is worth keeping."""
        if len(octets) > REQUEST_AT_MOST or not caller.listed:
            return False
        if octets in caller.kept:
            return True
        if self._kept >= ANSWERS_AT_MOST:
            self.forget_answers()
        self._kept += 1
        caller.kept[octets] = None
        return False

    def forget_answers(self) -> None:
        for caller in self._callers.values():
            caller.kept.clear()
        self._kept = 0
