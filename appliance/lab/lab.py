"""`metalease lab`: a whole network with guests that boot, to look at.

Nothing is prepared and nothing is left: the machine is made of namespaces that this
process holds, so its end in any way, kill -9 too, is the end of the lab.
"""

import argparse
import json
import select
import sys
import time
from collections.abc import Generator
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SettingsError
from . import crawl
from . import screen
from .cell import require
from .clients import CLIENTS
from .clients import boot
from .crawl import Row
from .guest import Guest
from .installation import COMMAND
from .installation import Daemon
from .installation import Event
from .installation import Installation
from .machine import Machine
from .patience import TooSlowError
from .patience import until
from .screen import Story

NETWORK = "n1"
BRIDGE = "br0"
GATEWAY = "10.0.0.1"
NET_ADD = (
    *("net", "add", NETWORK, "--bridge", BRIDGE, "--subnet", "10.0.0.0/24"),
    *("--gateway", GATEWAY, "--dhcp-address", "10.0.0.2"),
)
UP_WITHIN = 60.0  # seconds until the next guest is up
USER_DATA = """\
#cloud-config
packages: [nginx]
runcmd: ["echo this is {name}"]
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """A guest of the lab, and what is worth knowing about its client."""

    name: str
    ip: str
    mac: str
    client: str
    habit: str = ""


PLANS = (
    Plan("web-1", "10.0.0.11", "fa:16:3e:00:00:11", "dhclient"),
    Plan(
        "web-2",
        "10.0.0.12",
        "fa:16:3e:00:00:12",
        "udhcpc",
        "it ignores the metadata route of option 121: what it sends to its gateway"
        " the bridge brings to us",
    ),
    Plan(
        "web-3",
        "10.0.0.13",
        "fa:16:3e:00:00:13",
        "dhcpcd",
        "it probes its new address by ARP for some 5 s before it uses it",
    ),
)
TRIES = (
    (COMMAND, "ls", NETWORK),
    (COMMAND, "show", NETWORK, PLANS[0].ip),
    (COMMAND, "status", NETWORK),
    (COMMAND, "explain", NETWORK, "dhcp", PLANS[1].mac),
    (COMMAND, "explain", NETWORK, "http", PLANS[0].ip, "GET", "/latest/user-data"),
    ("tcpdump", "-eni", BRIDGE),
)


def main(arguments: Sequence[str]) -> int:
    """Build the lab, show it, and take it down."""
    parser = argparse.ArgumentParser(prog="metalease lab", description=__doc__)
    parser.add_argument(
        "--keep",
        type=float,
        metavar="SECONDS",
        help="stay that long for looking around (default: until Enter, on a terminal)",
    )
    keep: float | None = parser.parse_args(arguments).keep
    require("nft", *(each for plan in PLANS for each in CLIENTS[plan.client].programs))
    try:
        with Machine() as machine:
            show(machine, keep)
    except KeyboardInterrupt:
        print("\ninterrupted; all of it is gone.")
        return 130
    except TooSlowError as problem:
        raise SettingsError("lab", str(problem)) from None
    print("All of it is gone; nothing outside was touched.")
    return 0


def show(machine: Machine, keep: float | None) -> None:
    print(screen.OPENING)
    machine.add_bridge(BRIDGE)
    gateway = machine.add_gateway(f"{GATEWAY}/24", bridge=BRIDGE)
    installation = Installation(machine)
    print("An operator types:")
    daemon = operate(installation)
    print()
    print(screen.LEGEND, flush=True)
    began = time.monotonic()
    guests = {
        plan.name: machine.add_guest(plan.name, plan.mac, bridge=BRIDGE)
        for plan in PLANS
    }
    lives = [live(plan, guests[plan.name], daemon) for plan in PLANS]
    stories: list[Story] = []
    while lives:
        up = until(
            lambda: advance(lives), "a guest is up", within=UP_WITHIN, log=daemon.log
        )
        stories += up
        print(*map(screen.table, up), sep="\n", flush=True)
    print(screen.RULE)
    print(screen.ending(stories, time.monotonic() - began))
    doors = {
        "hypervisor": machine.entrance(),
        **{name: guest.entrance() for name, guest in guests.items()},
        "gateway": gateway.entrance(),
    }
    print(screen.look_around(doors, TRIES), flush=True)
    linger(keep)


def operate(installation: Installation) -> Daemon:
    """Type the commands that make the network and its guests, and show them."""
    print(screen.typed(NET_ADD))
    installation.succeed(*NET_ADD)
    print(screen.typed(("run", NETWORK)), end="", flush=True)
    began = time.monotonic()
    daemon = installation.start(NETWORK)
    print(f" &    # ready after {(time.monotonic() - began) * 1000:.0f} ms")
    for plan in PLANS:
        file = f"/run/{plan.name}.yaml"
        installation.machine.path(file).write_text(USER_DATA.format(name=plan.name))
        named = ("--hostname", plan.name, "--user-data", file)
        command = ("put", NETWORK, plan.ip, "--mac", plan.mac, *named)
        print(screen.typed(command), flush=True)
        installation.succeed(*command)
    return daemon


def live(plan: Plan, guest: Guest, daemon: Daemon) -> Generator[None, None, Story]:
    """Boot one guest; yield while there is nothing to do but wait."""
    began = time.monotonic()
    client = boot(CLIENTS[plan.client], guest)
    while (code := client.poll()) is None:
        yield
    took = (time.monotonic() - began) * 1000
    if code != 0:
        log = f"{client.output()}\n{daemon.log()}"
        raise SettingsError("lab", f"{plan.client} in {plan.name} failed:\n{log}")
    crawling = guest.start([sys.executable, "-I", "-S", crawl.__file__])
    while crawling.poll() is None:
        yield
    rows = [Row(**json.loads(line)) for line in crawling.stdout().splitlines()]
    return Story(
        name=plan.name,
        mac=plan.mac,
        client=plan.client,
        habit=plan.habit,
        dhcp=[each for each in daemon.events() if is_dhcp_of(plan.mac, each)],
        client_ms=took,
        addresses=guest.addresses(),
        routes=guest.routes(),
        crawl=rows,
    )


def is_dhcp_of(mac: str, event: Event) -> bool:
    return event.kind == "dhcp" and event["mac"] == mac


def advance(lives: list[Generator[None, None, Story]]) -> list[Story]:
    """Let each guest do what it can; return the stories of those that are up."""
    up = []
    for life in list(lives):
        try:
            next(life)
        except StopIteration as end:
            lives.remove(life)
            up.append(end.value)
    return up


def linger(keep: float | None) -> None:
    """Let a person look around: until Enter, or for *keep* seconds."""
    if sys.stdin.isatty():
        print("Press Enter to end it.", flush=True)
        select.select([sys.stdin], [], [], keep)
    elif keep is not None:
        select.select([], [], [], keep)
