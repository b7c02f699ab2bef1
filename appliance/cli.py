"""The command line: one word, one module, imported when the word is said.

`put`, `ls` and `file` run once per VM, so they import neither trio nor pyroute2 nor
prometheus_client: most of their time is Python's own start.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from . import __version__
from .errors import REFUSED
from .errors import SettingsError
from .layout import Layout

ROOT = "METALEASE_ROOT"
BROKEN_PIPE = 141  # as a shell says of a program that SIGPIPE ended
INTERRUPTED = 130

# word: module in appliance/commands, what it does
COMMANDS = {
    "net": ("net", "add, list, show, check and remove networks"),
    "put": ("put", "bind an address to a MAC, with what the guest is told"),
    "ls": ("bindings", "list the bindings of a network"),
    "show": ("bindings", "show one binding and its documents"),
    "rm": ("bindings", "remove a binding and its documents"),
    "accept": ("bindings", "let bindings go whose files vanished all at once"),
    "file": ("file", "put, get, list and remove the documents of a guest"),
    "config-drive": ("config_drive", "write a guest's documents as a disk image"),
    "migrate": ("migrate", "take over what another program serves"),
    "explain": ("explain", "say what a guest would be answered, and why"),
    "leases": ("leases", "list what the pool of a network has given away"),
    "spool": ("spool", "list, print and clear what guests wrote back"),
    "status": ("status", "say how the networks are"),
    "up": ("service", "make a network's namespace, links and addresses"),
    "down": ("service", "remove them"),
    "run": ("service", "serve a network in the foreground"),
    "host": ("service", "keep every network of this host as `up` made it"),
    "forward": ("service", "ask upstream name servers for the networks of this host"),
    "exporter": ("service", "serve the metrics of all networks to Prometheus"),
    "agent": ("agent", "serve ZStack's agent API"),
    "lab": ("service", "show a whole network with guests that boot"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 1 refused or failed, 2 wrong usage, 3 not running.

    An error is one line on stderr, which says what is wrong and what to do.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    gc.disable()  # a start makes what stays: looking through it is a tenth of a put
    options = parser_for(words).parse_args(words)
    gc.freeze()
    gc.enable()
    try:
        code: int = options.act(options, Layout(options.root.absolute()))
        if getattr(options, "outcome", False):
            _print_outcome({"ok": True})
        sys.stdout.flush()
        return code
    except SettingsError as problem:
        print(f"metalease: {problem}", file=sys.stderr)
        if getattr(options, "outcome", False):
            said = {"error": str(problem), "exit_code": problem.exit_code}
            _print_outcome({"ok": False, **said})
        return problem.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing is left to say
        return BROKEN_PIPE
    except OSError as problem:  # of the world, at a place that no command expects
        hint = ": run as root" if isinstance(problem, PermissionError) else ""
        where = problem.filename or "the system"
        print(f"metalease: {where}: {problem.strerror}{hint}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def _print_outcome(outcome: dict[str, object]) -> None:
    import json

    print(json.dumps(outcome, ensure_ascii=False))


def parser_for(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the command that *words* name."""
    parser = argparse.ArgumentParser(
        prog="metalease",
        allow_abbrev=False,
        description="DHCP and instance metadata for VMs: one daemon per L3 network.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(os.environ.get(ROOT) or "/"),
        help="put everything below this directory (or METALEASE_ROOT)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", prog=parser.prog)
    said = _said(words)
    for word in COMMANDS if said is None else [said]:
        module, text = COMMANDS[word]
        command = commands.add_parser(
            word, help=text, description=text, allow_abbrev=False
        )
        if said is not None:
            import_module(f"appliance.commands.{module}").describe(word, command)
    return parser


def _said(words: Sequence[str]) -> str | None:
    """Return the command among *words*; None for help and for what is wrong."""
    rest = iter(words)
    for word in rest:
        if word == "--root":
            next(rest, None)
        elif not word.startswith("--root="):
            return word if word in COMMANDS else None
    return None


if __name__ == "__main__":
    sys.exit(main())
