"""`metalease explain`: the daemon's own answers, offline, and why."""

import os
from pathlib import Path

import pytest

from httpd.root import SMALL
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import listed
from tests.appliance.house import mac

BRIDGED = N1.replace('device = "eth0"', 'bridge = "br0"')


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5, hostname="web", options={"224": "0xabcd"})
    return house


def test_an_offer(house: House) -> None:
    said = house.metalease("explain", "n1", "dhcp", mac(5), "--json")
    assert (said.code, said.err) == (0, "")
    found = listed(said.out)
    assert found["asks"] == "DISCOVER"
    assert found["answer"] == "OFFER"
    assert found["address"] == "10.0.0.5"
    origins = {each["code"]: each["from"] for each in found["options"]}
    assert (origins[53], origins[6], origins[3]) == ("protocol", "network", "range")
    assert (origins[12], origins[224]) == ("binding", "binding")
    text = house.metalease("explain", "n1", "dhcp", mac(5)).out
    assert "answer     OFFER\n" in text
    assert "[binding]" in text


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--type", "request", "--requested", "10.0.0.5"), "ACK"),
        (("--type", "request", "--requested", "10.0.0.9"), "NAK"),
        (("--type", "request", "--ciaddr", "10.0.0.5"), "ACK"),
        (("--type", "inform", "--ciaddr", "10.0.0.5"), "ACK"),
        (("--prl", "1,3,6"), "OFFER"),
    ],
)
def test_other_messages(house: House, words: tuple[str, ...], answer: str) -> None:
    said = house.metalease("explain", "n1", "dhcp", mac(5), *words, "--json")
    assert listed(said.out)["answer"] == answer


def test_silence_and_why(house: House) -> None:
    """dhcp 18, 27, 75."""
    house.bind(6, mtu=1)

    def explain(number: int) -> dict[str, str]:
        said = house.metalease("explain", "n1", "dhcp", mac(number), "--json")
        found = listed(said.out)
        assert isinstance(found, dict)
        return found

    assert explain(9)["answer"] == "silence: unknown_client"
    assert explain(6)["answer"] == "silence: unread_binding"
    assert explain(6)["because"].endswith("mtu: 1: has to be 68 to 65535")
    house.files.settings.write_text(N1 + "[dhcp]\nenabled = false\n")
    assert explain(5)["answer"] == "silence: [dhcp] enabled = false"


def test_a_shared_bridge_is_seen(tmp_path: Path) -> None:
    """dhcp 26, 74: no NAK to the unknown where another network lives beside."""
    house = House.build(tmp_path, BRIDGED + "[dhcp]\nauthoritative = true\n")
    words = ("explain", "n1", "dhcp", mac(9), "--type", "request", "--json")
    asks = (*words, "--requested", "10.0.0.9")
    assert listed(house.metalease(*asks).out)["answer"] == "NAK"
    house.layout.network("n2").settings.write_text(BRIDGED.replace("10.0.", "10.2."))
    assert listed(house.metalease(*asks).out)["answer"] == "silence: unknown_client"


def http(house: House, *words: object) -> dict[str, object]:
    before = len(os.listdir("/proc/self/fd"))
    said = house.metalease("explain", "n1", "http", *words, "--json")
    assert (said.code, said.err) == (0, "")
    assert len(os.listdir("/proc/self/fd")) == before
    found = listed(said.out)
    assert isinstance(found, dict)
    return found


def test_a_document(house: House) -> None:
    house.drop(ip(5), "user-data", b"x" * (SMALL + 1))
    found = http(house, ip(5), "GET", "/latest/user-data")
    assert found["guest"] == "10.0.0.5 (fa:16:3e:00:00:05)"
    assert str(found["rule"]).startswith("preset ec2:")
    assert found["target"] == "/10.0.0.5/user-data"
    assert found["document"] == "own"
    assert (found["status"], found["octets"]) == (200, SMALL + 1)


@pytest.mark.parametrize(
    ("words", "status", "rule"),
    [
        (("10.0.0.5", "GET", "/latest/meta-data/mac"), 200, "preset ec2:7"),
        (("10.0.0.5", "GET", "/nothing"), 404, "none"),
        (("10.0.0.9", "GET", "/latest/meta-data/mac"), 404, "none"),
        (("10.0.0.5", "PUT", "/latest/meta-data/mac"), 405, "none"),
        (("10.0.0.5", "GET", "/../x"), 400, "none"),
        (("10.0.0.5", "GET", "no-path"), 400, "none"),
        (("10.0.0.5", "GET", "/é"), 400, "none"),
    ],
)
def test_other_requests(
    house: House, words: tuple[str, ...], status: int, rule: str
) -> None:
    found = http(house, *words)
    assert (found["status"], found["rule"]) == (status, rule)


def test_a_listing(house: House) -> None:
    found = http(house, ip(5), "GET", "/")
    assert found["target"] == "a listing"
    text = house.metalease("explain", "n1", "http", ip(5), "GET", "/").out
    assert "status     200\n" in text


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("dhcp", "x"), "MAC: 'x' is not a MAC like fa:16:3e:00:00:05"),
        (
            ("dhcp", str(mac(5)), "--prl", "1,300"),
            "--prl: '1,300' is not like 1,3,6,121",
        ),
        (("dhcp", str(mac(5)), "--prl", "a"), "--prl: 'a' is not like 1,3,6,121"),
        (("http", "x", "GET", "/"), "IP: Expected 4 octets in 'x'"),
        (
            ("dhcp", str(mac(5)), "--requested", "x"),
            "explain dhcp: Expected 4 octets in 'x'",
        ),
    ],
)
def test_refusals(house: House, words: tuple[str, ...], what: str) -> None:
    said = house.metalease("explain", "n1", *words)
    assert (said.code, said.out, said.err) == (1, "", f"metalease: {what}\n")
