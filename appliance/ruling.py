"""What the rules say of a request, remembered: guests ask the same again."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Address

from httpd.messages import Request
from rewrite.ruleset import Asked
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

from .attachment import METADATA_ADDRESS
from .records import Record

METADATA = f"{METADATA_ADDRESS}:80"  # where nearly all ask
REMEMBERED_AT_MOST = 4096  # requests and what the rules say of them
TEXT_AT_MOST = 256  # characters of one that is remembered


IsFile = Callable[[Rewrite], bool]
"""Whether there is a file where a rule leads."""


def no_file(_: Rewrite) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Ruled:
    """What the rules say of one request."""

    rules: tuple[Rewrite, ...]
    looked: bool
    """Whether that depends on a file that is there or not."""


class Ruling:
    """The rules of one network."""

    def __init__(self, network: str, rules: RuleSet) -> None:
        self._network = network
        self.rules = rules
        self._remembered: dict[object, Ruled] = {}
        self._headers = (*sorted(rules.headers), "host")

    def of(
        self,
        request: Request,
        address: IPv4Address,
        record: Record | None,
        at: str = METADATA,
        is_file: IsFile = no_file,
    ) -> Ruled:
        """Return the first rule that matches, and those to try where it finds nothing.

        *at* is whom was asked, address and port; *is_file* looks for a file, and what
        the rules say then is not remembered.
        """
        said = request.headers
        seen = tuple([said.get(name, "") for name in self._headers])
        mac = b"" if record is None else record.mac.octets
        key = (request.path, request.method, address.packed, mac, at, seen)
        found = None if request.query else self._remembered.get(key)
        if found is None:
            found = self._apply(self.asked(request, address, record, at), is_file)
            size = len(request.path) + sum(map(len, seen))
            if not (request.query or found.looked) and size <= TEXT_AT_MOST:
                if len(self._remembered) >= REMEMBERED_AT_MOST:
                    self._remembered.clear()
                self._remembered[key] = found
        return found

    def asked(
        self,
        request: Request,
        address: IPv4Address,
        record: Record | None,
        at: str = METADATA,
    ) -> Asked:
        """Return what the rules are asked by *request*."""
        facts = {"network": self._network}
        if record is not None:
            facts["mac"] = str(record.mac)
        return Asked(
            request.path,
            address,
            request.method,
            facts,
            request.query,
            request.headers,
            at,
            request.target,
        )

    def _apply(self, asked: Asked, is_file: IsFile) -> Ruled:
        looked = False

        def look(found: Rewrite) -> bool:
            nonlocal looked
            looked = True
            return is_file(found)

        rules = []
        for rule in self.rules.matches(replace(asked, is_file=look)):
            rules.append(rule)
            if rule.if_missing != "next":
                break
        return Ruled(tuple(rules), looked)
