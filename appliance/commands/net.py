"""`metalease net`: the networks of this host."""

import argparse
import os
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from ..attachment import Bridged
from ..attachment import Device
from ..directory import StateDirectory
from ..errors import SettingsError
from ..layout import Layout
from ..layout import NetworkLayout
from ..networks import check_beside
from ..networks import demand_stopped
from ..networks import is_running
from ..networks import take_away
from ..rules import load_rules
from ..settings import Settings
from ..settings import load_settings
from ..state import State
from .claims import all_contests
from .dropped import list_documents
from .net_add import add
from .net_add import describe_add
from .screen import add_outcome
from .screen import plural
from .screen import print_json
from .screen import print_table
from .screen import warn
from .upstreams import unanswered

# presets whose clients know no tokens of EC2's
TOKENLESS_PRESETS = (
    *("openstack", "nocloud", "zstack", "cloudstack"),
    *("digitalocean", "hetzner", "vultr", "gce"),
)
NAMED_AT_MOST = 5  # guests of a note

WORDS = {
    "add": "add a network, from a file or from options",
    "ls": "list the networks",
    "show": "show a network's settings as they are understood",
    "check": "check files, rules, bindings and, as root, what `up` made",
    "rm": "remove a network that is not running",
}


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(required=True, metavar="|".join(WORDS))
    acts = {"add": add, "ls": list_networks, "show": show, "check": check, "rm": remove}
    for name, text in WORDS.items():
        command = words.add_parser(
            name, help=text, description=text, allow_abbrev=False
        )
        if name != "ls":
            optional = "?" if name == "check" else None
            command.add_argument("network", metavar="NET", nargs=optional)
        if name in ("ls", "show", "check"):
            command.add_argument("--json", action="store_true")
        else:
            add_outcome(command)
        if name == "rm":
            command.add_argument(
                "--force", action="store_true", help="with its bindings and documents"
            )
        if name == "add":
            describe_add(command)
        command.set_defaults(act=acts[name])


def list_networks(options: argparse.Namespace, layout: Layout) -> int:
    rows, found, code = [], [], 0
    for name in layout.network_names():
        files = layout.network(name)
        try:
            settings = load_settings(files)
        except SettingsError as problem:
            warn(problem)
            code = 1
            continue
        subnets = [str(each) for each in settings.attachment.subnets]
        running = is_running(files)
        found.append(
            {
                "network": name,
                "subnets": subnets,
                "attached": _attached(settings),
                "running": running,
            }
        )
        state = "running" if running else "not running"
        rows.append((name, ", ".join(subnets), _attached(settings), state))
    if options.json:
        print_json(found)
    elif rows:
        print_table(("NETWORK", "SUBNETS", "ATTACHED", "DAEMON"), rows)
    elif not code:
        warn("no networks yet: metalease net add NET FILE")
    return code


def _attached(settings: Settings) -> str:
    match settings.attachment.where:
        case Bridged(bridge=bridge):
            return f"bridge {bridge}"
        case Device(name):
            return f"device {name}"


def show(options: argparse.Namespace, layout: Layout) -> int:
    settings = load_settings(layout.network(options.network))
    network, where = settings.network, settings.attachment.where
    values: dict[str, Any] = {
        "network": settings.name,
        "file": str(settings.file),
        "ranges": [
            {
                "subnet": str(each.subnet),
                "gateway": str(each.gateway) if each.gateway else None,
                "dhcp_address": str(each.server_id),
            }
            for each in network.ranges
        ],
        "attached": _attached(settings),
        "namespace": where.namespace if isinstance(where, Bridged) else None,
        "mtu": network.mtu,
        "dns": [str(each) for each in network.dns],
        "domain": network.domain,
        "routes": [str(each) for each in network.routes],
        "dhcp": settings.dhcp,
        "lease_time": network.lease_time,
        "authoritative": network.authoritative,
        "options": {str(code): each.hex() for code, each in network.options.items()},
        "ports": list(settings.metadata.ports),
        "presets": list(settings.metadata.presets),
        "endpoint": settings.metadata.endpoint,
        "tokens": settings.metadata.tokens,
        "hop_limit": settings.metadata.hop_limit,
        "reject_forwarded": settings.metadata.reject_forwarded,
        "identity": settings.metadata.identity,
        "unknown": settings.metadata.unknown,
        "connections_per_ip": settings.limits.connections_per_ip,
        "connections_total": settings.limits.connections_total,
    }
    if options.json:
        print_json(values)
        return 0
    for key, value in values.items():
        print(f"{key:20} {value if value is not None else '-'}")
    return 0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at a network found, in an operator's words."""

    problems: list[str]
    """What is wrong."""
    notes: list[str] = field(default_factory=list)
    """What is meant, perhaps."""


def check(options: argparse.Namespace, layout: Layout) -> int:
    """Say everything that is wrong; 1 where anything is."""
    names = [options.network] if options.network else layout.network_names()
    contests = all_contests(layout)
    found = {name: check_network(layout.network(name)) for name in names}
    beside = _all_settings(layout)
    for name, each in found.items():
        each.problems.extend(_clashes(name, beside))
        each.notes.extend(contests.get(name, ()))
    if options.json:
        print_json({name: asdict(each) for name, each in found.items()})
    else:
        for name, each in found.items():
            number = len(each.problems)
            print(f"{name}: {plural(number, 'problem') if number else 'ok'}")
            for line in (*each.problems, *(f"note: {note}" for note in each.notes)):
                print(f"  {line}")
    return 1 if any(each.problems for each in found.values()) else 0


def _all_settings(layout: Layout) -> dict[str, Settings]:
    """Read each network that can be read: the others are told of by themselves."""
    found = {}
    for name in layout.network_names():
        with suppress(SettingsError):
            found[name] = load_settings(layout.network(name))
    return found


def _clashes(name: str, networks: Mapping[str, Settings]) -> Iterator[str]:
    """Say which of *networks* it cannot live beside: an edit asks nobody."""
    for each in networks.values():
        if name in networks and each.name != name:
            try:
                check_beside(networks[name], each)
            except SettingsError as problem:
                yield str(problem)


def check_network(files: NetworkLayout) -> Checked:
    try:
        settings = load_settings(files)
        rules = load_rules(settings, files)
        if settings.dns.enabled:
            from ..naming import read_zone

            read_zone(files, settings.network.domain)
    except SettingsError as problem:
        return Checked([str(problem)])
    state = State(StateDirectory(files.bindings), settings)
    state.load()
    problems = [str(problem) for problem in state.problems.values()]
    if os.geteuid() == 0 or isinstance(settings.attachment.where, Device):
        from .. import links

        problems += links.check(settings.attachment)
    return Checked(problems, _closed_by_tokens(settings, state) + unanswered(rules))


def _closed_by_tokens(settings: Settings, state: State) -> list[str]:
    """Say which presets `required` closes: their clients never ask for a token."""
    closed = [each for each in settings.metadata.presets if each in TOKENLESS_PRESETS]
    if not closed:
        return []
    what = f"closes {', '.join(closed)}: their clients fetch no token"
    if settings.metadata.tokens == "required":
        return [f'[metadata] tokens = "required" {what}']
    guests = sorted(
        record.ip for record in state.records.values() if record.tokens == "required"
    )
    if not guests:
        return []
    named = ", ".join(map(str, guests[:NAMED_AT_MOST]))
    more = len(guests) - NAMED_AT_MOST
    whose = f"{named} and {more} more" if more > 0 else named
    return [f'tokens = "required" of {whose} {what}']


def remove(options: argparse.Namespace, layout: Layout) -> int:
    """Remove a network's file, and with --force what is bound in it."""
    files = layout.network(options.network)
    load_settings(files)
    demand_stopped(files)
    bound = len(StateDirectory(files.bindings).stamps())
    dropped = len(list_documents(files.metadata)) + len(list_documents(files.shared))
    if (bound or dropped) and not options.force:
        raise SettingsError(
            f"network {files.name}",
            f"has {plural(bound, 'binding')} and {plural(dropped, 'document')}:"
            " remove them first, or --force",
        )
    take_away(files)
    for left in (files.rules, files.zone):
        if left.exists():
            warn(f"{left} stays, and is for the next network {files.name}")
    return 0
