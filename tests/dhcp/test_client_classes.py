"""Classes of clients: who is in one, and what that changes."""

from dataclasses import replace

import pytest

from dhcp.boot import Boot
from dhcp.clients import ClientClass
from dhcp.levels import levels
from dhcp.network import Network
from dhcp.options import Options

from .guest import BINDING
from .guest import NETWORK
from .guest import SERVER
from .guest import Guest
from .guest import read
from .guest import responder

WINDOWS = ClientClass(
    "windows", vendor_class=b"MSFT", options={43: b"win", 42: b"clas"}
)
IPXE = ClientClass("ipxe", user_class=b"iPXE", options={43: b"ipxe"})
EFI = ClientClass("efi", architectures=(7, 9), boot=Boot(files={7: "class.efi"}))
BOTH = ClientClass("both", vendor_class=b"PXEClient", architectures=(7,))
BIOS = ClientClass("bios", architectures=(0,))
EVERYONE = ClientClass("everyone", options={43: b"all"})
OWN_FILE = ClientClass("own", vendor_class=b"PXE", options={67: b"own.kpxe"})
EFI_64 = {93: b"\0\7"}

MEMBERS: list[tuple[ClientClass, dict[int, bytes], bool]] = [
    (WINDOWS, {60: b"MSFT"}, True),
    (WINDOWS, {60: b"MSFT 5.0"}, True),
    (WINDOWS, {60: b"not MSFT"}, False),
    (WINDOWS, {60: b"MSF"}, False),
    (WINDOWS, {}, False),
    (IPXE, {77: b"iPXE"}, True),
    (IPXE, {77: b"\3foo\4iPXE"}, True),
    (IPXE, {77: b"iPXE 1.0"}, False),
    (IPXE, {}, False),
    (EFI, EFI_64, True),
    (EFI, {93: b"\0\x09"}, True),
    (EFI, {93: b"\0\0"}, False),
    (EFI, {}, False),
    (BIOS, {93: b"\0\0"}, True),
    (BIOS, {93: b"\0"}, True),
    (BIOS, {}, False),
    (BOTH, {60: b"PXEClient", **EFI_64}, True),
    (BOTH, {60: b"PXEClient", 93: b"\0\0"}, False),
    (BOTH, {60: b"HTTPClient", **EFI_64}, False),
    (EVERYONE, {}, True),
]


@pytest.mark.parametrize(("each", "sent", "inside"), MEMBERS)
def test_all_that_is_given_has_to_hold(
    each: ClientClass, sent: dict[int, bytes], inside: bool
) -> None:
    """dhcp 46: how 60 begins, one of 77, a number of 93; what is not given holds."""
    assert each.holds(Options(sent)) is inside


def told(network: Network, code: int, **sent: bytes) -> bytes | None:
    options = {int(name[1:]): value for name, value in sent.items()}
    guest = Guest(options={55: bytes([code]), **options})
    return read(responder(network), guest.discover()).options.get(code)


def test_a_class_is_nearer_than_its_network() -> None:
    """dhcp 46: who is in a class is told its options instead of the network's; who is
    not, is not."""
    network = replace(NETWORK, options={42: SERVER.packed}, classes=(WINDOWS,))
    assert told(network, 42, c60=b"MSFT 5.0") == b"clas"
    assert told(network, 42) == SERVER.packed
    assert told(network, 43, c60=b"MSFT 5.0") == b"win"
    assert told(network, 43) is None


def test_a_binding_is_nearer_than_a_class() -> None:
    """dhcp 36, 61: what a binding says wins over the classes that its guest is in."""
    network = replace(NETWORK, classes=(EVERYONE,))
    server = responder(network, replace(BINDING, options={43: b"own"}))
    guest = Guest(options={55: b"\x2b"})
    assert read(server, guest.discover()).options[43] == b"own"
    assert told(network, 43) == b"all"


@pytest.mark.parametrize(
    ("classes", "last"),
    [((EVERYONE, IPXE), b"ipxe"), ((IPXE, EVERYONE), b"all")],
)
def test_the_later_class_is_the_nearer(
    classes: tuple[ClientClass, ...], last: bytes
) -> None:
    """dhcp 46: a client in several is told what the later one says."""
    network = replace(NETWORK, classes=classes)
    assert told(network, 43, c77=b"iPXE") == last


def test_a_class_has_boot_files_of_its_own() -> None:
    """dhcp 63: the boot table of a class is asked in place of the network's."""
    everywhere = Boot(files={0: "bios.kpxe", 7: "network.efi"})
    network = replace(NETWORK, boot=everywhere, classes=(EFI, EVERYONE))
    assert told(network, 67, c60=b"PXEClient", c93=b"\0\7") == b"class.efi"
    assert told(network, 67, c60=b"PXEClient", c93=b"\0\0") == b"bios.kpxe"
    assert told(network, 67, c60=b"PXEClient", c93=b"\0\x09") is None


@pytest.mark.parametrize(
    ("classes", "file"),
    [
        ((), b"network.efi"),
        ((OWN_FILE,), b"own.kpxe"),
        ((EFI, OWN_FILE), b"own.kpxe"),
        ((OWN_FILE, EFI), b"class.efi"),
    ],
)
def test_a_boot_table_is_as_near_as_its_owner(
    classes: tuple[ClientClass, ...], file: bytes
) -> None:
    """dhcp 63: option 67 of a class wins over the files of its network, and of a class
    before it; not over those of a nearer one."""
    everywhere = Boot(files={7: "network.efi"})
    network = replace(NETWORK, boot=everywhere, classes=classes)
    assert told(network, 67, c60=b"PXEClient", c93=b"\0\7") == file


def test_the_levels_are_named_for_people() -> None:
    """Without a class, network, range and binding; the later is the nearer."""
    named = levels(NETWORK, NETWORK.ranges[0], BINDING)
    assert [name for name, _ in named] == ["network", "range", "binding"]
