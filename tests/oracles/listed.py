"""The differences to Kea and dnsmasq that are meant: a row of docs/differences.md each.

A row has, for each peer, the facets in which the answers to some questions differ,
from the peer's answer to ours.
"""

from collections.abc import Callable
from collections.abc import Set
from dataclasses import dataclass

from dhcp.message import NOWHERE
from dhcp.message import Message

from .answers import Said
from .answers import ours
from .answers import read
from .questions import QUESTIONS

INFORM = 8

ANSWERS = {
    name: read(octets)
    for name, question in QUESTIONS.items()
    if (octets := ours(question)) is not None
}
REQUESTS = {name: Message.parse(QUESTIONS[name].payload) for name in ANSWERS}


def where(holds: Callable[[Message, Said], bool]) -> Set[str]:
    """Return the questions that we answer, and of which that holds."""
    return {name for name, answer in ANSWERS.items() if holds(REQUESTS[name], answer)}


def these(*names: str) -> Set[str]:
    assert set(names) <= QUESTIONS.keys()
    return set(names)


def starting(*words: str) -> Set[str]:
    """Return the questions of whole files of the corpus."""
    return {name for name in QUESTIONS if name.startswith(words)}


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs in the answers to some questions."""

    row: str
    """The first cell of the row in docs/differences.md."""
    facets: str
    """With commas between them."""
    questions: Set[str]


NAKED = where(lambda asked, answer: answer.kind == "NAK")
LEASED = where(lambda asked, answer: 51 in answer.options)
INFORMED = where(lambda asked, answer: asked.options.message_type == INFORM)
RELAYED = where(lambda asked, answer: asked.hops > 0)
LISTLESS = where(lambda asked, answer: 55 not in asked.options) - NAKED
MACHINES = where(lambda asked, answer: 97 in answer.options)
NAMED_BY_81 = where(lambda asked, answer: 81 in answer.options)
ECHOED = where(lambda asked, answer: 61 in answer.options)
LOUD = where(lambda asked, answer: asked.broadcast and asked.ciaddr == NOWHERE)
NAKED_AT_REBOOT = these(
    "INIT-REBOOT to a wrong address", "INIT-REBOOT to a foreign address"
)

BOOTED = where(lambda asked, answer: 67 in answer.options)
# no option 93, or no number in it: option 60 says it, to us
BOOTED_BY_60 = these("pxe without_93", "pxe arch_in_words")

KEA_DROPS = {
    "a server named in a DISCOVER": "OFFER",
    "long client_id": "OFFER",
    "odd a_loop_in_119": "OFFER",
    "odd a_loop_in_81": "OFFER",
    "odd an_empty_list": "OFFER",
    "pxe arch_in_words": "OFFER",
    "long an_address_in_pieces": "ACK",
    "long every_code": "ACK",
    "odd wrong_lengths": "ACK",
}
DNSMASQ_DROPS = (
    "INIT-REBOOT without a lease",
    "RENEWING without one",
    "REQUEST of nothing",
    "long an_address_in_pieces",
    "odd wrong_lengths",
)
DNSMASQ_LEASED = LEASED - set(DNSMASQ_DROPS)
DNSMASQ_ANSWERS = DNSMASQ_LEASED | INFORMED
DNSMASQ_NAKED = NAKED - these("SELECTING no address", "REBINDING a wrong address")
KEA_LEASED = LEASED - KEA_DROPS.keys() - these("INIT-REBOOT without a lease")

KEA = (
    Difference("order of options", "order", KEA_LEASED | INFORMED),
    Difference("T1", "58 otherwise", KEA_LEASED),
    Difference("T2 of an odd lease", "59 otherwise", these("a lease of a second")),
    Difference("hops of an answer", "hops", RELAYED & KEA_LEASED),
    Difference(
        "the station of a broadcast",
        "station",
        (KEA_LEASED & LOUD) | NAKED_AT_REBOOT,
    ),
    Difference("a NAK's text", "56 added", NAKED_AT_REBOOT),
    Difference("a short answer", "padding", NAKED_AT_REBOOT),
    Difference(
        "another address, chosen or renewed",
        "silence -> NAK",
        these(
            "SELECTING a wrong address",
            "REBINDING a wrong address",
            "broadcast, NAK",
            "relayed, NAK",
        ),
    ),
    Difference("no address chosen", "ACK -> NAK", these("SELECTING no address")),
    Difference(
        "a client without a lease",
        "silence -> ACK",
        these("INIT-REBOOT without a lease"),
    ),
    Difference("INFORM: the mask", "1 added", INFORMED),
    Difference(
        "INFORM: the name",
        "12 added",
        INFORMED & where(lambda asked, answer: 12 in answer.options),
    ),
    Difference("INFORM of a relay", "82 added, giaddr, port", INFORMED & RELAYED),
    Difference(
        "INFORM from elsewhere", "ACK -> silence", these("INFORM from elsewhere")
    ),
    Difference(
        "12 unasked",
        "12 missing",
        KEA_LEASED & where(lambda asked, answer: not {12, 81} & answer.options.keys()),
    ),
    Difference("81", "81 otherwise", KEA_LEASED & NAMED_BY_81),
    Difference(
        "without a request list",
        "28 added, 42 added, 119 added",
        KEA_LEASED & LISTLESS,
    ),
    Difference("without a request list", "225 added", these("no request list")),
    Difference("without a request list", "226 added", these("pxe without_93")),
    Difference(
        "an architecture in option 60 alone",
        "60 added, 66 added, 67 added, siaddr, file",
        these("pxe without_93"),
    ),
    Difference(
        "80", "80 added, OFFER -> ACK", these("rapid commit", "dhcpcd discover")
    ),
    Difference("97", "97 added", KEA_LEASED & MACHINES),
    Difference(
        "82 of a client that no relay sent",
        "82 missing",
        these("82 without a relay"),
    ),
    Difference("82 that is broken", "82 added", these("relayed broken_82")),
    Difference("82 over 255 octets", "82 otherwise", these("relayed large_82")),
    Difference(
        "more than fits",
        "52 added, 224 missing",
        these("everything asked for, in 576 octets"),
    ),
    Difference("more than fits", "52 added", these("relayed large_82")),
    *(
        Difference("what is odd", f"silence -> {kind}", these(name))
        for name, kind in KEA_DROPS.items()
    ),
    Difference(
        "a value in pieces", "28 added, 42 added, 119 added", these("long two_pieces")
    ),
    Difference(
        "a value in pieces",
        "42 added, 119 added",
        these("overload one_value_in_three_fields"),
    ),
    Difference(
        "options in file and sname",
        "28 added, 42 added, 119 added",
        these("overload file", "overload sname", "overload both"),
    ),
    Difference(
        "what is malformed",
        "OFFER -> silence",
        these(
            "malformed a_code_alone",
            "malformed a_value_past_the_end",
            "malformed 53_of_two_octets",
            "malformed 53_again_in_file",
            "malformed past_the_end_of_file",
            "malformed past_the_end_of_sname",
        ),
    ),
)

DNSMASQ = (
    Difference("iPXE by an empty 175", "60 added, file", these("long every_code")),
    Difference("order of options", "order", DNSMASQ_ANSWERS),
    Difference("siaddr", "siaddr", DNSMASQ_ANSWERS - BOOTED),
    Difference("a boot file", "file, 66 added, 67 otherwise", BOOTED - BOOTED_BY_60),
    Difference(
        "a boot file", "60 added", BOOTED - BOOTED_BY_60 - these("pxe http_efi64")
    ),
    Difference(
        "an architecture in option 60 alone",
        "60 added, 66 added, 67 added, siaddr, file",
        BOOTED_BY_60,
    ),
    Difference("61", "61 added", ECHOED & (DNSMASQ_ANSWERS | DNSMASQ_NAKED)),
    Difference(
        "hops of an answer", "hops", RELAYED & (DNSMASQ_ANSWERS | DNSMASQ_NAKED)
    ),
    Difference(
        "secs of an answer",
        "secs",
        DNSMASQ_ANSWERS & where(lambda asked, answer: asked.secs > 0),
    ),
    Difference("a NAK's text", "56 otherwise", DNSMASQ_NAKED),
    Difference("a NAK's broadcast flag", "flags", DNSMASQ_NAKED - LOUD - RELAYED),
    Difference(
        "another address, chosen or renewed",
        "silence -> NAK",
        these("REBINDING a wrong address"),
    ),
    Difference("no address chosen", "silence -> NAK", these("SELECTING no address")),
    Difference("no address at all", "silence -> ACK", these("REQUEST of nothing")),
    Difference(
        "a client without a lease",
        "silence -> ACK",
        these("INIT-REBOOT without a lease", "RENEWING without one"),
    ),
    Difference(
        "12 of an OFFER",
        "12 added",
        these("a name", "dhclient discover", "overload file", "overload inside"),
    ),
    Difference("81", "81 otherwise", NAMED_BY_81),
    Difference("12 beside 81", "12 missing", NAMED_BY_81 - starting("windows")),
    Difference(
        "without a request list",
        "3 added, 15 added, 121 added, 249 missing",
        LISTLESS & DNSMASQ_ANSWERS,
    ),
    Difference("more than fits", "226 missing", these("no request list")),
    Difference("more than fits", "225 missing", BOOTED_BY_60),
    Difference("97", "97 added", MACHINES),
    Difference(
        "82 of a client that no relay sent",
        "82 missing",
        these("82 without a relay"),
    ),
    Difference("82 over 255 octets", "82 added, 52 added", these("relayed large_82")),
    Difference("the port of a relay", "port", these("relayed from a port of its own")),
    Difference(
        "an option over 255 octets",
        "224 added",
        these("everything asked for", "a long option", "long all_asked_for"),
    ),
    Difference("a lease of a second", "51 otherwise", these("a lease of a second")),
    Difference(
        "a value in pieces",
        "12 added, 42 added, 119 added",
        these("long two_pieces", "overload one_value_in_three_fields"),
    ),
    Difference(
        "a value in pieces", "silence -> ACK", these("long an_address_in_pieces")
    ),
    Difference("what is odd", "silence -> ACK", these("odd wrong_lengths")),
    Difference(
        "what is malformed",
        "OFFER -> silence",
        these(
            "malformed a_code_alone",
            "malformed a_value_past_the_end",
            "malformed 53_of_two_octets",
            "malformed 53_twice",
            "malformed 53_again_in_file",
            "malformed past_the_end_of_file",
            "malformed past_the_end_of_sname",
        ),
    ),
)
