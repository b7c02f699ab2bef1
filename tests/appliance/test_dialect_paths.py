"""A path in any spelling that a client may use, and what is listed."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from .house import House
from .house import ip
from .test_dialects import GOOGLE
from .test_dialects import TEXT
from .test_dialects import fetch
from .test_dialects import read
from .test_dialects import speaking


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5, public_keys={"ops": "ssh-ed25519 AAAA"}, instance_id="77")
    house.drop(ip(5), "user-data", b"#!/bin/sh\n")
    house.drop(ip(5), "content/0000", b"\x00\xff")
    return house


@pytest.mark.parametrize(
    ("presets", "leaf"),
    [
        (("openstack",), "/openstack/content/0000"),
        (("openstack", "zstack"), "/openstack/content/0000"),
        (("digitalocean",), "/metadata/v1.json"),
        (("vultr",), "/v1.json"),
        (("zstack",), "/latest/user-data"),
        (("zstack",), "/any/user_data"),
        (("zstack",), "/latest/password"),
    ],
)
def test_a_leaf_with_a_slash(house: House, presets: tuple[str, ...], leaf: str) -> None:
    """issue 5.2, clients C73: the same answer with a slash behind it, its type too."""
    found = speaking(house, *presets)
    plain, slashed = fetch(found, leaf), fetch(found, leaf + "/")
    assert plain.status == 200
    assert slashed.body == plain.body
    assert dict(slashed.headers)["Content-Type"] == dict(plain.headers)["Content-Type"]


def test_zstack_serves_the_version_that_it_lists(house: House) -> None:
    """clients C71, issue 5.4: what / lists is there, without a slash behind it too."""
    found = speaking(house, "zstack")
    assert read(fetch(found, "/")) == (200, TEXT, "latest")
    assert read(fetch(found, "/latest")) == read(fetch(found, "/latest/"))
    assert fetch(found, "/latest").status == 200


@pytest.mark.parametrize("version", ["2100-01-01", "2999-12-31", "3000-01-01"])
def test_a_version_of_openstack_to_come(house: House, version: str) -> None:
    """issue 5.2, clients C73: it has what the last one has, as any later date."""
    found = speaking(house, "openstack")
    listed = read(fetch(found, f"/openstack/{version}/"))
    assert listed == read(fetch(found, "/openstack/latest/"))
    assert fetch(found, f"/openstack/{version}/network_data.json").status == 200


ACCEPTED = [
    ("application/json", True),
    ("APPLICATION/JSON", True),
    ("text/html,application/json;q=0.9, */*;q=0.8", True),
    ("text/plain, application/json ; q=0.001", True),
    ("application/json;q=1.0", True),
    ("application/json;q=0", False),
    ("application/json ; q=0.000, text/plain", False),
    ("*/*", False),
    ("application/*", False),
    ("application/json-patch+json", False),
    ("application/jsonx, x-application/json", False),
]


@pytest.mark.parametrize(("accept", "is_json"), ACCEPTED)
def test_who_accepts_json(house: House, accept: str, is_json: bool) -> None:
    """issue 5.2, RFC 9110 12.5.1: who names the type and does not refuse it; who takes
    anything gets the listing."""
    found = speaking(house, "ec2")
    response = fetch(found, "/latest/meta-data/placement/", {"accept": accept})
    kind = "application/json" if is_json else TEXT
    assert dict(response.headers)["Content-Type"] == kind


def test_the_list_of_versions_is_a_list(house: House) -> None:
    """issue 5.2, 5.7: all versions as one document would be megabytes of the same."""
    found = speaking(house, "ec2")
    response = fetch(found, "/", {"accept": "application/json"})
    assert dict(response.headers)["Content-Type"] == TEXT
    assert "latest" in read(response)[2].split("\n")


def listing(house: House, directory: str) -> list[str]:
    body = read(fetch(speaking(house, "ec2"), f"/latest/meta-data/{directory}"))[2]
    return body.split("\n")


def test_an_empty_directory_is_there(house: House) -> None:
    """issue 5.4: it is listed, so it is no 404, with which cloud-init would have no
    source at all (clients C35)."""
    (house.files.metadata / "10.0.0.5/meta-data/empty/deeper").mkdir(parents=True)
    assert "empty/" in listing(house, "")
    assert listing(house, "empty/") == ["deeper/"]
    found = speaking(house, "ec2")
    for path in ("empty/deeper/", "empty/deeper"):
        assert read(fetch(found, f"/latest/meta-data/{path}")) == (200, TEXT, "")
    tree = fetch(found, "/latest/meta-data/empty/", {"accept": "application/json"})
    assert json.loads(read(tree)[2]) == {"deeper": {}}


@pytest.mark.parametrize("holding", ["x", ""])
def test_a_directory_hides_a_document(house: House, holding: str) -> None:
    """issue 5.3: what was dropped wins, and the listing has the name once."""
    directory = house.files.metadata / "10.0.0.5/meta-data/hostname"
    directory.mkdir(parents=True)
    if holding:
        (directory / holding).write_text("X")
    house.drop("default", "meta-data/hostname", b"default")
    names = listing(house, "")
    assert "hostname/" in names
    assert "hostname" not in names
    assert listing(house, "hostname/") == [holding]


def test_a_document_hides_a_directory(house: House) -> None:
    """issue 5.3: the other way round, and nothing is listed twice."""
    house.drop(ip(5), "meta-data/placement", b"here")
    house.drop("default", "meta-data/placement/rack", b"7")
    names = listing(house, "")
    assert "placement" in names
    assert "placement/" not in names
    assert listing(house, "placement") == ["here"]


def test_a_number_of_a_key_is_listed_once(house: House) -> None:
    """issue 5.3, metadata 1.5: a dropped key has its number alone."""
    house.drop(ip(5), "meta-data/public-keys/0=mine/openssh-key", b"dropped")
    assert listing(house, "public-keys/") == ["0=mine"]
    assert listing(house, "public-keys/0/openssh-key") == ["dropped"]


@pytest.mark.parametrize("identity", ["007", "9" * 19, "9" * 5000, "-5"])
def test_an_id_that_no_number_holds(house: House, identity: str) -> None:
    """issue 5.2, clients C43: one id in every dialect, though some write numbers."""
    house.bind(5, instance_id=identity)
    found = speaking(house, "digitalocean", "hetzner", "gce", "ec2")
    told = {
        read(fetch(found, "/latest/meta-data/instance-id"))[2],
        str(json.loads(read(fetch(found, "/metadata/v1.json"))[2])["droplet_id"]),
        str(json.loads(read(fetch(found, "/hetzner/v1/metadata"))[2])["instance-id"]),
    }
    assert told == {identity}
    number = read(fetch(found, "/computeMetadata/v1/instance/id", GOOGLE))[2]
    assert 0 < int(number) < 1 << 63


def test_odd_names_are_listed_and_served(house: House) -> None:
    """issue 5.4, metadata 1.5: no key is lost by its name, and no attribute is listed
    that is 404."""
    keys = {"a~": "k0", "b.tmp": "k1", "c\\d": "k2", "e f": "k3"}
    meta = {"user-data": "x", "a?b": "1", "c d": "2", "ü%41": "3", ".e": "4"}
    house.bind(5, public_keys=keys, meta=meta)
    (house.files.metadata / "10.0.0.5/user-data").unlink()
    found = speaking(house, "gce", "ec2")
    listed = read(fetch(found, "/latest/meta-data/public-keys/"))[2].split("\n")
    assert listed == ["0=key-0", "1=key-1", "2=key-2", "3=e f"]
    for number, key in enumerate(keys.values()):
        url = f"/latest/meta-data/public-keys/{number}/openssh-key"
        assert read(fetch(found, url)) == (200, TEXT, key)
    attributes = "/computeMetadata/v1/instance/attributes/"
    names = read(fetch(found, attributes, GOOGLE))[2].split("\n")
    assert names == ["a?b", "c d", "ssh-keys", "ü%41"]
    for name in names:
        assert fetch(found, attributes + quote(name), GOOGLE).status == 200, name
    tree = json.loads(read(fetch(found, attributes + "?recursive=true", GOOGLE))[2])
    assert list(tree) == names


@pytest.mark.parametrize("name", ["meta-data", "user-data", "vendor-data"])
def test_a_seed_without_its_slash(house: House, name: str) -> None:
    """issue 5.2, clients C41: cloud-init puts the name right behind its seed."""
    found = speaking(house, "nocloud")
    plain = read(fetch(found, f"/nocloud/{name}"))
    assert plain[0] == 200
    assert read(fetch(found, f"/nocloud{name}")) == plain
