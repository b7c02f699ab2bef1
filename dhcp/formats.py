"""How an operator writes an option's value, and what goes on the wire for it.

A format, not an option, has a rule: addresses, numbers, text, names, octets in hex
(RFC 2132 and the IANA registry say which code has which).
"""

from collections.abc import Callable
from ipaddress import IPv4Address

# RFC 2939: these are the protocol's own, no configuration can mean them
REFUSED = {0, 50, 52, 53, 54, 55, 57, 61, 80, 81, 82, 255}
# these follow from a key of their own, which other options depend on
KEYS = {
    1: "prefix",
    3: "gateway",
    6: "dns",
    12: "hostname",
    15: "domain",
    26: "mtu",
    51: "lease_time",
    58: "lease_time",
    59: "lease_time",
    121: "routes",
    249: "routes",
}

MTU_AT_LEAST = 68  # octets (RFC 2132 section 5.1)
MTU_AT_MOST = 65535

LABEL_AT_MOST = 63  # octets (RFC 1035 section 2.3.4)
NAME_AT_MOST = 255


def within(name: str, number: int, least: int, most: int) -> None:
    """Raise ValueError, which names the number, where it is out of bounds."""
    if not least <= number <= most:
        raise ValueError(f"{name} {number} is not in {least}..{most}")


def addresses(text: str) -> bytes:
    """Read addresses with commas or blanks between them."""
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError("needs an address")
    return b"".join(IPv4Address(word).packed for word in words)


def _number(octets: int, least: int = 0) -> Callable[[str], bytes]:
    def number(text: str) -> bytes:
        value = int(text, 0)
        within("number", value, least, 256**octets - 1)
        return value.to_bytes(octets, "big")

    return number


def text(text: str) -> bytes:
    """Read text as it is; empty text is refused, as RFC 2132 has no such option."""
    if not text:
        raise ValueError("needs some text")
    if not text.isprintable():  # a NUL would end it in a header's field
        raise ValueError(f"{text!r} holds a control character")
    return text.encode()


def domain_name(name: str) -> bytes:
    """Return *name* in labels (RFC 1035 section 3.1), uncompressed.

    Raises ValueError for an empty label, or one of more than 63 octets.
    """
    labels = name.removesuffix(".").encode(errors="replace").split(b".")
    if not name.isascii() or any(
        not 0 < len(label) <= LABEL_AT_MOST for label in labels
    ):
        raise ValueError(f"{name!r} is not a domain name")
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(encoded) > NAME_AT_MOST:
        raise ValueError(f"{name!r} is longer than a domain name can be")
    return encoded


def domain_names(text: str) -> bytes:
    """Read a search list (RFC 3397), with commas or blanks between the names."""
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError("needs a domain name")
    return b"".join(domain_name(word) for word in words)


def octets(text: str) -> bytes:
    """Read octets in hex: 0x0102, 01:02 or 0102."""
    digits = text.removeprefix("0x").replace(":", "")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"{text!r} is not octets in hex, like 0x01a2") from None


_ADDRESSES = (
    4,
    5,
    7,
    8,
    9,
    10,
    11,
    16,
    28,
    32,
    41,
    42,
    44,
    45,
    48,
    49,
    65,
    *range(68, 77),
)
_TEXTS = (14, 17, 18, 40, 47, 60, 62, 64, 66, 67, 100, 101, 114, 252)
FORMATS: dict[int, Callable[[str], bytes]] = {
    **dict.fromkeys(_ADDRESSES, addresses),
    150: addresses,
    **dict.fromkeys(_TEXTS, text),
    **dict.fromkeys((19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46, 116), _number(1)),
    **dict.fromkeys((13, 22), _number(2)),
    **dict.fromkeys((2, 24, 35, 38), _number(4)),
    108: _number(4, least=300),  # seconds (RFC 8925 section 3.4)
    119: domain_names,
}


def parse_option(code: str, value: str) -> tuple[int, bytes]:
    """Read an option as an operator writes it: "42" and "10.0.0.3".

    Raises ValueError, which says what to write instead.
    """
    number = int(code) if code.isascii() and code.isdigit() else -1
    if not 0 <= number <= 255 or str(number) != code:  # 042 would be 42 twice
        raise ValueError(f"{code!r} is not an option's number, 1 to 254")
    if number in REFUSED:
        raise ValueError(f"option {number} is the protocol's own and cannot be set")
    if number in KEYS:
        raise ValueError(
            f"option {number} follows from the key {KEYS[number]!r}: set that"
        )
    try:
        return number, FORMATS.get(number, octets)(value)
    except ValueError as problem:
        raise ValueError(f"option {number}: {problem}") from None
