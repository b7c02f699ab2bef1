"""`metalease migrate`: what another program serves, as a network of ours."""

import argparse
import sys
from collections.abc import Sequence
from ipaddress import IPv4Interface
from typing import Any

from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import RuleSet

from ..errors import SettingsError
from ..files import locked
from ..files import write_public_file
from ..layout import Layout
from ..layout import check_name
from ..migration.plan import NetworkPlan
from ..migration.plan import Note
from ..settings import load_settings
from ..writing import octets_at
from .screen import print_json
from .sources import OnDisk
from .sources import ZStackHost

UNWRITTEN = "Nothing is written yet: say it again with --write"


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="FROM", prog=parser.prog)
    zstack = kinds.add_parser("zstack", help="a host of ZStack's, or a copy of one")
    zstack.add_argument(
        "host",
        metavar="DIR",
        nargs="?",
        default="/",
        help="where var/lib/zstack of the host is; without it this host",
    )
    zstack.add_argument(
        "namespace",
        metavar="NAMESPACE",
        nargs="?",
        help="one of its networks; else all",
    )
    service = zstack.add_mutually_exclusive_group()
    service.add_argument(
        "--cutover",
        metavar="NET",
        help="stop ZStack's daemons of a network that is written, and serve it",
    )
    service.add_argument(
        "--put-back", metavar="NET", help="undo a cut-over that was killed"
    )
    zstack.set_defaults(act=migrate_zstack)
    dnsmasq = kinds.add_parser("dnsmasq", help="dnsmasq's, libvirt's or neutron's")
    dnsmasq.add_argument("files", metavar="CONF", nargs="+")
    dnsmasq.add_argument(
        "--address",
        metavar="IP/PREFIX",
        action="append",
        help="of the interface that dnsmasq serves; else what it has here",
    )
    dnsmasq.set_defaults(act=migrate_dnsmasq)
    lighttpd = kinds.add_parser("lighttpd", help="the rules of a lighttpd.conf")
    lighttpd.add_argument("file", metavar="CONF")
    lighttpd.set_defaults(act=migrate_lighttpd)
    for each in (zstack, dnsmasq):
        each.add_argument("--network", help="its name; made from theirs else")
    lighttpd.add_argument(
        "--network", metavar="NET", help="the network whose .rules they become"
    )
    for each in (zstack, dnsmasq, lighttpd):
        each.add_argument("--write", action="store_true", help="do it, not only say it")
        each.add_argument("--json", action="store_true")


def migrate_zstack(options: argparse.Namespace, layout: Layout) -> int:
    """Say what a host's networks would be here; with --write, make them so."""
    from ..migration.zstack import namespaces_of
    from ..migration.zstack import read_zstack

    _check_name(options)
    if options.cutover is not None or options.put_back is not None:
        return _into_service(options, layout)
    host = ZStackHost(options.host)
    names = [options.namespace] if options.namespace else namespaces_of(host)
    if not names:
        what = "no network of ZStack's is there: it has to hold var/lib/zstack/dnsmasq"
        raise SettingsError(options.host, what)
    if options.network is not None and len(names) > 1:
        what = f"names one network, and there are {len(names)}: say which, after DIR"
        raise SettingsError("--network", what)
    code = 0
    plans = []
    for name in names:
        try:
            plan = read_zstack(host, name, options.network)
            _carry_out(options, layout, plan, served=host.serves(name))
            plans.append(plan)
        except SettingsError as problem:  # one that is broken hurts no other
            print(f"metalease: {problem}", file=sys.stderr)
            code = problem.exit_code
    _tell(options, plans, as_list=True)
    return code


def _into_service(options: argparse.Namespace, layout: Layout) -> int:
    """Cut a network over, or put one back; raises SettingsError."""
    from .cutover import cut_over
    from .cutover import put_back

    option = "--put-back" if options.cutover is None else "--cutover"
    others = (options.namespace, options.network, options.write, options.json)
    if options.host != "/" or any(others):
        raise SettingsError(option, "goes with no other word: it is of this host")
    if options.cutover is None:
        return put_back(layout, options.put_back)
    return cut_over(layout, options.cutover)


def migrate_dnsmasq(options: argparse.Namespace, layout: Layout) -> int:
    """Say what dnsmasq's files would be here; with --write, make it so."""
    from ..migration.dnsmasq import read_dnsmasq

    _check_name(options)
    try:
        source = OnDisk()
        plan = read_dnsmasq(
            source,
            options.files,
            options.network,
            interfaces=_addresses(options, source),
        )
    except ValueError as problem:
        raise SettingsError(", ".join(options.files), str(problem)) from None
    _carry_out(options, layout, plan)
    _tell(options, [plan])
    return 0


def _addresses(options: argparse.Namespace, source: OnDisk) -> list[IPv4Interface]:
    """Return the addresses that were said, or what the interface has here."""
    from .. import kernel
    from ..migration.lines import read_lines

    if options.address:
        return [_address(each) for each in options.address]
    found: list[IPv4Interface] = []
    for line in read_lines(source, options.files):
        there = kernel.link(line.value) if line.key == "interface" else None
        if there is not None:
            own = kernel.addresses(there.index)
            found += [each for each in own if isinstance(each, IPv4Interface)]
    return found


def _address(text: str) -> IPv4Interface:
    """Read IP/PREFIX; raises SettingsError."""
    try:
        found = IPv4Interface(text)
    except ValueError:
        found = None
    if found is None or "/" not in text:
        what = "is no address with the width of its subnet: 10.0.0.2/24 belongs here"
        raise SettingsError("--address", f"{text!r} {what}")
    return found


def migrate_lighttpd(options: argparse.Namespace, layout: Layout) -> int:
    """Say what a lighttpd.conf would be here; with --write, a network's .rules."""
    from ..migration.lighttpd import read_lighttpd
    from ..migration.report import list_notes

    found = read_lighttpd(OnDisk(), options.file)
    try:
        RuleSet.parse((options.file, found.text))
    except RuleSyntaxError as problem:
        what = f"line {problem.line} of what is left of it: {problem.what}"
        raise SettingsError(options.file, what) from None
    if options.write:
        if options.network is None:
            raise SettingsError("--write", "whose rules? Say --network NET")
        _write_rules(layout, options.network, found.text)
    if options.json:
        notes = _notes(found.notes)
        print_json({"rules": found.text, "written": options.write, "notes": notes})
        return 0
    print(list_notes(found.notes), end="")
    if not options.write:
        print(f"\nThe rules:\n\n{found.text}\n{UNWRITTEN} --network NET")
    return 0


def _write_rules(layout: Layout, network: str, text: str) -> None:
    """Write the .rules of a network that has none; raises SettingsError."""
    files = layout.network(network)
    load_settings(files)
    octets = text.encode()
    with locked(files.lock):
        there = octets_at(files.rules)
        if there is None:
            write_public_file(files.rules, octets)
        elif there != octets:
            what = "is there already and says something else: put them together by hand"
            raise SettingsError(files.rules, what)


def _check_name(options: argparse.Namespace) -> None:
    if options.network is not None:
        check_name(options.network)


def _carry_out(
    options: argparse.Namespace,
    layout: Layout,
    plan: NetworkPlan,
    *,
    served: bool = False,
) -> None:
    """Check *plan* as a whole; with --write, do it. Raises SettingsError."""
    from .plans import check_plan
    from .plans import write_plan

    check_plan(layout, plan)
    if options.write:
        write_plan(layout, plan, served=served)


def _tell(
    options: argparse.Namespace, plans: Sequence[NetworkPlan], *, as_list: bool = False
) -> None:
    from ..migration.report import report

    if options.json:
        found = [
            {
                "network": plan.name,
                "written": options.write,
                "bindings": len(plan.guests),
                "documents": len(plan.documents),
                "notes": _notes(plan.notes),
            }
            for plan in plans
        ]
        print_json(found if as_list else found[0])
        return
    for plan in plans:
        print(report(plan))
    if plans and not options.write:
        print(UNWRITTEN)


def _notes(notes: Sequence[Note]) -> list[dict[str, Any]]:
    return [{"kind": n.kind, "where": n.where, "what": n.what} for n in notes]
