"""From a request to its document: own, by default, or made."""

import json
import os
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from httpd.messages import Request
from httpd.paths import parse_target

from .guests import LARGE
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
    listing = get(found, "/latest/meta-data")
    assert isinstance(listing, bytes)
    names = listing.split(b"\n")
    assert {b"instance-id", b"own", b"placement/", b"public-keys/"} <= set(names)
    assert not {b".hidden", b"draft~", b".77.tmp", b"placement", b""} & set(names)
    assert names == sorted(names)
    assert get(found, "/latest/meta-data/") == listing
    zones = get(found, "/latest/meta-data/placement/")
    assert zones == b"availability-zone\nzone"


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
            response = found.answer(request, peer(5), wait=False, waited=0.0)
        except BlockingIOError:
            continue
        again = found.answer(request, peer(5), wait=True, waited=0.0)
        if url != "/openstack/latest/meta_data.json":  # it has a fresh random seed
            assert response == again


def test_only_get_and_head(house: House) -> None:
    """metadata U9: 405 with Allow: GET, HEAD."""
    found = metadata(house)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "get"):
        request = Request(method, "/latest/user-data", "/latest/user-data")
        response = ask(found, request)
        assert response is not None
        assert response.status == 405
        assert ("Allow", "GET, HEAD") in response.headers
    request = Request("HEAD", "/latest/user-data", "/latest/user-data")
    response = ask(found, request)
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


def test_dropped_leaves_are_true_in_every_dialect(house: House) -> None:
    """clients C43: an id and a name that were dropped for EC2 are all dialects'."""
    found = metadata(house)
    house.drop(ip(5), "meta-data/instance-id", b"0123abcd")
    house.drop(ip(5), "meta-data/local-hostname", b"zs-vm\n")
    openstack, nocloud = (
        json.loads(body)
        for body in map(
            partial(get, found),
            ("/openstack/latest/meta_data.json", "/nocloud/meta-data"),
        )
        if isinstance(body, bytes)
    )
    assert (openstack["uuid"], openstack["name"]) == ("0123abcd", "zs-vm")
    assert openstack["hostname"] == "zs-vm.n1.example"
    told = (nocloud["instance-id"], nocloud["local-hostname"])
    assert told == ("0123abcd", "zs-vm")


def test_a_leaf_that_is_no_line_tells_nothing(house: House) -> None:
    """clients C43: what cannot be an id leaves the made one in force."""
    found = metadata(house)
    before = get(found, "/nocloud/meta-data")
    house.drop(ip(5), "meta-data/instance-id", b"two\nlines")
    assert get(found, "/nocloud/meta-data") == before
    house.drop(ip(5), "meta-data/instance-id", LARGE)
    assert get(found, "/nocloud/meta-data") == before


@pytest.mark.parametrize("name", [".secret", "user-data~", "x.tmp", "index.html"])
def test_what_is_not_listed_is_not_served(house: House, name: str) -> None:
    """metadata 1.5: hidden and temporary names are no documents."""
    found = metadata(house)
    house.drop(ip(5), f"meta-data/{name}", b"half")
    response = answer(found, f"/latest/meta-data/{name}")
    assert response is not None
    assert response.status == 404
