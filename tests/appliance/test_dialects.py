"""Every dialect from one directory: path, status, type, body (issue 5.2)."""

import json
from pathlib import Path

import pytest

from appliance.metadata import Metadata
from httpd.listener import Peer
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.messages import Response
from httpd.paths import parse_target

from .guests import LARGE
from .guests import ask
from .guests import metadata
from .guests import peer
from .house import House
from .house import ip

KEY = "ssh-ed25519 AAAA"
GOOGLE = {"metadata-flavor": "Google"}
JSON = {"accept": "application/json"}
TEXT, OCTETS = "text/plain", "application/octet-stream"
DHCP = "10.0.0.2:80"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5, public_keys={"ops": KEY}, meta={"role": "web"}, instance_id="77")
    house.bind(6)
    house.drop(ip(5), "user-data", b"#!/bin/sh\n")
    house.drop(ip(5), "vendor-data", b"#cloud-config\n")
    return house


def speaking(house: House, *presets: str, more: str = "") -> Metadata:
    return metadata(house, f"[metadata]\npresets = {json.dumps(presets)}\n{more}")


def fetch(
    found: Metadata,
    url: str,
    headers: dict[str, str] | None = None,
    who: Peer | None = None,
    method: str = "GET",
) -> Response:
    path, query = parse_target(url)
    response = ask(found, Request(method, url, path, query, headers or {}), who)
    assert response is not None
    return response


def read(response: Response) -> tuple[int, str | None, str]:
    """Return status, type and body."""
    body = response.body
    assert not isinstance(body, FileBody)
    kind = dict(response.headers).get("Content-Type")
    return response.status, kind, body.decode()


def at_dhcp(number: int) -> Peer:
    return Peer(ip(number), peer(number).hardware, DHCP)


TABLE = {
    "cloudstack": [
        ("/latest/meta-data/instance-id", (200, TEXT, "77")),
        ("/latest/instance-id", (200, TEXT, "77")),
        ("/latest/Instance-ID/", (200, TEXT, "77")),
        ("/latest/meta-data/availability-zone", (200, TEXT, "nova")),
        ("/latest/meta-data/service-offering", (200, TEXT, "vm")),
        ("/latest/meta-data/public-keys", (200, TEXT, KEY)),
        ("/latest/user-data", (200, OCTETS, "#!/bin/sh\n")),
        ("/latest/meta-data/nothing", (404, TEXT, "404 no such document\n")),
    ],
    "digitalocean": [
        ("/metadata", (200, TEXT, "v1.json\nv1/")),
        ("/metadata/v1/id", (200, TEXT, "77")),
        ("/metadata/v1/hostname", (200, TEXT, "ip-10-0-0-5")),
        ("/metadata/v1/interfaces/public/0/ipv4/address", (200, TEXT, "10.0.0.5")),
        ("/metadata/v1/interfaces/", (200, TEXT, "public/")),
        ("/metadata/v1/user-data", (200, OCTETS, "#!/bin/sh\n")),
        ("/metadata/v1/nothing", (404, TEXT, "404 no such document\n")),
    ],
    "hetzner": [
        ("/hetzner/v1/metadata/instance-id", (200, TEXT, "77")),
        ("/hetzner/v1/metadata/private-networks", (200, TEXT, "[]\n")),
        ("/hetzner/v1/userdata", (200, OCTETS, "#!/bin/sh\n")),
        ("/hetzner/v1/nothing", (404, TEXT, "404 no such document\n")),
    ],
    "vultr": [
        ("/v1/instanceid", (200, TEXT, "77")),
        ("/v1/region/regioncode", (200, TEXT, "nova")),
        ("/v1/interfaces/0/ipv4/address", (200, TEXT, "10.0.0.5")),
        ("/v1/user-data", (200, OCTETS, "#!/bin/sh\n")),
        ("/v1/nothing", (404, TEXT, "404 no such document\n")),
    ],
}


@pytest.mark.parametrize(
    ("preset", "url", "expected"),
    [(preset, *row) for preset, rows in TABLE.items() for row in rows],
)
def test_a_leaf(
    house: House, preset: str, url: str, expected: tuple[int, str, str]
) -> None:
    """metadata 2, issue 5.2: what a URL of each dialect is answered."""
    assert read(fetch(speaking(house, preset), url)) == expected


DOCUMENTS = [
    ("digitalocean", "/metadata/v1.json", "application/json", "droplet_id", 77),
    ("hetzner", "/hetzner/v1/metadata", TEXT, "instance-id", 77),
    ("vultr", "/v1.json", "application/json", "instance-v2-id", "77"),
]


@pytest.mark.parametrize(("preset", "url", "kind", "name", "identity"), DOCUMENTS)
def test_a_document_of_all(
    house: House, preset: str, url: str, kind: str, name: str, identity: object
) -> None:
    """metadata 2: one document with everything; the id is the same in every dialect
    (C43), and a dropped leaf is true here too."""
    found = speaking(house, preset)
    status, said, body = read(fetch(found, url))
    document = json.loads(body)
    assert (status, said, document[name]) == (200, kind, identity)
    house.drop(ip(5), "meta-data/instance-id", b"78")
    changed = json.loads(read(fetch(found, url))[2])[name]
    assert changed == type(identity)(78)  # type: ignore[call-arg] # int or str
    house.drop(ip(5), f"{_file(preset)}", b"mine")
    assert read(fetch(found, url))[2] == "mine"


def _file(preset: str) -> str:
    name = {"hetzner": "metadata.yaml"}.get(preset, "v1.json")
    return f"{preset}/{name}"


@pytest.mark.parametrize(
    ("preset", "url", "user", "vendor"),
    [
        ("digitalocean", "/metadata/v1.json", "user_data", "vendor_data"),
        ("vultr", "/v1.json", "user-data", "vendor-data"),
        ("hetzner", "/hetzner/v1/metadata", None, "vendor_data"),
    ],
)
def test_a_document_holds_what_was_dropped(
    house: House, preset: str, url: str, user: str | None, vendor: str
) -> None:
    """issue 5.2: user-data and vendor-data as they are now, and never another's."""
    found = speaking(house, preset)
    document = json.loads(read(fetch(found, url))[2])
    assert document[vendor] == "#cloud-config\n"
    assert fetch(found, url).proof is None  # nobody remembers it
    if user is not None:
        assert document[user] == "#!/bin/sh\n"
        house.drop(ip(5), "user-data", LARGE)
        large = json.loads(read(fetch(found, url))[2])
        assert large[user] == LARGE.decode()
        house.drop(ip(5), "user-data", b"\xff\x00")  # no text
        assert not json.loads(read(fetch(found, url))[2]).get(user)
        assert not json.loads(read(fetch(found, url, who=peer(6)))[2]).get(user)


def test_hetzner_without_user_data(house: House) -> None:
    """metadata 2, issue 5.2: 204, not 404, for what is empty."""
    found = speaking(house, "hetzner")
    response = fetch(found, "/hetzner/v1/userdata", who=peer(6))
    assert (response.status, response.body) == (204, b"")


def test_gce_demands_its_header(house: House) -> None:
    """Metadata-Flavor: Google or 403, and the same in every answer (issue 5.2)."""
    found = speaking(house, "gce")
    for url, status in (
        ("/computeMetadata/v1/instance/id", 200),
        ("/computeMetadata/v1/instance/", 200),
        ("/computeMetadata/v1/nothing", 404),
        ("/computeMetadata/", 200),
    ):
        for headers, expected in (
            (GOOGLE, status),
            ({}, 403),
            ({"metadata-flavor": "Azure"}, 403),
        ):
            response = fetch(found, url, headers)
            assert response.status == expected
            assert ("Metadata-Flavor", "Google") in response.headers


GCE = {
    "instance/id": "77",
    "instance/name": "ip-10-0-0-5",
    "instance/hostname": "ip-10-0-0-5.n1.example",
    "instance/zone": "projects/0/zones/nova",
    "instance/machine-type": "projects/0/machineTypes/vm",
    "instance/attributes/role": "web",
    "instance/attributes/ssh-keys": f"cloudinit:{KEY}",
    "instance/attributes/user-data": "#!/bin/sh\n",
    "instance/attributes/": "role\nssh-keys\nuser-data",
    "instance/network-interfaces/": "0/",
    "instance/network-interfaces/0/ip": "10.0.0.5",
    "instance/network-interfaces/0/mac": "fa:16:3e:00:00:05",
    "project/project-id": "n1",
}


@pytest.mark.parametrize("path", GCE)
def test_gce(house: House, path: str) -> None:
    found = speaking(house, "gce")
    url = f"/computeMetadata/v1/{path}"
    assert read(fetch(found, url, GOOGLE))[::2] == (200, GCE[path])
    assert read(fetch(found, f"{url}?alt=text", GOOGLE))[::2] == (200, GCE[path])


def test_gce_recursive(house: House) -> None:
    """?recursive=true is the subtree as JSON, user-data among it (issue 5.2)."""
    found = speaking(house, "gce")
    for url in (
        "/computeMetadata/v1/instance/attributes/?recursive=true",
        "/computeMetadata/v1/instance/attributes/?alt=json&recursive=True",
    ):
        status, kind, body = read(fetch(found, url, GOOGLE))
        assert (status, kind) == (200, "application/json")
        assert json.loads(body) == {
            "role": "web",
            "ssh-keys": f"cloudinit:{KEY}",
            "user-data": "#!/bin/sh\n",
        }
        assert fetch(found, url).status == 403
    whole = read(fetch(found, "/computeMetadata/v1/?recursive=true", GOOGLE))[2]
    tree = json.loads(whole)
    assert tree["instance"]["network-interfaces"]["0"]["ip"] == "10.0.0.5"
    assert tree["instance"]["attributes"]["user-data"] == "#!/bin/sh\n"


def test_gce_ids_are_numbers(house: House) -> None:
    """issue 5.2: numeric and stable, and another for every guest."""
    found = speaking(house, "gce")
    url = "/computeMetadata/v1/instance/id"
    first, second = (read(fetch(found, url, GOOGLE, peer(6)))[2] for _ in range(2))
    assert first == second
    assert first != "77"
    assert 0 < int(first) < 1 << 63


def test_cloudstack_alone_is_at_both_addresses(house: House) -> None:
    """C42: its agents ask the DHCP server, or data-server."""
    found = speaking(house, "cloudstack")
    url = "/latest/meta-data/public-keys"
    assert read(fetch(found, url))[2] == KEY
    assert read(fetch(found, url, who=at_dhcp(5)))[2] == KEY
    assert read(fetch(found, url, who=at_dhcp(6))) == (200, TEXT, "")


@pytest.mark.parametrize("presets", [("ec2", "cloudstack"), ("cloudstack", "ec2")])
def test_cloudstack_beside_ec2(house: House, presets: tuple[str, str]) -> None:
    """issue 5.2: EC2's tree at 169.254.169.254, CloudStack's at the DHCP address."""
    found = speaking(house, *presets)
    url = "/latest/meta-data/public-keys"
    assert read(fetch(found, url))[2] == "0=ops"
    assert read(fetch(found, url, who=at_dhcp(5)))[2] == KEY
    assert read(fetch(found, "/latest/local-ipv4", who=at_dhcp(5)))[2] == "10.0.0.5"


EC2_VERSIONS = ("latest", "1.0", "2009-04-04", "2021-03-23", "2099-01-01")


@pytest.mark.parametrize("version", EC2_VERSIONS)
def test_any_version_of_ec2(house: House, version: str) -> None:
    """metadata 1.5: any word that is latest, 1.0 or a date."""
    found = speaking(house, "ec2")
    assert read(fetch(found, f"/{version}/meta-data/instance-id"))[2] == "77"


@pytest.mark.parametrize("version", ["v1", "2009-4-4", "1.1"])
def test_no_version_of_ec2(house: House, version: str) -> None:
    found = speaking(house, "ec2")
    assert fetch(found, f"/{version}/meta-data/instance-id").status == 404


def test_a_directory_of_ec2_as_json(house: House) -> None:
    """issue 5.2: nested objects, leaves as they are, JSON stays text, hidden names
    stay hidden."""
    house.drop(ip(5), "meta-data/.hidden", b"no")
    house.drop(ip(5), "meta-data/draft~", b"no")
    house.drop(ip(5), "meta-data/json", b'{"a": 1}')
    house.drop(ip(5), "meta-data/octets", b"\xff")
    found = speaking(house, "ec2")
    status, kind, body = read(fetch(found, "/latest/meta-data/", JSON))
    tree = json.loads(body)
    assert (status, kind) == (200, "application/json")
    assert tree["placement"] == {"availability-zone": "nova"}
    assert tree["public-keys"] == {"0=ops": {"openssh-key": KEY}}
    assert tree["json"] == '{"a": 1}'
    assert not {".hidden", "draft~", "octets"} & tree.keys()
    assert read(fetch(found, "/latest/meta-data/mac", JSON))[1] == TEXT
    assert read(fetch(found, "/latest/meta-data/"))[1] == TEXT
    everything = json.loads(read(fetch(found, "/latest/", JSON))[2])
    assert everything["user-data"] == "#!/bin/sh\n"
    assert everything["meta-data"] == tree


def test_a_directory_that_is_too_much(house: House) -> None:
    """issue 5.2: bounded in octets and depth; its parts are to be had."""
    for number in range(17):
        house.drop(ip(5), f"meta-data/large/{number}", LARGE)
    house.drop(ip(5), "meta-data/" + "d/" * 20 + "leaf", b"x")
    found = speaking(house, "ec2")
    for url in ("/latest/meta-data/large/", "/latest/meta-data/d/"):
        assert fetch(found, url, JSON).status == 413
        assert fetch(found, url).status == 200
    assert fetch(found, "/latest/meta-data/d/d/d/d/d/d/", JSON).status == 200


# file of OpenStack's metadata: nova's first version that has it
SINCE = {
    "meta_data.json": "2012-08-10",
    "user_data": "2012-08-10",
    "password": "2013-04-04",
    "vendor_data.json": "2013-10-17",
    "network_data.json": "2015-10-15",
    "vendor_data2.json": "2016-10-06",
}
VERSIONS = (
    *("2012-08-10", "2013-04-03", "2013-04-04", "2013-10-16", "2013-10-17"),
    *("2015-10-14", "2015-10-15", "2016-06-30", "2016-10-05", "2016-10-06"),
    *("2017-02-22", "2018-08-27", "2020-10-14", "2029-01-01", "latest"),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_of_openstack_has(house: House, version: str) -> None:
    """issue 5.2: which file exists in which dated version, and is listed there."""
    found = speaking(house, "openstack")
    here = {name for name, since in SINCE.items() if since <= version}
    for name in SINCE:
        status = fetch(found, f"/openstack/{version}/{name}").status
        assert status == (200 if name in here else 404), name
    listed = read(fetch(found, f"/openstack/{version}/"))[2]
    assert set(listed.split("\n")) == here
