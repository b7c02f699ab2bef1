"""What the shells tell becomes log lines, numbers, and each guest's last word."""

import math
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Address
from ipaddress import IPv6Address

from dhcp import server as dhcp_server
from dhcp.codes import MessageType
from dhcp.damping import Damping
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.decision import name_of
from dhcp.guards import Bucket
from dhcp.options import message_type_name
from dhcp.remembered import Answer
from dhcp.remembered import Guest
from httpd import contract as http_contract
from httpd.gate import token_of
from httpd.messages import Request
from httpd.respond import ALLOWED

from .activity import Activity
from .activity import Lately
from .elsewhere import Elsewhere
from .journal import Journal
from .metadata import UNKNOWN
from .metrics import Histogram
from .metrics import Metrics
from .rules import PRESET

DHCP_LINES_PER_SECOND = 1_000  # of all guests, after twice as many at once
STRANGER_LINES_PER_SECOND = 100  # of all who are not bound
LINES_PER_SECOND = 50  # of one guest
LINES_AT_ONCE = 500
HANDLING_SECONDS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1)
TOKENLESS_AT_MOST = 10_000  # guests that are remembered
TARGET_AT_MOST = 256  # characters of a request's target in a line

# which part of a frame was malformed: a checksum, say, or what a client wrote
MESSAGE = "message"
PARTS = {"frame": "frame", "IPv4 header": "ipv4", "UDP header": "udp"}

# what a shared L2 is full of, and nobody wants a line for
QUIET = {Reason.UNKNOWN, Reason.OTHER_SERVER, Reason.NOT_A_REQUEST, Reason.LOOP}


class Observation:
    """Takes the events of one network's shells."""

    def __init__(
        self, journal: Journal, metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        """*clock* is in seconds since the epoch."""
        self._journal = journal
        self._lines = Damping(rate=LINES_PER_SECOND, burst=LINES_AT_ONCE)
        self._metrics = metrics
        self._clock = clock
        self._messages = metrics.counters["metalease_dhcp_messages"]
        self._dhcp_lines = Bucket(DHCP_LINES_PER_SECOND, clock())
        self._stranger_lines = Bucket(STRANGER_LINES_PER_SECOND, clock())
        self._us = 0  # microseconds that a message took, in this turn
        self._handling = Histogram.empty(HANDLING_SECONDS)
        metrics.histograms["metalease_dhcp_seconds"] = self._handling
        for part in (*PARTS.values(), MESSAGE):  # a rate needs the zero
            metrics.count("metalease_dhcp_malformed", part, by=0)
        self.activity: dict[bytes, Activity] = {}
        self.tokenless: dict[IPv4Address | IPv6Address, tuple[int, float]] = {}
        """Who asked without a token: how often, and when last; the latest is last."""
        self.changed = 0.0
        self.last_ack: float | None = None
        self.strangers = Lately()
        self.elsewhere = Elsewhere(journal, metrics, clock)

    def forget(self, mac: bytes) -> None:
        """Drop what was heard of a guest that is not bound any more."""
        self.activity.pop(mac, None)

    def dhcp(self, events: Sequence[dhcp_server.Event], seconds: float) -> None:
        """Take what happened in one turn of the DHCP server, which took *seconds*."""
        each_took = seconds / len(events)
        self._handling.add(each_took, len(events))
        self._us = int(each_took * 1e6)
        now = self._clock()
        for event in events:
            if isinstance(event, tuple):
                self._repeated(*event, now)
            elif isinstance(event, dhcp_server.Answered):
                self._answered(event, now)
            elif isinstance(event, dhcp_server.Malformed):
                part = PARTS.get(event.problem.where, MESSAGE)
                self._metrics.count("metalease_dhcp_malformed", part)
            elif isinstance(event, dhcp_server.Refused):
                self._metrics.count("metalease_dhcp_refused")
            elif isinstance(event, dhcp_server.Crowded):
                self._metrics.count("metalease_dhcp_lost_frames", by=event.dropped)

    def _repeated(self, answer: Answer, guest: Guest, sent: bool, now: float) -> None:
        """An answer from memory: nearly all of them, so nothing here is dear."""
        self._messages[answer.words] += 1
        if answer.reply.notes or not sent:
            self._remark(answer.reply, sent)
        if answer.reply.kind is MessageType.ACK:
            self._acknowledge(guest.mac, now)
        if self._dhcp_lines.take(DHCP_LINES_PER_SECOND, now):
            asked, reply = answer.words
            fields: dict[str, object] = {"type": asked, "reply": reply}
            self._tell(guest.mac, fields, guest.binding.address)
        else:
            self._journal.dropped += 1

    def _answered(self, event: dhcp_server.Answered, now: float) -> None:
        request, decision = event.request, event.decision
        kind = message_type_name(request.options.message_type)
        fields: dict[str, object] = {"type": kind}
        if isinstance(decision, Reply):
            result = name_of(decision.kind)
            fields["reply"] = result
            if decision.text:
                fields["reason"] = decision.text
            self._remark(decision, event.sent)
        else:
            result = decision.reason.value
            fields["silence"] = result
            if decision.text:
                fields["said"] = decision.text
        self._messages[kind, result] += 1
        self._remember(event, now)
        if not isinstance(decision, Reply) and decision.reason in QUIET:
            return
        known = isinstance(decision, Reply) and decision.address != IPv4Address(0)
        if known or request.chaddr in self.activity:
            admitted = self._dhcp_lines.take(DHCP_LINES_PER_SECOND, now)
        else:  # a flood of strangers takes no line from those who are bound
            admitted = self._stranger_lines.take(STRANGER_LINES_PER_SECOND, now)
        if admitted:
            self._tell(request.chaddr, fields, _concerned(event))
        else:
            self._journal.dropped += 1

    def _tell(
        self, mac: bytes, fields: dict[str, object], address: IPv4Address
    ) -> None:
        fields["mac"] = mac.hex(":")
        fields["ip"] = address
        fields["us"] = self._us
        self._log("dhcp", mac, fields)

    def _remark(self, reply: Reply, sent: bool) -> None:
        for note in reply.notes:
            self._metrics.count("metalease_dhcp_notes", note.value)
        for code in reply.dropped:
            self._metrics.count("metalease_dhcp_dropped_options", str(code))
        if reply.nak is not None:
            self._metrics.count("metalease_dhcp_naks", reply.nak.value)
        if not sent:
            self._metrics.count("metalease_dhcp_unsent")

    def _remember(self, event: dhcp_server.Answered, now: float) -> None:
        decision, mac = event.decision, event.request.chaddr
        if isinstance(decision, Reply):
            if (
                decision.kind is MessageType.ACK
                and decision.address != IPv4Address(0)
                and decision.lease is None  # the pool knows its own clients
            ):
                self._acknowledge(mac, now)
        elif decision.reason is Reason.RELEASED and mac in self.activity:
            self.activity[mac].acknowledged = None
            self.changed = now
        elif decision.reason is Reason.CONFLICT:
            known = self.activity.setdefault(mac, Activity())
            known.conflict = decision.text or "the address is in use"
            self.changed = now
        elif decision.reason is Reason.UNKNOWN:
            self.strangers.note(mac, now)
        elif decision.reason is Reason.OTHER_SERVER:
            self.elsewhere.hear(event.request, now)

    def _acknowledge(self, mac: bytes, now: float) -> None:
        known = self.activity.get(mac)
        if known is None:
            known = self.activity[mac] = Activity()
        known.acknowledged, known.conflict = now, None
        self.changed = self.last_ack = now

    def measure(self) -> None:
        """Bring the gauges up to date."""
        gauges, now = self._metrics.gauges, self._clock()
        gauges["metalease_dhcp_known_macs"] = len(self.activity)
        gauges["metalease_dhcp_unknown_macs"] = self.strangers.count(now)
        gauges["metalease_dhcp_last_ack_age_seconds"] = (
            math.nan if self.last_ack is None else max(0.0, now - self.last_ack)
        )
        gauges["metalease_dhcp_other_servers"] = len(self.elsewhere.recent())

    def http(self, event: http_contract.Event) -> None:
        peer = event.peer
        fields: dict[str, object]
        if isinstance(event, http_contract.TurnedAway):
            self._metrics.count("metalease_http_turned_away", event.reason)
            mac = "unknown" if peer.hardware is None else peer.hardware.hex(":")
            fields = {"ip": peer.address, "mac": mac, "refused": event.reason}
            if event.reason != "identity" or self._has_line_for_strangers(1):
                self._log("http", peer.address, fields)
            return
        status = event.response.status
        dialect = dialect_of(event.response.rule)
        labels = dialect, str(status)
        self._metrics.count("metalease_http_requests", *labels, by=event.times)
        request = event.request
        stranger = event.response.origin == UNKNOWN
        if request is not None and not stranger:
            self._count_tokenless(peer.address, request, status, event.times)
        if stranger and not self._has_line_for_strangers(event.times):
            return
        fields = {"ip": peer.address}
        if request is not None:
            target = request.target
            if len(target) > TARGET_AT_MOST:
                target = target[:TARGET_AT_MOST] + "..."
            fields |= {"method": request.method, "target": target}
        fields |= {"status": status, "bytes": event.response.length}
        if event.response.origin:
            fields["from"] = event.response.origin
        fields["us"] = int(event.seconds * 1e6)
        self._log("http", peer.address, fields, event.times)

    def _count_tokenless(
        self,
        address: IPv4Address | IPv6Address,
        request: Request,
        status: int,
        times: int,
    ) -> None:
        """Remember who reads without a token: to know when `required` is safe."""
        if (
            request.method not in ALLOWED
            or status in (HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED)
            or token_of(request) is not None
        ):
            return
        # without one it is a 401 exactly where one is needed
        needed = status == HTTPStatus.UNAUTHORIZED
        mode = "required" if needed else "optional"
        self._metrics.count("metalease_http_tokenless", mode, by=times)
        count, _ = self.tokenless.pop(address, (0, 0.0))
        self.tokenless[address] = count + times, self._clock()
        if len(self.tokenless) > TOKENLESS_AT_MOST:
            del self.tokenless[next(iter(self.tokenless))]

    def _has_line_for_strangers(self, times: int) -> bool:
        """Whether what came *times* may be told of who is not bound: he has as many
        addresses as he likes."""
        if self._stranger_lines.take(STRANGER_LINES_PER_SECOND, self._clock()):
            return True
        self._journal.dropped += times
        return False

    def _log(
        self, event: str, guest: Hashable, fields: dict[str, object], times: int = 1
    ) -> None:
        """Log lines; a guest that floods us does not flood the journal."""
        admitted = self._lines.admitted(guest, times, self._clock())
        for _ in range(admitted):
            self._journal.log(event, **fields)
        self._journal.dropped += times - admitted

    def fault(self, problem: BaseException) -> None:
        """Log a fault of ours with its traceback, in one line."""
        import traceback

        text = "".join(traceback.format_exception(problem))
        self._journal.log("fault", error=repr(problem), traceback=text)


def dialect_of(rule: str) -> str:
    """Return the preset that *rule* is of: a closed set, with "own" and "none"."""
    if not rule:
        return "none"
    if not rule.startswith(PRESET):
        return "own"
    return rule.removeprefix(PRESET).partition(":")[0]


def _concerned(event: dhcp_server.Answered) -> IPv4Address:
    """Return the address that the exchange is about."""
    decision, request = event.decision, event.request
    if isinstance(decision, Reply) and decision.address != IPv4Address(0):
        return decision.address
    asked = request.options.address(50)
    return asked or request.ciaddr
