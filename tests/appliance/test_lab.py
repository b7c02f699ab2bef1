"""The parts of the lab that need no machine: what it asks, what it shows."""

import os
import shutil
from typing import cast

import pytest

from appliance.errors import SettingsError
from appliance.lab import screen
from appliance.lab.cell import Cell
from appliance.lab.cell import Furniture
from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.crawl import Row
from appliance.lab.crawl import crawl
from appliance.lab.crawl import parse
from appliance.lab.guest import Guest
from appliance.lab.installation import Event
from appliance.lab.patience import TooSlowError
from appliance.lab.patience import until

TREE = {
    "/2009-04-04/meta-data/instance-id": "i-1",
    "/2018-09-24/user-data": "#cloud-config\n",
    "/2018-09-24/meta-data/": "hostname\npublic-keys/\ninstance-id",
    "/2018-09-24/meta-data/public-keys/": "0=ops",
    "/2018-09-24/meta-data/public-keys/0/openssh-key": "ssh-ed25519 AAAA",
    "/2018-09-24/meta-data/hostname": "web-1",
    "/2018-09-24/meta-data/instance-id": "i-1",
}


def fetch(path: str) -> Row:
    text = TREE.get(path)
    return Row(path, 404 if text is None else 200, len(text or ""), 0.5, text or "")


class TestCrawl:
    def test_asks_in_the_order_of_cloud_init(self) -> None:
        """The newest version that answers wins; directories come first (clients C33,
        C34)."""
        assert [(row.path, row.status) for row in crawl(fetch)] == [
            ("/2009-04-04/meta-data/instance-id", 200),
            ("/2021-03-23/meta-data/instance-id", 404),
            ("/2018-09-24/meta-data/instance-id", 200),
            ("/2018-09-24/user-data", 200),
            ("/2018-09-24/meta-data/", 200),
            ("/2018-09-24/meta-data/public-keys/", 200),
            ("/2018-09-24/meta-data/public-keys/0/openssh-key", 200),
            ("/2018-09-24/meta-data/hostname", 200),
            ("/2018-09-24/meta-data/instance-id", 200),
        ]

    @pytest.mark.parametrize(
        ("listing", "directories", "leaves"),
        [
            ("", [], []),
            ("a\nb/\n", ["b"], ["a"]),
            ("0=ops\n12=x", [], ["0/openssh-key", "12/openssh-key"]),
            ("k=v", [], ["k=v"]),
            ("iam/\nsecurity-credentials/", ["iam"], []),
        ],
    )
    def test_reads_a_listing(
        self, listing: str, directories: list[str], leaves: list[str]
    ) -> None:
        """`x/` is a directory, `0=name` a key, all else a leaf (clients C34)."""
        assert parse(listing) == (directories, leaves)


class TestEvent:
    def test_is_a_line_of_the_log(self) -> None:
        """A line is a kind and key=value; what is not said is empty."""
        event = Event.parse("dhcp type=DISCOVER reply=OFFER mac=fa:16:3e:00:00:11 us=9")
        assert (event.kind, event["type"], event["us"]) == ("dhcp", "DISCOVER", "9")
        assert event["ip"] == ""
        quoted = Event.parse(r'http target="/a \"reply=NAK\"" status=404')
        assert (quoted["reply"], quoted["status"]) == ("", "404")


class TestScreen:
    def test_fits_the_terminal(self) -> None:
        """No line is over 100 columns, whatever a guest is told."""
        text = "#cloud-config" + "x" * 300 + "\nb\nc"
        story = screen.Story(
            name="web-1",
            mac="fa:16:3e:00:00:11",
            client="dhclient",
            habit="",
            dhcp=[Event.parse("dhcp type=DISCOVER reply=OFFER ip=10.0.0.11 us=123")],
            client_ms=12.3,
            addresses=["10.0.0.11/24"],
            routes={"default": "10.0.0.1", "10.0.0.0/24": ""},
            crawl=[Row("/latest/" + "y" * 200, 200, len(text), 0.5, text)],
        )
        shown = screen.table(story)
        assert max(map(len, shown.splitlines())) <= screen.WIDTH
        assert "OFFER 10.0.0.11" in shown
        assert "0.12" in shown
        assert "default via 10.0.0.1" in shown
        assert "(+2 lines)" in shown

    def test_escapes_what_a_terminal_would_obey(self) -> None:
        """Control characters of a document do not reach the terminal."""
        row = Row("/x", 200, 5, 0.5, "\x1b[2Jgone")
        assert "\x1b" not in screen.request(row)

    def test_breaks_a_command_before_an_option(self) -> None:
        """A long command stays one that can be pasted into a shell."""
        shown = screen.typed(("put", *(f"--option-{n}" for n in range(20)), "it's"))
        assert max(map(len, shown.splitlines())) <= screen.WIDTH
        assert all(line.endswith(" \\") for line in shown.splitlines()[:-1])
        assert shown.endswith("""'it'"'"'s'""")


class TestRefusals:
    def test_needs_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without root it says how to run it."""
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(SettingsError, match="sudo make lab"):
            Cell(Furniture("x"))

    def test_needs_the_clients(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client that is not installed is an error that says what to do."""
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
        with pytest.raises(SettingsError, match="make deps"):
            boot(CLIENTS["udhcpc"], cast(Guest, None))

    def test_waiting_ends_with_the_log(self) -> None:
        """What does not happen is told with what was seen instead."""
        with pytest.raises(TooSlowError, match=r"rain.*last seen: 0\nsunshine"):
            until(lambda: 0, "rain", within=0.02, log=lambda: "sunshine")
