"""`metalease migrate`: what another program serves, as a network of ours."""

import argparse
from pathlib import Path

from ..errors import SettingsError
from ..files import read_text
from ..layout import Layout
from ..layout import check_name
from ..migration.plan import NetworkPlan
from .screen import print_json

TEXT_AT_MOST = 64 * 1024 * 1024  # octets of a file of 100,000 hosts, and more


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="FROM", prog=parser.prog)
    dnsmasq = kinds.add_parser("dnsmasq", help="dnsmasq's, libvirt's or neutron's")
    dnsmasq.add_argument("files", metavar="CONF", nargs="+")
    dnsmasq.set_defaults(act=migrate_dnsmasq)
    _add_outcome(dnsmasq)


def _add_outcome(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", help="its name; made from theirs else")
    parser.add_argument("--write", action="store_true", help="do it, not only say it")
    parser.add_argument("--json", action="store_true")


class OnDisk:
    """Files where the configuration says that they are."""

    def text(self, path: str) -> str | None:
        try:
            return read_text(Path(path), TEXT_AT_MOST)
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        if not Path(folder).is_dir():
            return []
        return sorted(str(each) for each in Path(folder).iterdir() if each.is_file())


def migrate_dnsmasq(options: argparse.Namespace, layout: Layout) -> int:
    """Say what dnsmasq's files would be here; with --write, make it so."""
    from ..migration.dnsmasq import read_dnsmasq

    if options.network is not None:
        check_name(options.network)
    try:
        plan = read_dnsmasq(OnDisk(), options.files, options.network)
    except ValueError as problem:
        raise SettingsError(", ".join(options.files), str(problem)) from None
    return conclude(options, layout, plan)


def conclude(options: argparse.Namespace, layout: Layout, plan: NetworkPlan) -> int:
    """Print what *plan* does, checked as a whole; with --write, do it."""
    from ..migration.report import report
    from .plans import check_plan
    from .plans import write_plan

    check_plan(layout, plan)
    if options.write:
        write_plan(layout, plan)
    if options.json:
        print_json(
            {
                "network": plan.name,
                "written": options.write,
                "bindings": len(plan.guests),
                "notes": [
                    {"kind": each.kind, "where": each.where, "what": each.what}
                    for each in plan.notes
                ],
            }
        )
        return 0
    print(report(plan), end="")
    if not options.write:
        print("\nNothing is written yet: say it again with --write")
    return 0
