"""A file that cannot be used hurts nobody but its own guest, and not even that one
while the last good state is known."""

import json
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .packets import ACK
from .packets import OFFER
from .packets import REQUEST
from .packets import Wire
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

ADDRESS, OTHER_ADDRESS = "10.0.0.11", "10.0.0.12"
OTHER = "fa:16:3e:00:00:12"
SEEN_WITHIN = 15.0  # seconds for a file that nobody told of, on a busy machine
END_WITHIN = 20.0  # seconds

# what is wrong, the file, and what its reason says
BAD = {
    "half": ('{"mac": "fa:16:3e:00:00:11", "ip"', "is not JSON"),
    "empty": ("", "is not JSON"),
    "unknown key": (
        '{"mac": "fa:16:3e:00:00:11", "ip": "10.0.0.11", "hostnam": "x"}',
        "hostname",
    ),
    "foreign address": (
        '{"mac": "fa:16:3e:00:00:11", "ip": "192.0.2.1"}',
        "192.0.2.1 is not in this network",
    ),
    "another's address": (
        '{"mac": "fa:16:3e:00:00:11", "ip": "10.0.0.12"}',
        "is bound to fa:16:3e:00:00:12",
    ),
    "another's MAC": (
        '{"mac": "fa:16:3e:00:00:13", "ip": "10.0.0.13"}',
        "is not the MAC in the file's name",
    ),
}


@pytest.fixture
def bound(installation: Installation, daemon: Daemon, guest: Guest) -> Daemon:
    """Two guests, of which one's file will be bad."""
    named = ("--hostname", "before")
    installation.succeed("put", "n1", OTHER_ADDRESS, "--mac", OTHER)
    installation.succeed("put", "n1", ADDRESS, "--mac", guest.mac, *named)
    take_address(guest, ADDRESS, server="10.0.0.2")
    return daemon


def spoil(installation: Installation, text: str) -> Path:
    """Write *text* over the guest's file as an editor does, by renaming."""
    bindings = installation.root / "var/lib/metalease/n1/bindings"
    path, draft = bindings / "fa163e000011.json", bindings / "draft"
    draft.write_text(text)
    draft.chmod(0o644)
    draft.rename(path)
    return path


def bad_files(installation: Installation) -> list[str]:
    found = json.loads(installation.succeed("status", "n1", "--json"))
    return list(found["bad_files"])


def is_told(installation: Installation, file: str, reason: str) -> None:
    """Check that status and ls both name the file and the reason."""
    (said,) = bad_files(installation)
    assert file in said
    assert reason in said
    shown = installation.succeed("status", "n1")
    assert said in shown
    listing = installation.metalease("ls", "n1")
    assert listing.returncode == 1
    assert said in listing.stderr
    assert OTHER_ADDRESS in listing.stdout


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_a_bad_file(
    text: str,
    reason: str,
    installation: Installation,
    bound: Daemon,
    guest: Guest,
) -> None:
    """The last good binding stays in force; after a restart, when there is none, its
    MAC is answered with silence and never with a NAK; others are served as ever
    (design, a change; dhcp 27)."""
    file = spoil(installation, text).name
    until(
        lambda: bad_files(installation),
        "the bad file is found",
        within=SEEN_WITHIN,
        log=bound.log,
    )
    is_told(installation, file, reason)
    with Wire(guest) as wire:
        offer = wire.ask(guest.mac)
        assert (offer.kind, offer.address) == (OFFER, ADDRESS)
        assert offer.hostname == "before"
        renewed = wire.ask(guest.mac, REQUEST, requested=ADDRESS)
        assert (renewed.kind, renewed.address) == (ACK, ADDRESS)
        document = "/latest/meta-data/local-hostname"
        assert wire.get(document) == (200, "before")

        bound.process.signal(15)
        assert bound.process.wait(END_WITHIN) == 0
        installation.start("n1")
        is_told(installation, file, reason)
        silent = {
            wire.send(guest.mac),
            wire.send(guest.mac, REQUEST, requested=ADDRESS),
            wire.send(guest.mac, REQUEST, requested="10.0.0.77"),
        }
        answers = wire.receive_until([wire.send(OTHER)])
        assert silent.isdisjoint(each.xid for each in answers)
        assert answers[-1].address == OTHER_ADDRESS

        strange = ("--unset", "hostnam") if "hostnam" in text else ()
        installation.succeed("put", "n1", ADDRESS, "--mac", guest.mac, *strange)
        assert wire.ask(guest.mac).address == ADDRESS
    assert bad_files(installation) == []


def test_an_unknown_guest_is_safe_beside_a_bad_file(
    machine: Machine, installation: Installation, guest: Guest
) -> None:
    """While a file is unread, nobody is NAKed for being unknown, even where we are the
    only server: his file may be that one (dhcp 27)."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(settings.read_text() + "\n[dhcp]\nauthoritative = true\n")
    daemon = installation.start("n1")
    installation.succeed("put", "n1", OTHER_ADDRESS, "--mac", OTHER)
    with Wire(guest) as wire:
        spoil(installation, "garbage")
        until(
            lambda: bad_files(installation),
            "the bad file is found",
            within=SEEN_WITHIN,
            log=daemon.log,
        )
        stranger = "fa:16:3e:00:00:99"
        silent = wire.send(stranger, REQUEST, requested="10.0.0.99")
        answers = wire.receive_until([wire.send(OTHER)])
        assert silent not in {each.xid for each in answers}
