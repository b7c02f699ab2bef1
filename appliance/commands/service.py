"""The words that start or prepare something: heavy modules are imported here, late."""

import argparse
import sys
from collections.abc import Callable

from ..errors import SettingsError
from ..layout import Layout

ADDRESS, PORT = "127.0.0.1", 9767


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    acts = {
        "up": up,
        "down": down,
        "run": run,
        "host": host,
        "forward": forward,
        "exporter": exporter,
        "lab": lab,
    }
    if word in ("up", "down"):
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("network", metavar="NET", nargs="?")
        which.add_argument("--all", action="store_true", help="every network")
    if word == "run":
        parser.add_argument("network", metavar="NET")
    if word == "exporter":
        parser.add_argument(
            "--listen", default=f"{ADDRESS}:{PORT}", metavar="ADDRESS:PORT"
        )
    if word == "lab":
        parser.add_argument(
            "--keep", metavar="SECONDS", help="end by itself after so long"
        )
    parser.set_defaults(act=acts[word])


def _names(options: argparse.Namespace, layout: Layout) -> list[str]:
    """Name what is meant; not by --all what another program serves still."""
    if not options.all:
        return [options.network]
    return [
        name
        for name in layout.network_names()
        if not layout.network(name).not_in_service.exists()
    ]


def up(options: argparse.Namespace, layout: Layout) -> int:
    from .. import links
    from ..settings import load_settings

    def make(name: str) -> None:
        files = layout.network(name)
        links.up(load_settings(files).attachment)
        files.not_in_service.unlink(missing_ok=True)

    return _each(_names(options, layout), make)


def down(options: argparse.Namespace, layout: Layout) -> int:
    from .. import links
    from ..settings import load_settings

    def remove(name: str) -> None:
        files = layout.network(name)
        if files.not_in_service.exists():
            what = "is not in service: its links are another program's"
            raise SettingsError(f"network {name}", what)
        links.down(load_settings(files).attachment)

    return _each(_names(options, layout), remove)


def _each(names: list[str], act: Callable[[str], None]) -> int:
    """Do it for each; one that fails hurts no other."""
    code = 0
    for name in names:
        try:
            act(name)
        except SettingsError as problem:
            print(f"metalease: {problem}", file=sys.stderr)
            code = problem.exit_code
    return code


def run(options: argparse.Namespace, layout: Layout) -> int:
    from ..run import run

    return run(layout.network(options.network))


def host(options: argparse.Namespace, layout: Layout) -> int:
    from ..host_service import run

    return run(layout)


def forward(options: argparse.Namespace, layout: Layout) -> int:
    from ..forward import run

    return run(layout)


def exporter(options: argparse.Namespace, layout: Layout) -> int:
    from ..exporter import run

    address, colon, port = options.listen.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise SettingsError("--listen", f"{options.listen!r} is not ADDRESS:PORT")
    return run(layout, address, int(port))


def lab(options: argparse.Namespace, layout: Layout) -> int:
    from ..lab.lab import main

    return main([] if options.keep is None else ["--keep", options.keep])
