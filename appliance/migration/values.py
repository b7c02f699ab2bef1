"""An option's value: what dnsmasq puts on the wire, and how our settings write that."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from dhcp.formats import FORMATS
from dhcp.formats import domain_name
from dhcp.formats import parse_option
from dhcp.formats import text as plain_text

from .option_names import ADDRESSES
from .option_names import SIZES
from .option_names import TEXTS
from .option_names import TIMES

OURSELVES = "0.0.0.0"
"""dnsmasq's word for its own address, where an option holds addresses."""
SEARCH = 119
SIP = 120
_HEX = set("0123456789abcdefABCDEF")
_SUFFIXES = {"b": 1, "s": 2, "i": 4}  # octets
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}  # seconds


def wire_octets(
    code: int,
    values: Iterable[str],
    ourselves: str,
    *,
    quoted: bool = False,
    vendor: bool = False,
) -> bytes:
    """Return the octets that dnsmasq sends; raises ValueError.

    An option of a *vendor* has no type: its look alone says how it is written.
    """
    words = list(values)
    joined = ",".join(words)
    if not joined:
        return b""
    if code in TIMES and not vendor:
        return seconds(joined).to_bytes(4, "big")
    plain = quoted or (not vendor and code in TEXTS)
    if code == SEARCH and not vendor:
        return b"".join(domain_name(word) for word in words)
    if not plain and _are_hex(joined):
        return bytes(int(each, 16) for each in joined.split(":"))
    size = None if vendor else SIZES.get(code)
    if not plain and (number := _number(joined, size)) is not None:
        return number
    if not plain and (found := _addresses(words, ourselves)) is not None:
        return (b"\1" if code == SIP and not vendor else b"") + found
    if code in ADDRESSES and not vendor:
        raise ValueError(f"{joined!r} is no list of addresses")
    if code == SIP and not vendor:
        return b"\0" + b"".join(domain_name(word) for word in words)
    return joined.encode()


def seconds(word: str) -> int:
    """Read dnsmasq's time: 3600, 60m, 1h, 2d or 1w."""
    unit = word[-1:].lower()
    digits = word[:-1] if unit in _UNITS else word
    return int(digits) * _UNITS.get(unit, 1)


def _are_hex(joined: str) -> bool:
    words = joined.split(":")
    return len(words) > 1 and all(
        0 < len(each) < 3 and set(each) <= _HEX for each in words
    )


def _number(joined: str, size: int | None) -> bytes | None:
    digits = joined[:-1] if joined[-1] in _SUFFIXES else joined
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(digits)
    octets = size or (1 if number < 1 << 8 else 2 if number < 1 << 16 else 4)
    octets = _SUFFIXES.get(joined[-1], octets)
    return (number % (1 << 8 * octets)).to_bytes(octets, "big")


def _addresses(words: Iterable[str], ourselves: str) -> bytes | None:
    """Read addresses, or networks with their widths as option 121 has them."""
    found = []
    given = list(words)
    slashes = any("/" in word for word in given)
    for word in given:
        address, slash, width = word.partition("/")
        try:
            # what holds a network is sent as it is written
            own = address == OURSELVES and not slashes
            octets = IPv4Address(ourselves if own else address).packed
        except ValueError:
            return None
        if slash:
            if not width.isdigit():
                return None
            octets = bytes([int(width)]) + octets[: (int(width) + 7) // 8]
        found.append(octets)
    return b"".join(found)


def our_words(code: int, octets: bytes) -> str:
    """Return *octets* as dhcp.options has them; raises ValueError where it cannot."""
    if not octets:
        raise ValueError("is sent without a value, which we do not")
    read = FORMATS.get(code)
    if read is None:
        found = octets.hex()
    elif code == SEARCH:
        found = ",".join(_names(octets))
    elif read is plain_text:
        found = octets.decode()
    elif len(octets) % 4 == 0 and code in {*ADDRESSES, 4, 5, 8, 10, 11, 72, 73, 75, 76}:
        found = ",".join(
            str(IPv4Address(octets[at : at + 4])) for at in range(0, len(octets), 4)
        )
    else:
        found = str(int.from_bytes(octets, "big"))
    _, ours = parse_option(str(code), found)
    if ours != octets:
        raise ValueError(f"is {octets.hex(':')} there, and {ours.hex(':')} in ours")
    return found


def _names(octets: bytes) -> list[str]:
    names, labels, at = [], list[str](), 0
    while at < len(octets):
        length = octets[at]
        labels.append(octets[at + 1 : at + 1 + length].decode())
        at += 1 + length
        if not length:
            names.append(".".join(labels[:-1]))
            labels = []
    return names
