"""`metalease put`: bind an address to a MAC, with what its guest is told.

What is given changes, what is not given stays; the same again changes nothing.
"""

import argparse
import json
import os
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dhcp.hardware import HardwareAddress

from ..directory import SUFFIX
from ..directory import StateDirectory
from ..errors import SettingsError
from ..files import locked
from ..files import make_directory
from ..files import remove_tree
from ..files import write_file
from ..layout import Layout
from ..layout import NetworkLayout
from ..records import Record
from ..records import read_record
from ..settings import load_settings
from ..state import State
from .change import bring_in_force
from .change import holder

DOCUMENT_AT_MOST = 64 * 1024 * 1024  # octets

# option, key of the binding
TEXTS = {
    "hostname": "the guest's name (default: ip-10-0-0-5)",
    "instance-id": "its id (default: a UUID of network and MAC)",
    "gateway": "its router, if not the network's",
    "domain": "its domain, if not the network's",
    "lease-time": "like 1d, 12h, 90s or infinite",
    "client-id": "the DHCP client-id that finds this binding too, in hex",
    "admin-pass": "the password that OpenStack's meta_data.json tells",
}
NUMBERS = {"mtu": "octets", "prefix": "the subnet's width, if not the network's"}
LISTS = {
    "dns": "a name server, if not the network's",
    "route": "'10.9.0.0/16 via 10.0.0.9'",
}


OTHERS = (
    "default_network",
    "dns",
    "interfaces",
    "meta",
    "metadata_route",
    "options",
    "public_keys",
    "routes",
)


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    parser.add_argument("ip", metavar="IP")
    parser.add_argument("--mac", help="the NIC's MAC; needed for a new binding")
    for name, text in TEXTS.items():
        parser.add_argument(f"--{name}", help=text)
    for name, text in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, help=text)
    for name, text in LISTS.items():
        parser.add_argument(
            f"--{name}", action="append", help=f"{text}; may be repeated"
        )
    parser.add_argument(
        "--option",
        action="append",
        metavar="CODE=VALUE",
        help="a DHCP option: 42=10.0.0.3",
    )
    parser.add_argument(
        "--ssh-key", action="append", metavar="NAME=FILE", help="a public key"
    )
    parser.add_argument("--meta", action="append", metavar="KEY=VALUE")
    default = parser.add_mutually_exclusive_group()
    default.add_argument(
        "--no-default",
        dest="default_network",
        action="store_const",
        const=False,
        help="a further NIC of the guest: no default route, no DNS",
    )
    default.add_argument(
        "--default", dest="default_network", action="store_const", const=True
    )
    parser.add_argument(
        "--metadata-route",
        choices=("yes", "no"),
        help="the way to 169.254.169.254 is by this NIC",
    )
    parser.add_argument(
        "--unset",
        action="append",
        default=[],
        metavar="KEY",
        help="a key as it is in show",
    )
    parser.add_argument("--user-data", metavar="FILE|-", help="its bytes, unchanged")
    parser.add_argument("--vendor-data", metavar="FILE|-")
    parser.set_defaults(act=put)


def put(options: argparse.Namespace, layout: Layout) -> int:
    """Write the documents, then the binding, then have both in force."""
    files = layout.network(options.network)
    settings = load_settings(files)
    address = _address(options.ip)
    _check_input(options)
    documents = {
        name: read_document(given)
        for name, given in (
            ("user-data", options.user_data),
            ("vendor-data", options.vendor_data),
        )
        if given is not None
    }
    given = _given(options)
    with locked(files.lock):
        bound = holder(files, address)
        mac = _mac(options.mac, bound, address)
        path = files.bindings / (mac.digits + SUFFIX)
        values = _known(path)
        values |= {"mac": str(mac), "ip": str(address)} | given
        _unset(values, options.unset)
        record = read_record(values, f"put {files.name} {address}", settings)
        if "client_id" in given:
            _check_client_id(State(StateDirectory(files.bindings), settings), record)
        _move_documents(files, path, address)
        for name, octets in documents.items():
            write_if_new(files.metadata / str(address) / name, octets)
        text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        write_if_new(path, text.encode())
        # still locked: who asks next for the holder of an address hears of this one
        bring_in_force(files, [mac.digits], f"{mac} is bound to {address} on disk")
    return 0


def write_if_new(path: Path, octets: bytes) -> None:
    """Write *octets* at *path*, unless they are there already."""
    try:
        if path.read_bytes() == octets:
            return
    except OSError:
        pass  # not there, or not to be read: writing will say
    write_file(path, octets)


def read_document(given: str) -> bytes:
    """Return the octets of a file, or of standard input for "-"."""
    try:
        if given == "-":
            octets = sys.stdin.buffer.read(DOCUMENT_AT_MOST + 1)
        else:
            with open(given, "rb") as file:
                octets = file.read(DOCUMENT_AT_MOST + 1)
    except OSError as problem:
        raise SettingsError(given, f"cannot be read: {problem.strerror}") from None
    if len(octets) > DOCUMENT_AT_MOST:
        raise SettingsError(given, f"is larger than {DOCUMENT_AT_MOST >> 20} MiB")
    return octets


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise SettingsError("IP", f"{text!r} is not an IPv4 address") from None


def _mac(
    given: str | None, bound: HardwareAddress | None, address: IPv4Address
) -> HardwareAddress:
    if given is None:
        if bound is None:
            raise SettingsError("--mac", f"{address} is not bound yet: give its MAC")
        return bound
    try:
        mac = HardwareAddress.parse(given)
    except ValueError as problem:
        raise SettingsError("--mac", str(problem)) from None
    if bound is not None and bound != mac:
        raise SettingsError(
            f"put {address}",
            f"it is bound to {bound}, not to {mac}: remove that binding first",
        )
    return mac


def _known(path: Path) -> dict[str, Any]:
    """Return the binding that is there; a bad one is replaced."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keys that were given on the command line."""
    values: dict[str, Any] = {}
    for name in (*TEXTS, *NUMBERS):
        key = name.replace("-", "_")
        values[key] = getattr(options, key)
    values["dns"], values["routes"] = options.dns, options.route
    values["default_network"] = options.default_network
    if options.metadata_route is not None:
        values["metadata_route"] = options.metadata_route == "yes"
    values["options"] = _pairs("--option", options.option)
    values["meta"] = _pairs("--meta", options.meta)
    keys = _pairs("--ssh-key", options.ssh_key)
    if keys is not None:
        keys = {
            name: read_document(file).decode("utf-8", "replace").strip()
            for name, file in keys.items()
        }
    values["public_keys"] = keys
    return {key: value for key, value in values.items() if value is not None}


def _check_input(options: argparse.Namespace) -> None:
    keys = [each.partition("=")[2] for each in options.ssh_key or ()]
    if [options.user_data, options.vendor_data, *keys].count("-") > 1:
        raise SettingsError("-", "standard input can be read only once")


def _check_client_id(state: State, record: Record) -> None:
    """Refuse a client-id that finds another binding already."""
    state.load()
    named = record.binding.client_id or b""
    found = state.table.find(b"", named)
    if found is not None and found.hardware != record.mac:
        what = f"{named.hex()} is bound to {found.hardware}, not to {record.mac}"
        raise SettingsError("--client-id", f"{what}: remove that binding first")


def _unset(values: dict[str, Any], keys: list[str]) -> None:
    """Take *keys* away; one that no binding has is a slip of the pen."""
    given = {*TEXTS, *NUMBERS, *OTHERS}
    known = sorted({key.replace("-", "_") for key in given} | values.keys())
    for each in keys:
        key = each.replace("-", "_")
        if key not in known:
            from difflib import get_close_matches  # slow to import, seldom needed

            near = get_close_matches(key, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else ", ".join(known) + " are"
            raise SettingsError("--unset", f"{each!r} is no key: {hint}")
        values.pop(key, None)


def _pairs(option: str, given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise SettingsError(option, f"{each!r} is not like KEY=VALUE")
        pairs[key] = value
    return pairs


def _move_documents(files: NetworkLayout, path: Path, address: IPv4Address) -> None:
    """Take a guest's documents along to its new address."""
    try:
        old = IPv4Address(str(_known(path).get("ip")))
    except ValueError:
        return
    source, target = files.metadata / str(old), files.metadata / str(address)
    if old == address or not source.is_dir():
        return
    if not target.exists():
        source.rename(target)
        return
    # what was put there for it already is newer than what it brings
    for folder, _, names in os.walk(source):
        there = target / os.path.relpath(folder, source)
        for name in names:
            if not os.path.lexists(there / name):
                make_directory(there)
                os.replace(os.path.join(folder, name), there / name)
    remove_tree(source)  # a freed address keeps nothing for its next guest
