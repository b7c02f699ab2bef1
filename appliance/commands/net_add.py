"""`metalease net add`: a network's file is checked as a whole, then written."""

import argparse
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import write_public_file
from ..layout import Layout
from ..networks import check_others
from ..networks import demand_stopped
from ..networks import show_host
from ..reader import parse_toml
from ..rules import load_rules
from ..settings import parse_settings
from ..writing import read_document
from .screen import warn


def describe_add(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE|-", nargs="?")
    for name in ("subnet", "gateway", "dhcp-address", "domain", "lease-time"):
        command.add_argument(f"--{name}")
    command.add_argument("--bridge", help="the bridge of the guests")
    command.add_argument("--device", help="or a device, in a container")
    command.add_argument("--mtu", type=int)
    command.add_argument("--dns", action="append")
    command.add_argument("--route", action="append", metavar="'PREFIX via ROUTER'")


def add(options: argparse.Namespace, layout: Layout) -> int:
    """Check a network's file as a whole, then write it; one that is there stays."""
    files = layout.network(options.network)
    given = _from_options(options)
    if (options.file is None) == (not given):
        raise SettingsError("net add", "give a FILE, - or options like --subnet")
    where = "standard input" if options.file == "-" else options.file or "net add"
    if given:
        import toml

        text = toml.dumps(given)
    else:
        text = _text(where, read_document(options.file))
    settings = parse_settings(files, parse_toml(text, where), Path(where))
    load_rules(settings, files)
    check_others(settings, layout, report=warn)
    if files.settings.exists():
        if files.settings.read_text() == text:
            return 0
        raise SettingsError(
            files.settings, "is there already and yours: edit it, or net rm first"
        )
    demand_stopped(files)  # one that outlived its file serves what was in it
    write_public_file(files.settings, text.encode())
    if trouble := show_host(files):  # it is there when the daemon's unit is started
        warn(SettingsError(files.settings, f"is written, but {trouble}"))
    return 0


def _text(where: str, octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise SettingsError(where, "is not UTF-8 text") from None


def _from_options(options: argparse.Namespace) -> dict[str, Any]:
    tables: dict[str, dict[str, Any]] = {
        "network": {
            "subnet": options.subnet,
            "gateway": options.gateway,
            "dhcp_address": options.dhcp_address,
            "mtu": options.mtu,
            "dns": options.dns,
            "domain": options.domain,
            "routes": options.route,
        },
        "attach": {"bridge": options.bridge, "device": options.device},
        "dhcp": {"lease_time": options.lease_time},
    }
    chosen = {
        name: {key: value for key, value in table.items() if value is not None}
        for name, table in tables.items()
    }
    return {name: table for name, table in chosen.items() if table}
