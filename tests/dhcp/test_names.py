"""Names: options 12, 15, 119 and 81."""

from dataclasses import replace

import pytest

from .guest import BINDING
from .guest import NETWORK
from .guest import Guest
from .guest import read
from .guest import responder

ASKING = bytes([12, 15, 119, 81])


@pytest.mark.parametrize(
    ("hostname", "sent"),
    [
        ("web-1", b"web-1"),
        ("web-1.elsewhere.example", b"web-1"),
        ("a" * 63, b"a" * 63),
        (None, None),
        ("", None),
    ],
)
def test_the_host_name_is_one_label(hostname: str | None, sent: bytes | None) -> None:
    """dhcp 57: 12 is the first label of the binding's name, never a whole FQDN."""
    server = responder(NETWORK, replace(BINDING, hostname=hostname))
    offer = read(server, Guest(options={55: ASKING, 12: b"guest-says"}).discover())
    assert offer.options.get(12) == sent


def test_the_domain_and_its_search_list() -> None:
    """dhcp 57: 15 is the domain as text, 119 the same in labels (3397)."""
    offer = read(responder(), Guest(options={55: ASKING}).discover())
    assert offer.options[15] == b"net1.example"
    assert offer.options[119] == b"\4net1\7example\0"


# what the client sends -> what it gets: flags S=1 O=2 E=4 N=8
FQDN = {
    "client wants to update, ASCII": ("00 00 00", b"\3\xff\xffweb-1.net1.example"),
    "server shall update, ASCII": ("01 00 00", b"\1\xff\xffweb-1.net1.example"),
    "client wants to update, wire": (
        "04 00 00 0161",
        b"\7\xff\xff\5web-1\4net1\7example\0",
    ),
    "server shall update, wire": (
        "05 00 00",
        b"\5\xff\xff\5web-1\4net1\7example\0",
    ),
    "no update at all": ("08 00 00", b"\3\xff\xffweb-1.net1.example"),
    "every flag": ("ff 00 00", b"\5\xff\xff\5web-1\4net1\7example\0"),
    "a compression loop": (
        "05 00 00 c000",
        b"\5\xff\xff\5web-1\4net1\7example\0",
    ),
}


@pytest.mark.parametrize("case", FQDN)
def test_81_is_answered_by_81(case: str) -> None:
    """dhcp 57: 81 instead of 12: S=1, O where that overrides, E as sent (4702)."""
    sent, expected = FQDN[case]
    guest = Guest(options={55: ASKING, 81: bytes.fromhex(sent)})
    offer = read(responder(), guest.discover())
    assert offer.options.get(81) == expected
    assert 12 not in offer.options


@pytest.mark.parametrize("cut", ["", "00", "0000"])
def test_a_cut_81_is_as_if_absent(cut: str) -> None:
    """dhcp 7, 57: 81 of less than 3 octets is ignored, and 12 is sent."""
    guest = Guest(options={55: ASKING, 81: bytes.fromhex(cut)})
    offer = read(responder(), guest.discover())
    assert 81 not in offer.options
    assert offer.options[12] == b"web-1"


@pytest.mark.parametrize("flags", [0, 4])
def test_81_without_a_name_or_a_domain(flags: int) -> None:
    """dhcp 57: no name, no 81; no domain, a name of one label."""
    guest = Guest(options={55: ASKING, 81: bytes([flags, 0, 0])})
    nameless = responder(NETWORK, replace(BINDING, hostname=None))
    assert 81 not in read(nameless, guest.discover()).options
    bare = responder(replace(NETWORK, domain=None))
    expected = b"\5web-1\0" if flags else b"web-1"
    assert read(bare, guest.discover()).options[81][3:] == expected


@pytest.mark.parametrize("flags", [0, 4])
def test_the_longest_names_are_no_trouble(flags: int) -> None:
    """dhcp 12, 57: a name and a domain that are too long together raise nothing."""
    domain = ".".join(["d" * 63] * 3 + ["d" * 61])
    server = responder(
        replace(NETWORK, domain=domain), replace(BINDING, hostname="h" * 63)
    )
    guest = Guest(options={55: ASKING, 81: bytes([flags, 0, 0]), 57: b"\5\xdc"})
    offer = read(server, guest.discover())
    assert offer.options[15] == domain.encode()
    assert len(offer.options[81]) > 255
