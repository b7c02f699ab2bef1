"""Passes requests on from the daemon: over the line to the forwarder, within bounds."""

import re
from collections import Counter
from http import HTTPStatus
from ipaddress import IPv4Address

import trio

from httpd.messages import Request
from httpd.messages import Response
from httpd.respond import refuse
from rewrite.ruleset import Rewrite

from ..metrics import Metrics
from ..resolver.channel import Channel
from .errand import AT_ONCE
from .errand import Brought
from .errand import Errand
from .errand import Result
from .request import HEAD_AT_MOST
from .request import climbs
from .request import encode_request

OF_ONE_GUEST = 4  # requests at once
PROXY = "proxy"  # where such an answer is from, in logs

REFUSALS = {
    Result.DEAD: (502, "the upstream does not answer"),
    Result.SLOW: (504, "the upstream takes too long"),
    Result.LARGE: (502, "the upstream's answer is too large"),
    Result.STRANGE: (502, "the upstream's answer is no HTTP"),
    Result.UNLISTED: (502, "no rule names this upstream"),
    Result.BUSY: (503, "too many requests are passed on"),
    Result.LOST: (502, "nobody passes requests on"),
}
_TYPE = re.compile(r"[ -~]{1,256}")
_STATUSES = {each.value for each in HTTPStatus}


class Porter:
    """Passes on what rules say is an upstream's; *channel* leads to the forwarder."""

    def __init__(self, channel: Channel | None) -> None:
        self._channel = channel
        self._under_way: Counter[IPv4Address] = Counter()
        self._results: Counter[Result] = Counter()

    async def pass_on(
        self, request: Request, rule: Rewrite, guest: IPv4Address
    ) -> Response:
        """Return what the upstream of *rule* answers, or why it does not."""
        if climbs(rule.target or "/"):
            return refuse(400, "a path that leads upwards")
        octets = encode_request(request, rule, guest)
        if len(octets) - len(request.body) > HEAD_AT_MOST:
            return refuse(414, "the request is too long to be passed on")
        assert rule.proxy is not None, "the rule passes it on"
        brought = await self._send(Errand(rule.proxy, octets), guest)
        if brought.result is Result.ANSWERED and brought.status not in _STATUSES:
            brought = Brought(Result.STRANGE)
        self._results[brought.result] += 1
        return respond(brought, rule)

    async def _send(self, errand: Errand, guest: IPv4Address) -> Brought:
        full = self._under_way.total() >= AT_ONCE
        if full or self._under_way[guest] >= OF_ONE_GUEST:
            return Brought(Result.BUSY)
        self._under_way[guest] += 1
        try:
            return await self._wait(errand.encode())
        finally:
            self._under_way[guest] -= 1
            if not self._under_way[guest]:
                del self._under_way[guest]

    async def _wait(self, message: bytes) -> Brought:
        came = trio.Event()
        answers: list[bytes | None] = []

        def done(octets: bytes | None) -> None:
            answers.append(octets)
            came.set()

        if self._channel is None or not self._channel.carry(message, done):
            return Brought(Result.LOST)
        await came.wait()
        return Brought.parse(answers[0])

    def measure(self, metrics: Metrics) -> None:
        """Bring the numbers up to date."""
        for result, number in self._results.items():
            metrics.counters["metalease_http_proxied"][result.name.lower(),] = number


def respond(brought: Brought, rule: Rewrite) -> Response:
    """Return what a guest is answered: status, content type and body, no more."""
    if brought.result is not Result.ANSWERED:
        status, what = REFUSALS[brought.result]
        again = (
            (("Retry-After", "1"),) if status == HTTPStatus.SERVICE_UNAVAILABLE else ()
        )
        refused = refuse(status, what, *again)
        return Response(
            status, refused.headers, refused.body, origin=PROXY, rule=rule.origin
        )
    headers = rule.headers
    if _TYPE.fullmatch(brought.content_type):
        headers = (("Content-Type", brought.content_type), *headers)
    return Response(
        brought.status, headers, brought.body, origin=PROXY, rule=rule.origin
    )
