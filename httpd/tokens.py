"""Session tokens that need no table (IMDSv2; metadata 1.3).

A token says until when it holds, and carries a keyed hash over that, the one guest
it was given to, and the network.  So any number costs no memory, another guest's is
worth nothing, and one from before a restart holds as long as the key is kept.
"""

import base64
import binascii
import hashlib
import hmac
import struct

KEY_OCTETS = 32
NONCE_OCTETS = 17  # with the rest 42: 56 characters of base64, like AWS's
TOKEN_AT_MOST = 256  # characters that are looked at
VERSION = 1
_CLAIM = struct.Struct(f"!BQ{NONCE_OCTETS}s")  # version, expiry in milliseconds, nonce
_TAG_OCTETS = 16  # of the SHA-256


class TokenAuthority:
    """Issues and verifies the tokens of one network.

    *scope* is what else has to be the same: the network, and the boot of the machine
    whose clock the expiry is on.
    """

    def __init__(self, key: bytes, scope: bytes) -> None:
        if len(key) != KEY_OCTETS:
            raise ValueError(f"a key of {len(key)} octets, not {KEY_OCTETS}")
        self._key = key
        self._scope = scope

    def issue(self, holder: bytes, seconds: int, now: float, nonce: bytes) -> str:
        """Return a token for *holder* that holds until *now* + *seconds*.

        *holder* is an address and its MAC, *now* is in seconds of a clock that is never
        set, *nonce* is 17 random octets.
        """
        claim = _CLAIM.pack(VERSION, int((now + seconds) * 1000), nonce)
        return base64.urlsafe_b64encode(claim + self._tag(claim, holder)).decode()

    def verify(self, token: str, holder: bytes, now: float) -> bool:
        """Whether *token* was given to *holder* and still holds (metadata U11-U14)."""
        if len(token) > TOKEN_AT_MOST:
            return False
        try:
            octets = base64.urlsafe_b64decode(token.encode("ascii"))
        except (UnicodeEncodeError, binascii.Error):
            return False
        if base64.urlsafe_b64encode(octets).decode() != token:
            return False  # a decoder takes more than one spelling
        claim, tag = octets[: _CLAIM.size], octets[_CLAIM.size :]
        if len(claim) < _CLAIM.size:
            return False
        if not hmac.compare_digest(tag, self._tag(claim, holder)):
            return False
        version, expiry, _ = _CLAIM.unpack(claim)
        return bool(version == VERSION) and now * 1000 < expiry

    def derive(self, purpose: bytes) -> bytes:
        """Return a key for another *purpose*, which says nothing of this one."""
        return hmac.new(self._key, b"for " + purpose, hashlib.sha256).digest()

    def _tag(self, claim: bytes, holder: bytes) -> bytes:
        # the claim has one length, and within one network the scope has: no two inputs
        # are the same octets
        hashed = hmac.new(self._key, claim + holder + self._scope, hashlib.sha256)
        return hashed.digest()[:_TAG_OCTETS]
