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
    assert (origins[53], origins[6], origins[3]) == ("rule", "network", "range")
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


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--type", "release", "--ciaddr", "10.0.0.5"), "released"),
        (("--type", "decline", "--requested", "10.0.0.5"), "conflict_reported"),
        (("--type", "release", "--server", "10.0.0.9"), "other_server"),
    ],
)
def test_what_is_said_last(house: House, words: tuple[str, ...], why: str) -> None:
    """dhcp 34, 35: it is for us, unless it is said whom it is for."""
    said = house.metalease("explain", "n1", "dhcp", mac(5), *words, "--json")
    assert listed(said.out)["answer"] == f"silence: {why}"


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


OWN = """
$HTTP["request-method"] == "POST" { url.redirect = ("^/old" => "/new") }
url.rewrite-once = ("^/old/(.+)$" => "/${ip}/$1", "^/(a)?gone$" => "/default/gone")
url.access-deny = (".key")
"""


def test_each_rule_that_was_tried(house: House) -> None:
    """explain http shows rule by rule what matched, the captures and the target, then
    the file, the origin, the status and the headers (issue 6.5)."""
    house.files.rules.write_text(OWN)
    house.drop(ip(5), "x", b"text")
    found = http(house, ip(5), "GET", "/old/x")
    tried = found["tried"]
    assert isinstance(tried, list)
    own = str(house.files.rules)
    assert tried[:2] == [
        {
            "at": f"{own}:2",
            "what": '$HTTP["request-method"] == "POST"',
            "matched": False,
        },
        {
            "at": f"{own}:3",
            "what": 'url.rewrite-once "^/old/(.+)$"',
            "matched": True,
            "captures": ["/old/x", "x"],
            "target": "/10.0.0.5/x",
        },
    ]
    assert (found["target"], found["document"]) == ("/10.0.0.5/x", "own")
    assert (found["rule"], found["status"]) == (f"{own}:3", 200)
    text = house.metalease("explain", "n1", "http", ip(5), "GET", "/old/x").out
    assert f'tried      no  {own}:2  $HTTP["request-method"] == "POST"\n' in text
    assert (
        f'tried      yes {own}:3  url.rewrite-once "^/old/(.+)$"'
        "  (0='/old/x', 1='x') -> /10.0.0.5/x\n"
    ) in text


def test_whom_it_asks(house: House) -> None:
    """A condition on $SERVER["socket"] or the host sees whom the guest asks, as
    CloudStack's ask the DHCP address (issue 6.5)."""
    house.files.rules.write_text(
        """
        $SERVER["socket"] == "10.0.0.2:80" { url.redirect = ("^/a" => "/socket") }
        $HTTP["host"] == "169.254.169.254" { url.redirect = ("^/a" => "/host") }
        """
    )
    asks = (ip(5), "GET", "/a")
    assert http(house, *asks)["headers"] == {"Location": "/host"}
    for at in ("10.0.0.2", "10.0.0.2:80"):
        assert http(house, *asks, "--at", at)["headers"] == {"Location": "/socket"}
    assert http(house, *asks, "--at", "10.0.0.2:1180")["status"] == 404
    assert http(house, *asks, "--header", "Host: x")["status"] == 404
    for at in ("x:80", "10.0.0.2:x"):
        said = house.metalease("explain", "n1", "http", *asks, "--at", at)
        assert said.code == 1
        assert "--at: " in said.err


def test_a_body_that_is_kept(house: House) -> None:
    """What a rule keeps in the spool is no 404 (issue 6.5)."""
    house.files.rules.write_text('metalease.spool = ("^/report$" => "report")')
    found = http(house, ip(5), "POST", "/report")
    assert found["target"] == "the spool, as report"
    assert "status" not in found
    assert "the body is kept" in str(found["document"])


def test_what_is_no_document(house: House) -> None:
    """A refusal is shown as one, with the rule that said so (issue 6.5)."""
    house.files.rules.write_text(OWN)
    found = http(house, ip(5), "GET", "/tls.key")
    assert found["target"] == 'refused, 403: url.access-deny: ".key"'
    assert found["rule"] == f"{house.files.rules}:4"


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
            "--requested: Expected 4 octets in 'x'",
        ),
    ],
)
def test_refusals(house: House, words: tuple[str, ...], what: str) -> None:
    said = house.metalease("explain", "n1", *words)
    assert (said.code, said.out, said.err) == (1, "", f"metalease: {what}\n")


LEVELS = """
[[network.also]]
subnet = "10.0.1.0/24"
dhcp_address = "10.0.1.2"
[network.also.options]
42 = "10.0.1.9"
[dhcp]
bootp = true
[dhcp.options]
42 = "10.0.0.9"
43 = "0x01"
[dhcp.boot]
server = "10.0.0.4"
script = "http://10.0.0.4/boot.ipxe"
[dhcp.boot.files]
efi64 = "ipxe.efi"
[[dhcp.class]]
name = "windows"
vendor_class = "MSFT"
[dhcp.class.options]
43 = "0x02"
"""


def test_each_level_gives_its_options(tmp_path: Path) -> None:
    """dhcp 45, 58, 61, 62, 64: the nearest of network, range, class, boot and binding
    wins, and is named; what only follows from a rule is said to."""
    house = House.build(tmp_path, N1.replace("[attach]", LEVELS + "[attach]", 1))
    house.bind(5)
    house.bind(6, ip="10.0.1.6", lease_time="1h", options={"43": "0x03"})

    def origins(number: int, *words: str) -> dict[int, tuple[str, str]]:
        said = house.metalease("explain", "n1", "dhcp", mac(number), "--json", *words)
        assert (said.code, said.err) == (0, "")
        found = listed(said.out)["options"]
        return {each["code"]: (each["value"], each["from"]) for each in found}

    plain = origins(5)
    assert (plain[42], plain[43]) == (("10.0.0.9", "network"), ("01", "network"))
    assert (plain[51][1], plain[53][1]) == ("network", "rule")
    windows = origins(5, "--vendor-class", "MSFT 5.0", "--client-id", "01:02")
    assert windows[43] == ("02", "class windows")
    assert windows[61] == ("01:02", "echo")
    there = origins(6, "--vendor-class", "MSFT 5.0", "--send", "51=0x00000708")
    assert (there[42], there[43]) == (("10.0.1.9", "range"), ("03", "binding"))
    assert there[51] == ("1800 s", "client, within the lease_time here")
    pxe = origins(5, "--vendor-class", "PXEClient", "--architecture", "7")
    assert pxe[67] == ("ipxe.efi", "boot")
    ipxe = origins(5, "--user-class", "iPXE", "--prl", "66,67")
    assert ipxe[67] == ("http://10.0.0.4/boot.ipxe", "boot")
    assert 53 not in origins(5, "--type", "bootp")
    said = house.metalease("explain", "n1", "dhcp", mac(5), "--relay", "10.0.0.8")
    assert "to         10.0.0.8 port 67, the MAC of the relay\n" in said.out
    by_word = origins(5, "--vendor-class", "PXEClient", "--architecture", "efi64")
    assert by_word == pxe
    words = ("dhcp", mac(5), "--architecture", "vax")
    said = house.metalease("explain", "n1", *words)
    assert said.code == 1
    assert "--architecture: 'vax' is none of bios, " in said.err


def test_who_is_told_by_its_address(house: House) -> None:
    """dhcp 36: an INFORM gives no address; a stranger's is of whom its IP is bound
    to."""
    house.bind(5, options={"42": "10.0.0.33", "224": "0xabcd"})
    words = ("--type", "inform", "--ciaddr", "10.0.0.5", "--prl", "42,224", "--json")
    for number in (5, 9):
        found = listed(
            house.metalease("explain", "n1", "dhcp", mac(number), *words).out
        )
        assert found["because"] == "it has an address, and asks for the rest"
        origins = {each["code"]: each["from"] for each in found["options"]}
        assert (origins[42], origins[224]) == ("binding", "binding")


def test_why_nobody_is_offered_an_address(house: House) -> None:
    """dhcp 18, 59: an OFFER of 0.0.0.0 is nobody's address."""
    text = '[dhcp]\nauthoritative = true\n[dhcp.options]\n116 = "0"\n'
    house.files.settings.write_text(N1 + text)
    words = ("explain", "n1", "dhcp", mac(9), "--send", "116=01", "--json")
    found = listed(house.metalease(*words).out)
    assert (found["answer"], found["address"]) == ("OFFER", "0.0.0.0")
    assert found["because"] == "nobody has bound it: option 116 says what then"


def test_whose_client_id_it_is(house: House) -> None:
    """dhcp 13: what a client-id finds is bound to another MAC than the client's."""
    house.bind(5, client_id="0102030405")
    words = ("explain", "n1", "dhcp", mac(9), "--client-id", "0102030405", "--json")
    found = listed(house.metalease(*words).out)
    assert found["because"] == f"10.0.0.5 is bound to {mac(5)}, by client-id"


@pytest.mark.parametrize(
    "sent", ["50=01", "54=0102", "57=ff", "61=01", "51=00", "116="]
)
def test_an_option_of_a_wrong_length_is_ignored(house: House, sent: str) -> None:
    """dhcp 7: as the daemon does, which reads it from the wire."""
    words = ("explain", "n1", "dhcp", mac(5), "--send", sent, "--json")
    said = house.metalease(*words)
    assert (said.code, said.err) == (0, "")
    found = listed(said.out)
    assert (found["answer"], found["address"]) == ("OFFER", "10.0.0.5")
    assert "ignored_option" in found["notes"]
    assert 61 not in {each["code"] for each in found["options"]}


def test_a_message_that_no_daemon_reads(house: House) -> None:
    """dhcp 7: an option 53 that is not one octet."""
    said = house.metalease("explain", "n1", "dhcp", mac(5), "--send", "53=0101")
    assert (said.code, said.out) == (1, "")
    assert "option 53: is not one octet" in said.err
    assert "Traceback" not in said.err
