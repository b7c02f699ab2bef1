"""A change on its way: from the files to the daemon, and to the keeper of the host.

The files are the truth; then the bells are rung, and whoever rings waits until the
change is in force.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

from dhcp.hardware import HardwareAddress

from .bell import ring
from .directory import SUFFIX
from .directory import StateDirectory
from .errors import NOT_RUNNING
from .errors import SettingsError
from .layout import NetworkLayout

PATIENCE = 30.0  # seconds that a daemon under load may take


def ring_daemon(files: NetworkLayout, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the network's daemon; raises SettingsError (NOT_RUNNING: there is none)."""
    answer = ring(files.control_socket, request, timeout=PATIENCE)
    if not answer.get("ok"):
        raise SettingsError(f"network {files.name}", str(answer.get("error")))
    return answer


def ring_host(files: NetworkLayout, request: dict[str, Any]) -> bool:
    """Ask who keeps the neighbours; False where nobody does (a container)."""
    whole = {**request, "network": files.name}
    bells = [files.parent_socket]
    if not files.not_in_service.exists():  # else it is not the host's to keep
        bells.append(files.layout.host_socket)
    for path in bells:
        try:
            answer = ring(path, whole, timeout=PATIENCE)
        except SettingsError as problem:
            if problem.exit_code == NOT_RUNNING:
                continue
            raise
        if not answer.get("ok"):
            raise SettingsError(f"network {files.name}", str(answer.get("error")))
        return True
    return False


def bring_in_force(files: NetworkLayout, macs: Sequence[str], done: str) -> None:
    """Ring both for *macs* (12 digits each); raises SettingsError.

    The neighbour comes before the answers: nobody else ever gets them.
    """
    request = {"op": "apply", "macs": list(macs)}
    try:
        ring_host(files, request)
        ring_daemon(files, request)
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            raise not_running(files, done) from None
        raise


def not_running(files: NetworkLayout, done: str) -> SettingsError:
    return SettingsError(
        f"network {files.name}",
        f"{done}; its daemon is not running and will find it:"
        f" metalease run {files.name}",
        exit_code=NOT_RUNNING,
    )


def holder(files: NetworkLayout, address: IPv4Address) -> HardwareAddress | None:
    """Return the MAC that *address* is bound to.

    The daemon knows at once; without one every file is looked through.
    """
    try:
        answer = ring_daemon(files, {"op": "holder", "ip": str(address)})
    except SettingsError as problem:
        if problem.exit_code != NOT_RUNNING:
            raise
    else:
        mac = answer["mac"]
        if mac is not None:
            # it may have been removed a moment ago, and the daemon not told yet
            held = HardwareAddress.parse(mac)
            if (files.bindings / (held.digits + SUFFIX)).exists():
                return held
        return None
    return find_on_disk(files, address)


def find_on_disk(files: NetworkLayout, address: IPv4Address) -> HardwareAddress | None:
    """Return the MAC whose file says *address*, whatever else it says.

    The oldest file of several: so it is when a daemon starts.
    """
    import json

    directory = StateDirectory(files.bindings)
    stamps = directory.stamps()
    said = f'"{address}"'
    for name in sorted(stamps, key=lambda name: (stamps[name][2], name)):
        text = directory.read(name)
        if isinstance(text, str) and said in text:
            try:
                values = json.loads(text)
                if values.get("ip") == str(address):
                    return HardwareAddress.parse(name.removesuffix(SUFFIX))
            except (ValueError, AttributeError, RecursionError):
                continue  # a bad file binds nothing
    return None
