"""Every socket of one network, opened where its guests are.

Bound to exact addresses and to the device: a guest reaches DHCP and metadata, and
nothing else.
"""

import errno
import socket
from dataclasses import dataclass

import trio

from dhcp.port import RawPort
from httpd.listener import open_listener

from . import doorbell
from .attachment import METADATA_ADDRESS
from .errors import SettingsError
from .layout import NetworkLayout
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Sockets:
    """What the daemon serves; its to close."""

    dhcp: RawPort | None
    http: tuple[socket.socket, ...]
    control: trio.SocketListener


def open_sockets(settings: Settings, files: NetworkLayout, device: str) -> Sockets:
    """Open everything, or raise SettingsError with nothing left open."""
    control = doorbell.listen(files.control_socket)
    port: RawPort | None = None
    listeners: list[socket.socket] = []
    try:
        for number in settings.metadata.ports:
            listeners.append(
                open_listener(
                    METADATA_ADDRESS,
                    number,
                    device=device,
                    save_syn=settings.metadata.identity == "ip+mac",
                )
            )
        if settings.dhcp:
            port = RawPort.open(device, settings.network.server_ids)
    except OSError as problem:
        doorbell.close(control, files.control_socket)
        for listener in listeners:
            listener.close()
        raise SettingsError(f"device {device}", _explain(problem, files)) from None
    return Sockets(port, tuple(listeners), control)


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
