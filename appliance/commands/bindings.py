"""`metalease ls`, `show`, `rm` and `accept`: what is bound, and no more."""

import argparse
import json
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dhcp.hardware import HardwareAddress

from ..change import bring_in_force
from ..change import find_on_disk
from ..change import holder
from ..change import ring_daemon
from ..change import ring_host
from ..directory import SUFFIX
from ..directory import StateDirectory
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..files import TEXT_AT_MOST
from ..files import delete_aside
from ..files import locked
from ..files import read_octets
from ..files import remove_file
from ..files import remove_tree
from ..files import set_aside
from ..layout import Layout
from ..layout import NetworkLayout
from ..records import Record
from ..settings import load_settings
from ..state import State
from .dropped import list_documents
from .screen import add_outcome
from .screen import plural
from .screen import print_json
from .screen import print_table
from .screen import warn


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    if word in ("show", "rm"):
        parser.add_argument("who", metavar="IP|MAC")
    if word == "show":
        parser.add_argument(
            "--documents",
            action="store_true",
            help="what the guest can be served: own, by default/, or made",
        )
    if word in ("ls", "show"):
        parser.add_argument("--json", action="store_true")
    else:
        add_outcome(parser)
    acts = {"ls": list_bindings, "show": show, "rm": remove, "accept": accept}
    parser.set_defaults(act=acts[word])


def list_bindings(options: argparse.Namespace, layout: Layout) -> int:
    """List every binding on disk, and what its daemon has heard of the guest."""
    files = layout.network(options.network)
    state = State(StateDirectory(files.bindings), load_settings(files))
    state.load()
    activity = _activity(files)
    records = sorted(state.records.values(), key=lambda record: record.ip)
    if options.json:
        print_json([_as_json(record, activity) for record in records])
    elif records:
        rows = [
            (
                each.ip,
                each.mac,
                each.hostname,
                "" if each.binding.default_network else "further NIC",
                _heard(activity, each),
            )
            for each in records
        ]
        print_table(("IP", "MAC", "HOSTNAME", "KIND", "LAST ACK"), rows)
    else:
        warn(f"no bindings yet: metalease put {files.name} IP --mac MAC")
    for problem in state.problems.values():
        warn(problem)
    return 1 if state.problems else 0


def _activity(files: NetworkLayout) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = ring_daemon(files, {"op": "activity"})["activity"]
    except SettingsError:
        return None  # not running, or not for us to ask: the files are enough
    return found


def _as_json(record: Record, activity: dict[str, Any] | None) -> dict[str, Any]:
    heard = (activity or {}).get(str(record.mac), {})
    return {
        "mac": str(record.mac),
        "ip": str(record.ip),
        "hostname": record.hostname,
        "default_network": record.binding.default_network,
        "acknowledged": heard.get("acknowledged"),
        "conflict": heard.get("conflict"),
    }


def _heard(activity: dict[str, Any] | None, record: Record) -> str:
    if activity is None:
        return "(not running)"
    heard = activity.get(str(record.mac), {})
    if heard.get("conflict"):
        return f"conflict: {heard['conflict']}"
    if heard.get("acknowledged"):
        return f"{int(time.time() - heard['acknowledged'])} s ago"
    return "never"


def find(
    files: NetworkLayout,
    who: str,
    at: Callable[[NetworkLayout, IPv4Address], HardwareAddress | None] = find_on_disk,
) -> HardwareAddress:
    """Return the MAC of the binding that *who*, an IP or a MAC, means; *at* says whose
    an IP is.
    """
    try:
        mac: HardwareAddress | None = HardwareAddress.parse(who)
    except ValueError:
        try:
            mac = at(files, IPv4Address(who))
        except ValueError:
            raise SettingsError(who, "is neither an IP nor a MAC") from None
    if mac is None or not (files.bindings / (mac.digits + SUFFIX)).exists():
        raise SettingsError(
            f"network {files.name}",
            f"nothing is bound to {who}: metalease ls {files.name}",
        )
    return mac


def show(options: argparse.Namespace, layout: Layout) -> int:
    """Show a binding as it is on disk, what follows from it, and its documents."""
    from ..dialects.told import instance_id

    files = layout.network(options.network)
    settings = load_settings(files)
    mac = find(files, options.who)
    state = State(StateDirectory(files.bindings), settings)
    name = mac.digits + SUFFIX
    state.update(state.directory.read_all([name]), {}, commanded=True)
    if mac.octets not in state.records:
        raise state.problems[name]
    record = state.records[mac.octets]
    if options.documents:
        from .documents import show_documents

        show_documents(files, settings, record, as_json=options.json)
        return 0
    values = json.loads((files.bindings / name).read_bytes())
    follows = {
        "hostname": record.hostname,
        "instance_id": instance_id(settings, record),
    }
    documents = list_documents(files.metadata / str(record.ip))
    if options.json:
        print_json({**values, **follows, "documents": documents})
        return 0
    for key, value in {**values, **follows}.items():
        print(f"{key:16} {value if isinstance(value, str) else json.dumps(value)}")
    for path, size in documents.items():
        print(f"{'document':16} {path} ({plural(size, 'octet')})")
    return 0


def remove(options: argparse.Namespace, layout: Layout) -> int:
    """Remove a binding, then its documents: a freed address keeps nothing."""
    files = layout.network(options.network)
    load_settings(files)
    with locked(files.lock):
        mac = find(files, options.who, holder)
        path = files.bindings / (mac.digits + SUFFIX)
        address = _address_in(path)
        # a file can say an address that is another's, with his documents
        free = address is not None and holder(files, address) in (None, mac)
        # out of sight first: whoever is bound next must not find them
        aside = set_aside(files.metadata / str(address)) if free else None
        if free:  # what it wrote back is worth nothing to who comes next
            remove_tree(files.spool / str(address))
        try:
            remove_file(path)
        except SettingsError:
            if aside is not None:
                aside.rename(files.metadata / str(address))
            raise
        try:
            bring_in_force(files, [mac.digits], f"{mac} is removed on disk")
        finally:
            if aside is not None:
                delete_aside(aside)
    return 0


def _address_in(path: Path) -> IPv4Address | None:
    try:
        return IPv4Address(json.loads(read_octets(path, TEXT_AT_MOST))["ip"])
    except (
        FileNotFoundError,
        KeyError,
        RecursionError,
        SettingsError,
        TypeError,
        ValueError,
    ):
        return None  # a bad file has no documents that we could know


def accept(options: argparse.Namespace, layout: Layout) -> int:
    """Let the bindings go whose files vanished at once without a command."""
    files = layout.network(options.network)
    load_settings(files)
    try:
        answer = ring_daemon(files, {"op": "accept"})
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            raise SettingsError(
                f"network {files.name}",
                "its daemon is not running, so nothing is held back:"
                f" metalease ls {files.name} shows what is bound",
                exit_code=NOT_RUNNING,
            ) from None
        raise
    ring_host(files, {"op": "accept"})
    if not options.outcome:
        print(f"{plural(len(answer['gone']), 'binding')} let go")
    return 0
