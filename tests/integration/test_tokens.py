"""Session tokens on a running network: metadata T1 to T13 and U1 to U17, with curl.

Three guests of one network, each in a mode of its own by its binding.
"""

from collections.abc import Iterator

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .conftest import N1
from .conftest import WatchedInstallation
from .conftest import outside
from .imds import DOCUMENT
from .imds import TOKEN
from .imds import TOKEN_PATH
from .imds import TTL
from .imds import ask
from .imds import bearing
from .imds import bind
from .imds import plug
from .imds import token_for
from .packets import Wire
from .packets import read_answer
from .packets import receive_all

pytestmark = pytest.mark.machine

MODES = {"optional": 11, "required": 12, "off": 13}  # and the guest's number
SIXTY = f"{TTL}: 60"
FORWARDED = "X-Forwarded-For: 10.0.0.12"

# clause, method, path, headers, and the answer: optional, required, endpoint off
ISSUE = [
    ("T1", "PUT", TOKEN_PATH, (f"{TTL}: 1",), 200, 200, 403),
    ("T1", "PUT", TOKEN_PATH, (f"{TTL}: 21600",), 200, 200, 403),
    ("T2", "PUT", TOKEN_PATH, (), 400, 400, 403),
    ("T3", "PUT", TOKEN_PATH, (f"{TTL};",), 400, 400, 403),  # curl's empty header
    ("T3", "PUT", TOKEN_PATH, (f"{TTL}: 0",), 400, 400, 403),
    ("T3", "PUT", TOKEN_PATH, (f"{TTL}: -1",), 400, 400, 403),
    ("T3", "PUT", TOKEN_PATH, (f"{TTL}: 21601",), 400, 400, 403),
    ("T3", "PUT", TOKEN_PATH, (f"{TTL}: 1.5",), 400, 400, 403),
    ("T3", "PUT", TOKEN_PATH, (f"{TTL}: 4294967356",), 400, 400, 403),
    ("T4", "PUT", TOKEN_PATH, (SIXTY, f"{TTL}: 61"), 400, 400, 403),
    ("T5", "PUT", TOKEN_PATH, (SIXTY, FORWARDED), 403, 403, 403),
    ("T5", "PUT", TOKEN_PATH, (SIXTY, "x-forwarded-for;"), 403, 403, 403),
    ("T6", "PUT", "/2021-03-23/api/token", (SIXTY,), 403, 403, 403),
    ("T7", "PUT", "/latest/meta-data/", (SIXTY,), 405, 405, 403),
    ("T8", "GET", TOKEN_PATH, (), 405, 405, 403),
    ("T8", "HEAD", TOKEN_PATH, (), 405, 405, 403),
    ("T8", "POST", TOKEN_PATH, (SIXTY,), 405, 405, 403),
    ("T8", "DELETE", TOKEN_PATH, (SIXTY,), 405, 405, 403),
    ("T9", "PUT", TOKEN_PATH + "/", (SIXTY,), 200, 200, 403),
    ("T9", "PUT", "//latest//api/token", (SIXTY,), 200, 200, 403),
    ("T10", "PUT", TOKEN_PATH, (SIXTY, "Content-Length: 0"), 200, 200, 403),
    ("T10", "PUT", TOKEN_PATH, (SIXTY, "Content-Length: 65537"), 413, 413, 413),
    ("T13", "PUT", TOKEN_PATH, ("X-metadata-token-ttl-seconds: 60",), 200, 200, 403),
]
# what reads: without a token, then with one of its own
USE = [
    ("U1", "GET", DOCUMENT, (), 200, 401, 403),
    ("U7", "GET", "/latest/meta-data/absent", (), 404, 401, 403),
    ("U3", "GET", DOCUMENT, (bearing("not-a-token"),), 401, 401, 403),
    ("U11", "GET", DOCUMENT, (f"{TOKEN};",), 401, 401, 403),
    ("U12", "GET", DOCUMENT, (bearing("A" * 257),), 401, 401, 403),
    ("U8", "HEAD", DOCUMENT, (), 200, 401, 403),
    ("U9", "POST", DOCUMENT, (), 405, 405, 403),
    ("U9", "DELETE", DOCUMENT, (), 405, 405, 403),
    ("U9", "OPTIONS", DOCUMENT, (), 405, 405, 403),
    ("U10", "GET", DOCUMENT, (FORWARDED,), 200, 401, 403),
    ("U16", "GET", "/latest/user-data", (), 404, 401, 403),
]
# a path of every dialect, and those of none (metadata 1.2: `required` gates them all)
PATHS = (
    *("/", "/latest", "/latest/meta-data/", "/2009-04-04/meta-data/instance-id"),
    *("/latest/user-data", "/latest/dynamic/", "/nocloud/meta-data"),
    *("/nocloud/user-data", "/nocloud/vendor-data", "/openstack"),
    *("/openstack/latest/meta_data.json", "/openstack/latest/network_data.json"),
    *("/openstack/latest/user_data", "/meta_data.json", "/zwatch-vm-agent"),
    *("/10.0.0.11/user-data", "/absent", "/.", "//"),
)


class Site:
    """A daemon, and a guest in each mode."""

    def __init__(self, installation: Installation, guests: dict[str, Guest]) -> None:
        self.installation = installation
        self.daemon = installation.start("n1")
        self.guests = guests


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    before = outside()
    words = {"required": ("--tokens", "required"), "off": ("--endpoint", "no")}
    with Machine() as machine:
        machine.add_bridge("br0")
        installation = WatchedInstallation(machine)
        installation.succeed("net", "add", "n1", "-", stdin=N1)
        guests = {}
        for mode, number in MODES.items():
            guests[mode] = plug(machine, number)
        site = Site(installation, guests)
        for mode, number in MODES.items():
            bind(installation, number, *words.get(mode, ()))
        yield site
    assert before == outside()


@pytest.mark.parametrize("mode", MODES)
def test_how_tokens_are_issued(site: Site, mode: str) -> None:
    """metadata T1 to T11, T13, in each mode."""
    at = list(MODES).index(mode)
    found, expected = [], []
    for clause, method, path, headers, *statuses in ISSUE:
        answer = ask(site.guests[mode], method, path, *headers)
        found.append((clause, method, path, headers, answer.status))
        expected.append((clause, method, path, headers, statuses[at]))
        if answer.status == 200:
            name, _, seconds = headers[0].partition(": ")
            assert answer.headers[name.lower()] == seconds
            assert answer.headers["content-type"] == "text/plain"
            assert answer.headers["connection"] == "close"
            assert 40 < len(answer.body) < 100
            assert not answer.body.endswith("\n")
        elif answer.status == 405:
            allowed = "PUT" if "token" in path else "GET, HEAD"
            assert answer.headers["allow"] == allowed
    assert found == expected


def test_a_body_is_ignored(site: Site) -> None:
    """metadata T10: with a PUT for a token, too; chunks are not read (411)."""
    lines = f"PUT {TOKEN_PATH} HTTP/1.1\r\nHost: x\r\n{SIXTY}\r\n"
    for more, status in (
        ("\r\n", 200),
        ("Content-Length: 5\r\n\r\nhello", 200),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ):
        with Wire(site.guests["optional"]) as wire, wire.connected() as opened:
            opened.sendall(f"{lines}{more}".encode())
            assert read_answer(receive_all(opened))[0] == status


@pytest.mark.parametrize("mode", MODES)
def test_how_documents_are_read(site: Site, mode: str) -> None:
    """metadata U1 to U12, U16, U17, in each mode; with a token as without one where
    it is optional (U2, U6)."""
    guest, at = site.guests[mode], list(MODES).index(mode)
    found, expected = [], []
    for clause, method, path, headers, *statuses in USE:
        answer = ask(guest, method, path, *headers)
        found.append((clause, method, path, headers, answer.status))
        expected.append((clause, method, path, headers, statuses[at]))
    if mode != "off":
        bearer = bearing(token_for(guest))
        for clause, method, path, headers, *statuses in USE:
            if not any(TOKEN in each for each in headers):
                answer = ask(guest, method, path, bearer, *headers)
                found.append((clause, method, path, (bearer,), answer.status))
                expected.append((clause, method, path, (bearer,), statuses[0]))
        head, get = (ask(guest, each, DOCUMENT, bearer) for each in ("HEAD", "GET"))
        for answer in (head, get):
            answer.headers.pop("date")
        assert get.body == f"i-{MODES[mode]}"
        assert head.headers == get.headers
    assert found == expected


def test_every_dialect_is_gated(site: Site) -> None:
    """metadata 1.2: `required` gates every path of every dialect, what is absent too,
    and an endpoint that is off is off for all."""
    for mode, status in (("required", "401"), ("off", "403")):
        for method in ("GET", "HEAD"):
            found = {
                path: ask(site.guests[mode], method, path).status for path in PATHS
            }
            assert found == dict.fromkeys(PATHS, int(status))


@pytest.mark.parametrize("port", [80, 1180])
def test_on_every_port(site: Site, port: int) -> None:
    """metadata 1.2: no port of ours is a way round it."""
    url = f"http://169.254.169.254:{port}{DOCUMENT}"
    done = site.guests["required"].get(url, "-w", "%{http_code}", "-o", "/dev/null")
    assert done.stdout == "401"


def test_a_neighbours_token_is_worth_nothing(site: Site) -> None:
    """metadata U13: 401, wherever it was issued and wherever it is shown."""
    first, second = site.guests["optional"], site.guests["required"]
    for issued, shown in ((first, second), (second, first)):
        bearer = bearing(token_for(issued))
        assert ask(issued, "GET", DOCUMENT, bearer).status == 200
        assert ask(shown, "GET", DOCUMENT, bearer).status == 401


def test_an_address_without_a_binding(site: Site) -> None:
    """metadata T12: 404 for all, as for a document; it is no guest to be listed."""
    stranger = plug(site.installation.machine, 99)
    for method, path in (("PUT", TOKEN_PATH), ("GET", DOCUMENT), ("POST", "/")):
        assert ask(stranger, method, path, SIXTY).status == 404
    assert "10.0.0.99" not in site.installation.succeed("status", "n1", "--tokenless")


def test_a_token_ends(site: Site) -> None:
    """metadata U14: when its seconds are over, and that is a second here."""
    guest = site.guests["optional"]
    bearer = bearing(token_for(guest, 1))
    until(
        lambda: ask(guest, "GET", DOCUMENT, bearer).status == 401,
        "a token of one second has ended",
        within=20.0,
    )


def test_it_is_in_force_at_the_next_request(site: Site) -> None:
    """Issue 5: `put --tokens required` has returned, so the next request needs one,
    on a connection that was open before too."""
    guest = plug(site.installation.machine, 21)
    bind(site.installation, 21)
    lines = f"GET {DOCUMENT} HTTP/1.1\r\nHost: x\r\n"
    with Wire(guest) as wire, wire.connected() as opened:
        opened.sendall(f"{lines}\r\n".encode())
        assert read_answer(opened.recv(65536))[:2] == (200, "i-21")
        bind(site.installation, 21, "--tokens", "required")
        opened.sendall(f"{lines}\r\n".encode())
        assert read_answer(opened.recv(65536))[0] == 401
        bind(site.installation, 21, "--tokens", "optional", "--endpoint", "no")
        opened.sendall(f"{lines}\r\n".encode())
        assert read_answer(opened.recv(65536))[0] == 403


def test_who_reads_without_one_is_listed(site: Site) -> None:
    """Issue 5: by address and name; who always has a token is not, nor is a refusal
    that says nothing of tokens."""
    tokenless, careful = (plug(site.installation.machine, each) for each in (31, 32))
    bind(site.installation, 31, "--hostname", "old-agent")
    bind(site.installation, 32)
    assert ask(tokenless, "GET", DOCUMENT).status == 200
    bearer = bearing(token_for(careful))
    assert ask(careful, "GET", DOCUMENT, bearer).status == 200
    assert ask(careful, "GET", TOKEN_PATH).status == 405
    said = site.installation.succeed("status", "n1", "--tokenless")
    (row,) = (line for line in said.splitlines() if line.startswith("10.0.0.31 "))
    assert row.split()[1:3] == ["old-agent", "1"]
    assert "10.0.0.32" not in said
