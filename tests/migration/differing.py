"""Where we answer a guest of ZStack's otherwise than its dnsmasq and lighttpd did.

Each is by its name a row of docs/differences.md, and holds of what it says alone.
"""

import re
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass

from dhcp.codes import BROADCAST_FLAG
from dhcp.message import NOWHERE
from dhcp.message import Message

from .asking import BOOTP
from .asking import REFUSED
from .asking import Answer
from .zstack_host import L3
from .zstack_host import Vm

HOST_NAME = 12
ASKED_FOR = 55
FQDN = 81
TYPE, LENGTH = "content-type", "content-length"


@dataclass(frozen=True, slots=True)
class Option:
    """An option that differs: None where it is not sent."""

    l3: L3
    vm: Vm
    sent: Message
    """What the guest sent."""
    step: str
    code: int
    theirs: bytes | None
    ours: bytes | None

    @property
    def asked(self) -> bool:
        return self.code in list(self.sent.options.values.get(ASKED_FOR, b""))

    @property
    def own(self) -> bytes | None:
        """What the guest itself sent of this code."""
        return self.sent.options.values.get(self.code)

    @property
    def label(self) -> bytes:
        return self.vm.hostname.partition(".")[0].encode()

    @property
    def domain(self) -> bytes:
        labels = [each.encode() for each in (self.l3.domain or "").split(".")]
        return b"".join(bytes([len(each)]) + each for each in labels) + b"\0"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the message, or of its frame, that differs."""

    sent: Message
    step: str
    name: str
    theirs: object
    ours: object


@dataclass(frozen=True, slots=True)
class Ask:
    """An HTTP request, "GET /path", with their answer and ours."""

    vm: Vm
    what: str
    theirs: Answer
    ours: Answer

    @property
    def statuses(self) -> tuple[int, int]:
        return self.theirs.status, self.ours.status

    @property
    def name(self) -> str:
        """The path's last part."""
        return self.what.partition("?")[0].rpartition("/")[2]

    @property
    def document(self) -> bytes | None:
        """The asker's own document that the path ends with."""
        path = self.what.partition("?")[0]
        found = (each for each in self.vm.documents if path.endswith(f"/{each}"))
        return next((self.vm.documents[each] for each in found), None)


def _name_of_an_offer(it: Option) -> bool:
    known = (it.code, it.theirs) == (HOST_NAME, None) and it.step.startswith("discover")
    return known and it.asked and it.own is not None and it.ours == it.label


def _no_name(it: Option) -> bool:
    if it.vm.kind.default or it.ours is not None or it.own is None:
        return False
    said = it.theirs or b""
    # 81: flags, two octets of what servers did, and the name
    return (it.code, said) == (HOST_NAME, it.own) or (
        it.code == FQDN and said[3:] == it.own[3:]
    )


def _whole_name(it: Option) -> bool:
    if it.code != FQDN or it.theirs is None or it.ours is None:
        return False
    whole = it.vm.hostname.encode()
    return it.theirs[3:] == it.label and it.ours == it.theirs[:3] + whole


def _unasked(it: Option) -> bool:
    return it.code in (26, 121) and it.theirs is None and not it.asked


OF_OPTIONS: dict[str, Callable[[Option], bool]] = {
    "12 of an OFFER": _name_of_an_offer,
    "12 and 81 of a guest without a name": _no_name,
    "81": _whole_name,
    "26 and 121 unasked": _unasked,
    "28 unasked": lambda it: it.code == 28 and it.ours is None and not it.asked,
    "43": lambda it: it.code == 43 and it.theirs == (it.ours or b"") + b"\xff",
    "a NAK's text": lambda it: (
        it.code == 56 and None not in (it.theirs, it.ours) and it.step in REFUSED
    ),
    "what a BOOTP client is told": lambda it: (
        it.step == BOOTP and None in (it.theirs, it.ours)
    ),
    "60": lambda it: it.code == 60 and it.ours is None and it.theirs == it.own,
    "61": lambda it: it.code == 61 and it.theirs is None and it.ours == it.own,
    "119": lambda it: it.code == 119 and it.theirs is None and it.ours == it.domain,
}


OF_FIELDS: dict[str, Callable[[Field], bool]] = {
    "siaddr": lambda it: it.name == "siaddr" and it.ours == NOWHERE,
    "secs of an answer": lambda it: (
        (it.name, it.theirs, it.ours) == ("secs", it.sent.secs, 0)
    ),
    "a NAK's broadcast flag": lambda it: (
        (it.name, it.theirs, it.ours) == ("flags", BROADCAST_FLAG, it.sent.flags)
        and it.step in REFUSED
    ),
}


def _query(ask: Ask) -> bool:
    known = "?" in ask.what and ask.statuses == (404, 200)
    return known and ask.ours.body == ask.document


def _closed(ask: Ask) -> bool:
    return ask.theirs.status == 0 and (not ask.vm.documents or ask.what == "GET /")


def _everyone(ask: Ask) -> bool:
    if ask.vm.documents or (ask.what, ask.statuses) != ("GET /", (200, 200)):
        return False
    address = re.compile(rb"\d+\.\d+\.\d+\.\d+/")
    # of a long listing lighttpd 1.4.69 loses the names
    return b"</table>" in ask.theirs.body and not address.search(ask.ours.body)


def _listing(ask: Ask) -> bool:
    """Whether ours has every name that theirs has, but for files beside documents."""
    if ask.statuses != (200, 200) or not ask.what.endswith("/"):
        return False
    one, two = (each.body.decode() for each in (ask.theirs, ask.ours))
    names = re.findall(r'href="([^"]+)"', one) if "<html>" in one else one.split()
    known = {each.rstrip("/") for each in two.split()}
    known |= {"..", "user_data"} if "user-data" in known else {".."}
    known |= {each.partition("/")[0] for each in ask.vm.kind.extra}
    return {each.rstrip("/") for each in names} <= known


def _neighbours(ask: Ask) -> bool:
    if (
        ask.name != "notes.txt"
        or f"/{ask.vm.ip}/" in ask.what
        or ask.theirs.status != 200
    ):
        return False
    if ask.document is None:
        return ask.ours.status == 404
    return ask.ours.status == 200 and ask.ours.body == ask.document


def _beside(ask: Ask) -> bool:
    if ask.statuses != (404, 200) or ask.name not in ("notes.txt", "deep.bin"):
        return False
    return ask.what.startswith("HEAD") or ask.ours.body == ask.document


def _made(ask: Ask) -> bool:
    if ask.statuses != (404, 200) or "user-data" in ask.vm.documents:
        return False
    return ask.name == "meta_data.json" or (
        ask.name == "password" and ask.ours.body == b""
    )


OF_ANSWERS: dict[str, Callable[[Ask], bool]] = {
    "a query": _query,
    "a caller without documents, and `/`": _closed,
    "`/` of a caller without documents": _everyone,
    "a directory without a slash": lambda it: (
        it.name == "meta-data" and it.statuses == (301, 200)
    ),
    "a directory": _listing,
    "a neighbour's file": _neighbours,
    "a file beside the documents": _beside,
    "`/openstack`": lambda it: (it.what, it.statuses) == ("GET /openstack", (404, 200)),
    "a PUT for a token": lambda it: (
        it.what.startswith("PUT") and it.statuses == (404, 400)
    ),
    "meta_data.json and password without user-data": _made,
}
DIFFERENCES = {*OF_OPTIONS, *OF_FIELDS, *OF_ANSWERS}


def difference(found: Option) -> str:
    """Return the name of what differs, or all of it where nothing has that name."""
    return next(
        (name for name, holds in OF_OPTIONS.items() if holds(found)), str(found)
    )


def difference_of_field(found: Field) -> str:
    """Return the name of what differs, or all of it where nothing has that name."""
    return next((name for name, holds in OF_FIELDS.items() if holds(found)), str(found))


def differences_of(ask: Ask) -> Iterator[str]:
    """Yield the name of what differs in an answer; a refusal's words are its own."""
    one, two = ask.theirs, ask.ours
    if one.status == two.status != 200:
        return
    # HEAD says by the length what GET says by the octets
    names = (TYPE, LENGTH) if ask.what.startswith("HEAD") else (TYPE,)
    parts = [(one.fields.get(name), two.fields.get(name)) for name in names]
    if (
        one.status != two.status
        or one.body != two.body
        or any(a != b for a, b in parts)
    ):
        named = (name for name, holds in OF_ANSWERS.items() if holds(ask))
        yield next(named, f"{ask.statuses}: {one} and {two}")
