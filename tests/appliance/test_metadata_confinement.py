"""Who asks, and that no URL, link, rule or alias leads to what is another's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.metadata import Standing
from httpd.gate import TOKEN
from httpd.gate import TOKEN_PATH
from httpd.listener import Peer
from httpd.messages import Request

from .guests import SECRET
from .guests import URLS
from .guests import answer
from .guests import ask
from .guests import get
from .guests import guests
from .guests import metadata
from .guests import peer
from .house import House
from .house import ip


@pytest.fixture
def house(tmp_path: Path) -> House:
    return guests(tmp_path)


@pytest.fixture(autouse=True)
def _no_descriptor_is_lost() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


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
    """docs/design.md: own, default/, shared/ and the operator's aliases, no more."""
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
    [
        "../10.0.0.6/user-data",
        "../10.0.0.6",
        "../../bindings",
        "/etc",
        "/proc/self/root",
    ],
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
        + rules.replace(
            "url.rewrite-once = (", 'url.rewrite-once = ("^/t/f$" => "/t/f",'
        )
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


def test_a_token_ends_with_its_guest(house: House) -> None:
    """metadata U13, issue 5.6: a token is the guest's and not the address's: whoever is
    bound to it next gets 401 for one from before; the same guest's holds."""
    required = '[metadata]\ntokens = "required"\n'
    ttl = {"x-aws-ec2-metadata-token-ttl-seconds": "60"}
    put = Request("PUT", TOKEN_PATH, TOKEN_PATH, headers=ttl)
    given = ask(metadata(house, required), put)
    assert given is not None
    assert isinstance(given.body, bytes)
    url = "/latest/meta-data/instance-id"
    bearing = Request("GET", url, url, headers={TOKEN: given.body.decode()})

    def status(hardware: int) -> int:
        found = ask(metadata(house, required), bearing, peer(5, hardware))
        return 0 if found is None else found.status

    assert (status(5), status(7)) == (200, 0)
    house.file(5).unlink()
    house.bind(7, ip="10.0.0.5")
    assert (status(5), status(7)) == (0, 401)
