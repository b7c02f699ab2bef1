"""Every socket of one network, opened where its guests are.

Bound to exact addresses and to the device: a guest reaches DHCP, DNS and metadata, and
nothing else.
"""

import errno
import resource
import socket
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from ipaddress import IPv6Address

import trio

from dhcp.arp_port import ArpPort
from dhcp.lookout import Lookout
from dhcp.port import RawPort
from httpd.listener import open_listener

from . import doorbell
from . import kernel
from .attachment import METADATA_ADDRESS
from .errors import SettingsError
from .layout import NetworkLayout
from .passwords import PORT
from .settings import Settings

DNS_PORT = 53
DNS_BUFFER = 4 * 1024 * 1024  # octets
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Sockets:
    """What the daemon serves; its to close."""

    dhcp: RawPort | None
    http: tuple[socket.socket, ...]
    passwords: tuple[socket.socket, ...]
    """CloudStack's; there are some where its preset is on."""
    control: trio.SocketListener
    dns_udp: tuple[socket.socket, ...] = ()
    dns_tcp: tuple[trio.SocketListener, ...] = ()
    arp: ArpPort | None = None
    """There is one where there is a pool."""
    lookout: Lookout | None = None
    """For other servers; there is one where there is *dhcp*."""


def open_sockets(settings: Settings, files: NetworkLayout, device: str) -> Sockets:
    """Open everything, or raise SettingsError with nothing left open."""
    # each connection takes a descriptor, each slow reader of a large document two
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port: RawPort | None = None
    arp: ArpPort | None = None
    lookout: Lookout | None = None
    listeners: list[socket.socket] = []
    passwords: list[socket.socket] = []
    listen = partial(
        open_listener,
        device=device,
        save_syn=settings.metadata.identity == "ip+mac",
        defer=True,
    )
    names: list[socket.socket] = []
    try:
        for address in _metadata_addresses(settings, device):
            for number in settings.metadata.ports:
                listeners.append(listen(address, number))
        if "cloudstack" in settings.metadata.presets:
            for lessor in (*settings.network.server_ids, METADATA_ADDRESS):
                passwords.append(listen(lessor, PORT))
        if settings.dns.enabled:
            for name_server in (*settings.network.server_ids, METADATA_ADDRESS):
                names.append(_bind(name_server, socket.SOCK_DGRAM, device))
                names.append(_bind(name_server, socket.SOCK_STREAM, device))
        if settings.dhcp:
            port = RawPort.open(device, settings.network.server_ids)
            lookout = Lookout.open(device, port.hardware)
            if settings.pool.addresses:
                arp = ArpPort.open(device)
        control = doorbell.listen(files.control_socket)
    except (OSError, SettingsError) as problem:
        for each in (*listeners, *passwords, *names):
            each.close()
        for packets in (port, arp, lookout):
            if packets is not None:
                packets.close()
        if isinstance(problem, SettingsError):
            raise
        raise SettingsError(f"device {device}", _explain(problem, files)) from None
    udp = tuple(each for each in names if each.type == socket.SOCK_DGRAM)
    tcp = tuple(
        trio.SocketListener(trio.socket.from_stdlib_socket(each))
        for each in names
        if each.type == socket.SOCK_STREAM
    )
    http = tuple(listeners)
    return Sockets(port, http, tuple(passwords), control, udp, tcp, arp, lookout)


def _metadata_addresses(
    settings: Settings, device: str
) -> list[IPv4Address | IPv6Address]:
    """List where metadata are to be had: by IPv6 where `up` gave *device* that."""
    link = kernel.link(device)
    present = kernel.addresses(link.index) if link is not None else []
    ipv6 = [each.ip for each in settings.attachment.ipv6 if each in present]
    # CloudStack's agents ask whoever gave them their lease
    lessors = settings.network.server_ids
    also = lessors if "cloudstack" in settings.metadata.presets else ()
    return [METADATA_ADDRESS, *ipv6, *also]


def _bind(address: IPv4Address, kind: int, device: str) -> socket.socket:
    """Open a socket for DNS on exactly *address* and *device*."""
    found = socket.socket(socket.AF_INET, kind)
    try:
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        found.bind((str(address), DNS_PORT))
        if kind == socket.SOCK_STREAM:
            found.listen(BACKLOG)
        else:  # as much as the kernel lets us: a boot storm's questions come at once
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DNS_BUFFER)
    except BaseException:
        found.close()
        raise
    return found


def _explain(problem: OSError, files: NetworkLayout) -> str:
    match problem.errno:
        case errno.EADDRNOTAVAIL | errno.ENODEV:
            return (
                f"{problem.strerror}: the addresses are not there;"
                f" metalease up {files.name}"
            )
        case errno.EPERM | errno.EACCES:
            return (
                f"{problem.strerror}: run as root, or give CAP_NET_RAW and"
                " CAP_NET_BIND_SERVICE"
            )
        case errno.EADDRINUSE:
            return (
                f"{problem.strerror}: another program serves these ports here;"
                " stop it first (ss -lntup in the namespace shows it)"
            )
        case _:
            return str(problem.strerror)
