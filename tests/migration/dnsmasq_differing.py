"""Where a host is told otherwise by us than by dnsmasq, after `migrate dnsmasq`.

Each is by its name a row of docs/differences.md, or a note of the plan says so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from appliance.migration.option_names import NAMES
from appliance.migration.plan import MAPS
from appliance.migration.plan import NetworkPlan
from dhcp.message import NOWHERE
from dhcp.routes import decode_routes

from .dnsmasq_generator import Drawn

BOOTP = "bootp"
STRANGERS = "the pool's"
SIADDR, FILE, SNAME = 255, 256, 257
"""Fields of the header, beside the numbers of options."""
BOOTING = {60, 66, 67, SIADDR, FILE, SNAME}
ROUTING = {3, 121, 249}
NAMING = {12, 81}
ALWAYS = {3, 6, 15, 26, 121}
TIMES = {58, 59}
OF_WORDS = {
    "told no name": NAMING,
    "stays the router": {*ROUTING, 54, 6},
    "told no MTU": {26},
    "an MTU of": {26},
    "way to 169.254.169.254": ROUTING,
    "a name server": {6},
    "told domain": {15, 119},
    "told dns": {6},
    "told gateway": ROUTING,
    "told mtu": {26},
    "told routes": ROUTING,
    "told lease_time": {51, *TIMES},
    " via ": ROUTING,
    "boot file": BOOTING,
    "boot servers": BOOTING,
    "iPXE is told": BOOTING,
    "who boots": BOOTING,
    "option 43 of [[dhcp.class]]": {43, 60},
}
"""What a note's words are of, where they name no option."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An option that is not the same; None where it is not sent."""

    seed: int
    ip: str
    client: str
    step: str
    code: int
    theirs: bytes | None
    ours: bytes | None
    asked: bool
    named: bool
    """Its client sent an 81."""
    own_name: bytes
    """What its client sent as 12."""


LISTED: dict[str, Callable[[Difference], bool]] = {
    "12 of an OFFER": lambda it: (
        (it.code, it.step, it.theirs) == (12, "discover", None)
    ),
    "81": lambda it: it.code == 81 and None not in (it.theirs, it.ours),
    "12 and 81 of a guest without a name": lambda it: (
        it.code in NAMING
        and it.ours is None
        and 0 < len(it.own_name) <= len(it.theirs or b"")
        and it.own_name in (it.theirs or b"")
    ),
    "12 beside 81": lambda it: it.code == 12 and it.ours is None and it.named,
    "3, 6, 15, 26 and 121 unasked": lambda it: (
        not it.asked and it.theirs is None and it.code in ALWAYS
    ),
    "28 unasked": lambda it: (it.code, it.ours, it.asked) == (28, None, False),
    "61": lambda it: it.code == 61 and it.theirs is None,
    "119": lambda it: it.code == 119 and it.theirs is None,
    "119 of names that end alike": lambda it: (
        it.code == 119 and b"\xc0" in (it.theirs or b"") and it.ours is not None
    ),
    "dhcp-option=51": lambda it: it.code in (51, *TIMES) and it.theirs is None,
    "siaddr": lambda it: it.code == SIADDR and it.ours == NOWHERE.packed,
    "97": lambda it: it.code == 97 and it.theirs is None,
    "a boot file": lambda it: (
        it.client == "ipxe"
        and (
            (it.code, it.theirs) in ((60, None), (66, None), (FILE, b""))
            or (it.code == 67 and it.theirs == (it.ours or b"") + b"\0")
        )
    ),
    "66 and 67": lambda it: (
        it.code in (66, 67) and it.theirs == (it.ours or b"") + b"\0"
    ),
    "66 and 67 unasked": lambda it: (
        (it.code in (FILE, SNAME) and not it.ours)
        or (it.client == BOOTP and it.code in (66, 67) and it.theirs is None)
    ),
    "what a BOOTP client is told": lambda it: (
        it.client == BOOTP and it.code != 0 and None in (it.theirs, it.ours)
    ),
    "the order of routes in 121": lambda it: (
        it.code in (121, 249)
        and None not in (it.theirs, it.ours)
        and set(decode_routes(it.theirs or b"")) == set(decode_routes(it.ours or b""))
    ),
    # dnsmasq takes something random off them
    "T1": lambda it: it.code in TIMES and None not in (it.theirs, it.ours),
}


def noted(drawn: Drawn, plan: NetworkPlan) -> set[tuple[str, int]]:
    """Return (address, code) of which a note says that they differ; "" is everyone."""
    lines = drawn.text.splitlines()
    found: set[tuple[str, int]] = set()
    for note in plan.notes:
        if note.kind == MAPS:
            continue
        _, _, place = note.where.partition(":")
        line = lines[int(place) - 1] if place.isdigit() else ""
        codes = {int(each) for each in re.findall(r"option (\d+)", note.what)}
        for words, those in OF_WORDS.items():
            codes |= those if words in note.what else set()
        who = "" if place.isdigit() else place.strip()
        if line.startswith("dhcp-option"):
            codes |= {43, 60} if "vendor:" in line else {code_of(line)}
        elif line.startswith(("dhcp-boot", "dhcp-vendor", "dhcp-match")):
            codes |= BOOTING
        elif line.startswith("dhcp-host"):
            (who,) = re.findall(r"\d+\.[\d.]+", line)
        if codes & ROUTING:
            codes |= ROUTING
        if codes & BOOTING:
            codes |= BOOTING
        found |= {(who, code) for code in codes}
    return found


def code_of(line: str) -> int:
    for word in line.partition("=")[2].split(","):
        if word.isdigit():
            return int(word)
        if word.startswith("option:"):
            return NAMES[word.removeprefix("option:")]
    raise AssertionError(line)
