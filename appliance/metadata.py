"""From a request to its document: who asks, which rule, which file.

A document is looked for in the guest's own directory, then in default/, then it is
made from the binding.  A rule's target can name only these, shared/, and the aliases
that the operator wrote: no URL reaches a neighbour's file.
"""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from functools import partial
from ipaddress import IPv4Address
from time import time

from httpd.contract import Answers
from httpd.contract import Awaited
from httpd.contract import Later
from httpd.desk import busy
from httpd.gate import Gate
from httpd.gate import token_of
from httpd.listener import Peer
from httpd.messages import Look
from httpd.messages import Request
from httpd.messages import Response
from httpd.respond import ALLOWED
from httpd.respond import Directory
from httpd.respond import Document
from httpd.respond import Missing
from httpd.respond import Resource
from httpd.respond import refuse
from httpd.respond import respond
from httpd.root import discard
from httpd.root import unchanged
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

from .finder import Finder
from .layout import NetworkLayout
from .proxy.request import METHODS
from .readiness import Readiness
from .records import Record
from .roots import Roots
from .ruling import METADATA
from .ruling import Ruling
from .settings import Settings
from .state import State
from .subtree import Crawl
from .subtree import respond_tree
from .terms import terms_of
from .token_key import clock
from .writeback import is_kept
from .writeback import is_taken
from .writeback import keep

UNREADY = 10.0  # seconds that cloud-init waits for its first answer (clients C40)
MOMENT = 0.5  # seconds that the others are held before they are told to come again
AGAIN = 0.1  # seconds until it is looked again whether documents are whole
NOWHERE = IPv4Address(0)  # where who has no binding is by IPv6

UNKNOWN = "unknown"  # what nobody is answered from

PassOn = Callable[[Request, Rewrite, IPv4Address], Awaitable[Response]]
"""Brings what the upstream of a rule answers a request of the guest at an address."""


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
    found: Resource | None = None
    """None where the rule itself is the answer."""
    once: bool = False
    """Another rule may lead the next one who asks."""

    @property
    def looks(self) -> tuple[Look, ...] | None:
        """Where it was looked for; None: the next answer may be another."""
        if self.once or not isinstance(self.found, Document):
            return None
        return self.found.looks


NOTHING = Outcome(respond(Missing()), None, Missing())


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
        pass_on: PassOn | None = None,
    ) -> None:
        """*clock* is the one of the tokens, in seconds.

        *pass_on* brings what an upstream answers; without it, it is 404.
        """
        self._pass_on = pass_on
        self._gate = gate
        self._clock = clock
        self.settings = settings
        self.ruling = Ruling(settings.name, rules)
        self._state = state
        self._roots = Roots(files)
        self._readiness = Readiness(files.metadata)

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

    def knows(self, peer: Peer) -> bool:
        return self.standing(peer)[0] is Standing.BOUND

    def shut(self, request: Request, peer: Peer) -> Response | None:
        _, record = self.standing(peer)
        if record is None or terms_of(self.settings.metadata, record).endpoint:
            return None
        return self.stop(request, address_of(peer, record), record)

    def answer(
        self, request: Request, peer: Peer, *, wait: bool, waited: float
    ) -> Response | Later | Awaited | None:
        standing, record = self.standing(peer)
        if standing is Standing.FOREIGN:
            return None
        address = address_of(peer, record)
        refusal = self.stop(request, address, record, peer.at)
        if refusal is not None:
            return refusal
        if record is not None and self._readiness.is_writing(address, time()):
            return _unready(request, waited)
        outcome = self.resolve(request, address, record, wait=wait, at=peer.at)
        rule = outcome.rule
        if is_kept(request, rule) and rule is not None and record is not None:
            if not wait:
                raise BlockingIOError
            return keep(self._roots.spool, rule, request, record)
        if rule is not None and record is not None and rule.proxy and self._pass_on:
            return Awaited(partial(self._pass_on, request, rule, address))
        if outcome.looks is None or token_of(request) is not None:
            return outcome.response  # a token ends by itself
        looks = (*outcome.looks, *self._readiness.looks(address))
        proof = Proof(standing, record, looks)
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
        self,
        request: Request,
        address: IPv4Address,
        record: Record | None,
        at: str = METADATA,
    ) -> Response | None:
        """Return what is answered before any document is looked for, if anything."""
        if record is None and self.settings.metadata.unknown != "default":
            return replace(respond(Missing()), origin=UNKNOWN)
        terms = terms_of(self.settings.metadata, record)

        def methods() -> Sequence[str]:
            rules = self.ruling.of(request, address, record, at).rules
            if rules and rules[0].proxy:
                return METHODS
            if request.method != "POST":  # who is refused learns what is taken
                asked = replace(request, method="POST")
                rules = self.ruling.of(asked, address, record, at).rules
            return (*ALLOWED, "POST") if is_taken(rules, record) else ALLOWED

        # a token of whoever had the address before is nobody's
        holder = address.packed + (record.mac.octets if record else b"")
        return self._gate.check(request, holder, terms, self._clock(), methods)

    def resolve(
        self,
        request: Request,
        address: IPv4Address,
        record: Record | None,
        *,
        wait: bool,
        at: str = METADATA,
    ) -> Outcome:
        """Return what the guest at *address* is answered, and by which rule.

        *at* is whom it asked, address and port.
        """

        def is_file(rule: Rewrite) -> bool:
            finder = Finder(self._roots, self.settings, address, record, rule, wait)
            found = finder.answer()
            if isinstance(found, Document):
                discard(found.body)
            return isinstance(found, Document)

        def find(request: Request) -> Outcome:
            outcome = NOTHING
            ruled = self.ruling.of(request, address, record, at, is_file)
            for rule in ruled.rules:
                outcome = self._follow(rule, address, record, wait)
                if rule.if_missing != "next" or not isinstance(outcome.found, Missing):
                    break
            # what a rule before it did not find may come
            once = ruled.looked or outcome.rule not in ruled.rules[:1]
            return replace(outcome, once=True) if once else outcome

        outcome = find(request)
        rule, found = outcome.rule, outcome.found
        if rule is None or rule.render is None or not isinstance(found, Directory):
            return outcome
        look = Crawl(lambda path: find(replace(request, path=path)).found, wait=wait)
        return Outcome(respond_tree(look, request.path, found, rule), rule)

    def _follow(
        self, rule: Rewrite, address: IPv4Address, record: Record | None, wait: bool
    ) -> Outcome:
        if rule.refusal is not None:
            refused = refuse(rule.refusal.status, rule.refusal.what, *rule.headers)
            return Outcome(replace(refused, rule=rule.origin), rule)
        if rule.redirect is not None:
            there = (("Location", rule.redirect.location), *rule.headers)
            return Outcome(
                Response(rule.redirect.status, there, rule=rule.origin), rule
            )
        if rule.proxy is not None or rule.spool is not None:
            return Outcome(replace(respond(Missing()), rule=rule.origin), rule)
        finder = Finder(self._roots, self.settings, address, record, rule, wait)
        found = finder.answer()
        answered = Missing(rule.if_missing) if isinstance(found, Missing) else found
        response = respond(answered, rule.content_type, rule.headers, rule.origin)
        return Outcome(response, rule, found)


def _unready(request: Request, waited: float) -> Response | Later:
    """Answer one whose documents are being written: OpenStack's guests ask once.

    Most changes take a moment, and no client likes a 503 (clients C75).
    """
    once = request.path.startswith("/openstack")
    if waited < (UNREADY if once else MOMENT):
        return Later(AGAIN)
    return busy("its documents are being written")


def address_of(peer: Peer, record: Record | None) -> IPv4Address:
    """Return what the rules, the documents and the tokens of *peer* go by.

    It is the binding's, so that a guest is one guest by IPv4 and by IPv6.
    """
    if record is not None:
        return record.binding.address
    return peer.address if isinstance(peer.address, IPv4Address) else NOWHERE
