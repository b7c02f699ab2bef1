"""The way there: from theirs to ours, each step with nothing but the one before it.

What takes time is done while theirs serve still: the probe guest is there, and all that
`up` makes. Whoever calls `go` puts everything back when it raises.
"""

import time
from collections.abc import Callable
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from typing import Final

from ..errors import SettingsError
from ..layout import NetworkLayout
from ..links import up
from ..settings import Settings
from ..veth import Pair
from . import bound
from . import journal
from . import jump
from . import ours
from . import processes
from . import theirs
from .exchange import PATH
from .exchange import Lease
from .found import Found
from .found import Program
from .guest import Guest

REMINDER: Final = (
    "the kvmagent would start dnsmasq and lighttpd again at its next command: lead its"
    " commands to `metalease agent`, and enable our units (docs/operating.md)"
)


async def go(
    files: NetworkLayout, settings: Settings, found: Found, say: Callable[[str], None]
) -> None:
    """Take the network into service. Raises SettingsError or OSError."""
    attachment = settings.attachment
    daemons = await ours.choose(files.layout)
    keepers = {each: theirs.keeper_of(each) for each in found.roots}
    guest = Guest.of(Pair.of(attachment))
    guest.plug()
    address = await guest.find_free(bound.candidates(settings, files))
    bound.bind(files, guest.mac, address)
    if found.jump is not None:
        jump.remove(found.jump)
    up(attachment)
    files.not_in_service.unlink(missing_ok=True)
    began = time.monotonic()
    await processes.end(found.programs)
    say(f"stopped {', '.join(map(_named, found.programs))}")
    await daemons.start(files)
    window = (time.monotonic() - began) * 1000
    say(f"started {await ours.described(files)}")
    await ask(guest, settings, files, address)
    bound.unbind(files, guest.mac)
    guest.unplug()
    journal.close(files)
    say(f"a probe guest got {address} and its metadata; it is removed")
    say(f"{window:.0f} ms without an answer, from the stop until ours was ready")
    for program, keeper in keepers.items():
        if keeper:
            say(f"{_named(program)} was kept by {keeper}, which may start it again")
    say(REMINDER)


async def ask(
    guest: Guest, settings: Settings, files: NetworkLayout, address: IPv4Address
) -> None:
    """Have the probe guest boot as a guest does. Raises SettingsError."""
    lease = await guest.boot() if settings.dhcp else _by_hand(settings, address)
    if lease.address.ip != address:
        what = f"was given {lease.address.ip}, and is bound to {address}"
        raise SettingsError("the probe guest", what)
    guest.configure(lease)
    for port in settings.metadata.ports:
        status, body = await guest.read(port)
        if (status, body.strip()) != (200, bound.instance_id(files)):
            what = f"GET {PATH} at port {port} gives {status} {body.strip()[:80]!r}"
            raise SettingsError("the probe guest", what)
    if settings.dns.enabled:
        server = lease.server or settings.network.ranges[0].server_id
        rcode = await guest.resolve(server, address)
        if rcode != 0:
            what = f"asks {server} for the name of {address}, and gets RCODE {rcode}"
            raise SettingsError("the probe guest", what)


def _by_hand(settings: Settings, address: IPv4Address) -> Lease:
    """Return what the guest would be given, in a network without DHCP."""
    place = settings.network.range_of(address)
    width = 32 if place is None else place.subnet.prefixlen
    return Lease(IPv4Interface((address, width)), None, None)


def _named(program: Program) -> str:
    return f"{program.name} ({program.pid})"
