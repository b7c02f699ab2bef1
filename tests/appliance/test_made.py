"""Made documents as they are served: what was dropped is true in them, or instead."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.metadata import Metadata

from .guests import LARGE
from .guests import answer
from .guests import get
from .guests import guests
from .guests import metadata
from .house import House
from .house import ip

META_DATA = "/openstack/latest/meta_data.json"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return guests(tmp_path)


def read(found: Metadata, url: str = META_DATA) -> Any:
    body = get(found, url)
    assert isinstance(body, bytes)
    return json.loads(body)


def test_a_seed_is_fresh_per_request(house: House) -> None:
    """issue 5.3: 512 random octets, another time others, and nobody remembers them."""
    found = metadata(house)
    first, second = read(found), read(found)
    assert len(first["random_seed"]) == 684  # base64 of 512 octets
    assert first.pop("random_seed") != second.pop("random_seed")
    assert first == second
    response = answer(found, META_DATA)
    assert response is not None
    assert response.proof is None


def test_what_was_dropped_wins(house: House) -> None:
    """issue 5.3: a dropped file wins, then default/, then what is made."""
    found = metadata(house)
    own = house.drop(ip(5), "meta_data.json", b'{"uuid": "own"}')
    house.drop("default", "meta_data.json", b'{"uuid": "default"}')
    assert read(found) == {"uuid": "own"}
    own.unlink()
    assert read(found) == {"uuid": "default"}


@pytest.mark.parametrize(
    "url", ["/nocloud/network-config", "/latest/dynamic/instance-identity/document"]
)
def test_what_is_not_fresh_is_remembered(house: House, url: str) -> None:
    response = answer(metadata(house), url)
    assert response is not None
    assert (response.status, response.origin) == (200, "made")
    assert response.proof is not None


def test_files_are_those_that_are_there(house: House) -> None:
    """issue 5.2: cloud-init has no data at all where a file of `files` is missing."""
    found = metadata(house)
    assert "files" not in read(found)
    index = b"0000 /etc/motd\n0001 /etc/gone\n0002 /etc/issue\n"
    dropped = house.drop(ip(5), "content/index", index)
    house.drop(ip(5), "content/0000", b"hello")
    house.drop("default", "content/0002", LARGE)
    assert read(found)["files"] == [
        {"content_path": "/content/0000", "path": "/etc/motd"},
        {"content_path": "/content/0002", "path": "/etc/issue"},
    ]
    assert get(found, "/openstack/content/0000") == b"hello"
    dropped.unlink()
    house.drop("default", "content/index", LARGE)
    assert "files" not in read(found)


def test_a_dropped_name_is_in_every_leaf(house: House) -> None:
    """clients C43: the name that was dropped is hostname's, with its domain."""
    found = metadata(house)
    url = "/latest/meta-data/hostname"
    assert get(found, url) == b"ip-10-0-0-5.n1.example"
    house.drop(ip(5), "meta-data/local-hostname", b"web")
    assert get(found, url) == b"web.n1.example"
    house.drop(ip(5), "meta-data/local-hostname", b"web.other.example")
    assert get(found, url) == b"web.other.example"


def test_a_changed_binding_is_told_at_once(house: House) -> None:
    """issue 5.3: nothing of the binding that was is in what is made of what is."""
    found = metadata(house)
    url = "/latest/meta-data/tags/instance/role"
    assert get(found, url) == 404
    house.bind(5, meta={"role": "web"})
    found._state.load()
    assert get(found, url) == b"web"


def test_a_listed_leaf_is_there(house: House) -> None:
    """clients C35: cloud-init has no data at all where a listed leaf is 404."""
    house.bind(5, public_keys={"ops": "ssh-ed25519 AAAA"}, meta={"a": "b"})
    found = metadata(house)
    asked: list[str] = []

    def crawl(url: str) -> None:
        listing = get(found, url)
        assert isinstance(listing, bytes), url
        for name in listing.decode().split("\n"):
            if name.endswith("/"):
                crawl(url + name)
            elif "=" in name:
                crawl_key(url + name.partition("=")[0] + "/openssh-key")
            else:
                crawl_key(url + name)

    def crawl_key(url: str) -> None:
        asked.append(url)
        assert isinstance(get(found, url), bytes), url

    crawl("/2021-03-23/meta-data/")
    crawl("/2021-03-23/dynamic/")
    assert "/2021-03-23/meta-data/tags/instance/a" in asked
    assert "/2021-03-23/meta-data/public-keys/0/openssh-key" in asked
    assert len(asked) > 20
