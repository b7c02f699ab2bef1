"""Ask another DHCP server: python -m tests.oracles.peer kea|dnsmasq > answers.

Run in namespaces of its own: the server has one end of a veth pair, its clients the
other.  What a question is answered with is known without waiting for silence: behind
each one a sentinel's DISCOVER is sent, and its OFFER closes the answer.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from dhcp.hardware import HardwareAddress
from tests.dhcp.guest import RELAY
from tests.dhcp.guest import RELAY_HARDWARE
from tests.dhcp.guest import SERVER
from tests.dhcp.guest import SERVER_HARDWARE
from tests.dhcp.guest import STRANGER
from tests.dhcp.guest import WRONG
from tests.dhcp.guest import Guest
from tests.dhcp.namespace import EMPTY_RUN
from tests.dhcp.namespace import ROOT
from tests.dhcp.namespace import UNSHARE
from tests.dhcp.namespace import ip

from . import dnsmasq_dhcp
from . import kea
from .answers import message_of
from .questions import BINDINGS
from .questions import QUESTIONS
from .questions import SENTINEL
from .questions import lease_of
from .questions import said

ETH_P_IP = 0x0800
PATIENCE = 30  # seconds for a server to start, or to answer the sentinel
PEERS: dict[str, Callable[[Path], list[str]]] = {
    "kea": kea.prepare,
    "dnsmasq": dnsmasq_dhcp.prepare,
}

Answers = dict[str, bytes | None]


def ask_peer(name: str) -> Answers:
    """Return the frame with which peer *name* answers each question, or None."""
    words = [*UNSHARE, *EMPTY_RUN, sys.executable, "-m", __name__, name]
    child = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert child.returncode == 0, child.stdout[-2_000:] + child.stderr[-4_000:]
    found = json.loads(child.stdout)
    return {
        question: None if frame is None else bytes.fromhex(frame)
        for question, frame in found.items()
    }


class Link:
    """The clients' end of the link."""

    def __init__(self) -> None:
        ip("link add name inner0 type veth peer name outer0")
        ip(f"link set inner0 address {SERVER_HARDWARE}")
        for device in ("lo", "inner0", "outer0"):
            ip(f"link set {device} up")
        ip(f"addr add {SERVER}/24 dev inner0")
        self._packets = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP)
        )
        self._packets.bind(("outer0", ETH_P_IP))
        self._marks = 0

    def started(self) -> None:
        """Wait until the server answers the sentinel."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.ask(b"", within=0.1)
                return
            except TimeoutError:
                assert time.monotonic() < deadline, "the server does not answer"

    def ask(self, frame: bytes, within: float = PATIENCE) -> bytes | None:
        """Send *frame*; return the answer to it, or None."""
        self._marks += 1
        guest = Guest(SENTINEL.hardware, xid=0xFFFF0000 + self._marks)
        self._packets.settimeout(within)
        if frame:
            self._packets.send(frame)
        self._packets.send(said(guest.discover()))
        answers = []
        while True:
            octets = self._packets.recv(4096)
            if octets[6:12] != SERVER_HARDWARE.octets or octets[23] != 17:
                continue
            xid = message_of(octets).xid
            if xid == guest.xid:
                break
            if xid < 0xFFFF0000:
                answers.append(octets)
        assert len(answers) <= 1
        return answers[0] if answers else None


def neighbour(hardware: HardwareAddress, address: object) -> None:
    ip(f"neigh replace {address} lladdr {hardware} dev inner0 nud permanent")


def main(name: str) -> None:
    link = Link()
    for binding in BINDINGS:
        neighbour(binding.hardware, binding.address)
    neighbour(RELAY_HARDWARE, RELAY)
    neighbour(STRANGER, WRONG)
    folder = Path(mkdtemp(dir="/run"))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            PEERS[name](folder),
            stdout=log,
            stderr=log,
            env={**os.environ, **kea.ENVIRONMENT},
        )
    try:
        link.started()
        answers: dict[str, str | None] = {}
        for asked, question in QUESTIONS.items():
            for frame in lease_of(question):
                assert link.ask(frame) is not None, asked
            found = link.ask(question.frame)
            answers[asked] = None if found is None else found.hex()
        print(json.dumps(answers))
    except BaseException:
        sys.stderr.write((folder / "log").read_text()[-8_000:])
        raise
    finally:
        server.kill()


if __name__ == "__main__":
    main(sys.argv[1])
