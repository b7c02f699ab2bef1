"""What is demanded of a request before any document is looked for (metadata T1-U17).

The order is that of the specification, so that an answer never tells more than the
one who asks may know: endpoint, method, forwarded, token; the path comes after.
"""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

from .messages import Request
from .messages import Response
from .respond import ALLOWED
from .respond import refuse
from .respond import refuse_method
from .tokens import TokenAuthority

TOKEN_PATH = "/latest/api/token"
TOKEN = "x-aws-ec2-metadata-token"
TTL = "x-aws-ec2-metadata-token-ttl-seconds"
# Firecracker's names beside AWS's: the one that was used is echoed
TTL_NAMES = {
    TTL: "X-aws-ec2-metadata-token-ttl-seconds",
    "x-metadata-token-ttl-seconds": "X-metadata-token-ttl-seconds",
}
TOKEN_NAMES = (TOKEN, "x-metadata-token")
FORWARDED = "x-forwarded-for"
SECONDS_AT_MOST = 21_600  # AWS: six hours


@dataclass(frozen=True, slots=True)
class Terms:
    """What one guest's requests have to satisfy."""

    endpoint: bool = True
    """False: nothing is served at all."""
    required: bool = False
    """A token with every request, of every dialect."""
    reject_forwarded: str = "put"
    """"put", "all" or "off": requests that carry X-Forwarded-For."""
    hop_limit: int = 1
    """The TTL of the packets that carry a token."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Issues tokens and asks for them."""

    authority: TokenAuthority
    nonce: Callable[[], bytes]
    """Gives NONCE_OCTETS random octets."""

    def check(
        self,
        request: Request,
        holder: bytes,
        terms: Terms,
        now: float,
        methods: Callable[[], Sequence[str]] = lambda: ALLOWED,
    ) -> Response | None:
        """Return the answer to what is no reading of a document; None lets it pass.

        *holder* is whom a token is for.  *methods* says what may be done at the path,
        where that is asked for which does more than read.
        """
        if not terms.endpoint:
            return refuse(403, "the metadata of this guest are switched off")
        path = request.path.rstrip("/")
        forwarded = FORWARDED in request.headers
        if path == TOKEN_PATH and request.method != "PUT":
            return refuse(405, "a token is asked for by PUT", ("Allow", "PUT"))
        if request.method == "PUT":
            if path == TOKEN_PATH:
                return self._issue(request, holder, terms, now)
            if path.endswith("/api/token"):
                return refuse(403, f"a token is to be had at {TOKEN_PATH}")
        if request.method not in ALLOWED:
            refusal = refuse_method(request, methods())
            if refusal is not None:
                return refusal
        if forwarded and terms.reject_forwarded == "all":
            return refuse(403, "no request that was forwarded")
        token = token_of(request)
        if token is None:
            if terms.required:
                return refuse(401, f"a token is needed: PUT {TOKEN_PATH}")
        elif not self.authority.verify(token, holder, now):
            return refuse(401, f"the token does not hold: PUT {TOKEN_PATH}")
        return None

    def _issue(
        self, request: Request, holder: bytes, terms: Terms, now: float
    ) -> Response:
        if FORWARDED in request.headers and terms.reject_forwarded != "off":
            return refuse(403, "no token for a request that was forwarded")
        name = next((name for name in TTL_NAMES if name in request.headers), None)
        if name is None:
            return refuse(400, f"how many seconds: the header {TTL_NAMES[TTL]}")
        said = request.headers[name]
        # digits alone: no sign, no fraction, no list of two headers' values
        if not (said.isascii() and said.isdigit() and len(said) < 10):
            return refuse(400, f"1 to {SECONDS_AT_MOST} seconds")
        seconds = int(said)
        if not 1 <= seconds <= SECONDS_AT_MOST:
            return refuse(400, f"1 to {SECONDS_AT_MOST} seconds")
        token = self.authority.issue(holder, seconds, now, self.nonce())
        headers = (
            ("Content-Type", "text/plain"),
            (TTL_NAMES[name], str(seconds)),
            ("Cache-Control", "no-store"),
        )
        return Response(
            200, headers, token.encode(), origin="token", hop_limit=terms.hop_limit
        )


def token_of(request: Request) -> str | None:
    """Return the token that a request carries; None where it carries none."""
    for name in TOKEN_NAMES:
        found = request.headers.get(name)
        if found is not None:
            return found
    return None
