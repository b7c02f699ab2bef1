"""What the shells tell becomes log lines, numbers, and each guest's last word."""

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv4Address

from dhcp import server as dhcp_server
from dhcp.codes import MessageType
from dhcp.damping import Damping
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.decision import name_of
from dhcp.options import message_type_name
from httpd import contract as http_contract

from .journal import Journal
from .metrics import Metrics
from .rules import PRESET

LINES_PER_SECOND = 50  # of one guest
LINES_AT_ONCE = 500
TARGET_AT_MOST = 256  # characters of a request's target in a line

# what a shared L2 is full of, and nobody wants a line for
QUIET = {Reason.UNKNOWN, Reason.OTHER_SERVER, Reason.NOT_A_REQUEST, Reason.LOOP}


@dataclass(slots=True)
class Activity:
    """What was heard of one guest; advisory, it never changes an answer."""

    acknowledged: float | None = None
    """Seconds since the epoch of its last ACK; None after a RELEASE."""
    conflict: str | None = None
    """What it said when it declined its address."""


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
        self.activity: dict[bytes, Activity] = {}

    def forget(self, mac: bytes) -> None:
        """Drop what was heard of a guest that is not bound any more."""
        self.activity.pop(mac, None)

    def dhcp(self, event: dhcp_server.Event) -> None:
        if isinstance(event, dhcp_server.Malformed):
            self._metrics.count("metalease_dhcp_malformed")
            return
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
        self._metrics.count("metalease_dhcp_messages", kind, result)
        self._remember(event)
        if isinstance(decision, Reply) or decision.reason not in QUIET:
            fields["mac"] = request.chaddr.hex(":")
            fields["ip"] = _concerned(event)
            fields["us"] = int(event.seconds * 1e6)
            self._log("dhcp", request.chaddr, fields)

    def _remark(self, reply: Reply, sent: bool) -> None:
        for note in reply.notes:
            self._metrics.count("metalease_dhcp_notes", note.value)
        for code in reply.dropped:
            self._metrics.count("metalease_dhcp_dropped_options", str(code))
        if not sent:
            self._metrics.count("metalease_dhcp_unsent")

    def _remember(self, event: dhcp_server.Answered) -> None:
        decision, mac = event.decision, event.request.chaddr
        if isinstance(decision, Reply):
            if decision.kind is MessageType.ACK and decision.address != IPv4Address(0):
                known = self.activity.setdefault(mac, Activity())
                known.acknowledged, known.conflict = self._clock(), None
        elif decision.reason is Reason.RELEASED and mac in self.activity:
            self.activity[mac].acknowledged = None
        elif decision.reason is Reason.CONFLICT:
            known = self.activity.setdefault(mac, Activity())
            known.conflict = decision.text or "the address is in use"

    def http(self, event: http_contract.Event) -> None:
        peer = event.peer
        fields: dict[str, object]
        if isinstance(event, http_contract.TurnedAway):
            self._metrics.count("metalease_http_turned_away", event.reason)
            mac = "unknown" if peer.hardware is None else peer.hardware.hex(":")
            fields = {"ip": peer.address, "mac": mac, "refused": event.reason}
            self._log("http", peer.address, fields)
            return
        status = event.response.status
        dialect = dialect_of(event.response.rule)
        self._metrics.count("metalease_http_requests", dialect, str(status))
        request = event.request
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
        self._log("http", peer.address, fields)

    def _log(self, event: str, guest: Hashable, fields: dict[str, object]) -> None:
        """Log a line; a guest that floods us does not flood the journal."""
        if self._lines.admits(guest, self._clock()):
            self._journal.log(event, **fields)
        else:
            self._journal.dropped += 1

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
