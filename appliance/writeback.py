"""What a guest's POST is answered that a rule has stored in its spool.

OpenStack's password is kept once, then it is 409: cloudbase-init finds the text by GET
before it posts, so it never meets that (clients C54, C55).
"""

from httpd.messages import Request
from httpd.messages import Response
from httpd.respond import refuse
from rewrite.ruleset import Rewrite

from .records import Record
from .spool import Spool
from .spool import Stored

STATUSES = {
    Stored.DONE: 200,
    Stored.EXISTS: 409,
    Stored.TOO_LARGE: 400,
    Stored.FULL: 507,
}


def is_taken(rules: tuple[Rewrite, ...], record: Record | None) -> bool:
    """Whether the body of a POST that *rules* are for is kept, for whom we know."""
    return record is not None and bool(rules) and rules[0].spool is not None


def is_kept(request: Request, rule: Rewrite | None) -> bool:
    """Whether *rule* has the request's body stored."""
    return request.method == "POST" and rule is not None and rule.spool is not None


def keep(spool: Spool, rule: Rewrite, request: Request, record: Record) -> Response:
    """Store a body and say so.  It waits for the disk; raises OSError."""
    assert rule.spool is not None
    if rule.once and not request.body:
        # it is no word: a GET finds it unset, and who posts then has to be taken
        return Response(200, rule.headers, b"", "spool", rule.origin)
    mac, address = record.mac, record.ip
    stored = spool.store(address, mac, rule.spool, request.body, once=rule.once)
    status = STATUSES[stored]
    if stored is Stored.DONE:
        return Response(status, rule.headers, b"", "spool", rule.origin)
    return refuse(status, stored.value, *rule.headers)
