"""Session tokens of a whole network: its modes, a restart, and ten thousand of them."""

from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.layout import Layout

from .imds import DOCUMENT
from .imds import TOKEN_PATH
from .imds import TTL
from .imds import ask
from .imds import bearing
from .imds import bind
from .imds import configure
from .imds import plug
from .imds import token_for
from .packets import Wire
from .packets import read_answer
from .packets import receive_all

pytestmark = pytest.mark.machine

FORWARDED = "X-Forwarded-For: 10.0.0.12"
GROWN_AT_MOST = 512  # KiB, by 10,000 tokens of 560 KB
LET_GO_WITHIN = 10.0  # seconds for a killed daemon's parent to end


@pytest.fixture
def bound(installation: Installation, machine: Machine) -> Guest:
    """A guest of the network of one test, without a word of its own."""
    guest = plug(machine, 11)
    named = ("--mac", guest.mac, "--instance-id", "i-11")
    installation.metalease("put", "n1", "10.0.0.11", *named)
    return guest


NETWORK_WIDE = {
    '[metadata]\ntokens = "required"\n': (401, ("--tokens", "optional")),
    "[metadata]\nendpoint = false\n": (403, ("--endpoint", "yes")),
    '[metadata]\nreject_forwarded = "all"\n': (403, None),
}


@pytest.mark.parametrize("text", NETWORK_WIDE)
def test_of_the_whole_network(
    text: str, installation: Installation, bound: Guest
) -> None:
    """metadata 1.2, U10, U17: the network's word holds for whose binding has none."""
    status, words = NETWORK_WIDE[text]
    configure(installation, text)
    installation.start("n1")
    asked = (bound, "GET", DOCUMENT, FORWARDED)
    assert ask(*asked).status == status
    if words is None:
        assert ask(*asked[:3]).status == 200
    else:
        bind(installation, 11, *words)
        assert ask(*asked).status == 200


def test_a_token_outlives_the_daemon(
    installation: Installation, daemon: Daemon, bound: Guest
) -> None:
    """metadata U15: kill -9 and another start; the key is the service's alone."""
    bearer = bearing(token_for(bound))
    (serving,) = daemon.serving()
    owner = Path(f"/proc/{serving}").stat().st_uid
    key = Layout(installation.root).network("n1").token_key
    assert key.stat().st_mode & 0o7777 == 0o600
    assert key.stat().st_uid == owner != 0
    daemon.process.kill()
    until(
        lambda: not Path(f"/proc/{serving}").exists(),
        "the killed daemon is gone",
        within=LET_GO_WITHIN,
    )
    again = installation.start("n1")
    assert ask(bound, "GET", DOCUMENT, bearer).status == 200, again.log()
    assert ask(bound, "GET", DOCUMENT, bearing("x")).status == 401


def test_many_tokens_take_no_memory(installation: Installation, bound: Guest) -> None:
    """metadata 1.3, 1.6: 10,000 tokens do not grow the daemon."""
    fast = "requests_per_second_per_ip = 1000000\nburst_per_ip = 1000000\n"
    configure(installation, f"[limits]\n{fast}")
    daemon = installation.start("n1")
    put = f"PUT {TOKEN_PATH} HTTP/1.1\r\nHost: x\r\n{TTL}: 60\r\n\r\n".encode()
    (serving,) = daemon.serving()

    def issue(number: int) -> int:
        for _ in range(number):
            with wire.connected() as opened:
                opened.sendall(put)
                assert read_answer(receive_all(opened))[0] == 200
        text = Path(f"/proc/{serving}/status").read_text()
        (line,) = (x for x in text.splitlines() if x.startswith("VmRSS:"))
        return int(line.split()[1])

    with Wire(bound) as wire:
        before = issue(1_000)
        assert issue(10_000) - before < GROWN_AT_MOST
