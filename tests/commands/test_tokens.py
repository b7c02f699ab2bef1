"""What the command line says of session tokens: put, status, explain, net check."""

import json
import time
from pathlib import Path

import pytest

from appliance.layout import NetworkLayout
from appliance.token_key import clock
from appliance.token_key import open_gate
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import listed
from tests.appliance.house import mac

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
PUT = ("PUT", "/latest/api/token")
GET = ("GET", "/latest/meta-data/mac")
REQUIRED = '[metadata]\ntokens = "required"\n'
OFF = "[metadata]\nendpoint = false\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5)
    return house


def configure(house: House, text: str) -> None:
    house.files.settings.write_text(N1 + text)


def explain(house: House, *words: object) -> dict[str, object]:
    said = house.metalease("explain", "n1", "http", *words, "--json")
    assert (said.code, said.err) == (0, "")
    found = listed(said.out)
    assert isinstance(found, dict)
    return found


def test_a_binding_has_its_own_word(house: House) -> None:
    """metadata 1.2: `tokens` and `endpoint` per binding; unset, the network's hold."""
    said = ("--tokens", "required", "--endpoint", "no")
    with house.running() as control:
        assert house.metalease("put", "n1", ip(5), *said).code == 0
        record = control.state.at(ip(5))
        assert record is not None
        assert (record.tokens, record.endpoint) == ("required", False)
        values = json.loads(house.file(5).read_text())
        assert (values["tokens"], values["endpoint"]) == ("required", False)
        words = ("--unset", "tokens", "--unset", "endpoint")
        assert house.metalease("put", "n1", ip(5), *words).code == 0
        record = control.state.at(ip(5))
        assert record is not None
        assert (record.tokens, record.endpoint) == (None, None)


@pytest.mark.parametrize("words", [("--tokens", "none"), ("--endpoint", "off")])
def test_a_word_that_is_none(house: House, words: tuple[str, str]) -> None:
    said = house.metalease("put", "n1", ip(5), *words)
    assert said.code == 2
    assert "invalid choice" in said.err


def test_who_reads_without_a_token(house: House) -> None:
    """issue 5.1: by address and name, how often and when, for people and programs."""
    house.bind(6, hostname="web")
    with house.running() as control:
        nobody = house.metalease("status", "n1", "--tokenless")
        none = listed(house.metalease("status", "n1", "--tokenless", "--json").out)
        now = time.time()
        control.observation.tokenless[ip(6)] = (3, now - 100)
        control.observation.tokenless[ip(5)] = (1, now)
        control.observation.tokenless[ip(9)] = (2, now)  # it was removed since
        said = house.metalease("status", "n1", "--tokenless")
        found = listed(house.metalease("status", "n1", "--tokenless", "--json").out)
    assert (nobody.code, nobody.out.count("\n")) == (0, 1)
    assert "is safe" in nobody.out
    assert none == []
    heads, *rows = (line.split() for line in said.out.splitlines())
    assert heads == ["IP", "NAME", "REQUESTS", "LAST"]
    assert [row[:3] for row in rows] == [
        ["10.0.0.6", "web", "3"],
        ["10.0.0.5", "ip-10-0-0-5", "1"],
        ["10.0.0.9", "-", "2"],
    ]
    assert 100 <= int(rows[0][3]) < 200
    assert [(each["ip"], each["hostname"], each["requests"]) for each in found] == [
        ("10.0.0.6", "web", 3),
        ("10.0.0.5", "ip-10-0-0-5", 1),
        ("10.0.0.9", None, 2),
    ]


def test_who_reads_without_a_token_anywhere(house: House) -> None:
    """issue 5.1: without NET of every network, a line a guest."""
    house.bind(6, hostname="web")
    with house.running() as control:
        nobody = house.metalease("status", "--tokenless")
        none = listed(house.metalease("status", "--tokenless", "--json").out)
        control.observation.tokenless[ip(6)] = (3, time.time() - 100)
        said = house.metalease("status", "--tokenless")
        found = listed(house.metalease("status", "--tokenless", "--json").out)
    assert (nobody.code, nobody.err, none) == (0, "", [])
    assert "is safe" in nobody.out
    assert (said.code, said.err) == (0, "")
    heads, row = (line.split() for line in said.out.splitlines())
    assert heads == ["NETWORK", "IP", "NAME", "REQUESTS", "LAST"]
    assert row[:4] == ["n1", "10.0.0.6", "web", "3"]
    assert [(each["network"], each["ip"], each["requests"]) for each in found] == [
        ("n1", "10.0.0.6", 3)
    ]


def test_whose_tokens_nobody_knows(house: House) -> None:
    """issue 5.1: nothing is called safe while a network's daemon is silent: it is
    named, and the exit code is 3."""
    (house.layout.networks / "n2.toml").write_text(N1)
    silent = "metalease: network n2: its daemon is not running: metalease run n2\n"
    with house.running() as control:
        assert house.metalease("status", "--tokenless") == Said(3, "", silent)
        control.observation.tokenless[ip(5)] = (1, time.time())
        said = house.metalease("status", "--tokenless")
        found = house.metalease("status", "--tokenless", "--json")
    assert (said.code, said.err) == (3, silent)
    assert said.out.splitlines()[1].split()[:2] == ["n1", "10.0.0.5"]
    assert (found.code, found.err) == (3, silent)
    assert [each["ip"] for each in listed(found.out)] == ["10.0.0.5"]


@pytest.mark.parametrize(
    ("text", "words", "status", "gate"),
    [
        ("", GET, 200, None),
        ("", (*GET, "--header", f"{TOKEN}: x"), 401, "does not hold"),
        (REQUIRED, GET, 401, "a token is needed"),
        (REQUIRED, ("GET", "/absent"), 401, "a token is needed"),
        (OFF, GET, 403, "switched off"),
        ("", PUT, 400, TTL),
        ("", (*PUT, "--header", f"{TTL}: 60"), 200, "a token, in packets of TTL 1"),
        (
            "",
            (*PUT, "--header", f"{TTL}: 60", "--header", "X-Forwarded-For: 1.2.3.4"),
            403,
            "forwarded",
        ),
        ("", ("GET", "/latest/api/token"), 405, "PUT"),
    ],
)
def test_the_gate_is_explained(
    house: House, text: str, words: tuple[str, ...], status: int, gate: str | None
) -> None:
    """metadata 1.2: what stops a request before any rule, in the gate's own words."""
    configure(house, text)
    found = explain(house, ip(5), *words)
    assert found["status"] == status
    if gate is None:
        assert "gate" not in found
    else:
        assert gate in str(found["gate"])
        assert found["rule"] == "none"


def test_who_is_unknown_meets_no_gate(house: House) -> None:
    """metadata T12: 404, whatever it asks."""
    found = explain(house, ip(9), *PUT, "--header", f"{TTL}: 60")
    assert found["status"] == 404
    assert "gate" not in found


def test_a_guests_token_can_be_tried(house: House) -> None:
    """What the daemon would say of it, by its own key, which is only read; before
    there is one, no token holds, and none is made."""

    def tried(number: int, token: str) -> object:
        words = (ip(number), *GET, "--header", f"{TOKEN}: {token}")
        return explain(house, *words)["status"]

    house.bind(6)
    assert tried(5, "x") == 401
    assert not house.files.token_key.exists()
    token = issue(house.files, 5)
    key = house.files.token_key.read_bytes()
    assert tried(5, token) == 200
    assert tried(6, token) == 401
    assert house.files.token_key.read_bytes() == key


def issue(files: NetworkLayout, number: int) -> str:
    files.own.mkdir(parents=True, exist_ok=True)
    authority = open_gate(files, pytest.fail).authority
    holder = ip(number).packed + mac(number).octets
    return authority.issue(holder, 60, clock(), bytes(17))


@pytest.mark.parametrize("text", ["GET", "no colon", ": x"])
def test_a_header_that_is_none(house: House, text: str) -> None:
    said = house.metalease("explain", "n1", "http", ip(5), *GET, "--header", text)
    assert said.code == 1
    assert said.err == f"metalease: --header: {text!r} is not like Accept: text/plain\n"


def check(house: House) -> list[str]:
    """The notes of `net check`; other than these nothing may be about tokens."""
    found = listed(house.metalease("net", "check", "n1", "--json").out)["n1"]
    assert not [each for each in found["problems"] if "token" in each]
    notes = found["notes"]
    assert isinstance(notes, list)
    return notes


CLOSED = "closes openstack, nocloud, zstack: their clients fetch no token"


def test_required_closes_presets(house: House) -> None:
    """metadata 1.2: a note, no problem; of those that are enabled alone."""
    assert check(house) == []
    configure(house, REQUIRED)
    assert check(house) == [f'[metadata] tokens = "required" {CLOSED}']
    text = house.metalease("net", "check", "n1").out
    assert f'  note: [metadata] tokens = "required" {CLOSED}\n' in text
    configure(house, REQUIRED + 'presets = ["ec2", "nocloud"]\n')
    (note,) = check(house)
    assert "closes nocloud: " in note
    configure(house, REQUIRED + 'presets = ["ec2"]\n')
    assert check(house) == []
    more = ["cloudstack", "digitalocean", "hetzner", "vultr", "gce"]
    configure(house, REQUIRED + f"presets = {json.dumps(['ec2', *more])}\n")
    (note,) = check(house)
    assert f"closes {', '.join(more)}: " in note


def test_required_of_bindings_closes_presets(house: House) -> None:
    """metadata 1.2: of a few guests, by address; of many, the first."""
    house.bind(7, tokens="required")
    house.bind(6, tokens="optional")
    assert check(house) == [f'tokens = "required" of 10.0.0.7 {CLOSED}']
    for number in range(10, 20):
        house.bind(number, tokens="required")
    named = "10.0.0.7, 10.0.0.10, 10.0.0.11, 10.0.0.12, 10.0.0.13 and 6 more"
    assert check(house) == [f'tokens = "required" of {named} {CLOSED}']


def test_show_says_what_is_demanded(house: House) -> None:
    configure(house, REQUIRED + "hop_limit = 2\n")
    found = listed(house.metalease("net", "show", "n1", "--json").out)
    names = ("endpoint", "tokens", "hop_limit", "reject_forwarded")
    assert [found[name] for name in names] == [True, "required", 2, "put"]


def test_the_note_is_no_failure(tmp_path: Path) -> None:
    """Exit code 0 where nothing else is wrong: the operator means it."""
    house = House.build(tmp_path)
    before = house.metalease("net", "check", "n1")
    configure(house, REQUIRED)
    after = house.metalease("net", "check", "n1")
    assert after.code == before.code
    assert after.out.startswith(before.out)
    assert str(mac(5)) not in after.out
