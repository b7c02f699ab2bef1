"""The request that an upstream gets: made anew, not passed through.

Of what the guest said its method, the path that a rule made, the query, the body and
three headers go on, each encoded by us: no line end, and no second request, is in it.
Who asks is said by us alone, as the binding's address (RFC 9110 section 7.6.1 names
what ends at a proxy).
"""

import re
from ipaddress import IPv4Address
from urllib.parse import quote

from httpd.messages import Request
from rewrite.ruleset import Rewrite

METHODS = ("GET", "HEAD", "POST", "PUT")
PASSED = {
    # of the guest's headers these, and no other
    "accept": "Accept",
    "content-type": "Content-Type",
    "user-agent": "User-Agent",
}
HEAD_AT_MOST = 16 * 1024  # octets

_PATH = "/!$&'()*+,;=:@~"  # pchar (RFC 3986 section 3.3); "%" is one's own
_QUERY = "/?!$&'()*+,;=:@~%[]|^`{}\"<>"  # as it came: escaped by who wrote it
_VALUE = re.compile(r"[\t -~\x80-\xff]*")  # field-value (RFC 9110 section 5.5)


def climbs(target: str) -> bool:
    """Whether an upstream could take *target*, that a rule made, for another path.

    What the guest asks for is normalised; what a rule makes of its parts may not be.
    """
    return any(segment in (".", "..") for segment in target.split("/"))


def encode_request(request: Request, rule: Rewrite, guest: IPv4Address) -> bytes:
    """Return what the upstream of *rule* is asked in the name of *guest*."""
    assert rule.proxy is not None, "the rule passes it on"
    target = quote(rule.target or "/", safe=_PATH)
    if rule.query:
        target += "?" + quote(rule.query, safe=_QUERY)
    lines = [
        f"{request.method} {target} HTTP/1.1",
        f"Host: {rule.proxy}",
        f"X-Forwarded-For: {guest}",
        "Connection: close",
    ]
    for name, spelled in PASSED.items():
        value = request.headers.get(name)
        if value is not None and _VALUE.fullmatch(value):
            lines.append(f"{spelled}: {value}")
    if request.body or request.method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(request.body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + request.body
