"""`metalease status`: how the networks are, in a line each, or one in full."""

import argparse
import time
from typing import Any

from ..change import ring_daemon
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..layout import Layout
from .screen import plural
from .screen import print_json
from .screen import print_table
from .screen import warn


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET", nargs="?", help="default: all")
    parser.add_argument(
        "--tokenless",
        action="store_true",
        help="the guests that read metadata without a token: with tokens ="
        ' "required" they would get 401; exit code 3: of a network whose daemon is not'
        " running nothing is known",
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(act=status)


def status(options: argparse.Namespace, layout: Layout) -> int:
    op = "tokenless" if options.tokenless else "status"
    if options.network is None:
        return (_all_tokenless if options.tokenless else _all)(options, layout)
    files = layout.network(options.network)
    if not files.settings.exists():
        raise SettingsError(files.settings, f"there is no network {files.name!r}")
    found = _ask(layout, options.network, op)
    if found is None:
        raise _not_running(files.name)
    if options.json:
        print_json(found["tokenless"] if options.tokenless else found)
    elif options.tokenless:
        _print_tokenless(found["tokenless"])
    else:
        _print(found)
    return 0


def _not_running(name: str) -> SettingsError:
    what = f"its daemon is not running: metalease run {name}"
    return SettingsError(f"network {name}", what, exit_code=NOT_RUNNING)


def _print_tokenless(found: list[dict[str, Any]]) -> None:
    if not found:
        print('no guest has: tokens = "required" is safe for those that asked')
        return
    heads = ("IP", "NAME", "REQUESTS", "LAST")
    print_table(heads, [_told(each) for each in found])


def _told(guest: dict[str, Any]) -> tuple[object, ...]:
    ago = f"{max(0, int(time.time() - guest['last']))} s ago"
    return guest["ip"], guest["hostname"] or "-", guest["requests"], ago


def _all_tokenless(options: argparse.Namespace, layout: Layout) -> int:
    """List the guests of every network; what is not known is told beside it."""
    found, silent = [], []
    for name in layout.network_names():
        answer = _ask(layout, name, "tokenless")
        if answer is None:
            silent.append(_not_running(name))
            continue
        found += [{"network": name, **each} for each in answer["tokenless"]]
    if options.json:
        print_json(found)
    elif found:
        rows = [(each["network"], *_told(each)) for each in found]
        print_table(("NETWORK", "IP", "NAME", "REQUESTS", "LAST"), rows)
    elif not silent:
        _print_tokenless(found)
    for each in silent:
        warn(each)
    return NOT_RUNNING if silent else 0


def _ask(layout: Layout, name: str, op: str = "status") -> dict[str, Any] | None:
    try:
        answer = ring_daemon(layout.network(name), {"op": op})
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            return None
        raise
    return {key: value for key, value in answer.items() if key != "ok"}


def _all(options: argparse.Namespace, layout: Layout) -> int:
    found = {name: _ask(layout, name) for name in layout.network_names()}
    if options.json:
        print_json(
            [
                {"network": name, "running": each is not None, **(each or {})}
                for name, each in found.items()
            ]
        )
    elif not found:
        warn("no networks yet: metalease net add NET FILE")
    else:
        rows = [
            (name, "not running", "", "", "")
            if each is None
            else (
                name,
                f"up {int(each['uptime'])} s",
                each["bindings"],
                sum(each["dhcp"].values()),
                sum(each["http"].values()),
            )
            for name, each in found.items()
        ]
        print_table(("NETWORK", "DAEMON", "BINDINGS", "DHCP", "HTTP"), rows)
    return 0


def _print(found: dict[str, Any]) -> None:
    for key in ("network", "version", "pid", "uptime", "bindings", "connections"):
        print(f"{key:12} {found[key]}")
    for title in ("dhcp", "http"):
        for labels, number in sorted(found[title].items()):
            print(f"{title:12} {labels}: {number}")
    if found["lost_frames"]:
        print(f"{'lost':12} {found['lost_frames']} DHCP frames had no room")
    if found["pool"] is not None:
        print(f"{'pool':12} {_describe_pool(found['pool'])}")
    for each in found["conflicts"]:
        print(f"{'conflict':12} {_describe_conflict(each)}")
    for each in found["other_servers"]:
        print(f"{'other server':12} {_describe(each)}")
    for text in found["bad_files"]:
        print(f"{'bad file':12} {text}")
    if found["vanished"]:
        print(
            f"{'vanished':12} {found['vanished']} bindings lost their files at once and"
            f" stay in force: restore the files, or metalease accept {found['network']}"
        )


def _describe_conflict(conflict: dict[str, str]) -> str:
    """Say whose address is in use by another, and how to find that one."""
    address = conflict["ip"]
    return (
        f"{address} {conflict['mac']}: {conflict['said']}; arping {address} tells the"
        " MAC of who has it: find it and stop it"
    )


def _describe_pool(pool: dict[str, Any]) -> str:
    """Say how full the pool is, and what to do where nothing is left of it."""
    free = pool["addresses"] - sum(pool["held"].values())
    states = {**pool["held"], "free": free}
    said = ", ".join(f"{number} {state}" for state, number in states.items())
    text = f"{said} of {pool['addresses']}"
    if pool["asleep"]:
        return f"{text}; another network shares the bridge: it answers nobody"
    if not free:
        return f"{text}: make [dhcp] pool larger, or lease_time shorter"
    return text


def _describe(server: dict[str, Any]) -> str:
    """Say which server else gives guests addresses, and what to do about it."""
    seconds = max(0, int(time.time() - server["last"]))
    times = f"{plural(server['count'], 'time')}, last {seconds} s ago"
    if server["mac"] is None:
        return (
            f"{server['server_id']}: guests turn to it ({times}); if it is not yours,"
            f" arping {server['server_id']} tells its MAC: find it and stop it"
        )
    return (
        f"{server['server_id']} {server['mac']}: answers guests ({times}); if it is not"
        " yours, bridge fdb show tells the port of its MAC: stop it there"
    )
