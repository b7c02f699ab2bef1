"""How dnsmasq comes to a client's tags: by what it says, by its MAC, by other tags."""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import field

from dhcp.codes import OptionCode

from .hosts import split_words
from .option_names import NAMES
from .option_names import TEXTS
from .options import holds
from .options import plain_tag
from .values import wire_octets

IPXE = "iPXE"


@dataclass(frozen=True, slots=True)
class ClientRule:
    """dhcp-vendorclass, dhcp-userclass or dhcp-match: a tag for who sends an option."""

    where: str
    tag: str
    code: int
    value: bytes | None = None
    """None: whatever it is."""

    def meets(self, sent: Mapping[int, bytes]) -> bool:
        """Whether a client that sends these options gets the tag."""
        said = sent.get(self.code)
        if said is None or self.value is None:
            return said is not None
        return self.value in said

    def condition(self) -> dict[str, object] | None:
        """Return it as keys of [[dhcp.class]]; None where there are none."""
        if self.code == OptionCode.CLIENT_ARCHITECTURE and self.value is not None:
            return {"architecture": [str(int.from_bytes(self.value, "big"))]}
        if self.code == OptionCode.IPXE_ENCAPSULATED and self.value is None:
            return {"user_class": IPXE}
        if self.value is None or not self.value.isascii():
            return None
        if self.code == OptionCode.VENDOR_CLASS_ID:
            return {"vendor_class": self.value.decode()}
        if self.code == OptionCode.USER_CLASS:
            return {"user_class": self.value.decode()}
        return None


@dataclass(frozen=True, slots=True)
class MacRule:
    """dhcp-mac: a tag for who has such a MAC."""

    tag: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class TagRule:
    """tag-if: tags for who has tags."""

    needed: frozenset[str]
    given: frozenset[str]


@dataclass(slots=True)
class TagRules:
    """Every rule that the lines have said; it lives as long as one reading."""

    clients: list[ClientRule] = field(default_factory=list)
    macs: list[MacRule] = field(default_factory=list)
    further: list[TagRule] = field(default_factory=list)

    def of_client(self) -> frozenset[str]:
        """Return the tags that depend on what a client says."""
        found = {each.tag for each in self.clients}
        for rule in self.further:
            if any(tag.lstrip("!") in found for tag in rule.needed):
                found |= rule.given
        return frozenset(found)

    def of_host(self, mac: str, tags: Iterable[str]) -> frozenset[str]:
        """Return *tags* of a host with those that its MAC adds."""
        found = set(tags)
        found |= {each.tag for each in self.macs if each.pattern.fullmatch(mac)}
        return self.all_of(found)

    def of_sender(
        self, sent: Mapping[int, bytes], tags: Iterable[str]
    ) -> frozenset[str]:
        """Return *tags* with those of a client that sends these options."""
        said = {each.tag for each in self.clients if each.meets(sent)}
        return self.all_of(said | set(tags))

    def all_of(self, tags: Set[str]) -> frozenset[str]:
        """Return *tags* with those that tag-if adds, in the order of its lines."""
        found = set(tags)
        for rule in self.further:
            if holds(rule.needed, found):
                found |= rule.given
        return frozenset(found)


def parse_client_rule(key: str, text: str, where: str) -> ClientRule | str:
    """Read what is after the key; the reason where it does not map."""
    first, *words = split_words(text)
    kind, colon, rest = first.partition(":")
    tag = rest if colon and kind in ("set", "net") else first
    if not words:
        return "needs a value after its tag"
    if key == "dhcp-vendorclass":
        vendor = ",".join(words)
        if vendor.startswith("enterprise:"):
            return "an enterprise's class is of DHCPv6"
        return ClientRule(where, tag, OptionCode.VENDOR_CLASS_ID, vendor.encode())
    if key == "dhcp-userclass":
        return ClientRule(where, tag, OptionCode.USER_CLASS, ",".join(words).encode())
    named, *values = words
    kind, colon, name = named.partition(":")
    if kind == "option6":
        return "DHCPv6 is not served"
    if kind == "vi-encap":
        return "vi-encap: no class of ours looks into option 124 or 125"
    number = name if colon and kind == "option" else named
    code = NAMES.get(number, int(number) if number.isdigit() else None)
    if code is None:
        return f"option name {number!r} is not known"
    if not values:
        return ClientRule(where, tag, code)
    if any("*" in each for each in values):
        return "a pattern of octets has no key of ours"
    quoted = '"' in text or code in TEXTS
    return ClientRule(where, tag, code, wire_octets(code, values, "", quoted=quoted))


def parse_mac_rule(text: str) -> MacRule | None:
    """Read dhcp-mac=set:red,00:60:8C:*:*:*; None where it is no such thing."""
    first, *words = split_words(text)
    if len(words) != 1:
        return None
    octets = words[0].rpartition("-")[2].lower().split(":")
    if len(octets) != 6 or not all(
        re.fullmatch(r"\*|[0-9a-f]{1,2}", each) for each in octets
    ):
        return None
    pattern = ":".join(
        "[0-9a-f]{2}" if each == "*" else each.zfill(2) for each in octets
    )
    return MacRule(first.removeprefix("set:"), re.compile(pattern))


def parse_tag_rule(text: str) -> TagRule | None:
    """Read tag-if=set:both,tag:one,tag:!other; None where it is no such thing."""
    needed: set[str] = set()
    given: set[str] = set()
    for word in split_words(text):
        kind, colon, rest = word.partition(":")
        if not colon or kind not in ("set", "tag", "net"):
            return None
        if kind == "set":
            given.add(rest)
        else:
            needed.add(plain_tag(rest))
    return TagRule(frozenset(needed), frozenset(given)) if needed and given else None
