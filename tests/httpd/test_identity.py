"""Who called: the source MAC of the SYN, on real links (host H20, H21)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.machine

GUEST = "fa:16:3e:00:00:05"
SCRIPT = r"""
set -e
mount -t tmpfs none /run
ip netns add guest
ip link add outer type veth peer name inner netns guest
ip -n guest link set inner address {guest} up
ip -n guest addr add 10.0.0.5/24 dev inner
ip addr add 10.0.0.2/24 dev outer
ip link set outer up
ip link set lo up
sysctl -q net.ipv4.tcp_syncookies={cookies}
exec {python} -m tests.httpd.test_identity
"""
PACKET = "import socket; socket.create_connection(('10.0.0.2', 80)).recv(1)"


def callers(cookies: int) -> list[list[str | None]]:
    """Whom a machine of ours sees: a guest over its veth, then itself."""
    values = {"guest": GUEST, "cookies": cookies, "python": sys.executable}
    isolated = "unshare --net --mount --pid --fork --kill-child --mount-proc sh -c"
    done = subprocess.run(
        [*isolated.split(), SCRIPT.format(**values)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: list[list[str | None]] = json.loads(done.stdout)
    return seen


def test_the_caller_has_the_mac_of_its_syn() -> None:
    """The peer has the address and the MAC that its SYN came from (on lo: zeros), as
    the link showed it, whatever a neighbour table says (host H20)."""
    assert callers(cookies=1) == [
        ["10.0.0.5", GUEST],
        ["10.0.0.2", "00:00:00:00:00:00"],
    ]


def test_under_syn_cookies_the_caller_is_unknown() -> None:
    """The kernel keeps no SYN under SYN cookies: the MAC is unknown (host H21)."""
    assert callers(cookies=2) == [["10.0.0.5", None], ["10.0.0.2", None]]


def main() -> None:
    """Within the machine: listen, be called twice, say who called."""
    from ipaddress import IPv4Address

    from httpd.listener import Listener
    from httpd.listener import open_listener

    seen = []
    opened = open_listener(IPv4Address("10.0.0.2"), 80, device=None, save_syn=True)
    opened.setblocking(True)
    listener = Listener(opened, save_syn=True, descriptors_at_most=1024)
    call = [sys.executable, "-c", PACKET]
    for command in (["ip", "netns", "exec", "guest", *call], call):
        with subprocess.Popen(command) as caller:
            accepted = listener.accept()
            assert accepted is not None
            connection, (address, hardware, _) = accepted
            seen.append((address, None if hardware is None else hardware.hex(":")))
            connection.close()
            caller.wait()
    listener.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
