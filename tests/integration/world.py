"""A small world of names, that a test writes, on the hypervisor's own address."""

import subprocess
import sys
import tempfile
from pathlib import Path

from appliance.lab.machine import Machine
from appliance.lab.patience import until

from . import root_server
from .names import SERVES_WITHIN
from .names import UPSTREAM
from .names import give_address

FROM, TO = "20200101000000", "20360101000000"  # of every signature
SOA = "300 IN SOA ns. host. 1 3600 600 86400 60"


class World:
    """root_server.py with zones, by origin; UPSTREAM is its address."""

    def __init__(self, machine: Machine, zones: dict[str, str]) -> None:
        give_address(machine, UPSTREAM)
        words = []
        for number, (origin, text) in enumerate(zones.items()):
            path = f"/run/zone{number}"
            machine.path(path).write_text(text)
            words.append(f"{origin}={path}")
        program = [sys.executable, "-I", str(root_server.__file__)]
        self._machine = machine
        self._process = machine.start([*program, UPSTREAM, *words])
        until(
            lambda: "started" in self._process.output(),
            "the world's server serves",
            within=SERVES_WITHIN,
            log=self._process.output,
        )

    def asked(self, name: str, kind: str = "A") -> int:
        """How often somebody asked for *kind* of *name*, in whatever letters."""
        line = f"asked {name}. in {kind}".lower()
        return self._process.stdout().splitlines().count(line)

    def release(self) -> None:
        """Let the answers to names that begin with `held.` go."""
        self._machine.path(str(root_server.RELEASE)).touch()


def signed_world() -> tuple[dict[str, str], str]:
    """Return zones by origin, and the root's DS, for who wants to trust it.

    `com` is signed, `plain.com` below it and `org` are not; there is no `example`.
    """
    org = f"org. {SOA}\norg. 300 IN NS ns.\nwww.org. 300 IN A 198.51.100.8\n"
    plain = org.replace("org.", "plain.com.")
    with tempfile.TemporaryDirectory() as folder:
        com, com_ds = _signed(
            Path(folder),
            "com",
            f"com. {SOA}\ncom. 300 IN NS ns.\n"
            "www.com. 300 IN A 198.51.100.9\nplain.com. 300 IN NS ns.\n",
        )
        root, ds = _signed(
            Path(folder),
            ".",
            f". {SOA}\n. 300 IN NS ns.\nns. 300 IN A {UPSTREAM}\n"
            f"com. 300 IN NS ns.\norg. 300 IN NS ns.\narpa. 300 IN NS ns.\n{com_ds}",
        )
    return {".": root, "com.": com, "org.": org, "plain.com.": plain}, ds


def _signed(folder: Path, origin: str, text: str) -> tuple[str, str]:
    """Return a zone with its signatures, and the DS for the zone above it."""

    def run(*argv: str) -> str:
        done = subprocess.run(
            argv, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", origin)
    (folder / "zone").write_text(text)
    times = ("-i", FROM, "-e", TO)
    run("ldns-signzone", *times, "-f", "signed", "-o", origin, "zone", key)
    return (folder / "signed").read_text(), (folder / f"{key}.ds").read_text()
