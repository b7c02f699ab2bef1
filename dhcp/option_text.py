"""Options as people read them: the way back from octets to an operator's words."""

from ipaddress import IPv4Address

from .codes import INFINITE
from .errors import MalformedMessage
from .formats import FORMATS
from .formats import LABEL_AT_MOST
from .formats import addresses
from .formats import domain_names
from .formats import text
from .options import message_type_name
from .routes import decode_routes

_ADDRESSES = {1, 3, 6, 50, 54}
_SECONDS = {51, 58, 59}
_TEXTS = {12, 15, 56}
_ROUTES = {121, 249}


def describe_option(code: int, value: bytes) -> str:
    """Return the value in words; octets in hex where it has no better form."""
    try:
        if code == 53:
            return message_type_name(value[0])
        if code in _ROUTES:
            return ", ".join(map(str, decode_routes(value)))
        if code in _ADDRESSES or FORMATS.get(code) is addresses:
            return ", ".join(map(str, _addresses(value)))
        if code in _SECONDS:
            seconds = int.from_bytes(value, "big")
            return "infinite" if seconds == INFINITE else f"{seconds} s"
        if code == 26:
            return str(int.from_bytes(value, "big"))
        if code in _TEXTS or FORMATS.get(code) is text:
            return printable(value)
        if FORMATS.get(code) is domain_names:
            return ", ".join(_names(value))
    except (ValueError, IndexError, MalformedMessage):
        pass  # what a client sent needs no form: hex shows all
    return value.hex(":")


def printable(octets: bytes) -> str:
    """Return what is ASCII as it is, and all else escaped: a peer may have sent it."""
    return octets.decode("latin-1").encode("unicode_escape").decode()


def _addresses(value: bytes) -> list[IPv4Address]:
    return [IPv4Address(value[at : at + 4]) for at in range(0, len(value), 4)]


def _names(value: bytes) -> list[str]:
    names: list[str] = []
    labels: list[str] = []
    at = 0
    while at < len(value):
        length = value[at]
        at += 1
        if length > LABEL_AT_MOST or at + length > len(value):
            raise ValueError("not a list of names")
        if length == 0:
            names.append(".".join(labels))
            labels = []
        else:
            labels.append(printable(value[at : at + length]))
            at += length
    if labels:
        raise ValueError("a name without an end")
    return names
