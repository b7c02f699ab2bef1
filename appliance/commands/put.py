"""`metalease put`: bind an address to a MAC, with what its guest is told.

What is given changes, what is not given stays; the same again changes nothing.
"""

import argparse
import json
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dhcp.hardware import HardwareAddress

from ..change import bring_in_force
from ..change import holder
from ..claims import Nic
from ..claims import advice
from ..claims import left_to
from ..claims import own_id
from ..directory import SUFFIX
from ..directory import StateDirectory
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..files import locked
from ..files import remove_file
from ..files import write_file
from ..layout import Layout
from ..layout import NetworkLayout
from ..records import Record
from ..records import read_record
from ..settings import load_settings
from ..state import State
from ..writing import forget
from ..writing import known_values
from ..writing import octets_at
from ..writing import old_address
from ..writing import read_document
from ..writing import sweep
from ..writing import write_all
from .claims import rivals_of
from .screen import add_outcome
from .screen import warn

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
    "router",
    "routes",
    "endpoint",
    "tokens",
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
        "--router",
        choices=("yes", "no"),
        help="with --no-default: whether it is told its gateway all the same",
    )
    parser.add_argument(
        "--tokens",
        choices=("optional", "required"),
        help="IMDSv2: whether its requests need one; if not the network's word",
    )
    parser.add_argument(
        "--endpoint",
        choices=("yes", "no"),
        help="whether it is served metadata at all; if not the network's word",
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
    add_outcome(parser)
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
        sweep(files.bindings, files.metadata / str(address))
        bound = holder(files, address)
        mac = _mac(options.mac, bound, address)
        path = files.bindings / (mac.digits + SUFFIX)
        values = known_values(path)
        values |= {"mac": str(mac), "ip": str(address)} | given
        _unset(values, options.unset)
        record = read_record(values, f"put {files.name} {address}", settings)
        if "client_id" in given:
            _check_client_id(State(StateDirectory(files.bindings), settings), record)
        before = octets_at(path)
        rivals, own = rivals_of(files, record), Nic(files.name, record)
        lines = [advice(other, own) for other in rivals]
        if rivals and before is None:  # who was here first keeps it, unless told
            values["metadata_route"] = False
            lines = [left_to(rivals[0], own)]
        further = not record.binding.default_network
        if further and before is None and record.instance_id is None:
            lines.append(own_id(own))
        text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        wanted = {
            files.metadata / str(address) / name: octets
            for name, octets in documents.items()
        }
        old = old_address(path, address)
        left = None if old is None else files.metadata / str(old)
        write_all({**wanted, path: text.encode()}, left, files.metadata / str(address))
        # still locked: who asks next for the holder of an address hears of this one
        done = f"{mac} is bound to {address} on disk"
        try:
            bring_in_force(files, [mac.digits], done)
        except SettingsError as problem:
            if problem.exit_code != NOT_RUNNING:
                _take_back(files, path, before)
                raise
            forget(files, old)
            raise
        forget(files, old)
    for line in lines:
        warn(line)
    return 0


def _take_back(files: NetworkLayout, path: Path, before: bytes | None) -> None:
    """Put the binding back that was there: the daemon has refused the new one."""
    if before is None:
        remove_file(path)
    else:
        write_file(path, before)
    with suppress(SettingsError):  # it said already what is wrong
        bring_in_force(files, [path.name.removesuffix(SUFFIX)], "")


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


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keys that were given on the command line."""
    values: dict[str, Any] = {}
    for name in (*TEXTS, *NUMBERS):
        key = name.replace("-", "_")
        values[key] = getattr(options, key)
    values["dns"], values["routes"] = options.dns, options.route
    values["default_network"] = options.default_network
    values["tokens"] = options.tokens
    for key in ("metadata_route", "router", "endpoint"):
        said = getattr(options, key)
        if said is not None:
            values[key] = said == "yes"
    values["options"] = _pairs("--option", options.option)
    values["meta"] = _pairs("--meta", options.meta)
    keys = _pairs("--ssh-key", options.ssh_key)
    if keys is not None:
        keys = {name: _key_text(file) for name, file in keys.items()}
    values["public_keys"] = keys
    return {key: value for key, value in values.items() if value is not None}


def _key_text(file: str) -> str:
    try:
        return read_document(file).decode().strip()
    except UnicodeDecodeError:
        raise SettingsError("--ssh-key", f"{file!r} is not UTF-8 text") from None


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
