"""`up` and `down`: the steps from a network's settings to its place in the kernel.

The order is H1's. A step remembers nothing from the one before it: each asks the
kernel what is there and makes, or repairs, the rest. So `up` may be killed anywhere,
run again, or run by the healer of `metalease host`, and ends the same.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Interface
from pathlib import Path
from typing import Final
from typing import TypeVar

from . import inside
from . import kernel
from . import namespace
from . import steering
from . import veth
from .attachment import Attachment
from .attachment import Bridged
from .attachment import Device
from .errors import SettingsError
from .inside import Interface
from .namespace import entered
from .steering import Steering
from .veth import Pair

T = TypeVar("T")

_CAP_NET_ADMIN: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must be so."""

    name: str
    missing: Callable[[Attachment], list[str]]
    """What is not as it should be, in an operator's words."""
    make: Callable[[Attachment], None]
    """Make it so; called when something is missing."""

    def take(self, attachment: Attachment) -> None:
        """Make what is missing. Raises SettingsError."""
        try:
            if self.missing(attachment):
                self.make(attachment)
        except OSError as problem:
            raise _refusal(attachment, self.name, problem) from problem


def up(attachment: Attachment) -> None:
    """Make, or repair, all of it. Raises SettingsError."""
    for step in steps(attachment):
        step.take(attachment)


def check(attachment: Attachment) -> list[str]:
    """List what is missing, in an operator's words: nothing when all is well."""
    found: list[str] = []
    for step in steps(attachment):
        try:
            found += step.missing(attachment)
        except (OSError, SettingsError) as problem:
            # what cannot be looked at stands on something that is missing already
            if isinstance(problem, OSError):
                problem = _refusal(attachment, step.name, problem)
            return found or [str(problem)]
    if isinstance(attachment.where, Device) and not may_change():
        found.append(
            "permanent neighbours are not kept, a guest may borrow another's address:"
            " give the container CAP_NET_ADMIN (--cap-add NET_ADMIN)"
        )
    return found


def down(attachment: Attachment) -> None:
    """Remove what `up` made, whatever of it is there. Raises SettingsError."""
    try:
        match attachment.where:
            case Bridged() as where:
                first = namespace.path(where.namespace)
                number = namespace.nsid(first) if namespace.exists(first) else None
                veth.remove(attachment.network, number)
                namespace.delete(where)
                steering.remove(attachment.network)
            case Device(name):
                if kernel.link(name):
                    inside.remove_addresses(
                        name, (*attachment.addresses, *attachment.ipv6)
                    )
    except OSError as problem:
        raise _refusal(attachment, "down", problem) from problem


def device(attachment: Attachment) -> str:
    """Name the device that guests are served on, in its namespace."""
    match attachment.where:
        case Bridged():
            return Pair.of(attachment).inner
        case Device(name):
            return name


def _ipv6(pair: Pair) -> tuple[IPv6Interface, ...]:
    """List its IPv6 addresses: none beside another network.

    Nothing in a guest's IPv6 frame says of which of two networks it is, as its IPv4
    address does (R3).
    """
    if not inside.knows_ipv6() or veth.shares_bridge(pair):
        return ()
    return pair.attachment.ipv6


def _addresses_of(pair: Pair) -> list[Interface]:
    return [*pair.attachment.addresses, *_ipv6(pair)]


def _settings_of(pair: Pair) -> dict[str, str]:
    inner = pair.inner
    ipv6 = inside.with_ipv6(inner) if _ipv6(pair) else inside.without_ipv6(inner)
    return {**inside.namespace_settings(inner), **ipv6}


def _settings_missing(pair: Pair) -> list[str]:
    wanted = _settings_of(pair)
    with entered(pair.namespace):
        return inside.settings_missing(wanted)


def _settings(pair: Pair) -> None:
    wanted = _settings_of(pair)
    with entered(pair.namespace):
        inside.set_settings(wanted)


def _addresses_missing(pair: Pair) -> list[str]:
    wanted = _addresses_of(pair)
    with entered(pair.namespace):
        return [
            *inside.addresses_missing(pair.inner, wanted),
            *inside.addresses_strange(pair.inner, wanted),
        ]


def _addresses(pair: Pair) -> None:
    wanted = _addresses_of(pair)
    with entered(pair.namespace):
        inside.remove_strange_addresses(pair.inner, wanted)
        inside.add_addresses(pair.inner, wanted)


def _inner_down(pair: Pair) -> list[str]:
    with entered(pair.namespace):
        return [] if inside.device(pair.inner).up else [f"{pair.inner} is down"]


def _inner_up(pair: Pair) -> None:
    with entered(pair.namespace), inside.route() as ip:
        ip.link("set", index=inside.device(pair.inner).index, state="up")


def _steering(pair: Pair) -> Steering:
    return Steering.of(
        pair.mac,
        subnets=pair.attachment.subnets,
        ours=(address.ip for address in pair.attachment.addresses),
        ours6=(address.ip for address in _ipv6(pair)),
        ports=veth.guest_ports(pair),
    )


def _steering_missing(pair: Pair) -> list[str]:
    wanted, loaded = _steering(pair), steering.loaded(pair.network)
    if loaded == wanted:
        return []
    if loaded is None:
        return [f"guests are not steered: no nft table {steering.table(pair.network)}"]
    late = ", ".join(sorted(wanted.ports - loaded.ports))
    return [f"guests are not steered as they should be{late and f', at {late}'}"]


def _steer(pair: Pair) -> None:
    steering.apply(pair.network, _steering(pair))


def _device_settings_missing(attachment: Attachment) -> list[str]:
    return inside.settings_missing(inside.device_settings(device(attachment)))


def _device_settings(attachment: Attachment) -> None:
    inside.set_settings(inside.device_settings(device(attachment)))


def _device_addresses_missing(attachment: Attachment) -> list[str]:
    # its other addresses are the container's own
    return inside.addresses_missing(*_device_and_addresses(attachment))


def _device_addresses(attachment: Attachment) -> None:
    inside.add_addresses(*_device_and_addresses(attachment))


def _device_and_addresses(attachment: Attachment) -> tuple[str, list[Interface]]:
    """Name the device and its addresses: IPv6 where it is ours to give, and allowed."""
    name = device(attachment)
    ipv6 = attachment.ipv6 if may_change() and inside.has_ipv6(name) else ()
    return name, [*attachment.addresses, *ipv6]


def _of_where(act: Callable[[Bridged], T]) -> Callable[[Attachment], T]:
    return lambda attachment: act(veth.bridged(attachment))


def _of_pair(act: Callable[[Pair], T]) -> Callable[[Attachment], T]:
    return lambda attachment: act(Pair.of(attachment))


STEPS: Final = (
    Step("namespace", _of_where(namespace.missing), _of_where(namespace.make)),
    Step(
        "second name",
        _of_where(namespace.not_named_again),
        _of_where(namespace.name_again),
    ),
    Step("number", _of_where(veth.no_number), _of_where(veth.give_number)),
    Step("pair", _of_pair(veth.wrong), _of_pair(veth.make)),
    Step("port", _of_pair(veth.not_a_port), _of_pair(veth.make_port)),
    Step("fixed", _of_pair(veth.not_fixed), _of_pair(veth.fix)),
    Step("settings", _of_pair(_settings_missing), _of_pair(_settings)),
    Step("addresses", _of_pair(_addresses_missing), _of_pair(_addresses)),
    Step("up", _of_pair(_inner_down), _of_pair(_inner_up)),
    Step("steering", _of_pair(_steering_missing), _of_pair(_steer)),
)
"""What a network with a bridge stands on, from the ground up."""

DEVICE_STEPS: Final = (
    Step("addresses", _device_addresses_missing, _device_addresses),
    Step("settings", _device_settings_missing, _device_settings),
)
"""What a network on somebody else's device needs: the rest of it is his."""


def steps(attachment: Attachment) -> tuple[Step, ...]:
    return STEPS if isinstance(attachment.where, Bridged) else DEVICE_STEPS


def _refusal(attachment: Attachment, step: str, problem: OSError) -> SettingsError:
    way_out = {
        errno.EPERM: _PRIVILEGE,
        errno.EACCES: _PRIVILEGE,
        errno.EROFS: _PRIVILEGE,
    }.get(problem.errno or 0, "")
    return SettingsError(f"network {attachment.network}", f"{step}: {problem}{way_out}")


_PRIVILEGE: Final = (
    ": run as root, a container with CAP_NET_ADMIN and a writable /proc/sys"
)


def may_change() -> bool:
    """Whether we have CAP_NET_ADMIN, without which nothing here can be made."""
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("CapEff:")[2].split(maxsplit=1)[0], 16)
    return bool(held & _CAP_NET_ADMIN)
