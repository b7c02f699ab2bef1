"""Hardware addresses."""

import pytest

from dhcp.hardware import HardwareAddress

OCTETS = bytes.fromhex("fa163e000005")


@pytest.mark.parametrize(
    "text",
    ["fa:16:3e:00:00:05", "FA-16-3E-00-00-05", "fa163e000005", "Fa:16:3e:00:00:05"],
)
def test_spellings_are_one_address(text: str) -> None:
    """A MAC is read with colons, with dashes or bare, in any case."""
    assert HardwareAddress.parse(text) == HardwareAddress(OCTETS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fa:16:3e:00:00",
        "fa:16:3e:00:00:05:06",
        "fa:16:3e:00:00:5",
        "fa:16-3e:00:00:05",
        "fa163e00000g",
        " fa163e000005",
        "fa163e000005\n",
        "f:a1:63:e0:00:005",
    ],
)
def test_other_text_is_refused_by_name(text: str) -> None:
    """What is no MAC raises ValueError, which shows it."""
    with pytest.raises(ValueError, match="is not a MAC like") as caught:
        HardwareAddress.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("octets", [b"", bytes(5), bytes(7), bytes(16)])
def test_only_six_octets_are_an_address(octets: bytes) -> None:
    """An Ethernet address has six octets."""
    with pytest.raises(ValueError, match="six octets"):
        HardwareAddress(octets)


def test_text_and_digits() -> None:
    """An address is written with colons in logs, bare in file names."""
    address = HardwareAddress(OCTETS)
    assert str(address) == "fa:16:3e:00:00:05"
    assert address.digits == "fa163e000005"
    assert HardwareAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("digits", "usable"),
    [
        ("fa163e000005", True),
        ("020000000001", True),
        ("000000000001", True),
        ("000000000000", False),
        ("ffffffffffff", False),
        ("01005e000001", False),
        ("fb163e000005", False),
    ],
)
def test_a_station_owns_no_group_address(digits: str, usable: bool) -> None:
    """dhcp 4: zero, broadcast and multicast are nobody's own address."""
    assert HardwareAddress(bytes.fromhex(digits)).usable is usable
