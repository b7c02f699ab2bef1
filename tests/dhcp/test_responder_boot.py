"""Network boot: which file a client is told, and where (RFC 4578)."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dhcp.boot import URL_AT_MOST
from dhcp.boot import Boot
from dhcp.boot import user_classes
from dhcp.message import NOWHERE
from dhcp.message import Message

from .guest import BINDING
from .guest import NETWORK
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import read
from .guest import responder
from .guest import sequence

TFTP = IPv4Address("10.0.0.9")
SCRIPT = "http://10.0.0.9/boot.ipxe"
URL = "http://10.0.0.9/boot.efi"
FILES = {0: "bios.kpxe", 6: "ia32.efi", 7: "x64.efi", 9: "x64.efi", 11: "arm64.efi"}
BOOT = Boot(TFTP, files={**FILES, 15: "http://a", 16: URL, 19: URL}, script=SCRIPT)
BOOTING = replace(NETWORK, boot=BOOT)
MACHINE = b"\0" + bytes(range(16))
ASKED = bytes([1, 3, 43, 60, 66, 67, 97])
PXE = {55: ASKED, 60: b"PXEClient:Arch:00000:UNDI:002001", 93: b"\0\0", 97: MACHINE}
HTTP = {55: ASKED, 60: b"HTTPClient:Arch:00016:UNDI:003001", 93: b"\0\x10"}


def told(options: dict[int, bytes], boot: Boot | None = BOOT) -> Message:
    """Return the OFFER to a client that sends *options*."""
    server = responder(replace(NETWORK, boot=boot))
    offer = Message.parse(answer(server, Guest(options=options).discover()).payload)
    ack = Message.parse(answer(server, Guest(options=options).select()).payload)
    assert replace(ack, options=offer.options) == offer
    return offer


def test_a_pxe_client_hears_its_own_words() -> None:
    """dhcp 62: 60 "PXEClient" is sent with the boot file, and 97 as it came (4578)."""
    offer = told(PXE)
    assert offer.options[60] == b"PXEClient"
    assert offer.options[97] == MACHINE
    assert 97 not in told({**PXE, 60: b"MSFT 5.0"}).options
    assert 97 not in told({55: ASKED, 97: MACHINE}).options
    without = {code: value for code, value in PXE.items() if code != 97}
    assert 97 not in told(without).options


def test_the_machine_is_named_where_there_is_no_file() -> None:
    """dhcp 62: a PXE client without a file is sent 97, and no 60."""
    offer = told(PXE, None)
    assert offer.options[97] == MACHINE
    assert 60 not in offer.options


ARCHITECTURES: dict[bytes, str | None] = {
    b"\0\0": "bios.kpxe",
    b"\0\6": "ia32.efi",
    b"\0\7": "x64.efi",
    b"\0\x09": "x64.efi",
    b"\0\x0b": "arm64.efi",
    b"\0\7\0\0": "x64.efi",  # several: the first is what it runs
    b"\0\x0a": None,
    b"\1\0": None,
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_file_is_of_the_architecture(architecture: bytes) -> None:
    """dhcp 63: 0 BIOS, 6 IA32, 7 and 9 x64, 11 arm64; one without a file has none."""
    name = ARCHITECTURES[architecture]
    offer = told({**PXE, 93: architecture})
    if name is None:
        assert not {60, 66, 67} & offer.options.values.keys()
        assert (offer.siaddr, any(offer.file)) == (NOWHERE, False)
    else:
        assert offer.options[67] == name.encode()
        assert offer.file.rstrip(b"\0") == name.encode()


def test_without_93_the_vendor_class_has_the_architecture() -> None:
    """dhcp 63: a client without 93 says its architecture in 60, or is a BIOS."""
    said = {55: ASKED, 60: b"PXEClient:Arch:00007:UNDI:003016"}
    assert told(said).options[67] == b"x64.efi"
    for broken in (b"PXEClient", b"PXEClient:Arch:", b"PXEClient:Arch:x:UNDI:1"):
        assert told({55: ASKED, 60: broken}).options[67] == b"bios.kpxe"


def test_an_http_client_is_given_a_url() -> None:
    """dhcp 63: 60 "HTTPClient" comes back and 67 is the URL, asked for or not."""
    for asked in (ASKED, bytes([1, 3])):
        offer = told({**HTTP, 55: asked})
        assert offer.options[60] == b"HTTPClient"
        assert offer.options[67] == URL.encode()


IPXE: dict[str, dict[int, bytes]] = {
    "user class, bare": {77: b"iPXE"},
    "user class, in a list": {77: b"\3foo\4iPXE"},
    "option 175": {175: b"\x01\x01\x01"},
}


@pytest.mark.parametrize("sign", IPXE)
def test_ipxe_is_given_the_script(sign: str) -> None:
    """dhcp 64: 77 "iPXE", or 175: the second stage is the script; else the program."""
    offer = told({**PXE, **IPXE[sign]})
    assert offer.options[67] == SCRIPT.encode()
    assert offer.file.rstrip(b"\0") == SCRIPT.encode()
    assert offer.options[60] == b"PXEClient"
    assert told({55: ASKED, **IPXE[sign]}).options[60] == b"PXEClient"
    assert told({**HTTP, **IPXE[sign]}).options[60] == b"HTTPClient"
    assert told({**PXE, 77: b"iPXE-like"}).options[67] == b"bios.kpxe"
    scriptless = replace(BOOT, script=None)
    assert not told({**PXE, **IPXE[sign]}, scriptless).options.values.keys() & {60, 67}


def test_the_file_is_in_the_header_and_in_66_and_67() -> None:
    """dhcp 64: `file`, null-terminated, and siaddr; 66 and 67 to who asks."""
    offer = told(PXE)
    assert offer.siaddr == TFTP
    assert offer.file == b"bios.kpxe".ljust(128, b"\0")
    assert (offer.options[66], offer.options[67]) == (b"10.0.0.9", b"bios.kpxe")
    offer = told({**PXE, 55: bytes([1, 3])})
    assert (offer.siaddr, offer.file[:9]) == (TFTP, b"bios.kpxe")
    assert not {66, 67} & offer.options.values.keys()
    assert 66 not in told(PXE, replace(BOOT, server=None)).options
    named = told(PXE, replace(BOOT, server_name="tftp.example"))
    assert named.options[66] == b"tftp.example"
    assert named.sname.rstrip(b"\0") == b"tftp.example"


@pytest.mark.parametrize(("name", "lent"), [("", {None, b"\2"}), ("tftp", {None})])
def test_a_field_that_has_the_file_is_not_lent(
    name: str, lent: set[bytes | None]
) -> None:
    """dhcp 64: `file` is never overloaded then, however little fits; with a server's
    name, neither is `sname`."""
    server = responder(replace(NETWORK, boot=replace(BOOT, server_name=name)))
    guest = Guest(options={**PXE, 55: ASKED + bytes([224, 225])})
    found = set()
    for octets in range(0, 250, 10):
        options = {224: b"r" * octets, 225: b"r" * 60}
        server.bindings.put(replace(BINDING, options=options))
        reply = answer(server, guest.discover())
        message = Message.parse(reply.payload)
        found.add(dict(sequence(reply.payload)).get(52))
        assert message.file == b"bios.kpxe".ljust(128, b"\0")
        assert {224, 225} <= message.options.values.keys() | {*reply.dropped}
        assert len(reply.payload) <= 548
    assert found == lent


@pytest.mark.parametrize(("octets", "in_header"), [(127, True), (128, False)])
def test_a_name_that_no_header_holds_is_in_67(octets: int, in_header: bool) -> None:
    """dhcp 64: `file` holds 127 octets and a null; a longer name is in 67, unasked."""
    name = "n" * octets
    offer = told({**PXE, 55: bytes([1, 3])}, Boot(TFTP, files={0: name}))
    assert any(offer.file) is in_header
    assert (67 in offer.options) is not in_header
    if in_header:
        assert offer.file == name.encode() + b"\0"


@pytest.mark.parametrize("client", [PXE, HTTP, {**PXE, 77: b"iPXE"}, {55: ASKED}])
def test_by_default_nobody_is_told_to_boot(client: dict[int, bytes]) -> None:
    """dhcp 65: without [dhcp.boot] no 60, 66, 67, no `file`, no siaddr."""
    assert NETWORK.boot is None
    offer = told(client, None)
    assert not {60, 66, 67} & offer.options.values.keys()
    assert (offer.siaddr, any(offer.file), any(offer.sname)) == (NOWHERE, False, False)


def test_who_does_not_boot_from_the_network_is_told_nothing() -> None:
    """dhcp 65: where boot files are configured, a guest that boots from its disk has
    the answer that it had without."""
    plain = answer(responder(), Guest().discover())
    assert answer(responder(BOOTING), Guest().discover()) == plain
    assert codes(plain.payload) == codes(
        answer(responder(BOOTING), Guest().select()).payload
    )


@pytest.mark.parametrize(
    ("value", "classes"),
    [
        (b"", [b""]),
        (b"iPXE", [b"iPXE"]),
        (b"\4iPXE", [b"\4iPXE", b"iPXE"]),
        (b"\1a\2bc", [b"\1a\2bc", b"a", b"bc"]),
        (b"\1a\0", [b"\1a\0"]),
        (b"\5iPXE", [b"\5iPXE"]),
    ],
)
def test_user_classes_come_in_two_forms(value: bytes, classes: list[bytes]) -> None:
    """dhcp 12, 64: RFC 3004's list, or bare text; what is neither is one class."""
    assert user_classes(value) == classes


@pytest.mark.parametrize(
    "wrong",
    [
        {"files": {0: ""}},
        {"files": {0: "n" * (URL_AT_MOST + 1)}},
        {"script": "é" * 128},
        {"server_name": "n" * 64},
    ],
)
def test_a_name_that_no_option_could_carry(wrong: dict[str, object]) -> None:
    """dhcp 12, 64: a name that fits in no option is refused, not met in a packet."""
    with pytest.raises(ValueError, match="octets"):
        replace(BOOT, **wrong)  # type: ignore[arg-type] # each case has its own


def test_names_at_their_limit() -> None:
    """dhcp 64: 255 octets in option 67, 63 and a null in `sname`."""
    name, server = "n" * URL_AT_MOST, "s" * 63
    offer = told({**PXE, 57: b"\5\xc0"}, Boot(server_name=server, files={0: name}))
    assert offer.options[67] == name.encode()
    assert offer.sname == server.encode() + b"\0"


@pytest.mark.parametrize("asked", [ASKED, bytes([1, 3])])
def test_a_nearer_file_is_in_the_header_too(asked: bytes) -> None:
    """dhcp 64: where a binding has 66 and 67 of its own, `file`, `sname` and siaddr
    are no others than they are."""
    name = "long" * 40

    def header(options: dict[int, bytes]) -> tuple[bytes, bytes, IPv4Address]:
        server = responder(BOOTING, replace(BINDING, options=options))
        offer = read(server, Guest(options={**PXE, 55: asked}).discover())
        if 67 in asked:
            assert offer.options.values.items() >= options.items()
        return offer.file.rstrip(b"\0"), offer.sname.rstrip(b"\0"), offer.siaddr

    assert header({}) == (b"bios.kpxe", b"", TFTP)
    assert header({67: b"own.kpxe"}) == (b"own.kpxe", b"", TFTP)
    assert header({66: b"10.0.0.8"}) == (b"bios.kpxe", b"", IPv4Address("10.0.0.8"))
    assert header({66: b"boot.example"}) == (b"bios.kpxe", b"boot.example", NOWHERE)
    assert header({66: name.encode()}) == (b"bios.kpxe", b"", NOWHERE)
    assert header({67: name.encode()}) == (b"", b"", TFTP)
