"""CloudStack's password server, on port 8080 of whoever gave the lease (clients C42).

A guest asks for its password with a header, sets it, and says that it has: then it is
told so ever after, until the operator sets another.  What is remembered is which
password was taken, not the password.
"""

import hashlib
import hmac
from ipaddress import IPv4Address
from typing import Protocol

from httpd.contract import Answers
from httpd.contract import Later
from httpd.listener import Peer
from httpd.messages import Request
from httpd.messages import Response
from httpd.respond import ALLOWED
from httpd.respond import PLAIN
from httpd.respond import refuse
from httpd.respond import refuse_method

from .metadata import Standing
from .records import Record
from .spool import Spool
from .spool import Stored
from .writeback import STATUSES

PORT = 8080
WISH = "domu_request"  # the header, in lower case
SAVED, BAD = b"saved_password", b"bad_request"
TAKEN = "cloudstack-password-taken"
"""The name in the spool under which the digest of a password that was taken is."""


class Known(Protocol):
    """Who knows the guests."""

    def standing(self, peer: Peer) -> tuple[Standing, Record | None]: ...

    def shut(self, request: Request, peer: Peer) -> Response | None: ...

    def stop(
        self, request: Request, address: IPv4Address, record: Record | None
    ) -> Response | None: ...


class Passwords(Answers):
    """Answers every request of one network on that port."""

    def __init__(self, guests: Known, spool: Spool, key: bytes) -> None:
        """*key* makes digests worthless to who does not have it."""
        self._guests = guests
        self._spool = spool
        self._key = key

    def admits(self, peer: Peer) -> bool:
        return self._guests.standing(peer)[0] is not Standing.FOREIGN

    def knows(self, peer: Peer) -> bool:
        return self._guests.standing(peer)[0] is Standing.BOUND

    def shut(self, request: Request, peer: Peer) -> Response | None:
        return self._guests.shut(request, peer)

    def holds(self, peer: Peer, proof: object) -> bool:
        return False

    def answer(
        self, request: Request, peer: Peer, *, wait: bool, waited: float
    ) -> Response | Later | None:
        standing, record = self._guests.standing(peer)
        if standing is Standing.FOREIGN:
            return None
        refusal = refuse_method(request, ALLOWED)
        if refusal is None and record is not None:
            # `required` gates this path too (metadata, section 1.2)
            refusal = self._guests.stop(request, record.ip, record)
        if refusal is not None:
            return refusal
        wish = request.headers.get(WISH, "")
        if record is None or record.admin_pass is None:
            known = wish in ("send_my_password", "saved_password")
            return _say(SAVED if known else BAD)
        if wish not in ("send_my_password", "saved_password"):
            return _say(BAD)
        if not wait:
            raise BlockingIOError
        digest = self._digest(record.admin_pass)
        if wish == "saved_password" and request.method == "HEAD":
            return _say(SAVED)  # who looks changes nothing (RFC 9110 section 9.2.1)
        if wish == "saved_password":
            kept = self._spool.store(record.ip, record.mac, TAKEN, digest, once=False)
            if kept is not Stored.DONE:  # else the next boot would set it again
                return refuse(STATUSES[kept], kept.value)
            return _say(SAVED)
        taken = hmac.compare_digest(self._taken(record), digest)
        return _say(SAVED if taken else record.admin_pass.encode())

    def _digest(self, password: str) -> bytes:
        digest = hmac.new(self._key, password.encode(), hashlib.sha256)
        return digest.hexdigest().encode()

    def _taken(self, record: Record) -> bytes:
        try:
            return self._spool.read(record.ip, record.mac, TAKEN)
        except FileNotFoundError:
            return b""


def _say(word: bytes) -> Response:
    return Response(200, (PLAIN, ("Cache-Control", "no-store")), word, "password")
