"""What a guest can send to port 53, by coverage: python -m tests.fuzz.fuzz_dns SECONDS.

Whatever comes is decided on, soon, and the same twice; libFuzzer finds what is not.
Prints how many were tried; the exit code is libFuzzer's.
"""

import sys

import atheris  # type: ignore[import-untyped] # it ships no types

with atheris.instrument_imports(include=["appliance.resolver"]):
    from appliance.resolver.errors import MalformedQuery
    from appliance.resolver.policy import Answer
    from appliance.resolver.policy import Forward
    from appliance.resolver.policy import Resolver
    from appliance.resolver.wire import Query

from tests.fuzz.fuzzing import fuzz
from tests.resolver.room import query
from tests.resolver.room import reply
from tests.resolver.room import resolver

SEEDS = (
    query("web.net1.example", edns=1232, dnssec=True),
    query("5.0.0.10.in-addr.arpa", "PTR"),
    query("first.net1.example", "AAAA"),
    query("cdn.net1.example", "TYPE65", edns=4096),
    query("www.example.org", "ANY"),
    reply(query("www.example.org"), "www.example.org 60 A 192.0.2.1"),
)
QUERY_AT_MOST = 600  # octets


class Target:
    """A resolver that is asked everything."""

    def __init__(self) -> None:
        self.executions = 0
        self._resolver: Resolver = resolver(entries=10)

    def __call__(self, octets: bytes) -> None:
        self.executions += 1
        try:
            Query.parse(octets)
        except MalformedQuery:
            pass
        for tcp in (False, True):
            decision = self._resolver.decide(octets, 0.0, tcp=tcp)
            if isinstance(decision, Answer):
                assert decision.octets[:2] == octets[:2]
                assert decision.octets[2] & 0x80
                assert len(decision.octets) <= (65_535 if tcp else 1232)
            elif isinstance(decision, Forward):
                # an upstream may say anything, also what the guest has just sent
                body = self._resolver.accept(decision, octets, 1e9)
                self._resolver.finish(decision.query, body, tcp=tcp)


def main(seconds: int) -> None:
    """Try for *seconds*; libFuzzer ends the process."""
    fuzz(Target(), SEEDS, seconds=seconds, octets_at_most=QUERY_AT_MOST)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
