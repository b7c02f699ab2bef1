"""From a request to its document, and to no other guest's."""

import json
import os
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.metadata import Metadata
from appliance.metadata import Standing
from appliance.rules import load_rules
from httpd.listener import Peer
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.messages import Response
from httpd.paths import parse_target
from httpd.root import SMALL

from .house import N1
from .house import House
from .house import ip
from .house import mac

SECRET = b"the neighbour's"
LARGE = b"x" * (SMALL + 1)
OWN_RULES = r"""
url.rewrite-once = (
    "^/neighbour$"       => "/10.0.0.6/user-data",
    "^/neighbour/(.+)$"  => "/10.0.0.6/$1",
    "^/any/(.+)$"        => "/$1",
    "^/agent/(.+)$"      => "/shared/$1",
    "^/up/(.+)$"         => "/shared/../metadata/10.0.0.6/$1",
)
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """10.0.0.5 asks; 10.0.0.6 has a secret; 10.0.0.9 is nobody's but has files."""
    house = House.build(tmp_path)
    house.files.rules.write_text(OWN_RULES)
    house.bind(5, public_keys={"ops": "ssh-ed25519 AAAA"})
    house.bind(6)
    house.drop(ip(5), "user-data", b"own")
    house.drop(ip(6), "user-data", SECRET)
    house.drop(ip(9), "user-data", b"left over")
    house.drop("default", "vendor-data", b"default")
    house.files.shared.mkdir()
    (house.files.shared / "agent").write_bytes(b"shared")
    return house


@pytest.fixture(autouse=True)
def _no_descriptor_is_lost() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def metadata(house: House, settings: str = "") -> Metadata:
    house.files.settings.write_text(N1 + settings)
    state = house.state()
    state.load()
    loaded = house.settings()
    return Metadata(loaded, load_rules(loaded, house.files), state, house.files)


def peer(number: int, hardware: int | None = None) -> Peer:
    octets = mac(number if hardware is None else hardware).octets
    return Peer(ip(number), octets)


def answer(found: Metadata, url: str, who: Peer | None = None) -> Response | None:
    path, query = parse_target(url)
    request = Request("GET", url, path, query)
    return found.answer(request, who or peer(5), wait=True)


def get(found: Metadata, url: str, who: Peer | None = None) -> bytes | int:
    """Return the body of a 200, or the status."""
    response = answer(found, url, who)
    assert response is not None
    body = response.body
    if isinstance(body, FileBody):
        with open(body.descriptor, "rb") as file:
            body = file.read()
    return body if response.status == 200 else response.status


def test_own_document(house: House) -> None:
    found = metadata(house)
    for url in ("/latest/user-data", "/openstack/latest/user_data", "/x/user_data"):
        assert get(found, url) == b"own"
    assert get(found, "/latest/user-data", peer(6)) == SECRET


def test_own_before_default_before_made(house: House) -> None:
    """A document is looked for in the own directory, then in default/, then made."""
    found = metadata(house)
    url = "/latest/meta-data/local-hostname"
    assert get(found, url) == b"ip-10-0-0-5"
    default = house.drop("default", "meta-data/local-hostname", b"by default")
    assert get(found, url) == b"by default"
    own = house.drop(ip(5), "meta-data/local-hostname", b"by its own")
    assert get(found, url) == b"by its own"
    own.unlink()
    assert get(found, url) == b"by default"
    default.unlink()
    assert get(found, url) == b"ip-10-0-0-5"


def test_where_a_document_is_from(house: House) -> None:
    found = metadata(house)
    for url, origin in (
        ("/latest/user-data", "own"),
        ("/nocloud/vendor-data", "default"),
        ("/latest/meta-data/mac", "made"),
        ("/agent/agent", "shared"),
    ):
        response = answer(found, url)
        assert response is not None
        assert response.origin == origin


@pytest.mark.parametrize(
    "url",
    [
        "/neighbour",
        "/neighbour/user-data",
        "/any/10.0.0.6/user-data",
        "/any/10.0.0.9/user-data",
        "/any/metadata/10.0.0.6/user-data",
        "/up/user-data",
        "/any/own/token.key",
        "/any/bindings/fa163e000006.json",
        "/any/etc/passwd",
        "/latest/meta-data/%2e%2e/any/10.0.0.6/x",
        "/agent/x/../../any/10.0.0.6/user-data",
    ],
)
def test_no_url_reaches_a_neighbour(house: House, url: str) -> None:
    """docs/design.md: confined to own, default/, shared/, and the operator's aliases."""
    assert get(metadata(house), url) == 404


@pytest.mark.parametrize(
    "url",
    ["/latest/meta-data/%2e%2e/%2e%2e/10.0.0.6/user-data", "/10.0.0.6/user-data"],
)
def test_a_neighbours_address_in_a_url_is_a_word(house: House, url: str) -> None:
    """Any prefix is a version to the zstack preset: the document is the own one."""
    assert get(metadata(house), url) == b"own"


@pytest.mark.parametrize(
    "link",
    ["../10.0.0.6/user-data", "../10.0.0.6", "../../bindings", "/etc", "/proc/self/root"],
)
def test_no_link_leads_out(house: House, link: str) -> None:
    """A link in a guest's directory that leads outside is not there."""
    found = metadata(house)
    house.drop(ip(5), "meta-data/x", b"")
    (house.files.metadata / "10.0.0.5/meta-data/out").symlink_to(link)
    for url in ("", "/user-data", "/passwd", "/etc/passwd", "/fa163e000006.json"):
        assert get(found, f"/latest/meta-data/out{url}") == 404
    listing = get(found, "/latest/meta-data/")
    assert isinstance(listing, bytes)
    assert b"out" not in listing


def test_a_link_that_stays_inside(house: House) -> None:
    found = metadata(house)
    house.drop(ip(5), "meta-data/x", b"1")
    (house.files.metadata / "10.0.0.5/meta-data/y").symlink_to("x")
    assert get(found, "/latest/meta-data/y") == b"1"


def test_an_alias_reaches_what_the_operator_wrote(house: House) -> None:
    """And nothing beside it, whatever stands in the URL."""
    folder = house.layout.root / "srv"
    (folder / "tools").mkdir(parents=True)
    (folder / "secret").write_bytes(SECRET)
    (folder / "tools/agent").write_bytes(b"tool")
    (folder / "tools/out").symlink_to("../secret")
    house.files.rules.write_text(
        f'alias.url = ("/t/" => "{folder}/tools/", "/one" => "{folder}/secret")\n'
        'url.rewrite-once = ("^/t/(.+)$" => "/t/$1", "^/one$" => "/one")\n'
    )
    found = metadata(house)
    assert get(found, "/t/agent") == b"tool"
    assert get(found, "/one") == SECRET
    for url in ("/t/out", "/t/../secret", "/t/%2e%2e/secret", "/one/x"):
        assert get(found, url) == 404
    (folder / "current").symlink_to("tools")
    house.files.rules.write_text(
        house.files.rules.read_text().replace(f"{folder}/tools/", f"{folder}/current/")
    )
    assert get(metadata(house), "/t/agent") == b"tool"  # a link that he wrote himself


def test_who_asks_is_address_and_mac(house: House) -> None:
    """identity = "ip+mac": both of one binding, or not a word."""
    found = metadata(house)
    cases = {
        peer(5): Standing.BOUND,
        peer(5, hardware=6): Standing.FOREIGN,
        Peer(ip(5), None): Standing.FOREIGN,
        Peer(ip(9), None): Standing.FOREIGN,
        peer(9): Standing.UNKNOWN,
    }
    for who, standing in cases.items():
        assert found.standing(who)[0] is standing
        assert found.admits(who) == (standing is not Standing.FOREIGN)
    assert answer(found, "/latest/user-data", peer(5, hardware=6)) is None
    assert answer(found, "/latest/user-data", Peer(ip(5), None)) is None


def test_who_asks_is_the_address_alone(house: House) -> None:
    """identity = "ip", for routed networks: the MAC is some router's."""
    found = metadata(house, '[metadata]\nidentity = "ip"\n')
    for who in (peer(5), peer(5, hardware=6), Peer(ip(5), None)):
        assert get(found, "/latest/user-data", who) == b"own"
    assert found.standing(Peer(ip(9), None))[0] is Standing.UNKNOWN


URLS = (
    "/",
    "/latest/user-data",
    "/latest/meta-data/",
    "/openstack/latest/meta_data.json",
    "/nocloud/user-data",
    "/agent/agent",
    "/any/default/vendor-data",
)


@pytest.mark.parametrize("url", URLS)
def test_an_address_without_a_binding(house: House, url: str) -> None:
    """metadata T12: 404 for all, and no directory that was left over is served."""
    assert get(metadata(house), url, peer(9)) == 404


def test_a_stranger_who_is_let_in_to_default(house: House) -> None:
    """unknown = "default": default/, and not a word more: nothing made, no left-over
    directory of the address, no shared file, no alias.
    """
    rules = house.files.rules.read_text()
    folder = house.layout.root / "srv"
    folder.mkdir()
    (folder / "f").write_bytes(SECRET)
    house.files.rules.write_text(
        f'alias.url = ("/t/" => "{folder}/")\n'
        + rules.replace("url.rewrite-once = (", 'url.rewrite-once = ("^/t/f$" => "/t/f",')
    )
    found = metadata(house, '[metadata]\nunknown = "default"\n')
    assert get(found, "/t/f") == SECRET
    stranger = peer(9)
    assert get(found, "/nocloud/vendor-data", stranger) == b"default"
    assert get(found, "/any/default/vendor-data", stranger) == b"default"
    assert get(found, "/nocloud/user-data", stranger) == b""  # as the preset says
    for url in (
        "/latest/user-data",
        "/latest/meta-data/instance-id",
        "/openstack/latest/meta_data.json",
        "/any/10.0.0.9/user-data",
        "/any/10.0.0.5/user-data",
        "/agent/agent",
        "/t/f",
    ):
        assert get(found, url, stranger) == 404


def test_a_freed_address_is_nobodys(house: House) -> None:
    """From the removal on the next request is 404, though the directory is there."""
    found = metadata(house)
    assert get(found, "/latest/user-data") == b"own"
    found._state.update({house.file(5).name: None}, {}, commanded=True)
    assert get(found, "/latest/user-data") == 404


def test_a_listing_is_the_union(house: House) -> None:
    """metadata 1.5: own, default and made names; sorted, "/" behind directories, no
    line feed at the end, nothing hidden.
    """
    house.drop(ip(5), "meta-data/own", b"")
    house.drop(ip(5), "meta-data/.hidden", b"")
    house.drop(ip(5), "meta-data/draft~", b"")
    house.drop(ip(5), "meta-data/.77.tmp", b"")
    house.drop("default", "meta-data/placement/zone", b"z1")
    found = metadata(house)
    expected = b"\n".join(
        sorted(
            [
                b"instance-id",
                b"local-hostname",
                b"local-ipv4",
                b"mac",
                b"own",
                b"placement/",
                b"public-keys/",
            ]
        )
    )
    assert get(found, "/latest/meta-data") == expected
    assert get(found, "/latest/meta-data/") == expected


def test_numbered_keys(house: House) -> None:
    """metadata 1.5: 0=name is listed, and is found as 0 too, made or dropped."""
    found = metadata(house)
    base = "/latest/meta-data/public-keys"
    assert get(found, base) == b"0=ops"
    assert get(found, f"{base}/0") == get(found, f"{base}/0/") == b"openssh-key"
    assert get(found, f"{base}/0/openssh-key") == b"ssh-ed25519 AAAA"
    house.drop(ip(6), "meta-data/public-keys/0=mine/openssh-key", b"ssh-rsa B")
    assert get(found, base, peer(6)) == b"0=mine"
    assert get(found, f"{base}/0/openssh-key", peer(6)) == b"ssh-rsa B"
    assert get(found, f"{base}/0=mine/openssh-key", peer(6)) == b"ssh-rsa B"
    assert get(found, f"{base}/1/openssh-key", peer(6)) == 404


def test_no_keys_is_an_empty_answer(house: House) -> None:
    """metadata 1.5: a 404 there breaks Windows."""
    found = metadata(house)
    assert get(found, "/latest/meta-data/public-keys", peer(6)) == b""
    listing = get(found, "/latest/meta-data/", peer(6))
    assert isinstance(listing, bytes)
    assert b"public-keys" not in listing


def test_large_documents_leave_no_descriptor_behind(house: House) -> None:
    """Whatever is looked at and not sent is closed: the fixture above counts."""
    house.drop(ip(5), "user-data", LARGE)
    house.drop(ip(5), "meta-data/large", LARGE)
    house.drop("default", "meta-data/large2", LARGE)
    house.drop("default", "meta-data/both", LARGE)
    house.drop(ip(5), "meta-data/both/inner", b"")
    found = metadata(house)
    assert get(found, "/latest/user-data") == LARGE
    assert get(found, "/latest/meta-data/large2") == LARGE
    assert get(found, "/latest/meta-data/both") == b"inner"
    for url in ("/latest/meta-data/large/0", "/latest/meta-data/large/0/1/x"):
        assert get(found, url) == 404
    for url in ("/latest/", "/openstack/latest/", "/latest/meta-data/"):
        listing = get(found, url)
        assert isinstance(listing, bytes)
        assert listing


def test_a_disk_that_would_be_waited_for(house: House) -> None:
    """With wait false BlockingIOError says so, or the answer is the same."""
    house.drop(ip(5), "meta-data/large", LARGE)
    found = metadata(house)
    for url in (*URLS, "/latest/meta-data/large/0"):
        request = Request("GET", url, *parse_target(url))
        try:
            response = found.answer(request, peer(5), wait=False)
        except BlockingIOError:
            continue
        assert response == found.answer(request, peer(5), wait=True)


def test_only_get_and_head(house: House) -> None:
    """metadata U9: 405 with Allow: GET, HEAD."""
    found = metadata(house)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "get"):
        request = Request(method, "/latest/user-data", "/latest/user-data")
        response = found.answer(request, peer(5), wait=True)
        assert response is not None
        assert response.status == 405
        assert ("Allow", "GET, HEAD") in response.headers
    request = Request("HEAD", "/latest/user-data", "/latest/user-data")
    response = found.answer(request, peer(5), wait=True)
    assert response is not None
    assert (response.status, response.length) == (200, 3)


def test_types_of_content(house: House) -> None:
    """metadata 1.5: user-data are octets, never decoded; metadata are text; JSON is."""
    found = metadata(house)
    raw = bytes(range(256))
    house.drop(ip(5), "user-data", raw)
    for url, kind in (
        ("/latest/user-data", "application/octet-stream"),
        ("/latest/meta-data/mac", "text/plain"),
        ("/openstack/latest/meta_data.json", "application/json"),
    ):
        response = answer(found, url)
        assert response is not None
        assert ("Content-Type", kind) in response.headers
        assert "Content-Encoding" not in dict(response.headers)
    assert get(found, "/latest/user-data") == raw


def test_a_guest_without_documents_boots(house: House) -> None:
    """A VM without user-data still has its meta-data in every dialect."""
    found = metadata(house)
    guest = peer(6)
    (house.files.metadata / "10.0.0.6/user-data").unlink()
    assert get(found, "/latest/user-data", guest) == 404
    made = get(found, "/openstack/latest/meta_data.json", guest)
    assert isinstance(made, bytes)
    uuid = json.loads(made)["uuid"]
    assert get(found, "/latest/meta-data/instance-id", guest) == uuid.encode()
    assert get(found, "/word/meta-data/instance-id", guest) == uuid.encode()
    assert IPv4Address("10.0.0.6") == guest.address
