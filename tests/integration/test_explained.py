"""What `explain` says offline is what the running daemon sends (issue 4.5)."""

import json

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation
from dhcp.option_text import describe_option

from .packets import ASKED
from .packets import DISCOVER
from .packets import REQUEST
from .packets import Answer
from .packets import Wire

pytestmark = [pytest.mark.machine, pytest.mark.long]

PRL = ",".join(map(str, ASKED[2:]))
LEVELS = """
[dhcp]
always = [42, 44]
[dhcp.options]
42 = "10.0.0.3"
44 = "10.0.0.5"

[[dhcp.class]]
name = "old"
vendor_class = "udhcp"
[dhcp.class.options]
42 = "10.0.0.4"
"""
TYPES = {"discover": DISCOVER, "request": REQUEST}
UNKNOWN = "fa:16:3e:00:00:99"


def explained(
    installation: Installation, mac: str, kind: str, requested: str | None
) -> dict[str, object]:
    """Return the answer's name, address and options as `explain` tells them."""
    words = ["--type", kind, "--prl", PRL, "--json"]
    if requested is not None:
        words += ["--requested", requested]
    said = json.loads(installation.succeed("explain", "n1", "dhcp", mac, *words))
    options = {each["code"]: each["value"] for each in said.get("options", [])}
    return {"answer": said["answer"], "ip": said.get("address"), "options": options}


def sent(answer: Answer) -> dict[str, object]:
    """Return the same of an answer on the wire."""
    names = {2: "OFFER", 5: "ACK", 6: "NAK"}
    options = {
        code: describe_option(code, octets) for code, octets in answer.options.items()
    }
    return {"answer": names[answer.kind], "ip": answer.address, "options": options}


def test_explain_says_what_is_sent(installation: Installation, guest: Guest) -> None:
    """dhcp, issue 4.5: the decision, the address and each option with its value are
    the same offline and on the wire: for two guests with words of their own, in each
    state, before and after a change, and for one that is unknown."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(settings.read_text() + LEVELS)
    other = "fa:16:3e:00:00:12"
    own = ("--hostname", "db-1", "--mtu", "1400", "--option", "42=10.0.0.9")
    installation.start("n1")
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    installation.succeed("put", "n1", "10.0.0.12", "--mac", other, *own)
    questions = [
        (mac, kind, requested)
        for mac in (guest.mac, other)
        for kind, requested in (
            ("discover", None),
            ("discover", "10.0.0.77"),
            ("request", "10.0.0.11"),
            ("request", "10.0.0.12"),
        )
    ]
    with Wire(guest) as wire:
        for move in ((), ("--domain", "own.example", "--lease-time", "1h")):
            if move:
                installation.succeed("put", "n1", "10.0.0.12", "--mac", other, *move)
            for mac, kind, requested in questions:
                answer = wire.ask(mac, TYPES[kind], requested=requested)
                offline = explained(installation, mac, kind, requested)
                assert sent(answer) == offline, (mac, kind, requested)
        xid = wire.send(UNKNOWN)
        assert wire.ask(guest.mac).xid != xid  # which came after it
        assert wire.receive_within(0.5) is None
        said = explained(installation, UNKNOWN, "discover", None)
        assert str(said["answer"]).startswith("silence: ")
