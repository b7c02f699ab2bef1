"""From a request to its document: who asks, which rule, which file.

A document is looked for in the guest's own directory, then in default/, then it is
made from the binding.  A rule's target can name only these, shared/, and the aliases
that the operator wrote: no URL reaches a neighbour's file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from ipaddress import IPv4Address

from httpd.contract import Answers
from httpd.contract import Later
from httpd.contract import Limits
from httpd.gate import Gate
from httpd.gate import Terms
from httpd.gate import token_of
from httpd.listener import Peer
from httpd.messages import Look
from httpd.messages import Request
from httpd.messages import Response
from httpd.pace import Rate
from httpd.respond import Document
from httpd.respond import Missing
from httpd.respond import respond
from httpd.root import unchanged
from rewrite.ruleset import Asked
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

from .finder import Finder
from .finder import Roots
from .layout import NetworkLayout
from .records import Record
from .settings import LimitSettings
from .settings import MetadataSettings
from .settings import Settings
from .state import State
from .token_key import clock

HELD_BACK = 2.0  # seconds that a request over its guest's rate waits at most
REMEMBERED_AT_MOST = 4096  # paths and what the rules say of them
PATH_AT_MOST = 256  # characters of one that is remembered

OWN, DEFAULT, SHARED, ALIAS, MADE = "own", "default", "shared", "alias", "made"
UNKNOWN = "unknown"  # what nobody is answered from


class Standing(Enum):
    """What the network knows of the one who asks."""

    BOUND = "bound"
    """Address and MAC are of one binding."""
    UNKNOWN = "unknown"
    """Nobody owns the address."""
    FOREIGN = "foreign"
    """The address is another's: not a word."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Why an answer was what it was: as long as it is so, it is the same."""

    standing: Standing
    record: Record | None
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and the rule that led to it (for explain)."""

    response: Response
    rule: Rewrite | None = None
    looks: tuple[Look, ...] | None = None
    """Where the document was looked for; None: the next answer may be another."""


class Metadata(Answers):
    """Answers every request of one network."""

    def __init__(
        self,
        settings: Settings,
        rules: RuleSet,
        state: State,
        files: NetworkLayout,
        gate: Gate,
        *,
        clock: Callable[[], float] = clock,
    ) -> None:
        """*clock* is the one of the tokens, in seconds."""
        self._gate = gate
        self._clock = clock
        self.settings = settings
        self.rules = rules
        self._state = state
        self._roots = Roots(files)
        self._remembered: dict[object, Rewrite | None] = {}

    def standing(self, peer: Peer) -> tuple[Standing, Record | None]:
        """Return who *peer* is: never by a header, never by the neighbour table."""
        record = self._state.at(peer.address)
        if self.settings.metadata.identity == "ip":
            return (Standing.BOUND if record else Standing.UNKNOWN), record
        if peer.hardware is None:
            return Standing.FOREIGN, None
        if record is None:
            return Standing.UNKNOWN, None
        if record.mac.octets != peer.hardware:
            return Standing.FOREIGN, None
        return Standing.BOUND, record

    def admits(self, peer: Peer) -> bool:
        return self.standing(peer)[0] is not Standing.FOREIGN

    def shut(self, request: Request, peer: Peer) -> Response | None:
        _, record = self.standing(peer)
        if record is None or terms_of(self.settings.metadata, record).endpoint:
            return None
        return self.stop(request, peer.address, record)

    def answer(
        self, request: Request, peer: Peer, *, wait: bool, waited: float
    ) -> Response | Later | None:
        standing, record = self.standing(peer)
        if standing is Standing.FOREIGN:
            return None
        refusal = self.stop(request, peer.address, record)
        if refusal is not None:
            return refusal
        outcome = self.resolve(request, peer.address, record, wait=wait)
        if outcome.looks is None or token_of(request) is not None:
            return outcome.response  # a token ends by itself
        proof = Proof(standing, record, outcome.looks)
        return replace(outcome.response, proof=proof)

    def holds(self, peer: Peer, proof: object) -> bool:
        assert isinstance(proof, Proof)
        standing, record = self.standing(peer)
        return (
            record is proof.record
            and standing is proof.standing
            and unchanged(proof.looks)
        )

    def stop(
        self, request: Request, address: IPv4Address, record: Record | None
    ) -> Response | None:
        """Return what is answered before any document is looked for, if anything."""
        if record is None and self.settings.metadata.unknown != "default":
            return replace(respond(Missing()), origin=UNKNOWN)
        terms = terms_of(self.settings.metadata, record)
        return self._gate.check(request, address.packed, terms, self._clock())

    def resolve(
        self,
        request: Request,
        address: IPv4Address,
        record: Record | None,
        *,
        wait: bool,
    ) -> Outcome:
        """Return what the guest at *address* is answered, and by which rule."""
        facts = {"network": self.settings.name}
        if record is not None:
            facts["mac"] = str(record.mac)
        rule = self._rule(Asked(request.path, address, request.method, facts))
        if rule is None:
            return Outcome(respond(Missing()))
        finder = Finder(self._roots, self.settings, address, record, rule, wait)
        resource = finder.listing() if rule.target is None else finder.find(rule.target)
        if isinstance(resource, Missing):
            resource = Missing(rule.if_missing)
        response = respond(resource, rule.content_type)
        looks = resource.looks if isinstance(resource, Document) else None
        return Outcome(replace(response, rule=rule.origin), rule, looks)

    def _rule(self, asked: Asked) -> Rewrite | None:
        """Apply the rules, or remember what they said: guests ask the same again."""
        key = (asked.path, asked.remoteip, asked.method, asked.facts.get("mac"))
        if key in self._remembered:
            return self._remembered[key]
        rule = self.rules.apply(asked)
        if len(asked.path) <= PATH_AT_MOST:
            if len(self._remembered) >= REMEMBERED_AT_MOST:
                self._remembered.clear()
            self._remembered[key] = rule
        return rule


def terms_of(settings: MetadataSettings, record: Record | None) -> Terms:
    """Return what a guest's requests have to satisfy: its binding comes first."""
    endpoint, tokens = settings.endpoint, settings.tokens
    if record is not None:
        endpoint = endpoint if record.endpoint is None else record.endpoint
        tokens = record.tokens or tokens
    return Terms(
        endpoint,
        tokens == "required",
        settings.reject_forwarded,
        settings.hop_limit,
    )


def http_limits(limits: LimitSettings) -> Limits:
    """Return what the HTTP server lets a guest have."""
    rate = Rate(limits.requests_per_second_per_ip, limits.burst_per_ip, HELD_BACK)
    return Limits(
        connections_total=limits.connections_total,
        connections_per_ip=limits.connections_per_ip,
        rate=rate,
    )
