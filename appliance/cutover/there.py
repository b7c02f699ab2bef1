"""The way there: from theirs to ours, each step with nothing but the one before it.

What takes time is done while theirs serve still: the probe guest is there, and all that
`up` makes. Whoever calls `go` puts everything back when it raises, or is cancelled:
what waits for programs or locks is in a thread, so that a signal is heard meanwhile.
"""

import time
from collections.abc import Callable
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from typing import Final

import trio

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
    await trio.to_thread.run_sync(guest.plug)
    address = await guest.find_free(bound.candidates(settings, files))
    await trio.to_thread.run_sync(bound.bind, files, guest.mac, address)
    if found.jump is not None:
        await jump.remove(found.jump)
    await trio.to_thread.run_sync(up, attachment)
    files.not_in_service.unlink(missing_ok=True)
    await trio.lowlevel.checkpoint()  # who was told to end meanwhile stops nobody
    began = time.monotonic()
    with trio.CancelScope(shield=True):  # one that is about to end would pass for
        await processes.end(found.programs)  # one that serves, and not be put back
    say(f"stopped {', '.join(map(_named, found.programs))}")
    await daemons.start(files)
    window = (time.monotonic() - began) * 1000
    say(f"started {await ours.described(files)}")
    await ask(guest, settings, files, address)
    await trio.to_thread.run_sync(bound.unbind, files, guest.mac)
    await trio.to_thread.run_sync(guest.unplug)
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
