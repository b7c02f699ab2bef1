"""What a device has in its namespace: kernel settings and addresses (H1, H8).

Every question and every change is for the namespace that the calling thread is in.
"""

import socket
import struct
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from ipaddress import IPv4Interface
from ipaddress import IPv6Interface
from pathlib import Path
from types import MappingProxyType
from typing import Any
from typing import Final

from pyroute2 import IPRoute
from pyroute2 import NetlinkError

from . import kernel
from . import netlink
from .errors import SettingsError
from .kernel import Kernel
from .kernel import Link

PROC_SYS_NET: Final = Path("/proc/sys/net")

Interface = IPv4Interface | IPv6Interface

_NODAD: Final = 0x2  # IFA_F_NODAD: to be used at once
_IFA_ADDRESS: Final = 1
_RTM_NEWADDR: Final = 20
_RTM_DELADDR: Final = 21
_COMMANDS: Final = {
    "add": (_RTM_NEWADDR, netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE),
    "del": (_RTM_DELADDR, 0),
}

OF_NAMESPACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        # first: the kernel sets others anew when this one changes
        "ipv4/ip_forward": "0",  # nothing is behind us
        "ipv6/conf/all/forwarding": "0",
        "ipv6/conf/all/disable_ipv6": "1",  # a link-local address would answer a ping
        "ipv6/conf/default/disable_ipv6": "1",
        "ipv6/icmp/echo_ignore_multicast": "1",  # who does not know us finds no one
        # a cookie keeps no SYN, so a flood would have all be reset: a SYN that finds no
        # room is sent again, and half open connections end soon (httpd/listener.py)
        "ipv4/tcp_syncookies": "0",
        "ipv4/tcp_max_syn_backlog": "8192",
    }
)
"""What holds for a whole namespace of our own; a new one inherits the host's."""

OF_DEVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "forwarding": "0",  # says the same for one device
        "arp_ignore": "1",  # ARP only for an address that this device has
        "arp_announce": "2",  # and never with the address of another
        "accept_redirects": "0",  # a guest says nothing about our routes
        "send_redirects": "0",
    }
)
"""What holds for a device, whoever made it."""

OF_OUR_DEVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **OF_DEVICE,
        "accept_source_route": "0",  # no packet finds a way by its own map
        "arp_accept": "0",  # nobody is known because he says so
        "proxy_arp": "0",  # we answer for nobody
        "route_localnet": "0",  # 127.0.0.0/8 stays unreachable
        "rp_filter": "1",  # who is of no subnet of ours is not heard
    }
)
"""What holds beside it where all of the namespace is ours."""


IPV6_OF_OUR_DEVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "addr_gen_mode": "1",  # no address but those that we give it
        "accept_dad": "0",  # nobody is asked first, and no guest can forbid us ours
        "accept_ra": "0",  # a guest is no router of ours
        "autoconf": "0",
        "accept_redirects": "0",
        "accept_source_route": "0",
        "forwarding": "0",
        "disable_ipv6": "0",  # last: it begins with all of the above in force
    }
)
"""What holds for a device of ours that has metadata by IPv6."""


def namespace_settings(device: str) -> dict[str, str]:
    """List the settings, by their path below net/, of our namespace and *device*."""
    each = ("all", "default", device)
    conf = {f"ipv4/conf/{d}/{k}": v for d in each for k, v in OF_OUR_DEVICE.items()}
    return {**OF_NAMESPACE, **conf}


def with_ipv6(device: str) -> dict[str, str]:
    return {f"ipv6/conf/{device}/{k}": v for k, v in IPV6_OF_OUR_DEVICE.items()}


def without_ipv6(device: str) -> dict[str, str]:
    return {f"ipv6/conf/{device}/disable_ipv6": "1"}


def knows_ipv6() -> bool:
    """Whether the kernel has IPv6 at all."""
    return _setting("ipv6/conf/all/disable_ipv6") is not None


def has_ipv6(device: str) -> bool:
    """Whether *device* may have IPv6 addresses."""
    return _setting(f"ipv6/conf/{device}/disable_ipv6") == "0"


def device_settings(device: str) -> dict[str, str]:
    """List the settings of *device* in a namespace that is somebody else's."""
    return {f"ipv4/conf/{device}/{key}": value for key, value in OF_DEVICE.items()}


def settings_missing(wanted: Mapping[str, str]) -> list[str]:
    present = ((name, _setting(name)) for name in wanted)
    return [
        f"net.{name.replace('/', '.')} is {value}, not {wanted[name]}"
        for name, value in present
        if value not in (wanted[name], None)
    ]


def set_settings(wanted: Mapping[str, str]) -> None:
    """Set what differs; one may change those after it, so each is read in its turn."""
    for name, value in wanted.items():
        if _setting(name) not in (value, None):
            (PROC_SYS_NET / name).write_text(value)


def _setting(name: str) -> str | None:
    try:
        return (PROC_SYS_NET / name).read_text().strip()
    except FileNotFoundError:
        return None  # a kernel without IPv6 has nothing of it to switch off


def device(name: str) -> Link:
    """Find the device *name*. Raises SettingsError."""
    found = kernel.link(name)
    if found is None:
        raise SettingsError(f"device {name}", "is not in this namespace")
    return found


def addresses_missing(name: str, wanted: Iterable[Interface]) -> list[str]:
    present = kernel.addresses(device(name).index)
    return [f"{name} lacks {each}" for each in wanted if each not in present]


def addresses_strange(name: str, wanted: Iterable[Interface]) -> list[str]:
    strange = _strange(device(name).index, wanted)
    return [f"{name} has {each}, which is not its own" for each in strange]


def add_addresses(name: str, wanted: Iterable[Interface]) -> None:
    index = device(name).index
    with route() as ip:
        for each in wanted:
            if each not in kernel.addresses(index):
                _address(ip, "add", index, each)


def remove_addresses(name: str, unwanted: Iterable[Interface]) -> None:
    """Remove those of *unwanted* that are there.

    With a subnet's first address the kernel may remove its others too, unasked: so
    what is wanted is added afterwards.
    """
    index = device(name).index
    with route() as ip:
        for each in unwanted:
            if each in kernel.addresses(index):
                _address(ip, "del", index, each)


def remove_strange_addresses(name: str, wanted: Iterable[Interface]) -> None:
    remove_addresses(name, _strange(device(name).index, wanted))


def _strange(index: int, wanted: Iterable[Interface]) -> list[Interface]:
    known = frozenset(wanted)
    return [each for each in kernel.addresses(index) if each not in known]


def _address(ip: Any, command: str, index: int, each: Interface) -> None:
    prefix = each.network.prefixlen
    if isinstance(each, IPv6Interface):
        # pyroute2 has no word for the flag in all of its versions
        body = struct.pack("=BBBBI", socket.AF_INET6, prefix, _NODAD, 0, index)
        body += netlink.attribute(_IFA_ADDRESS, each.ip.packed)
        kind, flags = _COMMANDS[command]
        with Kernel() as opened:
            opened.change(kind, body, flags=flags)
        return
    ip.addr(command, index=index, address=str(each.ip), prefixlen=prefix)


@contextmanager
def route() -> Iterator[Any]:
    """Open pyroute2 on the current namespace: what the kernel refuses is an OSError."""
    try:
        with IPRoute() as ip:
            yield ip
    except NetlinkError as problem:
        raise OSError(problem.code, str(problem)) from problem
